# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is possible at most: the same question as a mixed-integer program, by HiGHS.

Which pods leave and which come is counted by node and kind (product, GPUs, CPU, memory), since pods of one kind are
alike. Only where all end counts, not the way there, save on products of so few nodes that every way can be tried: so it
is a bound for every plan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Pod, Scene
from tests.benchmarks.placement.trace import free
from tests.benchmarks.placement.ways import reachable

_RESOURCES = ("cpu", "memory", GPU)
_Kind = tuple[str, int, int, int]
_Replica = tuple[float, _Kind]


def solver() -> ModuleType | None:
    """HiGHS; None where it is not installed: it is no dependency of anything else."""
    try:
        import highspy
    except ImportError:
        return None
    return highspy  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Possible:
    """GPUs in whole nodes' blocks: of the best end that was found, and the most that could be."""

    found: float
    bound: float


def _kind(product: str, pod: Pod) -> _Kind:
    return (product, pod.gpus, pod.requests["cpu"], pod.requests["memory"])


def possible(highspy: ModuleType, scene: Scene, shapes: dict[str, int], moves: int, seconds: float) -> Possible:
    """The most GPUs in blocks after so many moves."""
    model = _program(highspy, scene, shapes, moves)
    model.setOptionValue("time_limit", seconds)
    model.setOptionValue("mip_rel_gap", 0.0)
    model.solve()
    info = model.getInfo()
    return Possible(float(info.objective_function_value), float(info.mip_dual_bound))


def linear_bound(highspy: ModuleType, scene: Scene, shapes: dict[str, int], moves: int) -> float:
    """What parts of pods and of blocks would come to: no plan reaches more."""
    model = _program(highspy, scene, shapes, moves)
    model.setOptionValue("solve_relaxation", True)
    model.solve()
    return float(model.getInfo().objective_function_value)


def _program(highspy: ModuleType, scene: Scene, shapes: dict[str, int], moves: int) -> Any:
    nodes, left = {one.name: one for one in scene.nodes}, free(scene)
    there: dict[str, Counter[_Kind]] = defaultdict(Counter)
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for pod in scene.pods:
        used[pod.node].update(pod.requests)
        if not pod.stays:
            there[pod.node][_kind(nodes[pod.node].product, pod)] += 1
    kinds = sorted({kind for each in there.values() for kind in each})
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    balance: dict[_Kind, list[Any]] = defaultdict(list)
    leaving: list[Any] = []
    aim: dict[str, list[Any]] = {product: [] for product in shapes}
    for name, node in nodes.items():
        change: dict[str, list[Any]] = {resource: [] for resource in _RESOURCES}
        for kind in kinds if node.gpus else ():
            if kind[0] == node.product:
                come = [model.addIntegral(lb=0, ub=min(node.gpus // kind[1], moves))]
                go = [model.addIntegral(lb=0, ub=there[name][kind])] if there[name][kind] else []
                leaving += go
                balance[kind] += [*come, *(-each for each in go)]
                for resource, amount in zip((GPU, "cpu", "memory"), kind[1:], strict=True):
                    change[resource] += [amount * each for each in come] + [-amount * each for each in go]
        size = shapes[node.product]
        count = model.addIntegral(lb=0, ub=node.gpus // size)
        aim[node.product].append(size * count)
        model.addConstr(size * count + sum(change[GPU]) <= left[name])
        for resource in ("cpu", "memory"):
            if change[resource]:
                model.addConstr(sum(change[resource]) <= node.allocatable[resource] - used[name][resource])
    for terms in balance.values():
        model.addConstr(sum(terms) == 0)
    for product, blocks in aim.items():
        most = reachable(scene, product, shapes[product], moves)
        if blocks and most is not None:
            model.addConstr(sum(blocks) <= most)
    model.addConstr(sum(leaving) <= moves)
    model.setMaximize()
    model.setObjective(sum(each for blocks in aim.values() for each in blocks))
    return model


def least_weight(highspy: ModuleType, scene: Scene, wanted: dict[str, int], seconds: float) -> float:
    """The least that evictions weigh after which so many GPUs of each product are free in whole nodes.

    An eviction weighs what a load of its model takes.
    """
    model = highspy.Highs()
    for name, value in (("output_flag", False), ("time_limit", seconds), ("mip_rel_gap", 0.0)):
        model.setOptionValue(name, value)
    there, left = _replicas(scene)
    kinds = sorted({kind for each in there.values() for _load, kind in each})
    weights: list[Any] = []
    balance: dict[_Kind, list[Any]] = defaultdict(list)
    whole: dict[str, list[Any]] = defaultdict(list)
    for node in scene.nodes:
        free = model.addIntegral(lb=0, ub=1)
        whole[node.product].append(node.gpus * free)
        change: dict[str, list[Any]] = {GPU: [node.gpus * free], "cpu": [], "memory": []}
        come = [(kind, model.addIntegral(lb=0, ub=node.gpus)) for kind in kinds if kind[0] == node.product]
        go = [(load, kind, model.addIntegral(lb=0, ub=n)) for (load, kind), n in sorted(there[node.name].items())]
        weights += [load * count for load, _kind, count in go]
        for kind, count in [*come, *((kind, -count) for _load, kind, count in go)]:
            balance[kind].append(count)
            for resource, amount in zip((GPU, "cpu", "memory"), kind[1:], strict=True):
                change[resource].append(amount * count)
        for resource, terms in change.items():
            if terms:
                model.addConstr(sum(terms) <= left[node.name][resource])
    for terms in balance.values():
        model.addConstr(sum(terms) == 0)
    for product, gpus in wanted.items():
        model.addConstr(sum(whole[product]) >= gpus)
    model.setMinimize()
    model.setObjective(sum(weights))
    model.solve()
    return float(model.getInfo().mip_dual_bound)


def _replicas(scene: Scene) -> tuple[dict[str, Counter[_Replica]], dict[str, Counter[str]]]:
    """By node: how many replicas of each load and kind it has that may move, and what is free."""
    products, loads = {one.name: one.product for one in scene.nodes}, {one.name: one.loads for one in scene.models}
    there: dict[str, Counter[_Replica]] = defaultdict(Counter)
    left = {one.name: Counter(dict(one.allocatable)) for one in scene.nodes}
    for pod in scene.pods:
        left[pod.node].subtract(pod.requests)
        if not pod.stays:
            there[pod.node][loads[pod.model][0], _kind(products[pod.node], pod)] += 1
    return there, left
