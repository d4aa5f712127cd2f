# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether lines of records are what was written: the first broken link, and what cannot be proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._vocabulary.listing import amount
from .._vocabulary.others_json import read_json
from .record import hash_of

Data = Mapping[str, Any]
Files = Mapping[str, Sequence[str]]

_MOST_ALONE = 2
"""Lines at the end of a file that the cluster need not know of: a run whose cluster stopped answering leaves one, and
the next one that reaches the head attests it. More of them are no outage: something keeps them from the head."""


class BrokenLinkError(Exception):
    """Where a chain does not hold, and why."""


def check_records(files: Files, head: Data | None, cluster: str = "", *, asked: bool = True) -> dict[str, Any]:
    """Whether the records of one cluster hold.

    :param files: the lines of each file, one file for each controller.
    :param head: what the cluster says of where the chains end; None when it has no head, or was not asked.
    :param asked: whether it was; otherwise an audit log tells of lines that lack at the end.
    :returns: ``ok`` (nothing is broken), ``broken`` (the first broken link), ``unproven`` (what these files and this
        head cannot prove), ``lines``.
    """
    unproven: list[str] = []
    result: dict[str, Any] = {"ok": True, "broken": "", "unproven": unproven}
    result["lines"] = sum(len(lines) for lines in files.values())
    try:
        read = {name: _own_chain(name, lines, cluster) for name, lines in files.items()}
        for name, records in read.items() if asked else ():
            _end(name, records, head, unproven)
        _cluster_chains(read, head, unproven)
    except BrokenLinkError as error:
        result |= {"ok": False, "broken": str(error)}
    return result


def _own_chain(name: str, lines: Sequence[str], cluster: str) -> list[dict[str, Any]]:
    """The records of one file, each following the one before it."""
    records: list[dict[str, Any]] = []
    for count, line in enumerate(lines, 1):
        where = f"line {count} of {name}"
        try:
            record = read_json(line)
            right = record["hash"] == hash_of(record)
            keys = (record["writer"], record["number"], record["previous_here"])
        except (ValueError, TypeError, KeyError):
            raise BrokenLinkError(f"{where} is no record") from None
        if not right:
            raise BrokenLinkError(f"{where} was changed: its content has another hash than it says")
        if cluster and record.get("cluster") != cluster:
            raise BrokenLinkError(f"{where} is of another cluster, {record.get('cluster')}")
        last = records[-1] if records else {"writer": keys[0], "number": 0, "hash": ""}
        if keys != (last["writer"], last["number"] + 1, last["hash"]):
            raise BrokenLinkError(
                f"{where} does not follow the line before it: it is number {keys[1]} of {keys[0]}, and number "
                f"{last['number'] + 1} of {last['writer']} should be here. Lines were removed, moved or put in"
            )
        records.append(record)
    return records


def _end(name: str, records: Sequence[Data], head: Data | None, unproven: list[str]) -> None:
    """The end of one file is where the cluster says it is."""
    if head is None:
        if records:
            unproven.append(f"{name}: the cluster has no head to compare with, so lines may lack at its end")
        return
    if not records:
        if head.get("writers"):
            raise BrokenLinkError(f"line 1 of {name} is missing: the file is empty")
        return
    known = (head.get("writers") or {}).get(records[0]["writer"]) or {"number": 0, "hash": ""}
    if len(records) < known["number"]:
        raise BrokenLinkError(
            f"line {len(records) + 1} of {name} is missing: the cluster knows of {amount(known['number'], 'line')}, "
            f"and {len(records)} are here"
        )
    if known["number"] and records[known["number"] - 1]["hash"] != known["hash"]:
        raise BrokenLinkError(f"line {known['number']} of {name} is not the one that the cluster knows of")
    earlier, alone = [], 0
    for record in records[known["number"] :]:
        if record["chain"] and not known["number"] and record["chain"] != head.get("chain"):
            earlier.append(record)
        elif record["chain"]:
            raise BrokenLinkError(
                f"line {record['number']} of {name} was put in: it says that the cluster knows of it, and it does not"
            )
        else:
            alone += 1
            unproven.append(
                f"line {record['number']} of {name} was written without the cluster, which knows nothing of it"
            )
    if known["number"] and alone > _MOST_ALONE:
        raise BrokenLinkError(
            f"the cluster has heard of no line of {name} since line {known['number']}, and {alone} were written: "
            "something keeps them from its head. Each of those runs warned, and said what"
        )
    if earlier:
        unproven.append(
            f"{amount(len(earlier), 'line')} of {name} from another chain than the cluster's: it was offboarded "
            "since, or its head was deleted"
        )


def _cluster_chains(read: Mapping[str, Sequence[Data]], head: Data | None, unproven: list[str]) -> None:
    """The lines of all files together follow each other, as far as they are here."""
    chains: dict[str, dict[int, tuple[str, Data]]] = {}
    for name, records in read.items():
        for record in records:
            if not record["chain"]:
                continue
            where = f"line {record['number']} of {name}"
            at = chains.setdefault(record["chain"], {})
            if record["sequence"] in at:
                raise BrokenLinkError(f"{where} and {at[record['sequence']][0]} are both number {record['sequence']}")
            at[record["sequence"]] = (where, record)
    for chain, at in chains.items():
        current = head is not None and head.get("chain") == chain
        end = int(head["sequence"]) if current and head else max(at)
        missing = _follow(at, end)
        if current and head and end in at and at[end][1]["hash"] != head["hash"]:
            raise BrokenLinkError(f"{at[end][0]} is not the end of the chain that the cluster knows of")
        if missing:
            others = sorted(
                set((head or {}).get("writers") or {}) - {r["writer"] for rs in read.values() for r in rs[:1]}
            )
            if current and not others:
                raise BrokenLinkError(
                    f"{missing} of {end} lines of the cluster's chain are in none of the files, and those of all its "
                    "controllers are here. Lines were removed or rewritten"
                )
            whose = f" of {', '.join(others)}" if current else " of other controllers"
            unproven.append(f"{missing} of {end} lines of the cluster's chain are in files{whose}, which are not here")


def _follow(at: Mapping[int, tuple[str, Data]], end: int) -> int:
    """How many lines of a chain are not here; those that are follow each other."""
    for sequence, (where, record) in sorted(at.items()):
        before = at.get(sequence - 1)
        if sequence > end:
            raise BrokenLinkError(f"{where} is behind the end of the chain that the cluster knows of")
        expected = before[1]["hash"] if before else "" if sequence == 1 else record["previous"]
        if record["previous"] != expected:
            raise BrokenLinkError(f"{where} does not follow {before[0] if before else 'the beginning of its chain'}")
    return end - len(at)
