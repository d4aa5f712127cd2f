# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for moves: what waits gets room, then nodes to be left are left, then blocks are freed, the best first.

Each package of moves is made on the twin as soon as it is found, so that the next one is looked for in what would be
there. A package that does not help is undone, and not tried again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..names import GPU
from .blocks import Asked, ends
from .economy import Blocks, Demand, demands, model_prices, places_of, values
from .limits import Limits, takes_replicas
from .options import Option, chosen, options
from .plan import BLOCK, PENDING, Move, Package, moved, settle
from .scene import Pod, Scene
from .twin import Twin, pending

_SCARCE = (GPU, "cpu", "memory")
_DETOURS = 120
"""Replicas that are asked whether their leaving would help another one."""
_ATTEMPTS = 6
"""Searches for blocks, each by what the ones before it were refused when they were tried on the twin."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """moves: how many at most. ratio: how many times its price a plan has to gain. horizon: seconds until the next."""

    moves: int
    ratio: float
    horizon: float


@dataclass(frozen=True, slots=True)
class _Trial:
    """Moves that are made on the twin."""

    moves: tuple[Move, ...]

    @property
    def price(self) -> float:
        return sum(move.price for move in self.moves)


class Search:
    """One search over one scene."""

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        self._scene, self._bounds, self._left = scene, bounds, bounds.moves
        self._twin, self._limits = Twin(scene), Limits(scene)
        self._prices = model_prices(scene)
        self._each = {name: one.gpu_seconds for name, one in self._prices.items()}
        self._wanted = demands(scene.models, bounds.horizon)
        self._usable = [node.name for node in scene.nodes if node.gpus and takes_replicas(node)]
        self._places = places_of(map(self._twin.nodes.__getitem__, self._usable))
        self._leave = [node.name for node in scene.nodes if node.leave]
        self._waiting = pending(scene.pods)
        self._before = {pod.key: pod.moved for pod in scene.pods}
        self._movable: dict[str, list[Pod]] = {}
        self._sources: set[str] = set()
        self._destinations: set[str] = set()
        self._came: dict[str, list[Pod]] = {}
        self._somewhere: dict[tuple[str | int, ...], bool] = {}
        settle(self._twin, self._waiting)
        self._worths = self._values(self._wanted)

    def run(self) -> list[Package]:
        """The packages, in the order in which they are to be carried out.

        In each pass no node both gives and takes. Passes go on until one finds nothing, so that a second run would not
        either; a replica that was moved in one is at rest in the next.
        """
        packages: list[Package] = []
        while found := [*self._for_pending(), *self._off_closed(), *self._blocks()]:
            packages += found
            for memory in (self._sources, self._destinations):
                memory.clear()
        return packages

    def stays(self) -> Counter[str]:
        """GPUs of our replicas that are held where they are, by why."""
        found: Counter[str] = Counter()
        for pod in self._scene.pods:
            if pod.model and pod.node and pod.gpus:
                for why in self._limits.stays(pod):
                    found[why] += pod.gpus
        return found

    # What waits --------------------------------------------------------------------------------------------------

    def _for_pending(self) -> Iterator[Package]:
        for pod in self._waiting:
            if pod.model and pod.gpus and not pod.unknown and pod.key not in self._twin.where:
                package = self._room_for(pod)
                if package:
                    yield package

    def _room_for(self, pod: Pod) -> Package | None:
        """The cheapest package that lets the pod in; whoever else would take the room first is seen on the twin."""
        before = self._serving()
        for name, option in self._making_room(pod):
            trial = self._try(name, chosen(self._may_leave(name), option, self._each))
            if trial is None:
                continue
            gain = self._serving() - before
            if pod.key in self._twin.where and gain >= self._bounds.ratio * trial.price:
                return self._kept(PENDING, pod.key, trial, gain)
            self._undo(trial)
        return None

    def _making_room(self, pod: Pod) -> list[tuple[str, Option]]:
        found = []
        for name in self._usable:
            short = pod.gpus - self._twin.free_gpus(name)
            if name in self._destinations or short < 1 or short > self._twin.nodes[name].gpus:
                continue
            enough = [one for one in options([each.gpus for each in self._may_leave(name)]) if one.freed >= short]
            if enough:
                option = min(enough, key=lambda one: (len(one.sizes), one.freed))
                found.append((len(option.sizes), self._cheapest(name, option), name, option))
        return [(name, option) for _count, _price, name, option in sorted(found, key=lambda one: one[:3])]

    # Nodes in maintenance, or suspected of a fault ---------------------------------------------------------------

    def _off_closed(self) -> Iterator[Package]:
        for node in self._leave:
            for pod in list(self._may_leave(node)):
                before = self._serving()
                trial = self._try(node, [pod])
                if trial is None:
                    continue
                gain = self._serving() - before
                if gain >= self._bounds.ratio * trial.price:
                    yield self._kept(f"off a node ({self._twin.nodes[node].closed})", node, trial, gain)
                else:
                    self._undo(trial)

    # Blocks ------------------------------------------------------------------------------------------------------

    def _blocks(self) -> list[Package]:
        """Packages that free blocks; of these as many as together gain most beyond what they have to."""
        refused: set[tuple[str, str]] = set()
        found: list[tuple[Package, _Trial]] = []
        for _attempt in range(_ATTEMPTS):
            known = len(refused)
            self._taken_back(found)
            found = self._carried(self._ends(refused), refused)
            if len(refused) == known:
                break
        best, surplus, so_far = 0, 0.0, 0.0
        for number, (package, _trial) in enumerate(found, start=1):
            so_far += package.gain - self._bounds.ratio * package.price
            if so_far > surplus:
                best, surplus = number, so_far
        self._taken_back(found[best:])
        return [package for package, _trial in found[:best]]

    def _ends(self, refused: set[tuple[str, str]]) -> dict[str, str]:
        asked = Asked(self._wanted, self._each, self._left, self._bounds.ratio, frozenset(refused))
        return ends(self._twin, self._limits, self._usable, self._may_leave, asked)

    def _taken_back(self, found: Sequence[tuple[Package, _Trial]]) -> None:
        for _package, trial in reversed(found):
            self._undo(trial)
            self._left += len(trial.moves)

    def _carried(self, where: dict[str, str], refused: set[tuple[str, str]]) -> list[tuple[Package, _Trial]]:
        """The moves that lead there, node by node that is freed, in an order in which each of them fits."""
        leaving: dict[str, list[str]] = defaultdict(list)
        for key in sorted(where):
            leaving[self._twin.where[key]].append(key)
        coming = Counter(where.values())
        found, worth = [], self._total()
        for name in sorted(leaving, key=lambda one: (coming[one], len(leaving[one]), one)):
            if not self._is_freed(name, leaving[name], where):
                continue
            made, rest = list[Move](), dict(where)
            if all(key not in rest or self._bring(key, rest, made, refused) for key in leaving[name]) and made:
                where, before, worth = rest, worth, self._total()
                trial = _Trial(tuple(made))
                found.append((self._kept(BLOCK, name, trial, worth - before), trial))
            else:
                self._undo(_Trial(tuple(made)))
        return found

    def _is_freed(self, name: str, leaving: Sequence[str], where: Mapping[str, str]) -> bool:
        """Whether a node is worth more in the end than it is now."""
        worth, free = self._worths[self._twin.nodes[name].product], self._twin.free_gpus(name)
        going = sum(self._twin.pod(key).gpus for key in leaving if key in where)
        coming = sum(self._twin.pod(key).gpus for key, to in where.items() if to == name)
        return worth[max(0, free + going - coming)] > worth[free]

    def _bring(
        self,
        key: str,
        where: dict[str, str],
        made: list[Move],
        refused: set[tuple[str, str]],
        way: tuple[str, ...] = (),
    ) -> bool:
        """Move a replica to where it should be; whoever leaves from there and is in the way goes first."""
        pod, to = self._twin.pod(key), where[key]
        for other in [one for one in where if self._twin.where[one] == to and one not in (*way, key)]:
            if self._takes(pod, to):
                break
            if other in where and not self._bring(other, where, made, refused, (*way, key)):
                return False
        if not self._takes(pod, to):
            # It is not for this node as things are then, or waits for somebody who waits for it.
            refused.add((key, to))
            return False
        made.append(self._moved(pod, to))
        del where[key]
        return True

    def _takes(self, pod: Pod, name: str) -> bool:
        return self._twin.fits(pod, name) and not self._limits.crowded(self._twin, pod, name)

    def _cheapest(self, name: str, option: Option) -> float:
        return sum(self._each[pod.model] for pod in chosen(self._may_leave(name), option, self._each))

    def _values(self, wanted: Sequence[Demand]) -> dict[str, list[float]]:
        most = max((self._twin.nodes[name].gpus for name in self._twin.nodes), default=0)
        products = {self._twin.nodes[name].product for name in self._twin.nodes}
        return {one: values([each for each in wanted if each.product == one], 2 * most) for one in products}

    # What all is worth -------------------------------------------------------------------------------------------

    def _blocks_now(self) -> Blocks:
        return Blocks(self._places, list(map(self._twin.free_gpus, self._usable)))

    def _serving(self) -> float:
        """GPU-seconds of replicas that wait no more, less those on nodes to leave.

        It comes before blocks, which are for replicas that may be wanted: what serves now is not held back for them.
        """
        placed = sum(pod.gpus for pod in self._waiting if pod.model and pod.key in self._twin.where)
        doubtful = (pod for node in self._leave for pod in self._twin.on[node].values() if pod.model)
        return (placed - sum(pod.gpus for pod in doubtful)) * self._bounds.horizon

    def _total(self) -> float:
        return self._serving() + self._blocks_now().worth(self._wanted)

    # Moves -------------------------------------------------------------------------------------------------------

    def _may_leave(self, name: str) -> list[Pod]:
        """The replicas on a node that may be moved, by name."""
        if name not in self._movable:
            here = sorted(self._twin.on[name].values(), key=lambda pod: pod.key)
            self._movable[name] = [pod for pod in here if pod.gpus and not pod.stays and not self._limits.stays(pod)]
        return self._movable[name]

    def _try(self, name: str, leaving: Sequence[Pod]) -> _Trial | None:
        """Move replicas off a node on the twin, those that need most first; none of them where one finds no place."""
        if len(leaving) > self._left or name in self._destinations or not all(map(self._goes_somewhere, leaving)):
            return None
        made: list[Move] = []
        for pod in sorted(leaving, key=lambda one: (*(-one.requests.get(each, 0) for each in _SCARCE), one.key)):
            hops = self._hops(pod, name)
            made += hops
            if not hops or len(made) > self._left:
                self._undo(_Trial(tuple(made)))
                return None
        return _Trial(tuple(made))

    def _moved(self, pod: Pod, to: str) -> Move:
        price, source = self._prices[pod.model], self._twin.where[pod.key]
        self._put(pod.key, to, self._scene.taken)
        self._came[pod.key] = settle(self._twin, self._waiting)
        return Move(pod.key, pod.model, source, to, pod.gpus, price.gpu_seconds, price.load, price.measured)

    def _hops(self, pod: Pod, source: str) -> list[Move]:
        """Bring a replica off its node, where need be by first moving one or two others that it takes the place of."""
        if to := self._destination(pod, (source,)):
            return [self._moved(pod, to)]
        tries = 0
        for name in sorted(self._usable, key=lambda one: (self._may_be_a_block(one), -self._twin.free_gpus(one), one)):
            if name == source or name in self._sources:
                continue
            for others in self._making_way(pod, name):
                tries += 1
                if tries > _DETOURS:
                    return []
                if made := self._instead(pod, others, (source, name)):
                    return made
        return []

    def _instead(self, pod: Pod, others: Sequence[Pod], between: tuple[str, str]) -> list[Move]:
        made: list[Move] = []
        for other in others:
            to = self._destination(other, between)
            if not to:
                break
            made.append(self._moved(other, to))
        free = len(made) == len(others) and self._twin.fits(pod, between[1])
        if free and not self._limits.crowded(self._twin, pod, between[1]):
            return [*made, self._moved(pod, between[1])]
        self._undo(_Trial(tuple(made)))
        return []

    def _making_way(self, pod: Pod, name: str) -> Iterator[tuple[Pod, ...]]:
        """One or two replicas on a node without which there is room for another one."""
        room = self._twin.free[name]
        short = {each: amount - room.get(each, 0) for each, amount in pod.requests.items()}
        for count in (1, 2):
            for some in combinations(self._may_leave(name), count):
                if all(sum(one.requests.get(each, 0) for one in some) >= less for each, less in short.items()):
                    yield some

    def _goes_somewhere(self, pod: Pod) -> bool:
        """Whether any node but its own takes a replica, as long as no package is added: asked once of each kind."""
        kind: tuple[str | int, ...] = (pod.model, *(pod.requests.get(each, 0) for each in _SCARCE))
        if kind not in self._somewhere:
            hops = self._hops(pod, pod.node)
            self._undo(_Trial(tuple(hops)))
            self._somewhere[kind] = bool(hops)
        return self._somewhere[kind]

    def _destination(self, pod: Pod, but: Sequence[str]) -> str:
        """Where least is lost, and then least is left; empty where no node is proven to take the replica."""
        worth = self._worths[self._twin.nodes[but[-1]].product]
        cpu, memory = (pod.requests.get(each, 0) for each in ("cpu", "memory"))
        found = []
        for name in self._usable:
            room = self._twin.free[name]
            free = room.get(GPU, 0)
            fits = free >= pod.gpus and room.get("cpu", 0) >= cpu and room.get("memory", 0) >= memory
            if fits and name not in but and name not in self._sources:
                lost = worth[free] - worth[free - pod.gpus]
                found.append((lost, self._may_be_a_block(name), free, room.get("cpu", 0), name))
        for *_order, name in sorted(found):
            if self._twin.fits(pod, name) and not self._limits.crowded(self._twin, pod, name):
                return name
        return ""

    def _may_be_a_block(self, name: str) -> bool:
        """Whether a node could be worth more without its replicas: others are filled up before it."""
        worth, free = self._worths[self._twin.nodes[name].product], self._twin.free_gpus(name)
        return worth[free + sum(pod.gpus for pod in self._may_leave(name))] > worth[free]

    def _put(self, key: str, node: str, at: float | None) -> None:
        pod = self._twin.remove(key)
        self._movable.pop(pod.node, None)
        self._movable.pop(node, None)
        self._twin.place(moved(pod, node, at), node)

    def _undo(self, trial: _Trial) -> None:
        for move in reversed(trial.moves):
            for pod in self._came.pop(move.pod):
                self._twin.remove(pod.key)
            self._put(move.pod, move.source, self._before[move.pod])

    def _kept(self, aim: str, target: str, trial: _Trial, gain: float) -> Package:
        self._left -= len(trial.moves)
        self._somewhere.clear()
        self._sources.update(move.source for move in trial.moves)
        self._destinations.update(move.destination for move in trial.moves)
        return Package(aim, target, trial.moves, gain)
