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

from ..._vocabulary.times import rfc3339
from .reading import Call, Place, Reading, read_log
from .rights import Rights, clause_of, connects, keeps_apart
from .runs import Run, places, runs_of, the_only_identity

Data = Mapping[str, Any]
Rows = list[dict[str, Any]]

_MOST_NAMED = 20


def check_audit_log(
    files: Mapping[str, Iterable[bytes]], records: Sequence[Data], contract: Data, digest: str = ""
) -> dict[str, Any]:
    """The log against the records of the same cluster, and its contract.

    :param files: the lines of each file of the log.
    :param records: whose links hold; that is ``record_check``'s to say.
    :param digest: of the contract, as records have it; empty where it is not known.
    :returns: ``ok``, ``outside`` (the calls that no record or no clause accounts for), ``missing`` (recorded objects
        that are not in the log), ``attempts`` (calls outside the contract that were refused), ``unproven``, ``allowed``
        (how many writes by identity and clause), ``unused_rights``, and how much was read.
    """
    reading, rights, runs = read_log(files), Rights(contract), runs_of(records)
    judge = _Judge(reading, rights, runs)
    written = [call for call in reading.calls if call.done and not call.dry_run]
    judged = [(call, judge.why_outside(call)) for call in written]
    outside = [_row(call, why) for call, why in judged if why]
    refused = [call for call in reading.calls if call.code in (401, 403) and not call.dry_run]
    missing, unproven = _missing(reading, runs)
    unproven += _doubts(reading, runs, digest)
    return {
        "ok": not outside and not missing,
        "outside": outside,
        "missing": missing,
        "attempts": [_row(call, why) for call in refused if (why := judge.why_forbidden(call))],
        "unproven": unproven,
        "allowed": judge.allowed(call for call, why in judged if not why),
        "unused_rights": list(rights.unused(reading.used)),
        "lines": reading.lines,
        "from": rfc3339(reading.first) if reading.first else "",
        "to": rfc3339(reading.last) if reading.last else "",
        "writes": len(written),
        "dry_runs": sum(call.dry_run for call in reading.calls),
        "failed": sum(call.code >= 400 and not call.dry_run for call in reading.calls),
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
        if identity != self._identity[call.run] and identity in runs[0].identities():
            return f"run {call.run} used another identity, {self._identity[call.run]}"
        doubts = [run.doubt(call, identity, self._later(call)) for run in runs]
        return "" if "" in doubts else doubts[0]

    def _later(self, call: Call) -> list[Call]:
        return [each for each in self._about.get((call.run, call.place), ()) if each.at > call.at]

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


def _doubts(reading: Reading, runs: Mapping[str, Sequence[Run]], digest: str) -> list[str]:
    found = [] if reading.first else ["the log has no event of an audit log"]
    found += [f"{where} is no event of an audit log" for where in reading.malformed[:_MOST_NAMED]]
    if (more := len(reading.malformed) - _MOST_NAMED) > 0:
        found.append(f"{more} more lines are no events of an audit log")
    unknown = [call for call in reading.calls if not call.dry_run and (call.code >= 500 or call.code == 0)]
    found += [
        _not_known(code, [call for call in unknown if call.code == code]) for code in sorted({c.code for c in unknown})
    ]
    others = sum(run.contract != digest for several in runs.values() for run in several)
    if digest and others:
        found.append(f"{others} operations were recorded under another contract than the one by which they were judged")
    return found


def _not_known(code: int, calls: Sequence[Call]) -> str:
    """What is said of the calls that were answered like that."""
    named = "; ".join(f"{call.where}: {call.verb} {call.told()} by {call.user}" for call in calls[:_MOST_NAMED])
    more = f"; and {len(calls) - _MOST_NAMED} more" if len(calls) > _MOST_NAMED else ""
    which = "1 call was" if len(calls) == 1 else f"{len(calls)} calls were"
    return f"{which} answered with {code or 'nothing'}, so whether that was done is not known: {named}{more}"
