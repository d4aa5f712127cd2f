# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes are freed, and where their replicas go: the placement that is worth most beyond the price of its moves.

Blocks are added one after the other, the best first. Then, again and again, some are given up and others tried in their
place, with more or less effort; what is worth no less is kept, and the best of all is the answer. Steps are counted,
and no clock is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .draws import Draws
from .options import chosen, options
from .scene import Pod
from .yard import Yard

_STEPS, _LOOKS, _OF_A_POD = 40_000, 3_200_000, 200
"""Steps of a search beyond those that its first blocks need: of a large cluster fewer, as each looks at more nodes, and
of a small one as many for each replica."""
_OF_A_ROUND, _OF_A_SAVING = 20, 80
"""Steps that a round counts beside those for its replicas: for another block, and for cheaper moves only."""
_SAVING, _TRIES = 20, 10
_IN_VAIN = 250
"""Rounds without anything better."""


@dataclass(frozen=True, slots=True)
class _Effort:
    """How hard blocks are tried.

    slack: moves beyond what is allowed while one is freed: they are saved afterwards, or it is not. steps: to find
    places for its replicas. patience: how many may fail one after the other.
    """

    slack: int
    steps: int
    patience: int


_FIRST = _Effort(10, 100, 40)
_LITTLE, _MORE, _MUCH = _Effort(0, 10, 12), _Effort(10, 100, 8), _Effort(60, 500, 4)
_CYCLE = (_LITTLE, _LITTLE, _MORE, _LITTLE, _LITTLE, _MUCH)
"""By rounds: where few moves are allowed, many sets of nodes have to be seen; where little room is left, places for the
replicas of one set take long to find."""


@dataclass(frozen=True, slots=True)
class Target:
    """nodes: those that are freed together, each up to so many GPUs, by which of its replicas. rate: what a move gains.
    need: what these replicas need. names: of these nodes. moves: how many of these replicas are at home.
    """

    rate: float
    need: int
    nodes: tuple[tuple[int, int, tuple[int, ...]], ...]
    names: tuple[int, ...]
    moves: int

    @property
    def gain(self) -> float:
        """GPU-seconds beyond the price of its moves."""
        return self.rate * sum(len(leaving) for _node, _level, leaving in self.nodes)


@dataclass(frozen=True)
class Aim:
    """What blocks are worth.

    products: of each node, its GPUs. levels: of each node, the free GPUs at which it is worth more, in order; kept: the
    same by all blocks that are wanted, whether there are enough of them or not. values: of each node, what it is worth
    by its free GPUs. together: nodes that count only together, the free GPUs that each needs, and how many of them are
    needed. worth: of all, by the free GPUs of each; most: what it can be. prices: of each replica, what its move has to
    gain.
    """

    products: Sequence[str]
    levels: Sequence[Sequence[int]]
    kept: Sequence[Sequence[int]]
    values: Sequence[Sequence[float]]
    together: Sequence[tuple[tuple[int, ...], int, int]]
    worth: Callable[[Sequence[int]], float]
    most: float
    prices: Sequence[float]


