# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each model may scale, computed over all models of a contract together.

Every model first gets its floor: the replicas it serves with at its least, one of them at least even where it may go to
zero, since it must be able to come back. What is left of the approved GPUs is then given out, replica by replica, to
critical models, after them to standard ones, last to batch. So the ceilings of all models fit into what was approved,
all at once (docs/decisions/0009-ceilings-fit.md).

Which nodes the GPUs are on does not matter here: a replica that finds no room waits, as any pod does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..._vocabulary.listing import amount, few
from ..capacity import approved, gpus_per_replica, may_sleep
from ..contract.defaults import said
from ..contract.schema_models import MODEL
from ..contract.typed import Contract, Model
from ..names import PRIORITIES
from .schedule import asked_at


class BoundsError(ValueError):
    """The models' floors do not fit into what the contract allows; the message has the arithmetic."""


@dataclass(frozen=True)
class Limit:
    """The most replicas that one clause of the contract allows, and the clause in words."""

    replicas: int
    clause: str
    says: str


@dataclass(frozen=True)
class Bounds:
    """Between how many replicas one model scales.

    floor: the replicas it serves with at its least, never 0.
    ceiling: the most it may have.
    sleeps: it may go to 0 when nobody asks for it.
    key: the contract's key that asks for this floor, ``replicas`` or a schedule.
    limit: the clause that would stop it first if GPUs were plenty.
    """

    model: str
    priority: str
    product: str
    each: int
    floor: int
    ceiling: int
    sleeps: bool
    key: str
    limit: Limit

    @property
    def gpus(self) -> int:
        """GPUs at the ceiling."""
        return self.ceiling * self.each


@dataclass(frozen=True)
class _Wish:
    model: str
    priority: str
    product: str
    each: int
    floor: int
    sleeps: bool
    key: str
    limit: Limit

    def refusals(self) -> list[str]:
        """Why it cannot even have its floor, as far as that is up to itself."""
        if self.floor <= self.limit.replicas:
            return []
        return [f"{self.model}: {self.key}.min is {self.floor}, and {self.limit.clause} {self.limit.says}"]


def bounds_of(contract: Contract, moment: datetime | None = None) -> dict[str, Bounds]:
    """The bounds of every model by its name, in the order of the contract.

    :param moment: with a time zone; schedules that are open then count. Without it none does.
    :raises BoundsError: a model's floor is beyond its own limits, or all floors together beyond the approved GPUs.
    """
    wishes = [_wish(contract, model, moment) for model in contract.get("models") or ()]
    free = approved(contract)
    problems = [problem for wish in wishes for problem in wish.refusals()]
    problems += [
        problem for product in sorted({wish.product for wish in wishes}) for problem in _short(wishes, product, free)
    ]
    if problems:
        raise BoundsError(f"{contract['identity']['name']}: {few(problems)}")
    for wish in wishes:
        free[wish.product] -= wish.floor * wish.each
    more = {name: count for priority in PRIORITIES for name, count in _given(wishes, priority, free).items()}
    return {
        wish.model: Bounds(
            wish.model,
            wish.priority,
            wish.product,
            wish.each,
            wish.floor,
            wish.floor + more[wish.model],
            wish.sleeps,
            wish.key,
            wish.limit,
        )
        for wish in wishes
    }


def _wish(contract: Contract, model: Model, moment: datetime | None) -> _Wish:
    each, asked = gpus_per_replica(model), asked_at(model, moment)
    most, gpus = contract["scaling"]["max_replicas_per_model"], contract["scaling"]["max_gpus_per_model"]
    limits = [
        Limit(asked.most, f"{asked.key}.max", f"is {asked.most}"),
        Limit(most, "scaling.max_replicas_per_model", f"is {most}"),
        Limit(gpus // each, "scaling.max_gpus_per_model", f"is {gpus}: {gpus // each} x {each} GPUs"),
    ]
    return _Wish(
        model=str(model["name"]),
        priority=str(said(model, MODEL, "priority")),
        product=str(model["gpu"]["product"]),
        each=each,
        floor=max(1, asked.fewest),
        sleeps=asked.fewest == 0 and may_sleep(contract, model),
        key=asked.key,
        limit=min(limits, key=lambda limit: limit.replicas),
    )


def _short(wishes: Iterable[_Wish], product: str, free: Mapping[str, int]) -> list[str]:
    """What is missing of a product for all floors, with the arithmetic; nothing when they fit."""
    ours = [wish for wish in wishes if wish.product == product]
    needed, there = sum(wish.floor * wish.each for wish in ours), free.get(product, 0)
    if needed <= there:
        return []
    terms = " + ".join(f"{wish.floor} x {wish.each} ({wish.model})" for wish in ours)
    advice = "lower a floor (replicas.min, or that of a schedule), or have more approved in capacity.gpus"
    needs = f"the models' floors need {terms} = {amount(needed, 'GPU')} of {product}"
    return [f"{needs}, and {there} are approved: {advice}"]


def _given(wishes: Iterable[_Wish], priority: str, free: dict[str, int]) -> dict[str, int]:
    """Replicas beyond the floor for the models of one priority; takes their GPUs out of ``free``.

    One replica at a time to whoever got the fewest so far, so that no model waits until another has all it wants.
    """
    asking = {wish.model: wish for wish in wishes if wish.priority == priority}
    given = dict.fromkeys(asking, 0)
    queue = [(0, name) for name, wish in asking.items() if wish.floor < wish.limit.replicas]
    heapq.heapify(queue)
    while queue:
        count, name = heapq.heappop(queue)
        wish = asking[name]
        if wish.each > free[wish.product]:
            continue  # nor will it fit later: there is only ever less
        free[wish.product] -= wish.each
        given[name] = count + 1
        if wish.floor + given[name] < wish.limit.replicas:
            heapq.heappush(queue, (count + 1, name))
    return given
