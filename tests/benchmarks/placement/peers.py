# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two other programs would evict, by their documented rules, on the twin.

HighNodeUtilization of kubernetes-sigs/descheduler, as its README has it. Its nodes are taken in the order of its source
(``sortNodesByUsage``), which the README leaves open. The policy ``Balanced`` of Karpenter, as
https://karpenter.sh/docs/concepts/disruption/ and ``designs/balanced-consolidation.md`` of kubernetes-sigs/karpenter
have it; nodes are only deleted here, as a customer's own nodes cannot be replaced by cheaper ones.

Neither is told of loads. Where an evicted replica lands is up to the scheduler's filters, which the twin has, and to
the scoring that the descheduler asks for, ``MostAllocated``, with the weights of the Kubernetes documentation for
packing an extended resource.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Pod, Scene
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin

_WEIGHTS = {"cpu": 1, "memory": 1, GPU: 3}
_PASSES = 50
"""Of the descheduler, which comes again every few minutes; it ends before where one evicts nothing."""
_BUDGET, _TOGETHER = 0.1, 100
"""The share of a pool's nodes that Karpenter takes at a time by default, and how many it tries at most."""
K = 2.0
"""How many times its share of the savings a deletion's share of the disruption may be."""


@dataclass(frozen=True)
class Evicted:
    """A replica as it was, and where it landed."""

    pod: Pod
    to: str


def most_allocated(twin: Twin, pod: Pod, names: Iterable[str]) -> str:
    """Where the scheduler puts a pod: of the nodes that its filters leave, the fullest; empty where there are none."""
    fitting = [name for name in names if twin.free_gpus(name) >= pod.gpus and twin.fits(pod, name)]
    return min(fitting, key=lambda name: (-_score(twin, pod, name), name), default="")


def _score(twin: Twin, pod: Pod, name: str) -> float:
    room = twin.nodes[name].allocatable
    used = {each: room[each] - twin.free[name][each] + pod.requests.get(each, 0) for each in _WEIGHTS}
    return sum(weight * used[each] / room[each] for each, weight in _WEIGHTS.items() if room[each])


def _land(twin: Twin, pod: Pod, to: str) -> Evicted:
    was = twin.remove(pod.key)
    twin.place(replace(was, node=to), to)
    return Evicted(was, to)


def _evictable(twin: Twin, name: str) -> list[Pod]:
    """The replicas on a node, lowest priority first; all are of one QoS class."""
    here = (pod for pod in twin.on[name].values() if pod.gpus and not pod.stays)
    return sorted(here, key=lambda pod: (pod.priority, pod.key))


# descheduler, HighNodeUtilization ------------------------------------------------------------------------------------


def high_node_utilization(scene: Scene, thresholds: Mapping[str, int]) -> list[Evicted]:
    """All that it evicts until a pass evicts nothing. ``nodeFit`` is on.

    :param thresholds: percent of what is allocatable, by resource; CPU, memory and pods are at 100 where not given.
    """
    twin, found = Twin(scene), list[Evicted]()
    for _pass in range(_PASSES):
        made = _one_pass(twin, {"cpu": 100, "memory": 100, "pods": 100, **thresholds})
        found += made
        if not made:
            break
    return found


def _one_pass(twin: Twin, thresholds: Mapping[str, int]) -> list[Evicted]:
    low = [name for name in twin.nodes if _is_below(twin, name, thresholds)]
    high = [name for name, node in twin.nodes.items() if name not in low and not node.cordoned]
    if not low or not high:
        return []
    room = {each: sum(twin.free[name].get(each, 0) for name in high) for each in thresholds}
    there = {name: _evictable(twin, name) for name in sorted(low, key=lambda name: _usage(twin, name, thresholds))}
    found = []
    for name, pods in there.items():
        for pod in pods:
            if min(room.values()) < 1:
                break
            if not any(twin.fits(pod, other) for other in twin.nodes if other != name):
                continue
            twin.remove(pod.key)
            to = most_allocated(twin, pod, twin.nodes)
            twin.place(replace(pod, node=to), to)
            found.append(Evicted(pod, to))
            room = {each: left - pod.requests.get(each, 0) for each, left in room.items()}
    return found


def _used(twin: Twin, name: str, resource: str) -> int:
    return twin.nodes[name].allocatable.get(resource, 0) - twin.free[name].get(resource, 0)


