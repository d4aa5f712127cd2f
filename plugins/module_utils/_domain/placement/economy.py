# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move costs and what a freed block is worth, both in GPU-seconds.

A move costs what its replacement holds twice while it loads, and the work that its cache saved. A block of free GPUs is
worth as much as a replica that would otherwise wait for it: its GPUs, for as long as that is expected to matter before
the next plan. Nothing is assumed of what nobody has measured: loads that are not known cost the longest that a load may
take, and a replica that nobody is known to want is worth nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .scene import Model, Node, Scene

ENOUGH_LOADS = 5
"""With fewer past loads their 95th percentile says nothing."""


@dataclass(frozen=True, slots=True)
class Price:
    """GPU-seconds of one move, and what they rest on."""

    gpu_seconds: float
    load: float
    measured: bool


def price_of(model: Model) -> Price:
    """What it costs to move a replica of a model."""
    measured = len(model.loads) >= ENOUGH_LOADS
    load = percentile(model.loads, 0.95) if measured else max((model.load_limit, *model.loads))
    return Price((load + model.warm) * model.gpus, load, measured)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Demand:
    """Blocks that replicas of one shape may want: so many GPUs on each of so many nodes of one NVLink domain.

    count: how many at most. seconds: how long each is expected to matter.
    """

    product: str
    gpus: int
    nodes: int
    count: int
    seconds: float

    @property
    def worth(self) -> float:
        return self.gpus * self.nodes * self.seconds


def demands(models: Iterable[Model], horizon: float) -> list[Demand]:
    """What the models may want beyond what they have, the largest first; models that want the same want it together.

    :param horizon: seconds until the next plan.
    """
    counts: Counter[tuple[str, int, int, float]] = Counter()
    for one in models:
        if one.wanted and one.gpus and one.most > one.desired:
            counts[one.product, one.gpus, one.nodes, one.wanted * horizon] += one.most - one.desired
    found = [Demand(product, gpus, nodes, count, each) for (product, gpus, nodes, each), count in counts.items()]
    return sorted(found, key=lambda one: (-one.gpus * one.nodes, -one.seconds, one.product, one.nodes))


Places = Mapping[str, Mapping[str, Sequence[int]]]
"""The numbers of nodes, by product and by NVLink domain."""


def places_of(nodes: Iterable[Node]) -> Places:
    """Where these nodes are, in their order."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, node in enumerate(nodes):
        found[node.product][node.domain].append(number)
    return found


class Blocks:
    """Free GPUs by product, as demands can be put into them: by NVLink domain, how many nodes have so many free.

    :param free: of each node, by its number in ``places``.
    """

    def __init__(self, places: Places, free: Sequence[int]) -> None:
        self._levels = {
            product: {name: Counter(map(free.__getitem__, numbers)) for name, numbers in domains.items()}
            for product, domains in places.items()
        }

    def met(self, wanted: Iterable[Demand]) -> dict[Demand, int]:
        """How many blocks of each demand there are, each on the fullest nodes that it fits; of larger ones first."""
        levels = {product: {name: Counter(one) for name, one in each.items()} for product, each in self._levels.items()}
        return {one: _put(levels.get(one.product, {}), one) for one in wanted}

    def worth(self, wanted: Iterable[Demand]) -> float:
        """The GPU-seconds that the demands get."""
        return sum(one.worth * count for one, count in self.met(wanted).items())


def _put(domains: Mapping[str, Counter[int]], demand: Demand) -> int:
    """Take the blocks of a demand out of the free ones. Returns how many there were, its count at most."""
    met = 0
    for name in sorted(domains):
        if demand.nodes == 1:
            met += _on_single_nodes(domains[name], demand.gpus, demand.count - met)
        # Nodes of no domain make no block together.
        while demand.nodes > 1 and name and met < demand.count and _take(domains[name], demand):
            met += 1
    return met


def _on_single_nodes(levels: Counter[int], gpus: int, most: int) -> int:
    """Take so many blocks at most, each node's until it has none left, the fullest node first. Returns how many."""
    met = 0
    for free in sorted(level for level, nodes in levels.items() if nodes and level >= gpus):
        each = free // gpus
        whole, rest = min(divmod(most - met, each), (levels[free], 0))
        for blocks, nodes in ((each, whole), (rest, int(rest > 0))):
            levels[free] -= nodes
            levels[free - blocks * gpus] += nodes
            met += blocks * nodes
    return met


def _take(levels: Counter[int], demand: Demand) -> bool:
    """Take one block that spans nodes, on the fullest of them. Returns whether there was one."""
    fitting = sorted(free for free, nodes in levels.items() if nodes and free >= demand.gpus)
    if sum(levels[free] for free in fitting) < demand.nodes:
        return False
    taken: list[int] = []
    for free in fitting:
        taken += [free] * min(levels[free], demand.nodes - len(taken))
    for free in taken:
        levels[free] -= 1
        levels[free - demand.gpus] += 1
    return True


def values(wanted: Iterable[Demand], most: int) -> list[float]:
    """What so many free GPUs on one node are worth, by how many they are: every block of every demand that is in them.

    It guides the search, node by node; what a plan gains is what :meth:`Blocks.worth` says of all nodes together.
    """
    table = [0.0] * (most + 1)
    for one in wanted:
        for free in range(most + 1):
            table[free] += one.seconds * one.gpus * (free // one.gpus)
    return table


def model_prices(scene: Scene) -> dict[str, Price]:
    """The price of a move, by model."""
    return {one.name: price_of(one) for one in scene.models}
