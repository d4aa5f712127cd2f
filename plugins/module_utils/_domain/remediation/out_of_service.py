# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a node that is out of service: how it is emptied, repaired, and validated."""

from __future__ import annotations

from typing import Any

from ..._vocabulary.owner import Owner
from ..contract.actions import NEVER
from ..objectives.budget import spent_of
from ..rollout.blockers import ERROR_BUDGET, Blocker
from ..rollout.node_action import Target
from ..rollout.permission import GO, SKIP
from . import capacity, ladder
from .case import Case
from .faults import GPU_RESET, HUMAN
from .journey import DRAINED, REPAIRING, marked, put_back
from .limits import CORDON, DRAIN, permission
from .report import reported
from .step import DRAIN_NODE, REPAIR, RETURN, TRY, WAIT, Step
from .validation import doubts

_ASKED_AGAIN = "a repair whose end nobody has reported: the same one is asked for again"


def empty(case: Case) -> Step:
    """A quarantined node: its pods leave, where the repair asks for that and nothing forbids it."""
    worse = case.worse()
    if worse:
        return worse
    journey = case.journey
    if not journey.drains:
        if journey.goal == HUMAN:
            return case.hand_over(f"quarantined for a human to look at: {journey.reason}")
        return case.mark(DRAINED, "its pods may stay for this repair")
    target = case.target(journey.goal)
    decided = case.decide(DRAIN, target)
    if decided.action == SKIP:
        return case.hand_over(decided.reason)
    advice = capacity.advise(case.seen.serving, _sick_pods(case))
    if decided.action != GO:
        return case.waiting(DRAIN, target, decided, case.spent, pods=advice.pods)
    if case.spent:
        return case.plan(WAIT, case.spent)
    if advice.how == capacity.WAIT:
        return case.plan(WAIT, advice.why, pods=advice.pods)
    if decided.code != "emergency" and (why := _costs_what_is_spent(case)) and not case.approved(target).approved:
        blockers = case.blockers([Blocker(ERROR_BUDGET, why, Owner.FIREWORKS)])
        said: dict[str, Any] = {"goal": target.goal, "code": ERROR_BUDGET, "digest": case.digest(target)}
        return case.plan(WAIT, f"the drain can wait: {why}", pods=advice.pods, blockers=blockers, **said)
    return _drain(case, target, advice, decided.approved_by)


def _costs_what_is_spent(case: Case) -> str:
    """Why a drain had better wait: a model on the node has no error budget left, and the node is not why.

    The drain of what is suspected to be the cause never waits, and neither does one whose reason is not seen now.
    """
    draining = [fault for fault in case.faults if fault.drains]
    if not draining or any(fault.breaks for fault in case.faults):
        return ""
    return spent_of(case.seen.spent, case.seen.models)


def _drain(case: Case, target: Target, advice: capacity.Advice, by: str) -> Step:
    """The drain of a node, now or after its replacements, unless a person lets some time pass without them."""
    gap = advice.how == capacity.REPLACE_FIRST
    if gap or advice.held:
        accepted = case.approved(target)  # whoever approved the drain has accepted the gap
        if gap and not accepted.approved:
            why = f"{advice.why}; or a person accepts the gap: {accepted.reason}"
            blockers = case.blockers([Blocker("approval", accepted.reason, accepted.owner)])
            asked: dict[str, Any] = {"goal": target.goal, "code": "approval", "digest": case.digest(target)}
            return case.plan(
                capacity.REPLACE_FIRST, why, pods=advice.pods, more=advice.more, blockers=blockers, **asked
            )
        by = accepted.by or by
    given = case.given_by(target, by)
    if given and given["digest"] != case.journey.approval:
        return case.approve(given, f"{by} approved it")
    held = () if by else advice.held
    partial = advice.how == capacity.PARTIAL
    how: dict[str, Any] = {
        "pods": advice.pods,
        "first": advice.first,
        "held": held,
        "partial": partial,
        "goal": target.goal,
    }
    return case.plan(DRAIN_NODE, advice.why, **how, **given)


def _sick_pods(case: Case) -> list[str] | None:
    """Who sits on the sick GPUs, where that is known and the repair is of no more than those."""
    emptying = [fault for fault in case.faults if fault.drains]
    exact = emptying and all(fault.goal == GPU_RESET and fault.pods_exact and fault.gpu for fault in emptying)
    if case.journey.goal != GPU_RESET or not exact:
        return None
    return [pod for fault in emptying for pod in fault.pods]


def repair(case: Case) -> Step:
    """A drained node: the next repair, or a human."""
    rung = ladder.next_rung(case.journey, case.limits, lambda goal: case.decide(goal, case.target(goal)), case.now)
    if rung.do == ladder.HAND_OVER:
        return case.hand_over(rung.why, rung.goal)
    target = case.target(rung.goal)
    if rung.do == ladder.WAIT and rung.decided:
        return case.waiting(rung.goal, target, rung.decided, case.spent)
    wait = case.spent or (rung.why if rung.do == ladder.WAIT else "")
    if wait:
        return case.plan(WAIT, wait, goal=rung.goal)
    by = rung.decided.approved_by if rung.decided else ""
    given = case.given_by(target, by)
    said = {"approved_by": by or None, "approval": given.get("digest")}
    patch = marked(case.journey, case.now, state=REPAIRING, goal=rung.goal, **said)
    return case.plan(REPAIR, rung.why, patch=patch, goal=rung.goal, **given)


def repairing(case: Case) -> Step:
    """A node in repair: the same repair again, as nobody has said how it ended; after the deadline it failed."""
    if case.now - case.journey.since > case.limits.repair_deadline:
        return reported(case.node, "failed", "nobody reported its end in time (remediation.repair_deadline)", case.now)
    return case.plan(REPAIR, _ASKED_AGAIN, goal=case.journey.goal)


def return_to_service(case: Case) -> Step:
    """A repaired node: back into service, as soon as nothing speaks against it."""
    worse = case.worse()
    if worse:
        return worse
    again = [fault for fault in case.faults if fault.quarantines and case.fit(fault)]
    if again:
        return case.mark(DRAINED, f"{again[0].kind} is there again after the repair", goal=again[0].goal)
    left = doubts(case.node, case.journey, case.faults, case.seen.blind, case.limits.healthy_for, case.now)
    missing = [name for name in case.seen.required if case.seen.diagnosed.get(name) != "passed"]
    failed = [name for name in missing if case.seen.diagnosed.get(name) == "failed"]
    if failed and not left:
        return case.mark(DRAINED, f"the {failed[0]} failed after the repair")
    untried = [f"the {name} has not passed" for name in missing]
    if left or untried:
        # As long as something else speaks against it, a trial would have to be repeated.
        return case.plan(WAIT if left else TRY, "; ".join([*left, *untried]))
    if permission(case.contract, CORDON) == NEVER:
        return case.hand_over("it is well, but the contract's actions.cordon is never: uncordon it yourself")
    patch = put_back(case.node, case.journey, case.now, returned=case.now)
    return case.plan(RETURN, "it was validated", patch=patch)
