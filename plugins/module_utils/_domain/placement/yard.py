# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and the replicas that may move between them as whole numbers, so that thousands of placements can be tried.

All that a node has free is one number, with a guard bit above each resource: a replica fits where a subtraction leaves
every guard bit. Replicas that were taken off a node find another one as in Nagata and Bräysy's ejection pool: whoever
fits nowhere takes the place of others, those that were easy to place so far, and these look for another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..names import GPU
from .draws import Draws
from .scene import Pod

_FIRST = ("cpu", GPU, "memory")
"""What is scarce, the scarcest first: where least of it would be left is where a replica goes."""
_WINDOW = 12
"""Nodes that are looked at when somebody has to make way: of more, so many from another one on each time."""
_MOST_WAYS = {1: 2}
_MOST_WAYS_OF_LARGE = 5
"""How many replicas make way at once: for one of a single GPU, and for a larger one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node. free: what it has, by resource. gpus: free ones."""

    name: str
    free: dict[str, int]

    @property
    def gpus(self) -> int:
        return self.free.get(GPU, 0)


class Yard:
    """A placement that can be changed and taken back. Nodes and replicas are known by their numbers."""

    def __init__(self, places: Sequence[Place], pods: Sequence[Pod], reach: Sequence[Sequence[int]], most: int) -> None:
        """:param reach: of each replica the nodes that are for it, its own first. most: how many may be moved."""
        names = sorted({name for pod in pods for name in pod.requests} - set(_FIRST))
        self._resources = (*_FIRST, *names)
        whole = [dict(one.free) for one in places]
        for pod, near in zip(pods, reach, strict=True):
            for name, amount in pod.requests.items():
                whole[near[0]][name] = whole[near[0]].get(name, 0) + amount
        amounts = [*whole, *(pod.requests for pod in pods)]
        self._widths = [
            max((one.get(name, 0) for one in amounts), default=0).bit_length() + 1 for name in self._resources
        ]
        self.guard = self._packed([1 << width for width in self._widths])
        self.gpu = self._packed([int(name == GPU) for name in self._resources])
        self.need = [self._packed([pod.requests.get(name, 0) for name in self._resources]) for pod in pods]
        self.gpus = [pod.gpus for pod in pods]
        self.home = [near[0] for near in reach]
        self.at = list(self.home)
        self.reach = reach
        self.free = [self.guard + self._packed([max(0, one.free.get(n, 0)) for n in self._resources]) for one in places]
        self.level = [max(0, one.gpus) for one in places]
        self.keep = [0] * len(places)
        self.inside: list[list[int]] = [[] for _place in places]
        for pod_number, home in enumerate(self.home):
            self.inside[home].append(pod_number)
        self.changed = set(range(len(places)))
        self.away: dict[int, None] = {}
        self.most = most
        self.steps = 0
        self._hard = [1] * len(pods)
        self._draws = Draws()
        self._log: list[tuple[int, int, int]] = []

    def _packed(self, amounts: Iterable[int]) -> int:
        found = 0
        for amount, width in zip(amounts, self._widths, strict=True):
            found = (found << (width + 1)) | amount
        return found

    # One change ----------------------------------------------------------------------------------------------------

    def take(self, pod: int) -> None:
        """Off its node: it is nowhere, and counts as moved."""
        self._log.append((pod, self.at[pod], -1))
        self._set(pod, -1)

    def put(self, pod: int, node: int) -> None:
        """On a node, from nowhere."""
        self._log.append((pod, -1, node))
        self._set(pod, node)

    def hold(self, node: int, level: int) -> None:
        """So many free GPUs of a node are for a block from now on, and not for replicas that move."""
        self._log.append((-1 - node, self.keep[node], level))
        self._hold(node, level)

    def _hold(self, node: int, level: int) -> None:
        self.free[node] -= (level - self.keep[node]) * self.gpu
        self.keep[node] = level
        self.changed.add(node)

    def _set(self, pod: int, node: int) -> None:
        there, home = self.at[pod], self.home[pod]
        if node < 0:
            self.free[there] += self.need[pod]
            self.level[there] += self.gpus[pod]
            self.inside[there].remove(pod)
            self.changed.add(there)
        else:
            self.free[node] -= self.need[pod]
            self.level[node] -= self.gpus[pod]
            self.inside[node].append(pod)
            self.changed.add(node)
        self.at[pod] = node
        if node == home:
            self.away.pop(pod, None)
        elif there == home:
            self.away[pod] = None

    def mark(self) -> int:
        """To which :meth:`undo` goes back."""
        return len(self._log)

    def undo(self, mark: int) -> None:
        while len(self._log) > mark:
            what, before, _after = self._log.pop()
            if what < 0:
                self._hold(-1 - what, before)
            else:
                self._set(what, before)

    # Places for replicas -------------------------------------------------------------------------------------------

    def fits(self, pod: int, node: int) -> bool:
        return (self.free[node] - self.need[pod]) & self.guard == self.guard

    def settle(self, pool: list[int], most_steps: int) -> bool:
        """Find a place for each of these; those who make way are among them from then on.

        Where that does not end within so many steps, what was done has to be undone.
        """
        for _step in range(most_steps):
            if not pool:
                return True
            self.steps += 1
            pod = pool.pop()
            node = self._room(pod)
            if node < 0:
                self._hard[pod] += 1
                node, leaving = self._in_place_of(pod)
                if node < 0:
                    return False
                for other in leaving:
                    self.take(other)
                pool += sorted(leaving, key=self.need.__getitem__)
            self.put(pod, node)
        return not pool

    def _room(self, pod: int) -> int:
        """Home where it fits; else, three times of four, where least is left, and else anywhere."""
        if self.fits(pod, self.home[pod]):
            return self.home[pod]
        free, guard, need = self.free, self.guard, self.need[pod]
        fitting = [(left, node) for node in self.reach[pod] if (left := free[node] - need) & guard == guard]
        if not fitting:
            return -1
        return fitting[self._draws.below(len(fitting))][1] if self._draws.below(4) == 0 else min(fitting)[1]

    def _in_place_of(self, pod: int) -> tuple[int, tuple[int, ...]]:
        """Where a replica fits if others leave, and these: those who were easy to place. -1: nowhere."""
        open_nodes = list(self._open_to(pod))
        found: tuple[int, int, tuple[int, ...]] = (-1, -1, ())
        least = 1 << 60
        for count in range(1, _MOST_WAYS.get(self.gpus[pod], _MOST_WAYS_OF_LARGE) + 1):
            if least <= count:
                break
            for node, base, candidates, spare in open_nodes:
                for some in combinations(candidates, count):
                    hard = sum(map(self._hard.__getitem__, some)) if count > 1 else self._hard[some[0]]
                    if hard > least or not self._make_room(base, some, node, spare):
                        continue
                    order = self._draws.below(1 << 20)
                    if hard < least or order < found[0]:
                        found, least = (order, node, some), hard
        return found[1], found[2]

    def _open_to(self, pod: int) -> Iterator[tuple[int, int, list[int], int]]:
        """Nodes on which it would fit if all left who may: what is free then without it, who may, and how many more
        replicas may be moved."""
        spare, home = self.most - len(self.away), self.home[pod]
        for node in self._window(self.reach[pod]):
            base, more = self.free[node] - self.need[pod], spare + (node == home)
            candidates = self.inside[node] if more > 0 else [one for one in self.inside[node] if self.home[one] != node]
            if candidates and (base + sum(map(self.need.__getitem__, candidates))) & self.guard == self.guard:
                yield node, base, candidates, more

    def _make_room(self, base: int, some: tuple[int, ...], node: int, spare: int) -> bool:
        cost = 0
        for one in some:
            base += self.need[one]
            cost += self.home[one] == node
        return cost <= spare and base & self.guard == self.guard

    def _window(self, nodes: Sequence[int]) -> Sequence[int]:
        if len(nodes) <= _WINDOW:
            return nodes
        first = self._draws.below(len(nodes))
        return [*nodes[first : first + _WINDOW], *nodes[: max(0, first + _WINDOW - len(nodes))]]

    # Fewer moves ---------------------------------------------------------------------------------------------------

    def homeward(self) -> None:
        """Whoever fits at home goes there."""
        while back := [pod for pod in self.away if self.at[pod] >= 0 and self.fits(pod, self.home[pod])]:
            pod = min(back)
            self.take(pod)
            self.put(pod, self.home[pod])

    def tighten(self, most: int, tries: int, most_steps: int, stay_away: Iterable[int]) -> bool:
        """Fewer moves, to at most so many, where some of these fail in a row it ends. Whoever left one of the nodes
        ``stay_away`` is not brought back."""
        closed, failed = set(stay_away), 0
        self.homeward()
        while len(self.away) > most and failed < tries:
            back = [pod for pod in self.away if self.home[pod] not in closed]
            if not back:
                break
            failed = 0 if self._home_by_force(back[self._draws.below(len(back))], most_steps) else failed + 1
        return len(self.away) <= most

    def _home_by_force(self, pod: int, most_steps: int) -> bool:
        """Bring one home, whoever is in its way; only where that saves a move."""
        mark, before, most, home = self.mark(), len(self.away), self.most, self.home[pod]
        leaving = self._in_the_way(pod, home)
        if leaving is None:
            return False
        self.take(pod)
        for other in leaving:
            self.take(other)
        self.put(pod, home)
        self.most = before - 1
        pool = sorted(leaving, key=self.need.__getitem__)
        saved = len(self.away) < before and self.settle(pool, most_steps) and len(self.away) < before
        self.most = most
        if not saved:
            self.undo(mark)
        return saved

    def _in_the_way(self, pod: int, home: int) -> tuple[int, ...] | None:
        """The fewest who have to leave for it, those first who are not at home; None where none are enough."""
        base = self.free[home] - self.need[pod]
        for count in range(4):
            enough = [
                some for some in combinations(self.inside[home], count) if self._make_room(base, some, home, count)
            ]
            if enough:
                at_home = [sum(self.home[one] == home for one in some) for some in enough]
                fewest = [some for some, cost in zip(enough, at_home, strict=True) if cost == min(at_home)]
                return fewest[self._draws.below(len(fewest))]
        return None