class Freeing:
    """One search on a yard."""

    def __init__(self, yard: Yard, pods: Sequence[Pod], aim: Aim, by_model: Mapping[str, float]) -> None:
        self._yard, self._pods, self._aim, self._by_model = yard, pods, aim, by_model
        self._number = {pod.key: number for number, pod in enumerate(pods)}
        self._draws = Draws()
        self._effort, self._by_price = _FIRST, False
        self._targets: list[Target | None] = [None] * len(yard.level)
        self._of_product: dict[str, list[int]] = {}
        for node, product in enumerate(aim.products):
            self._of_product.setdefault(product, []).append(node)
        self._least = {
            product: min(least)
            for product, nodes in self._of_product.items()
            if (least := [aim.levels[node][0] for node in nodes if aim.levels[node]])
        }
        for node, level in enumerate(yard.level):
            yard.hold(node, max((one for one in aim.kept[node] if one <= level), default=0))
        self._kept = list(yard.keep)
        self._best, self._worth = list(yard.at), self._value()

    def run(self) -> list[int]:
        """Where each replica is in the end."""
        self._begin()
        allowed = min(_STEPS, _LOOKS // len(self._yard.level), _OF_A_POD * len(self._pods))
        end, in_vain = self._yard.steps + allowed, 0
        while self._yard.steps < end and in_vain < _IN_VAIN and (steps := self._worth_trying()):
            self._yard.steps += steps
            self._by_price = steps == _OF_A_SAVING
            self._effort = _CYCLE[in_vain % len(_CYCLE)]
            in_vain = 0 if self._round(in_vain) else in_vain + 1
        return self._best

    def _begin(self) -> None:
        """The first blocks: those that gain most for each move; where no more can be, also those that gain most beyond
        their price. The better is noted."""
        start = self._yard.mark()
        for by_price in (False, True):
            self._by_price = by_price
            self._yard.undo(start)
            self._grow()
            self._save()
            self._note()
            if self._may_grow() or not self._yard.away:
                return

    def _value(self) -> float:
        return self._aim.worth(self._yard.level) - sum(self._aim.prices[pod] for pod in self._yard.away)

    def _note(self) -> bool:
        """Keep the placement if none was better. Returns whether it is better."""
        worth = self._value()
        if worth <= self._worth:
            return False
        self._best, self._worth = list(self._yard.at), worth
        return True

    def _worth_trying(self) -> int:
        """The steps that another round counts; none where neither another block nor cheaper moves may be found."""
        if self._may_grow():
            return _OF_A_ROUND
        return _OF_A_SAVING if self._yard.away else 0

    def _may_grow(self) -> bool:
        return bool(self._growing()) and self._aim.worth(self._yard.level) < self._aim.most

    def _growing(self) -> set[str]:
        """Products of which the free GPUs that are in no block are enough for another one."""
        level, keep = self._yard.level.__getitem__, self._yard.keep.__getitem__
        return {
            product
            for product, least in self._least.items()
            if sum(map(level, nodes := self._of_product[product])) - sum(map(keep, nodes)) >= least
        }

    # Rounds --------------------------------------------------------------------------------------------------------

    def _round(self, number: int) -> bool:
        mark, before, moved = self._yard.mark(), self._value(), len(self._yard.away)
        given_up = self._give_up() if number % 4 != 3 else []
        self._grow(drawn=True, but=given_up)
        self._save()
        worth, price = self._value(), max(self._aim.prices, default=0.0)
        if worth < before - 2 * price or len(self._yard.away) > max(moved + 2, self._yard.most):
            self._yard.undo(mark)
        return self._note()

    def _give_up(self) -> list[int]:
        held = [node for node, level in enumerate(self._yard.keep) if level]
        if not held:
            return []
        some = [held[self._draws.below(len(held))]]
        while self._draws.below(3) == 0:
            some.append(held[self._draws.below(len(held))])
        for node in some:
            self._yard.hold(node, 0)
        self._save(_TRIES // 2)
        return some

    def _grow(self, *, drawn: bool = False, but: Iterable[int] = ()) -> None:
        """Free blocks, the best first or else drawn, until so many in a row cannot be."""
        failed, in_vain, closed = set[tuple[int, ...]](), 0, set(but)
        patience = self._effort.patience
        while in_vain < patience and len(self._yard.away) < self._yard.most:
            untried = [one for one in self._ranked() if one.names not in failed and closed.isdisjoint(one.names)]
            while untried and in_vain < patience:
                target = untried.pop(self._drawn(untried) if drawn else 0)
                if self._free(target):
                    failed, in_vain, closed = set(), 0, set()
                    break
                failed.add(target.names)
                in_vain += 1
            else:
                return

    def _drawn(self, ranked: Sequence[Target]) -> int:
        """One of the better targets of any product, and not always the best."""
        by_product: dict[str, list[int]] = {}
        for number, one in enumerate(ranked):
            by_product.setdefault(self._aim.products[one.names[0]], []).append(number)
        some = list(by_product.values())[self._draws.below(len(by_product))]
        return some[min(self._draws.below(len(some)), self._draws.below(len(some)))]

    def _save(self, tries: int = _TRIES) -> None:
        self._yard.tighten(0, tries, _SAVING, self._freed())

    def _freed(self) -> list[int]:
        return [node for node, level in enumerate(self._yard.keep) if level > self._kept[node]]

    def _free(self, target: Target) -> bool:
        """Free the nodes of a target, and find places for who was there; or nothing is done."""
        yard = self._yard
        mark, most, before = yard.mark(), yard.most, self._value()
        pool: list[int] = []
        for node, level, leaving in target.nodes:
            for pod in leaving:
                yard.take(pod)
            pool += leaving
            yard.hold(node, level)
        yard.most = most + self._effort.slack
        pool.sort(key=yard.need.__getitem__)
        done = len(yard.away) <= most and yard.settle(pool, self._effort.steps * len(target.nodes))
        yard.most = most
        done = done and (len(yard.away) <= most or yard.tighten(most, _TRIES, _SAVING, self._freed()))
        if done and self._value() > before:
            return True
        yard.undo(mark)
        return False

    # Targets -------------------------------------------------------------------------------------------------------

    def _ranked(self) -> list[Target]:
        """What could be freed with the moves that are left, the best first."""
        spare = self._yard.most - len(self._yard.away)
        growing = self._growing()
        for node in self._yard.changed:
            self._targets[node] = self._next_block(node)
        self._yard.changed.clear()
        nodes = [node for product in self._of_product if product in growing for node in self._of_product[product]]
        found = [one for node in nodes if (one := self._targets[node]) and one.moves <= spare]
        found += self._together(spare)
        return sorted(found, key=lambda one: (-(one.gain if self._by_price else one.rate), one.need, one.nodes))

    def _next_block(self, node: int) -> Target | None:
        yard, levels = self._yard, self._aim.levels[node]
        up = next((one for one in levels if one > yard.level[node]), None)
        if up is None or (leaving := self._leaving(node, up - yard.level[node])) is None:
            return None
        after = yard.level[node] + sum(yard.gpus[pod] for pod in leaving)
        level = max(yard.keep[node], *(one for one in levels if one <= after))
        values = self._aim.values[node]
        gain = values[after] - values[yard.level[node]] - sum(self._aim.prices[pod] for pod in leaving)
        if gain <= 0:
            return None
        need, moves = sum(yard.need[pod] for pod in leaving), sum(yard.home[pod] == node for pod in leaving)
        return Target(gain / len(leaving), need, ((node, level, leaving),), (node,), moves)

    def _leaving(self, node: int, gpus: int) -> tuple[int, ...] | None:
        """The fewest replicas with so many GPUs, the cheapest of these; None where all have fewer."""
        here = [self._pods[pod] for pod in self._yard.inside[node]]
        enough = [one for one in options([pod.gpus for pod in here]) if one.freed >= gpus]
        if not enough:
            return None
        option = min(enough, key=lambda one: (len(one.sizes), one.freed))
        return tuple(self._number[pod.key] for pod in chosen(here, option, self._by_model))

    def _together(self, spare: int) -> list[Target]:
        """Nodes of one domain that are worth something only when enough of them are free."""
        found = []
        for nodes, gpus, count in self._aim.together:
            free = sum(self._yard.level[node] >= gpus for node in nodes)
            rest = [one for node in nodes if self._yard.level[node] < gpus if (one := self._targets[node])]
            rest.sort(key=lambda one: (one.moves, -one.rate, one.need, one.nodes))
            some = rest[: count - free % count]
            if len(some) == count - free % count and (moves := sum(one.moves for one in some)) <= spare:
                rate, need = sum(one.rate for one in some) / len(some), sum(one.need for one in some)
                nodes_of = tuple(each for one in some for each in one.nodes)
                found.append(Target(rate, need, nodes_of, tuple(node for one in some for node in one.names), moves))
        return found
