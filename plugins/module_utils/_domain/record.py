# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: one line for each operation, each line bound to the ones before it by their hashes.

Two chains run through the lines (docs/records.md). The cluster's goes over everything done to it, whoever did it:
``chain``, ``sequence``, ``previous``. The writer's goes over all lines of one controller's file: ``writer``,
``number``, ``previous_here``. The head in the cluster says where both end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .contract.secrets import may_be_told
from .names import RECORDS, SYSTEM_NAMESPACE, labels
from .written import called, changes, written_once

Data = Mapping[str, Any]
Record = dict[str, Any]

LEFT_OUT = "(left out: it looks like a secret)"
BODY = (
    "cluster",
    "cluster_uid",
    "operation",
    "run",
    "by",
    "contract",
    "clause",
    "plan",
    "objects",
    "result",
    "reason",
    "started",
    "ended",
)
"""What a record says of the operation; the rest of it is its place in the chains."""


LONGEST_WRITER = 253
"""Characters of a writer's name, as JSON has it: as many as a host's name may have (RFC 1123)."""
HEAD_SINCE = 2
"""The version of the prerequisites that makes the head, and lets our accounts do no more than append to it."""
EMPTY_HEAD: Data = {"chain": "", "sequence": 0, "previous": "", "hash": "", "writers": {}}
"""What a head says before the first record."""


def empty_head() -> Record:
    """The ConfigMap of the head before the first record. It has no text: applied again, it changes nothing."""
    metadata = {"name": RECORDS, "namespace": SYSTEM_NAMESPACE, "labels": labels(RECORDS, RECORDS)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def canonical(data: Any) -> str:
    """The one way to write data as JSON: sorted keys, no white space, ASCII only."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(data: Any) -> str:
    """The SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(data).encode("ascii")).hexdigest()


def hash_of(record: Data) -> str:
    """The hash that a record should have: of everything in it but that."""
    return digest({key: value for key, value in record.items() if key != "hash"})


def recorded_objects(written: Iterable[Data], results: Iterable[Data]) -> list[dict[str, str]]:
    """The objects that an operation wrote, with what they were and what they became, by hash, where a result says it.

    :param results: of the tasks that wrote; a task that failed may have left none.
    """
    known = {_place(each): each for each in changes(results)}
    return [
        {
            "object": called(one),
            "action": str(one["action"]),
            **{key: str(known.get(_place(one), {}).get(key) or "") for key in ("before", "after")},
        }
        for one in written_once(written)
    ]


def _place(one: Data) -> tuple[str, str, str]:
    return str(one["kind"]), str(one.get("namespace") or ""), str(one["name"])


def screened(data: Any) -> Any:
    """The data without any text that looks like a secret."""
    if isinstance(data, Mapping):
        return {key: screened(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [screened(value) for value in data]
    return data if may_be_told(data) else LEFT_OUT


def make_record(body: Data, *, head: Data | None, chain: str, writer: str, last: Data | None) -> Record:
    """The record of an operation, at its place behind ``head`` and ``last``.

    :param head: of the cluster; None begins the chain.
    :param chain: the name of the cluster's chain; empty for a line that the cluster knows nothing of.
    :param last: the writer's last line (its number and hash); None for its first one.
    """
    record: Record = {
        **screened({key: body[key] for key in BODY}),
        "chain": chain,
        "sequence": (int((head or {}).get("sequence", 0)) + 1) if chain else 0,
        "previous": str((head or {}).get("hash", "")) if chain else "",
        "writer": writer,
        "number": int(last["number"]) + 1 if last else 1,
        "previous_here": str(last["hash"]) if last else "",
    }
    return {**record, "hash": hash_of(record)}


def head_after(record: Data, head: Data | None) -> dict[str, Any]:
    """What the cluster has to say once the record is in its chain."""
    writers = dict((head or {}).get("writers") or {})
    writers[record["writer"]] = {"number": record["number"], "hash": record["hash"]}
    return {
        "chain": record["chain"],
        "sequence": record["sequence"],
        "previous": record["previous"],
        "hash": record["hash"],
        "writer": record["writer"],
        "writers": writers,
    }