def _is_below(twin: Twin, name: str, thresholds: Mapping[str, int]) -> bool:
    room = twin.nodes[name].allocatable
    return all(100 * _used(twin, name, each) <= most * room.get(each, 0) for each, most in thresholds.items())


def _usage(twin: Twin, name: str, resources: Iterable[str]) -> tuple[int, int, str]:
    """It adds amounts of all resources up, as they are: bytes of memory outweigh all else."""
    rest = sum(_used(twin, name, each) for each in resources if each != "memory")
    return (_used(twin, name, "memory"), rest, name)


# Karpenter, Balanced -------------------------------------------------------------------------------------------------


def balanced(scene: Scene, cost: Callable[[Pod], float] = lambda _pod: 1.0) -> list[Evicted]:
    """All that it evicts until no deletion is left that it approves of.

    The nodes of a product are a pool, and cost as much as they have GPUs. A node with a pod that must not be evicted
    and holds GPUs is no candidate; other pods of others count as those of a DaemonSet.

    :param cost: ``EvictionCost`` of a pod: 1 where no priority and no ``pod-deletion-cost`` say otherwise.
    """
    twin, gone, found = Twin(scene), set[str](), list[Evicted]()
    while True:
        gone |= {name for name in twin.nodes if not any(pod.gpus for pod in twin.on[name].values())}
        ranked = _candidates(twin, gone, cost)
        made = _several(twin, gone, _within_budget(twin, gone, ranked)) or _single(twin, gone, ranked)
        if not made:
            return found
        found += made


def _candidates(twin: Twin, gone: Collection[str], cost: Callable[[Pod], float]) -> list[str]:
    """Nodes whose deletion it approves of, the best score first.

    Where each of several nodes of a pool has its score, so have all of them together.
    """
    there = [name for name in twin.nodes if name not in gone]
    disruption = {name: 1 + sum(max(0.0, cost(pod)) for pod in _evictable(twin, name)) for name in there}
    prices, costs = defaultdict[str, float](float), defaultdict[str, float](float)
    for name in there:
        prices[twin.nodes[name].product] += twin.nodes[name].gpus
        costs[twin.nodes[name].product] += disruption[name]
    found = []
    for name in there:
        node = twin.nodes[name]
        score = (node.gpus / prices[node.product]) / (disruption[name] / costs[node.product])
        if score >= 1 / K and not any(pod.gpus and pod.stays for pod in twin.on[name].values()):
            found.append((-score, name))
    return [name for _score, name in sorted(found)]


def _within_budget(twin: Twin, gone: Collection[str], ranked: Iterable[str]) -> list[str]:
    pools = Counter(node.product for name, node in twin.nodes.items() if name not in gone)
    left = {product: math.ceil(_BUDGET * count) for product, count in pools.items()}
    found = []
    for name in ranked:
        product = twin.nodes[name].product
        if left[product]:
            left[product] -= 1
            found.append(name)
    return found[:_TOGETHER]


def _several(twin: Twin, gone: Collection[str], ranked: Sequence[str]) -> list[Evicted]:
    """Two nodes or more at once: as many of the first ones as a binary search finds."""
    least, most, best = 2, len(ranked), 0
    while least <= most:
        count = (least + most) // 2
        made = _deleted(twin, gone, ranked[:count])
        _undo(twin, made)
        if made:
            best, least = count, count + 1
        else:
            most = count - 1
    return _deleted(twin, gone, ranked[:best])


def _single(twin: Twin, gone: Collection[str], ranked: Iterable[str]) -> list[Evicted]:
    for name in ranked:
        if made := _deleted(twin, gone, [name]):
            return made
    return []


def _deleted(twin: Twin, gone: Collection[str], names: Sequence[str]) -> list[Evicted]:
    """Empty these nodes, where all of their replicas fit on nodes that are left; else nothing."""
    leaving = [pod for name in names for pod in _evictable(twin, name)]
    left = [name for name in twin.nodes if name not in gone and name not in names]
    made: list[Evicted] = []
    for pod in sorted(leaving, key=lambda one: (-one.requests["cpu"], -one.requests["memory"], one.key)):
        to = most_allocated(twin, pod, left)
        if not to:
            _undo(twin, made)
            return []
        made.append(_land(twin, pod, to))
    return made


def _undo(twin: Twin, made: Iterable[Evicted]) -> None:
    for one in made:
        twin.remove(one.pod.key)
        twin.place(one.pod, one.pod.node)
