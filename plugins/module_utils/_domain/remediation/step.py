# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step of one node: from what the node says, its faults, the budget and the contract to a plan as data.

suspect → quarantined → drained → repairing → validating → in service again, or handed over to a human or the customer.
Nothing but a validated repair, or a human, ever returns a node: a fault that a reboot makes invisible is not mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..moments import shown_moment
from . import capacity, ladder
from .capacity import Serving
from .faults import GPU_RESET, HUMAN, LADDER, RESTART_POD, Fault
from .journey import (
    DRAINED,
    HANDED_OVER,
    QUARANTINED,
    REPAIRING,
    SUSPECT,
    VALIDATING,
    Journey,
    Node,
    Patch,
    basis_of,
    gpus_expected,
    journey_of,
    marked,
    put_back,
    remembered,
    taken_out,
)
from .limits import APPROVE, AUTO, CORDON, DRAIN, NEVER, Limits, limits_of, permission
from .safety import Budget
from .validation import doubts

OBSERVE, RELEASE, RESTART, SUSPECTED, QUARANTINE = "observe", "release", "restart_pods", "suspect", "quarantine"
DRAIN_NODE, WAIT, REPAIR, RETURN, HAND_OVER, MARK = "drain", "wait", "repair", "return", "hand_over", "mark"
_ASKED_AGAIN = "a repair whose end nobody has reported: the same one is asked for again"
SUSPECT_SECONDS = 60.0
"""How long unsure evidence has to go on before it counts."""
FIREWORKS, CUSTOMER = "Fireworks", "the customer"


