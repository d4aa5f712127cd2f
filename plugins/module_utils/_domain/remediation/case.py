# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node that is decided about, and what every decision needs: what is permitted, and how a step is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import spoken
from ..contract.typed import Contract
from ..moments import shown_moment
from ..rollout.approval import Verdict
from ..rollout.blockers import Blocker, blocker_data, waits_for_approval
from ..rollout.node_action import Target, approved_by_person, decide_action, target_digest
from ..rollout.permission import Decision, held
from .faults import HUMAN, LADDER, Fault
from .journey import HANDED_OVER, QUARANTINED, Journey, Node, basis_of, journey_of, marked
from .limits import Limits, action_of, limits_of, longest
from .safety import Budget
from .step import HAND_OVER, MARK, WAIT, Seen, Step

SUSPECT_SECONDS = 60.0
"""How long unsure evidence has to go on before it counts."""


class Case:
    """A node now, its faults (the strongest first), the cluster's budget, the contract, and what else was seen."""

    def __init__(
        self, node: Node, faults: Sequence[Fault], budget: Budget, contract: Contract, now: float, seen: Seen
    ) -> None:
        self.node, self.faults, self.budget, self.contract = node, faults, budget, contract
        self.now, self.seen = now, seen
        self.journey: Journey = journey_of(node)
        self.limits: Limits = limits_of(contract)

    def fit(self, fault: Fault) -> bool:
        """Whether its evidence may be acted on: known, not old nor of the future, nor of before a return."""
        if fault.at is None:
            return False
        ended = max(self.journey.returned, self.journey.released, self.journey.repaired)
        return ended < fault.at and self.now - self.limits.evidence_max_age <= fault.at <= self.now + SUSPECT_SECONDS

    def worse(self) -> Step | None:
        """A stronger fault than the one it was taken out for, seen since."""
        fresh = [fault for fault in self.faults if fault.quarantines and self.fit(fault)]
        goal = self.journey.goal
        known = len(LADDER) if goal not in LADDER else LADDER.index(goal)
        if not fresh or fresh[0].strength <= known:
            return None
        said: dict[str, Any] = {"goal": fresh[0].goal, "faults": kinds(fresh), "evidence": fresh[0].at}
        said["reason"] = fresh[0].why or fresh[0].kind
        drains = self.journey.drains or any(one.drains for one in fresh)
        return self.mark(QUARANTINED, f"{fresh[0].kind} was found besides", drains=drains, **said)

    def decide(self, what: str, target: Target) -> Decision:
        """Whether ``cordon``, ``drain`` or a repair may be done now, as every change is decided."""
        needed = longest(self.limits, what)
        return decide_action(self.contract, action_of(what), target, self.seen.given, needed, self.moment)

    def target(self, goal: str) -> Target:
        """What is approved of a node that is out of service: the drain for a repair, and that repair."""
        return Target(self.journey.name, goal, self.journey.session)

    def target_in_service(self, what: str, faults: Sequence[Fault], pods: Sequence[str] = ()) -> Target:
        """What is approved of a node without a session: once, for these faults and pods, since it last came back."""
        back = shown_moment(max(self.journey.returned, self.journey.released))
        return Target(self.journey.name, what, occasion=(kinds(faults), *sorted(pods), back))

    def approved(self, target: Target) -> Verdict:
        """Whether a person has approved this, and not only the contract once and for all."""
        return approved_by_person(self.contract, target, self.seen.given, self.moment)

    @property
    def moment(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self.now, UTC)

    def waiting(self, what: str, target: Target, decided: Decision, spent: str = "", **more: Any) -> Step:
        """A step that waits for an approval, a window, or the end of a freeze.

        :param spent: which bound of ``remediation`` is in its way besides.
        """
        found = [*decided.blockers, *([Blocker("budget", spent)] if spent else [])]
        decided = held(decided.action, found, decided.at)
        said: dict[str, Any] = {"goal": target.goal, "owner": decided.owner, "code": decided.code, **more}
        if decided.at:
            said["next_at"] = decided.at.astimezone(UTC).isoformat(timespec="seconds")
        blockers = self.blockers(decided.blockers)
        if waits_for_approval(blockers):
            said["digest"] = self.digest(target)
        return self.plan(WAIT, f"the {spoken(what)} waits: {decided.reason}", blockers=blockers, **said)

    def blockers(self, found: Sequence[Blocker]) -> tuple[dict[str, Any], ...]:
        """What is in the way of a step of this node, as outcomes have it."""
        return tuple(blocker_data(self.contract, one, self.journey.name) for one in found)

    @property
    def spent(self) -> str:
        """Which bound of the cluster's holds a drain or a repair; empty where none does."""
        return self.budget.tripped or self.budget.storm

    def digest(self, target: Target) -> str:
        """What an approval of it names."""
        return target_digest(self.contract, target)

    def given_by(self, target: Target, by: str) -> dict[str, Any]:
        """Who approved a step, and by which digest; of a step that needed nobody, nothing."""
        return {"approved_by": by, "digest": self.digest(target)} if by else {}

    def approve(self, given: Mapping[str, Any], why: str) -> Step:
        """A step that says on the node who approved what comes next, before it is done."""
        said = {"approved_by": given["approved_by"], "approval": given["digest"]}
        return self.plan(MARK, why, patch=marked(self.journey, self.now, **said), goal=self.journey.goal, **given)

    def mark(self, state: str, why: str, **said: Any) -> Step:
        """A step that only says something new on the node."""
        return self.plan(MARK, why, patch=marked(self.journey, self.now, state=state, **said))

    def hand_over(self, why: str, goal: str = HUMAN) -> Step:
        """A step that leaves the node to the customer."""
        patch = marked(self.journey, self.now, state=HANDED_OVER, reason=why)
        return self.plan(HAND_OVER, why, patch=patch, goal=goal, owner=Owner.CUSTOMER)

    def plan(self, do: str, why: str, *, faults: Sequence[Fault] = (), session: str = "", **more: Any) -> Step:
        """A step of this node, as it is now."""
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


def kinds(faults: Sequence[Fault]) -> str:
    """The kinds of faults, each once, as a node's annotation has them."""
    return ",".join(dict.fromkeys(fault.kind for fault in faults))
