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
