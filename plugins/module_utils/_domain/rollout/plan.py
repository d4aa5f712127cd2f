# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a rollout: waves, a decision with its reason for every cluster, and by when the fleet can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..._vocabulary.owner import NO_CONTACT
from ..contract.typed import Contract
from .approval import approved, approvers, sources_of
from .blockers import blocker_data
from .case import Case, Request, case_of
from .decision import decide, standing
from .digests import plan_digest
from .permission import GO, SKIP, WAIT, Decision, permit
from .policy import Estimate, estimate, fleet_duration
from .schedule import Wave, schedule
from .waves import waves_of

Data = Mapping[str, Any]
Row = dict[str, Any]


def plan(
    clusters: Iterable[tuple[Contract, Data]], request: Request, now: datetime, deadline: datetime | None = None
) -> dict[str, Any]:
    """The plan, as data that JSON can hold; times are ISO 8601 in UTC.

    :param clusters: of each its contract, and how it is (see ``case``).
    :param now: with a time zone, like ``deadline``: by when the fleet shall be done.
    :returns: ``kind``, ``target``, ``digest``, ``now``; ``waves`` (``number``, ``ring``, ``clusters``, ``starts_at``,
        ``ends_at``); ``clusters``, a row each with ``decision`` (go, skip, wait, refuse), ``code``, ``reason``,
        ``owner``, ``contact`` (all three of the first thing that is in the way), ``blockers`` (all that is, see
        ``blocker_data``), ``next_at``, ``ends_at``, ``digest``, ``approval`` (whether there is one, see
        ``Verdict.data``) and ``approvers``; ``feasibility``.
    :raises ValueError: a moment in how a cluster is cannot be read.
    """
    pairs = list(clusters)
    digest = plan_digest(request.kind, (contract for contract, _live in pairs), request.release, request.policy.data())
    request = replace(request, digest=digest)
    fleet = fleet_duration([live.get("durations") or () for _contract, live in pairs])
    cases = sorted(
        (case_of(c, live, request, estimate(live.get("durations") or (), fleet, request.policy)) for c, live in pairs),
        key=lambda case: case.name,
    )
    stuck = {case.name: decision for case in cases if (decision := standing(case, now))}
    moving = [case for case in cases if case.name not in stuck]
    waves = schedule(
        waves_of(
            moving,
            Counter(case.customer for case in cases),
            request.policy,
            proven=request.rollback or any(decision.code == "already_there" for decision in stuck.values()),
            ready={case.name for case in moving if permit(case.asked, now).action == GO},
        ),
        now,
        timedelta(seconds=0 if request.rollback else request.policy.soak),
    )
    rows = {case.name: _row(case, stuck[case.name], None, now) for case in cases if case.name in stuck}
    for wave in waves:
        rows |= {turn.case.name: _row(turn.case, turn.decision, wave, now) for turn in wave.turns}
    ordered = [rows[case.name] for case in cases]
    return {
        "kind": "rollback" if request.rollback else request.kind,
        "target": str(request.release["version"]),
        "digest": digest,
        "now": _iso(now),
        "waves": [_wave(wave) for wave in waves],
        "clusters": ordered,
        "feasibility": _feasibility(ordered, deadline),
    }


def turn(contract: Contract, live: Data, request: Request, planned: Row, now: datetime) -> Row:
    """A cluster's row of the plan, decided again by how it is when its turn has come.

    Who holds its lock is not asked: whoever goes takes it, and waits for a run that has ended or died.

    :param planned: its row of the plan. :param request: with the plan's digest. :param now: with a time zone.
    :raises ValueError: a moment in how the cluster is cannot be read.
    """
    needed = Estimate(timedelta(seconds=planned["estimated_seconds"]), str(planned["estimated_by"]))
    case = case_of(contract, {**live, "lock": None}, request, needed)
    decision = decide(case, now)
    ends = decision.at + needed.duration if decision.at else None
    return {**_row(case, decision, None, now), "wave": planned["wave"], "ends_at": _iso(ends)}


def _row(case: Case, decision: Decision, wave: Wave | None, now: datetime) -> Row:
    ends = decision.at + case.estimate.duration if decision.at and wave else None
    blockers = [blocker_data(case.contract, one) for one in decision.blockers]
    return {
        "cluster": case.name,
        "customer": case.customer,
        "ring": case.ring,
        "wave": wave.number if wave else None,
        "from": case.live.get("release"),
        "signature": case.live.get("signature") or {},
        "since": case.live.get("since"),
        "decision": decision.action,
        "code": decision.code,
        "reason": decision.reason,
        "owner": decision.owner.value,
        "contact": blockers[0]["contact"] if blockers else dict(NO_CONTACT),
        "blockers": blockers,
        "next_at": _iso(decision.at),
        "ends_at": _iso(ends),
        "closes_at": _iso(decision.closes),
        "estimated_seconds": int(case.estimate.duration.total_seconds()),
        "estimated_by": case.estimate.basis,
        "digest": case.digest,
        "approval": approved(case.contract, case.asked.change, case.asked.approvals, now).data(),
        "approvers": approvers(case.contract),
        "sources": sources_of(case.contract),
    }


def _wave(wave: Wave) -> dict[str, Any]:
    return {
        "number": wave.number,
        "ring": wave.turns[0].case.ring,
        "clusters": [turn.case.name for turn in wave.turns],
        "starts_at": _iso(wave.starts),
        "ends_at": _iso(wave.ends),
    }


def _feasibility(rows: Sequence[Row], deadline: datetime | None) -> dict[str, Any]:
    """By when all can be done that has a time, and what stands in the way of the rest."""
    ends = [str(row["ends_at"]) for row in rows if row["ends_at"]]
    blockers = [row for row in rows if not row["ends_at"] and row["code"] != "already_there"]
    limit = _iso(deadline)
    late = [row for row in rows if limit and row["ends_at"] and row["ends_at"] > limit]
    keys = ("cluster", "code", "reason", "owner", "contact", "blockers", "next_at")
    return {
        "whole_fleet": not blockers,
        "complete_at": max(ends, default=None),
        "deadline": limit,
        "in_time": not blockers and not late,
        "late": [str(row["cluster"]) for row in late],
        "blockers": [{key: row[key] for key in keys} for row in blockers],
        # Who is refused is among the blockers.
        "counts": {action: sum(row["decision"] == action for row in rows) for action in (GO, WAIT, SKIP)},
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
