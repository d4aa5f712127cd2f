# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each write of ours in an audit log belongs to a recorded run and to a clause, and each record is in the log.

What it cannot tell: a call that names a run of that very time, by that run's identity, about an object that it wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.times import rfc3339
from ..contract.typed import Contract
from .reading import Call, Place, Reading, read_log
from .rights import Rights, clause_of, connects, keeps_apart
from .runs import Run, places, runs_of, the_only_identity

Data = Mapping[str, Any]
Rows = list[dict[str, Any]]

_MOST_NAMED = 20
_UNKNOWN = "it was answered with no success and no refusal, so it may have been done"


def check_audit_log(
    files: Mapping[str, Iterable[bytes]], records: Sequence[Data], contract: Contract, digest: str = ""
) -> dict[str, Any]:
    """The log against the records of the same cluster, and its contract.

    :param files: the lines of each file of the log.
    :param records: whose links hold; that is ``record_check``'s to say.
    :param digest: of the contract, as records have it; empty where it is not known.
    :returns: ``ok``, ``outside`` (the calls that no record or no clause accounts for; a read that is often there once),
        ``missing`` (recorded objects that are not in the log), ``attempts`` (calls outside the contract that were
        refused), ``unproven``, ``allowed`` (how many writes by identity and clause), ``unused_rights``, and how much
        was read.
    """
    reading, rights, runs = read_log(files), Rights(contract), runs_of(records)
    judge = _Judge(reading, rights, runs)
    real = [call for call in reading.calls if not call.dry_run]
    written = [(call, judge.why_outside(call)) for call in real if call.done]
    perhaps = [(call, judge.why_outside(call)) for call in real if call.unknown]
    looked = [*(call for call in reading.calls if call.dry_run and call.done), *reading.reads.values()]
    outside = [*written, *((call, why and f"{why} ({_UNKNOWN})") for call, why in perhaps)]
    outside += [(call, judge.why_forbidden(call)) for call in looked]
    missing, unproven = _missing(reading, runs)
    unproven += _doubts(reading, [call for call, why in perhaps if not why])
    unproven += _other_contracts(runs, digest)
    return {
        "ok": not missing and not any(why for _call, why in outside),
        "outside": [_row(call, why) for call, why in sorted(outside, key=lambda one: one[0].at) if why],
        "missing": missing,
        "attempts": [
            _row(call, why) for call in real if call.code in (401, 403) and (why := judge.why_forbidden(call))
        ],
        "unproven": unproven,
        "allowed": judge.allowed(call for call, why in written if not why),
        "unused_rights": list(rights.unused(reading.used)),
        "lines": reading.lines,
        "from": rfc3339(reading.first) if reading.first else "",
        "to": rfc3339(reading.last) if reading.last else "",
        "writes": len(written),
        "dry_runs": sum(call.dry_run for call in reading.calls),
        "failed": sum(call.code >= 400 for call in real),
    }


