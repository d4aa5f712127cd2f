# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node that is decided about, and what every decision needs: what is permitted, and how a step is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import Owner
from ..contract.actions import APPROVE, AUTO
from .faults import HUMAN, LADDER, RESTART_POD, Fault
from .journey import HANDED_OVER, QUARANTINED, Journey, Node, basis_of, journey_of, marked
from .limits import DRAIN, Limits, limits_of, permission
from .safety import Budget
from .step import HAND_OVER, MARK, Seen, Step

SUSPECT_SECONDS = 60.0
"""How long unsure evidence has to go on before it counts."""


class Case:
    """A node now, its faults (the strongest first), the cluster's budget, the contract, and what else was seen."""

    def __init__(
        self, node: Node, faults: Sequence[Fault], budget: Budget, contract: Mapping[str, Any], now: float, seen: Seen
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

    def not_permitted(self, what: str) -> str:
        """Why the contract does not permit something now; empty where it does."""
        allowed = permission(self.contract, what)
        if allowed == AUTO or (allowed == APPROVE and self.approved()):
            return ""
        word = DRAIN if what == RESTART_POD else what
        if allowed == APPROVE:
            approve = self.journey.session or self.journey.name
            return f"actions.{word} waits for an approval: -e remediate_approved={approve}"
        return f"the contract's actions.{word} is never"

    def approved(self) -> bool:
        """By session, so that an approval is never used twice; before there is one, by the node's name."""
        return (self.journey.session or self.journey.name) in self.seen.approved

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
