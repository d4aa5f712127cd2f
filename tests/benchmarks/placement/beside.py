# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to free the same whole nodes: ours, descheduler's HighNodeUtilization, and Karpenter's ``Balanced``.

Parts of the trace, filled and spread as everywhere here, of nodes of their product's usual size: a block is a node.
Each replica is of one of five models of its product and size, drawn by a seed. What a load of a model takes is drawn
between 1 and 30 minutes, evenly on a logarithmic scale. An eviction weighs as many seconds as its model's load takes.
Until a peer has freed the most that it frees its evictions count, and not beyond; ours is asked for the same GPUs of
each product.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import rehearse
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Pod, Scene
from tests.benchmarks.placement import exact
from tests.benchmarks.placement.birth import BIRTHS
from tests.benchmarks.placement.peers import Evicted, balanced, high_node_utilization
from tests.benchmarks.placement.trace import FILLED, filled, free, part, read, shapes_of, trace_folder

PARTS, PART_NODES, MOVES, SECONDS = 12, 100, 400, 40.0
_MODELS, _LEAST, _MOST = 5, 60.0, 1800.0
_SEED = 21

Peer = Callable[[Scene], list[Evicted]]


def _costly(scene: Scene) -> list[Evicted]:
    """With ``pod-deletion-cost`` set so that a pod costs up to 10, by its load: nobody does so by default."""
    loads = {one.name: one.loads[0] for one in scene.models if one.loads}
    return balanced(scene, lambda pod: max(1.0, 10 * loads[pod.model] / _MOST))


PEERS: Mapping[str, Peer] = {
    "descheduler, nodes below 25 % of GPUs": lambda scene: high_node_utilization(scene, {GPU: 25}),
    "descheduler, nodes below 50 % of GPUs": lambda scene: high_node_utilization(scene, {GPU: 50}),
    "descheduler, nodes below 75 % of GPUs": lambda scene: high_node_utilization(scene, {GPU: 75}),
    "Karpenter, Balanced": balanced,
    "Karpenter, Balanced, told of loads": _costly,
}


@dataclass(frozen=True)
class Cost:
    """GPUs freed in whole nodes, evictions, and the seconds that they weigh."""

    freed: int = 0
    evictions: int = 0
    weight: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.freed + other.freed, self.evictions + other.evictions, self.weight + other.weight)


def main(_runs: int) -> None:
    """``DATA=folder make bench PARTS=consolidators``."""
    nodes, asked = read(trace_folder())
    beside_peers(filled(nodes, asked, BIRTHS["spread (the scheduler)"]))


def beside_peers(whole: Scene) -> None:
    """The tables: of parts, and of the whole cluster."""
    whole = with_loads(usual(whole))
    parts = [part(whole, PART_NODES, seed) for seed in range(PARTS)]
    _table(f"{PARTS} parts of {PART_NODES} nodes", parts)
    _table(f"the whole cluster of {len(whole.nodes)} nodes", [whole])


def _table(what: str, scenes: Sequence[Scene]) -> None:
    highspy = exact.solver()
    print(f"\nEvictions for the same freed GPUs, {what}, filled to {FILLED:.0%}")
    print(f"  {'':40}{'in parts':>9}{'freed':>7}{'evictions':>11}{'weight':>8}   "
          f"ours:{'freed':>6}{'evictions':>11}{'weight':>8}{'ratio':>7}{'least possible':>16}")  # fmt: skip
    for name, peer in PEERS.items():
        theirs, ours, least, parts = Cost(), Cost(), 0.0, 0
        for scene in scenes:
            one, by_product = most_freed(scene, peer(scene))
            if one.freed > 0:
                theirs, ours, parts = theirs + one, ours + _ours(scene, by_product), parts + 1
                least += exact.least_weight(highspy, scene, by_product, SECONDS) if highspy else 0.0
        ratios = _ratios(theirs, ours, least if highspy else None)
        print(f"  {name:40}{parts:9}{_row(theirs)}{'':8}{_row(ours)}{ratios}", flush=True)


def _row(one: Cost) -> str:
    return f"{one.freed:7}{one.evictions:11}{one.weight:8.0f}"


def _ratios(theirs: Cost, ours: Cost, least: float | None) -> str:
    if not theirs.weight:
        return "  (it frees nothing)"
    possible = "    not measured" if least is None else f"{least / theirs.weight:16.0%}"
    return f"{ours.weight / theirs.weight:7.0%}{possible}"


def usual(scene: Scene) -> Scene:
    """Without nodes of another size than most of their product."""
    shapes = shapes_of(scene.nodes)
    nodes = tuple(one for one in scene.nodes if one.gpus == shapes[one.product])
    names = {one.name for one in nodes}
    return replace(scene, nodes=nodes, pods=tuple(pod for pod in scene.pods if pod.node in names))


def with_loads(scene: Scene) -> Scene:
    """Each replica one of a model whose load is known."""
    draw = random.Random(_SEED)  # noqa: S311 (loads, and no secret)
    products = {one.name: one.product for one in scene.nodes}
    pods, models = list[Pod](), dict[str, Model]()
    for pod in sorted(scene.pods, key=lambda one: one.key):
        if pod.stays:
            pods.append(pod)
            continue
        product = products[pod.node]
        name = f"{product}-{pod.gpus}-{draw.randrange(_MODELS)}"
        if name not in models:
            load = _LEAST * (_MOST / _LEAST) ** draw.random()
            models[name] = Model(name, product, pod.gpus, loads=(load,) * 9)
        pods.append(replace(pod, model=name))
    return replace(scene, pods=tuple(pods), models=tuple(models.values()))


def most_freed(scene: Scene, evicted: Sequence[Evicted]) -> tuple[Cost, Counter[str]]:
    """The most GPUs that were free in whole nodes beside those before, at what cost until then; and all, by product."""
    loads = {one.name: one.loads[0] for one in scene.models}
    before, weight = _whole(scene, free(scene)), 0.0
    left, best, blocks = free(scene), Cost(), Counter[str]()
    for number, one in enumerate(evicted, start=1):
        left[one.pod.node] += one.pod.gpus
        left[one.to] -= one.pod.gpus
        weight += loads[one.pod.model]
        now = _whole(scene, left)
        if now.total() - before.total() > best.freed:
            best, blocks = Cost(now.total() - before.total(), number, weight), now
    return best, blocks


def _whole(scene: Scene, left: Mapping[str, int]) -> Counter[str]:
    """GPUs of nodes that are free as a whole, by product."""
    found: Counter[str] = Counter()
    for one in scene.nodes:
        found[one.product] += one.gpus if left[one.name] == one.gpus else 0
    return found


def _ours(scene: Scene, wanted: Mapping[str, int]) -> Cost:
    """A plan for as many whole nodes of each product, and no more."""
    sizes = shapes_of(scene.nodes)
    asked = [
        Model(f"whole-{one}", one, sizes[one], most=gpus // sizes[one], wanted=1.0) for one, gpus in wanted.items()
    ]
    made = plan_of(replace(scene, models=(*scene.models, *asked)), Efficiency(max_moves=MOVES))
    after, found = rehearse(scene, made.moves)
    if found:
        raise RuntimeError(f"the rehearsal of a plan ended: {found}")
    freed = _whole(scene, free(after)).total() - _whole(scene, free(scene)).total()
    return Cost(freed, len(made.moves), sum(move.load for move in made.moves))