@dataclass(frozen=True)
class Step:
    """What to do with one node now.

    patch: what is written to the node before anything else is done; ``None`` where nothing is. pods: who leaves, for
    ``drain`` and ``restart_pods``; evidence: pods that began after it are others. partial: no pod but
    those leaves. basis: what of the node it was decided by. owner: whose move it is. goal: the
    repair, for ``repair`` and ``hand_over``.
    """

    node: str
    do: str
    why: str
    state: str
    session: str = ""
    goal: str = ""
    owner: str = FIREWORKS
    patch: Patch | None = None
    pods: tuple[str, ...] = ()
    more: tuple[tuple[str, int], ...] = ()
    faults: tuple[str, ...] = ()
    evidence: float = 0.0
    partial: bool = False
    basis: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What else is known of a node, besides itself and its faults.

    models: those with replicas on it. serving: the same, as :func:`capacity.advise` takes it. blind: which source of
    signs is missing. approved: sessions, or nodes without one, of which the next step is approved. diagnosed: what a
    diagnostic or a canary said (passed or failed); required: which of these must have passed.
    """

    models: tuple[str, ...] = ()
    serving: tuple[Serving, ...] = ()
    blind: str = ""
    approved: frozenset[str] = frozenset()
    diagnosed: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def next_step(
    node: Node, faults: Sequence[Fault], budget: Budget, contract: Mapping[str, Any], now: float, seen: Seen = Seen()
) -> Step:
    """What to do with a node now.

    :param node: as the API server has it at this moment.
    :param faults: of this node, the strongest first.
    :param budget: of the cluster; what is planned with it is counted in it.
    """
    return _Decision(node, faults, budget, contract, now, seen).step()


class _Decision:
    def __init__(
        self, node: Node, faults: Sequence[Fault], budget: Budget, contract: Mapping[str, Any], now: float, seen: Seen
    ) -> None:
        self.node, self.faults, self.budget, self.contract = node, faults, budget, contract
        self.now, self.seen = now, seen
        self.journey: Journey = journey_of(node)
        self.limits: Limits = limits_of(contract)

    def step(self) -> Step:
        journey = self.journey
        if journey.maintenance:
            return self._plan(OBSERVE, "somebody works on it (the label byoc.fireworks.ai/maintenance)")
        if journey.undone_by_hand:
            patch = put_back(self.node, journey, self.now, released=self.now, released_of=",".join(journey.faults))
            return self._plan(RELEASE, "somebody returned it by hand, and that is respected", patch=patch)
        by_state: dict[str, Callable[[], Step]] = {
            QUARANTINED: self._empty,
            DRAINED: self._repair,
            REPAIRING: self._repairing,
            VALIDATING: self._return,
            HANDED_OVER: lambda: self._plan(WAIT, f"it was handed over: {journey.reason}", owner=CUSTOMER),
        }
        return by_state.get(journey.state, self._begin)()

    # --- in service ----------------------------------------------------------------------------

    def _begin(self) -> Step:
        fresh = [fault for fault in self.faults if self._fit(fault)]
        if not fresh:
            if self.journey.state == SUSPECT:
                patch = marked(self.journey, self.now, **dict.fromkeys(("state", "since", "reason", "evidence")))
                return self._plan(MARK, "what it was suspected of is gone", patch=patch)
            return self._plan(OBSERVE, self._unfit() if self.faults else "nothing is wrong with it")
        fault = fresh[0]
        if all(one.kind in self.journey.released_of for one in fresh) and self.journey.released:
            return self._plan(
                OBSERVE, "somebody returned it by hand with this very fault: a human decides", owner=CUSTOMER
            )
        if fault.unsure and not self._confirmed(fault):
            return self._suspect(fault)
        if not any(one.quarantines for one in fresh):
            return self._restart(fresh)
        refusal = self._not_permitted(CORDON) or self.budget.tripped
        refusal = refusal or self.budget.refusal(self.journey.product, self.seen.models)
        if refusal:
            return self._plan(OBSERVE, f"{fault.kind}: {refusal}", faults=fresh)
        self.budget.take(self.journey.product, self.seen.models)
        return self._quarantine(fault, fresh)

    def _quarantine(self, fault: Fault, fresh: Sequence[Fault]) -> Step:
        session = f"{self.journey.name}-{shown_moment(self.now).translate({ord(c): None for c in '-:'})}"
        patch = taken_out(
            self.node,
            self.journey,
            self.now,
            session=session,
            reason=fault.why or fault.kind,
            faults=_kinds(fresh),
            evidence=max(one.at or 0.0 for one in fresh),
            goal=fault.goal,
            drains=any(one.drains for one in fresh),
            gpus=gpus_expected(self.node),
            models=",".join(self.seen.models),
        )
        return self._plan(
            QUARANTINE, fault.why or fault.kind, patch=patch, goal=fault.goal, faults=fresh, session=session
        )

    def _suspect(self, fault: Fault) -> Step:
        if self.journey.state == SUSPECT:
            return self._plan(
                WAIT, f"{fault.kind} is not sure yet: it has to go on for {SUSPECT_SECONDS:g} s", faults=[fault]
            )
        if all(word == NEVER for word in (self.contract.get("actions") or {"": NEVER}).values()):
            return self._plan(OBSERVE, f"{fault.kind} is not sure yet", faults=[fault])
        patch = marked(self.journey, self.now, state=SUSPECT, reason=fault.why or fault.kind, evidence=fault.at)
        return self._plan(SUSPECTED, f"{fault.kind} is not sure yet", patch=patch, faults=[fault])

    def _restart(self, fresh: Sequence[Fault]) -> Step:
        pods = tuple(dict.fromkeys(pod for one in fresh if one.pods_exact for pod in one.pods))
        at = max(one.at or 0.0 for one in fresh)
        refusal = self._not_permitted(RESTART_POD) or self.budget.tripped or self.budget.storm
        if refusal or not pods:
            return self._plan(OBSERVE, f"{fresh[0].kind}: {refusal or 'nobody knows which pod it is'}", faults=fresh)
        return self._plan(
            RESTART, fresh[0].why or fresh[0].kind, pods=pods, goal=RESTART_POD, faults=fresh, evidence=at
        )

    def _fit(self, fault: Fault) -> bool:
        """Whether its evidence may be acted on: known, not old nor of the future, nor of before a return."""
        if fault.at is None:
            return False
        ended = max(self.journey.returned, self.journey.released, self.journey.repaired)
        return ended < fault.at and self.now - self.limits.evidence_max_age <= fault.at <= self.now + SUSPECT_SECONDS

    def _unfit(self) -> str:
        fault = self.faults[0]
        if fault.at is None:
            return f"nobody knows when {fault.kind} was seen"
        return (
            f"the evidence of {fault.kind} is of {shown_moment(fault.at)}: too old, or of before the node was returned"
        )

    def _confirmed(self, fault: Fault) -> bool:
        journey = self.journey
        longer = (fault.at or 0.0) >= journey.evidence + SUSPECT_SECONDS
        return journey.state == SUSPECT and longer and self.now - journey.since >= SUSPECT_SECONDS

    # --- out of service ------------------------------------------------------------------------

    def _empty(self) -> Step:
        worse = self._worse()
        if worse:
            return worse
        journey = self.journey
        if not journey.drains:
            if journey.goal == HUMAN:
                return self._hand_over(f"quarantined for a human to look at: {journey.reason}")
            return self._mark(DRAINED, "its pods may stay for this repair")
        wait = self._not_permitted(DRAIN)
        if wait and permission(self.contract, DRAIN) == NEVER:
            return self._hand_over(wait)
        wait = wait or self.budget.tripped or self.budget.storm
        if wait:
            return self._plan(WAIT, wait)
        advice = capacity.advise(self.seen.serving, self._sick_pods())
        if advice.how == capacity.WAIT:
            return self._plan(WAIT, advice.why, pods=advice.pods)
        if advice.how == capacity.REPLACE_FIRST and not self._approved():
            why = f"{advice.why}; or approve the gap: -e remediate_approved={self.journey.session}"
            return self._plan(capacity.REPLACE_FIRST, why, pods=advice.pods, more=advice.more)
        return self._plan(DRAIN_NODE, advice.why, pods=advice.pods, partial=advice.how == capacity.PARTIAL)

    def _sick_pods(self) -> list[str] | None:
        """Who sits on the sick GPUs, where that is known and the repair is of no more than those."""
        emptying = [fault for fault in self.faults if fault.drains]
        exact = emptying and all(fault.goal == GPU_RESET and fault.pods_exact and fault.gpu for fault in emptying)
        if self.journey.goal != GPU_RESET or not exact:
            return None
        return [pod for fault in emptying for pod in fault.pods]

    def _repair(self) -> Step:
        rung = ladder.next_rung(self.journey, self.contract, self.limits, self._approved(), self.now)
        if rung.do == ladder.HAND_OVER:
            return self._hand_over(rung.why, rung.goal)
        wait = self.budget.tripped or self.budget.storm or (rung.why if rung.do == ladder.WAIT else "")
        if wait:
            return self._plan(WAIT, wait, goal=rung.goal)
        patch = marked(self.journey, self.now, state=REPAIRING, goal=rung.goal)
        return self._plan(REPAIR, rung.why, patch=patch, goal=rung.goal)

    def _repairing(self) -> Step:
        if self.now - self.journey.since > self.limits.repair_deadline:
            return reported(
                self.node, "failed", "nobody reported its end in time (remediation.repair_deadline)", self.now
            )
        return self._plan(REPAIR, _ASKED_AGAIN, goal=self.journey.goal)

    def _return(self) -> Step:
        worse = self._worse()
        if worse:
            return worse
        again = [fault for fault in self.faults if fault.quarantines and self._fit(fault)]
        if again:
            return self._mark(DRAINED, f"{again[0].kind} is there again after the repair", goal=again[0].goal)
        left = doubts(self.node, self.journey, self.faults, self.seen.blind, self.limits.healthy_for, self.now)
        missing = [name for name in self.seen.required if self.seen.diagnosed.get(name) != "passed"]
        failed = [name for name in missing if self.seen.diagnosed.get(name) == "failed"]
        if failed and not left:
            return self._mark(DRAINED, f"the {failed[0]} failed after the repair")
        left += [f"the {name} has not passed" for name in missing]
        if left:
            return self._plan(WAIT, "; ".join(left))
        if permission(self.contract, CORDON) == NEVER:
            return self._hand_over("it is well, but the contract's actions.cordon is never: uncordon it yourself")
        patch = put_back(self.node, self.journey, self.now, returned=self.now)
        return self._plan(RETURN, "it was validated", patch=patch)

    # --- the same for all ----------------------------------------------------------------------

    def _worse(self) -> Step | None:
        """A stronger fault than the one it was taken out for, seen since."""
        fresh = [fault for fault in self.faults if fault.quarantines and self._fit(fault)]
        goal = self.journey.goal
        known = len(LADDER) if goal not in LADDER else LADDER.index(goal)
        if not fresh or fresh[0].strength <= known:
            return None
        said: dict[str, Any] = {"goal": fresh[0].goal, "faults": _kinds(fresh), "evidence": fresh[0].at}
        said["reason"] = fresh[0].why or fresh[0].kind
        drains = self.journey.drains or any(one.drains for one in fresh)
        return self._mark(QUARANTINED, f"{fresh[0].kind} was found besides", drains=drains, **said)

    def _not_permitted(self, what: str) -> str:
        allowed = permission(self.contract, what)
        if allowed == AUTO or (allowed == APPROVE and self._approved()):
            return ""
        word = DRAIN if what == RESTART_POD else what
        if allowed == APPROVE:
            approve = self.journey.session or self.journey.name
            return f"actions.{word} waits for an approval: -e remediate_approved={approve}"
        return f"the contract's actions.{word} is never"

    def _approved(self) -> bool:
        """By session, so that an approval is never used twice; before there is one, by the node's name."""
        return (self.journey.session or self.journey.name) in self.seen.approved

    def _mark(self, state: str, why: str, **said: Any) -> Step:
        return self._plan(MARK, why, patch=marked(self.journey, self.now, state=state, **said))

    def _hand_over(self, why: str, goal: str = HUMAN) -> Step:
        patch = marked(self.journey, self.now, state=HANDED_OVER, reason=why)
        return self._plan(HAND_OVER, why, patch=patch, goal=goal, owner=CUSTOMER)

    def _plan(self, do: str, why: str, *, faults: Sequence[Fault] = (), session: str = "", **more: Any) -> Step:
        names = tuple(dict.fromkeys(fault.kind for fault in faults)) or self.journey.faults
        journey = self.journey
        return Step(
            journey.name,
            do,
            why,
            journey.state,
            session or journey.session,
            faults=names,
            basis=basis_of(self.node),
            **more,
        )


