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


class Blocks:
    """Free GPUs by product, as demands can be put into them: by NVLink domain, how many nodes have so many free."""

    def __init__(self, nodes: Iterable[Node], free: Iterable[int]) -> None:
        self._levels: dict[str, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for node, gpus in zip(nodes, free, strict=True):
            if gpus > 0:
                self._levels[node.product][node.domain][gpus] += 1

    def met(self, wanted: Iterable[Demand]) -> dict[Demand, int]:
        """How many blocks of each demand there are, each on the fullest nodes that it fits; of larger ones first."""
        levels = {product: {name: dict(one) for name, one in each.items()} for product, each in self._levels.items()}
        return {one: _put(levels.get(one.product, {}), one) for one in wanted}

    def worth(self, wanted: Iterable[Demand]) -> float:
        """The GPU-seconds that the demands get."""
        return sum(one.worth * count for one, count in self.met(wanted).items())


def _put(domains: Mapping[str, dict[int, int]], demand: Demand) -> int:
    """Take the blocks of a demand out of the free ones. Returns how many there were, its count at most."""
    met = 0
    for name in sorted(domains):
        # Nodes of no domain make no block together.
        while met < demand.count and (demand.nodes == 1 or name) and _take(domains[name], demand):
            met += 1
    return met


def _take(levels: dict[int, int], demand: Demand) -> bool:
    fitting = sorted(free for free, nodes in levels.items() if nodes and free >= demand.gpus)
    if sum(levels[free] for free in fitting) < demand.nodes:
        return False
    taken: list[int] = []
    for free in fitting:
        taken += [free] * min(levels[free], demand.nodes - len(taken))
    for free in taken:
        levels[free] -= 1
        levels[free - demand.gpus] = levels.get(free - demand.gpus, 0) + 1
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