class _Judge:
    """Says of one call why it is outside the contract."""

    def __init__(self, reading: Reading, rights: Rights, runs: Mapping[str, Sequence[Run]]) -> None:
        self._rights, self._runs = rights, runs
        self._about: dict[tuple[str, Place], list[Call]] = {}
        made: dict[str, list[tuple[str, Call]]] = {}
        for call in reading.calls:
            if call.done and not call.dry_run and call.run in runs:
                self._about.setdefault((call.run, call.place), []).append(call)
                made.setdefault(call.run, []).append((rights.identity(call.user), call))
        self._identity = {run: the_only_identity(calls, runs[run]) for run, calls in made.items()}

    def why_forbidden(self, call: Call) -> str:
        """Why no clause allows it; empty where one does."""
        if call.acting_as:
            return f"it acts as {call.acting_as}, which no clause of the contract allows"
        identity = self._rights.identity(call.user)
        if not identity:
            return "the contract has no such account"
        if not self._rights.allow(call):
            where = f"in {call.namespace}" if call.namespace else "cluster-wide"
            return f"no clause of the contract lets {identity} {call.verb} {call.resource} {where}"
        return ""

    def why_outside(self, call: Call) -> str:
        """Why it is outside the contract, or none of a recorded run; empty where neither holds."""
        if why := self.why_forbidden(call):
            return why
        if not call.run:
            return "it names no run of ours"
        if keeps_apart(call) or connects(call):
            return ""
        runs = self._runs.get(call.run, ())
        if not runs:
            return f"there is no record of run {call.run}"
        identity = self._rights.identity(call.user)
        used = self._identity.get(call.run, identity)
        if identity != used and identity in runs[0].identities():
            return f"run {call.run} used another identity, {used}"
        doubts = [run.doubt(call, identity) or self._other_object(call, run) for run in runs]
        return "" if "" in doubts else doubts[0]

    def _other_object(self, call: Call, run: Run) -> str:
        """What a run's record has against a call about this object. What was perhaps not done need not be in one."""
        return run.other_object(call, self._about.get((call.run, call.place), ())) if call.done else ""

    def allowed(self, calls: Iterable[Call]) -> Rows:
        """How many writes each clause allowed to each identity."""
        counts = Counter(
            (self._rights.identity(call.user), run.operation, clause_of(call, run.clause))
            for call in calls
            for run in self._runs.get(call.run, ())[:1]
        )
        return [
            {"identity": who, "operation": operation, "clause": clause, "writes": number}
            for (who, operation, clause), number in sorted(counts.items())
        ]


def _row(call: Call, why: str) -> dict[str, Any]:
    return {
        "line": call.where,
        "time": rfc3339(call.at),
        "user": call.user,
        "verb": call.verb,
        "object": call.told(),
        "why": why,
    }


def _missing(reading: Reading, runs: Mapping[str, Sequence[Run]]) -> tuple[Rows, list[str]]:
    """Recorded objects that the log does not have, and the runs of which it has not all the time."""
    rows, unproven = [], []
    for run in (run for several in runs.values() for run in several):
        wrote = reading.wrote.get(run.id, set())
        if not (reading.first and reading.last and reading.first <= run.started and run.ended <= reading.last):
            unproven.append(
                f"run {run.id} ({run.operation}) from {rfc3339(run.started)} to {rfc3339(run.ended)}: the log does "
                "not cover it"
            )
            continue
        rows += [
            {"run": run.id, "operation": run.operation, "object": each, "ended": rfc3339(run.ended)}
            for each in run.objects
            if not wrote.intersection(places(each))
        ]
    return rows, unproven


def _doubts(reading: Reading, unknown: Sequence[Call]) -> list[str]:
    """What the log cannot tell.

    :param unknown: the calls of ours that may have been done.
    """
    found = [] if reading.first else ["the log has no event of an audit log"]
    found += [f"{where} is no event of an audit log" for where in reading.malformed[:_MOST_NAMED]]
    if (more := len(reading.malformed) - _MOST_NAMED) > 0:
        found.append(f"{more} more lines are no events of an audit log")
    found += [
        _not_known(code, [call for call in unknown if call.code == code]) for code in sorted({c.code for c in unknown})
    ]
    return [*found, _LOSES] if reading.loses else found


_LOSES = (
    "the log has the bodies of patches, and no stage RequestReceived: an API server then writes no event at all of what"
    " was applied as YAML. Let the audit policy log our accounts at the level Metadata, or leave that stage in"
)


def _other_contracts(runs: Mapping[str, Sequence[Run]], digest: str) -> list[str]:
    others = sum(run.contract != digest for several in runs.values() for run in several)
    if not digest or not others:
        return []
    return [f"{others} operations were recorded under another contract than the one by which they were judged"]


def _not_known(code: int, calls: Sequence[Call]) -> str:
    """What is said of the calls that were answered like that."""
    named = "; ".join(f"{call.where}: {call.verb} {call.told()} by {call.user}" for call in calls[:_MOST_NAMED])
    more = f"; and {len(calls) - _MOST_NAMED} more" if len(calls) > _MOST_NAMED else ""
    which = f"{amount(len(calls), 'call')} {'was' if len(calls) == 1 else 'were'}"
    return f"{which} answered with {code or 'nothing'}, so whether that was done is not known: {named}{more}"