def reported(node: Node, outcome: str, detail: str, now: float) -> Step:
    """What a repair's report makes of a node: ``done`` → validating, ``failed`` → the next repair."""
    journey = journey_of(node)
    if journey.state not in (REPAIRING, HANDED_OVER) or journey.undone_by_hand:
        why = f"no repair of it is under way (it is {journey.state or 'in service'}): the report changes nothing"
        return Step(journey.name, OBSERVE, why, journey.state, journey.session)
    state = VALIDATING if outcome == "done" else DRAINED
    history = remembered(journey, now, journey.goal, outcome)
    patch = marked(journey, now, state=state, history=history, repaired=now if outcome == "done" else None)
    return _marking(node, detail or f"the repair is {outcome}", patch)


def drained(node: Node, now: float) -> Step:
    """That its pods are gone."""
    journey = journey_of(node)
    if journey.state != QUARANTINED or journey.undone_by_hand:
        return Step(journey.name, OBSERVE, "it is not being drained any more", journey.state, journey.session)
    return _marking(node, "its pods are gone", marked(journey, now, state=DRAINED))


def _marking(node: Node, why: str, patch: Patch) -> Step:
    journey = journey_of(node)
    basis = basis_of(node)
    return Step(journey.name, MARK, why, journey.state, journey.session, journey.goal, patch=patch, basis=basis)


def _kinds(faults: Sequence[Fault]) -> str:
    return ",".join(dict.fromkeys(fault.kind for fault in faults))
