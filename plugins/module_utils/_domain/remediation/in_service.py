# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a node that serves: whether it is suspected, quarantined, has a pod restarted, or is left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import Owner
from ..contract.actions import NEVER
from ..moments import shown_moment
from ..rollout.permission import SKIP
from ..rollout.permission import WAIT as DECIDED_TO_WAIT
from .case import SUSPECT_SECONDS, Case, kinds
from .faults import RESTART_POD, Fault
from .journey import SUSPECT, gpus_expected, marked, taken_out
from .limits import CORDON
from .step import MARK, OBSERVE, QUARANTINE, RESTART, SUSPECTED, WAIT, Step


def begin(case: Case) -> Step:
    """What its faults ask for, of what is fresh, permitted, and within the budget."""
    fresh = [fault for fault in case.faults if case.fit(fault)]
    if not fresh:
        if case.journey.state == SUSPECT:
            patch = marked(case.journey, case.now, **dict.fromkeys(("state", "since", "reason", "evidence")))
            return case.plan(MARK, "what it was suspected of is gone", patch=patch)
        return case.plan(OBSERVE, _unfit(case) if case.faults else "nothing is wrong with it")
    fault = fresh[0]
    if all(one.kind in case.journey.released_of for one in fresh) and case.journey.released:
        return case.plan(
            OBSERVE, "somebody returned it by hand with this very fault: a human decides", owner=Owner.CUSTOMER
        )
    if fault.unsure and not _confirmed(case, fault):
        return _suspect(case, fault)
    if not any(one.quarantines for one in fresh):
        return _restart(case, fresh)
    target = case.target_in_service("quarantine", fresh)
    decided = case.decide(CORDON, target)
    if decided.action == DECIDED_TO_WAIT:
        return case.waiting("quarantine", target, decided, faults=fresh)
    refusal = decided.reason if decided.action == SKIP else case.budget.tripped
    refusal = refusal or case.budget.refusal(case.journey.product, case.seen.models)
    if refusal:
        return case.plan(OBSERVE, f"{fault.kind}: {refusal}", faults=fresh)
    case.budget.take(case.journey.product, case.seen.models)
    return _quarantine(case, fault, fresh, case.given_by(target, decided.approved_by))


def _quarantine(case: Case, fault: Fault, fresh: Sequence[Fault], given: Mapping[str, Any]) -> Step:
    session = f"{case.journey.name}-{shown_moment(case.now).translate({ord(c): None for c in '-:'})}"
    patch = taken_out(
        case.node,
        case.journey,
        case.now,
        session=session,
        reason=fault.why or fault.kind,
        faults=kinds(fresh),
        evidence=max(one.at or 0.0 for one in fresh),
        goal=fault.goal,
        drains=any(one.drains for one in fresh),
        gpus=gpus_expected(case.node),
        models=",".join(case.seen.models),
        gpu=_only_gpu(fresh),
        approved_by=given.get("approved_by"),
        approval=given.get("digest"),
    )
    why = fault.why or fault.kind
    return case.plan(QUARANTINE, why, patch=patch, goal=fault.goal, faults=fresh, session=session, **given)


def _only_gpu(faults: Sequence[Fault]) -> str | None:
    """The sick GPU; None where it is several, or the node itself: repairs of those count for no single one."""
    gpus = {one.gpu for one in faults if one.gpu}
    return gpus.pop() if len(gpus) == 1 else None


def _suspect(case: Case, fault: Fault) -> Step:
    if case.journey.state == SUSPECT:
        return case.plan(
            WAIT, f"{fault.kind} is not sure yet: it has to go on for {SUSPECT_SECONDS:g} s", faults=[fault]
        )
    if all(word == NEVER for word in (case.contract.get("actions") or {"": NEVER}).values()):
        return case.plan(OBSERVE, f"{fault.kind} is not sure yet", faults=[fault])
    patch = marked(case.journey, case.now, state=SUSPECT, reason=fault.why or fault.kind, evidence=fault.at)
    return case.plan(SUSPECTED, f"{fault.kind} is not sure yet", patch=patch, faults=[fault])


def _restart(case: Case, fresh: Sequence[Fault]) -> Step:
    pods = tuple(dict.fromkeys(pod for one in fresh if one.pods_exact for pod in one.pods))
    at = max(one.at or 0.0 for one in fresh)
    these = tuple(dict.fromkeys(pod for one in fresh if one.pods_exact for pod in one.these))
    target = case.target_in_service(RESTART_POD, fresh, these)
    decided = case.decide(RESTART_POD, target)
    refusal = decided.reason if decided.action == SKIP else "" if pods else "nobody knows which pod it is"
    if decided.action == DECIDED_TO_WAIT and not refusal:
        return case.waiting("restart", target, decided, case.spent, faults=fresh, pods=pods)
    refusal = refusal or case.spent
    if refusal:
        return case.plan(OBSERVE, f"{fresh[0].kind}: {refusal}", faults=fresh)
    said: dict[str, Any] = {
        "pods": pods,
        "goal": RESTART_POD,
        "evidence": at,
        **case.given_by(target, decided.approved_by),
    }
    return case.plan(RESTART, fresh[0].why or fresh[0].kind, faults=fresh, **said)


def _unfit(case: Case) -> str:
    fault = case.faults[0]
    if fault.at is None:
        return f"nobody knows when {fault.kind} was seen"
    return f"the evidence of {fault.kind} is of {shown_moment(fault.at)}: too old, or of before the node was returned"


def _confirmed(case: Case, fault: Fault) -> bool:
    journey = case.journey
    longer = (fault.at or 0.0) >= journey.evidence + SUSPECT_SECONDS
    return journey.state == SUSPECT and longer and case.now - journey.since >= SUSPECT_SECONDS
