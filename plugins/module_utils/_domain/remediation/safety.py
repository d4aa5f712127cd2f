# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps remediation from making it worse: budgets, the breaker, and storms. None of it ever blocks a return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..._vocabulary.listing import amount
from .journey import Journey
from .limits import Limits

STORM_SECONDS = 300.0


@dataclass(frozen=True)
class Fleet:
    """GPU nodes of all clusters that were looked at, and how many of them are sick or out of service."""

    nodes: int = 0
    sick: int = 0


@dataclass
class Budget:
    """How much may still be taken out of service. :meth:`take` counts what one run plans, before it is written.

    nodes: GPU nodes by product. out: those out of service, by product. models: nodes out of service by the model that
    they served. sick: nodes that are out of service or have a fault. newly: those of them that fell sick just now.
    """

    limits: Limits
    nodes: dict[str, int] = field(default_factory=dict)
    out: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    sick: int = 0
    newly: int = 0
    fleet: Fleet = field(default_factory=Fleet)

    def refusal(self, product: str, models: Iterable[str]) -> str:
        """Why one more node of a product, with replicas of these models, may not be taken out; empty where it may."""
        limits, out = self.limits, self.out.get(product, 0)
        allowed = max(1, min(limits.max_nodes, int(limits.max_share * self.nodes.get(product, 0))))
        if out >= allowed:
            return (
                f"{out} of {self.nodes.get(product, 0)} nodes with {product or 'an unnamed GPU'} are out of service, "
                f"and {allowed} may be (remediation.max_nodes {limits.max_nodes}, max_share {limits.max_share:g})"
            )
        for model in models:
            if self.models.get(model, 0) >= limits.max_nodes_per_model:
                return (
                    f"{amount(self.models[model], 'node')} of the model {model} out of service already "
                    f"(remediation.max_nodes_per_model {limits.max_nodes_per_model})"
                )
        return ""

    def take(self, product: str, models: Iterable[str]) -> None:
        """Count one more node."""
        self.out[product] = self.out.get(product, 0) + 1
        for model in models:
            self.models[model] = self.models.get(model, 0) + 1

    @property
    def tripped(self) -> str:
        """Why the breaker is tripped; empty where it is not. One sick node never trips it."""
        for where, sick, nodes in (
            ("this cluster", self.sick, sum(self.nodes.values())),
            ("the fleet", self.fleet.sick, self.fleet.nodes),
        ):
            if sick > 1 and sick > self.limits.breaker_share * nodes:
                return (
                    f"the breaker is tripped: {sick} of {nodes} GPU nodes of {where} are sick or out of service, more "
                    f"than {self.limits.breaker_share:.0%} (remediation.breaker_share); so many have a common cause"
                )
        return ""

    @property
    def storm(self) -> str:
        """Why this is a storm; empty where it is none."""
        if self.newly < self.limits.storm_nodes:
            return ""
        return (
            f"a storm: {self.newly} nodes fell sick within {STORM_SECONDS / 60:g} minutes "
            f"(remediation.storm_nodes {self.limits.storm_nodes}); "
            "nothing is drained or repaired before somebody has looked for the common cause"
        )


def budget_of(
    journeys: Iterable[Journey], sick: Mapping[str, float], limits: Limits, now: float, fleet: Fleet | None = None
) -> Budget:
    """The budget of a cluster.

    :param journeys: of all its GPU nodes.
    :param sick: nodes with a fault that is fit to act on, each with the time since when.
    """
    budget = Budget(limits, fleet=fleet or Fleet())
    for journey in journeys:
        budget.nodes[journey.product] = budget.nodes.get(journey.product, 0) + 1
        if journey.out_of_service:
            budget.take(journey.product, journey.models)
        if journey.out_of_service or journey.name in sick:
            budget.sick += 1
            began = journey.evidence if journey.out_of_service else sick[journey.name]
            budget.newly += now - began < STORM_SECONDS
    return budget
