# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes and pods of a production GPU cluster, and the cluster filled with them in a fixed order.

Pods that ask for whole GPUs are replicas that may be moved. Those that share GPUs, and those without any, are somebody
else's load. ``openb_node_list_gpu_node.csv`` and ``openb_pod_list_*.csv``, as published with "Beware of Fragmentation"
(USENIX ATC 2023).
"""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, GPU_PRODUCT_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Node, Pod, Scene
from tests.benchmarks.measure import BenchmarkError

SEED, FILLED = 21, 0.9
_LOADS = {1: 120.0, 2: 180.0, 4: 300.0, 8: 600.0}
_ENDLESS = 1_000_000


@dataclass
class Host:
    """A node while the cluster is filled. shared: thousandths of GPUs that are shared out."""

    node: Node
    cpu: int
    memory: int
    gpus: int
    shared: int = 0
    pods: list[Pod] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.gpus - -(-self.shared // 1000)


@dataclass(frozen=True)
class Asked:
    """A pod of the trace."""

    name: str
    cpu: int
    memory: int
    gpus: int
    share: int

    def fits(self, host: Host) -> bool:
        if self.cpu > host.cpu or self.memory > host.memory:
            return False
        if self.share:
            return host.gpus - -(-(host.shared + self.share) // 1000) >= 0
        return self.gpus <= host.free


Choice = Callable[[Sequence[Host], Asked], Host]


def trace_folder() -> Path:
    """Where the trace is. :raises BenchmarkError: ``DATA`` does not say."""
    folder = Path(os.environ.get("DATA", ""))
    if not os.environ.get("DATA") or not list(folder.glob("openb_pod_list_*.csv")):
        raise BenchmarkError("the trace of a cluster is needed: DATA=<folder with openb_*.csv> make bench PARTS=...")
    return folder


def read(folder: Path, seed: int = SEED) -> tuple[list[Node], list[Asked]]:
    """The nodes, and the pods in the order of a seed."""
    nodes, asked = [], []
    with next(iter(sorted(folder.glob("openb_node_list_gpu*.csv")))).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            room = {"cpu": int(row["cpu_milli"]), "memory": int(row["memory_mib"]), "pods": 250, GPU: int(row["gpu"])}
            nodes.append(Node(row["sn"], room, {GPU_PRODUCT_LABEL: row["model"]}, product=row["model"]))
    with next(iter(sorted(folder.glob("openb_pod_list_*.csv")))).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            gpus, milli = int(row["num_gpu"]), int(row["gpu_milli"])
            share = milli if gpus == 1 and milli < 1000 else 0
            asked.append(Asked(row["name"], int(row["cpu_milli"]), int(row["memory_mib"]), 0 if share else gpus, share))
    random.Random(seed).shuffle(asked)  # noqa: S311 (an order, and no secret)
    return nodes, asked


def filled(nodes: Iterable[Node], asked: Iterable[Asked], choice: Choice, share: float = FILLED) -> Scene:
    """The cluster with as many of these pods as fill such a share of it, each where ``choice`` puts it."""
    hosts = [Host(one, one.allocatable["cpu"], one.allocatable["memory"], one.gpus) for one in nodes]
    most = share * sum(host.gpus for host in hosts)
    held = 0.0
    for one in asked:
        fitting = [host for host in hosts if one.fits(host)]
        if held >= most:
            break
        if fitting:
            _put(choice(fitting, one), one)
            held += one.gpus + one.share / 1000
    return _scene(hosts)


def _put(host: Host, one: Asked) -> None:
    host.cpu -= one.cpu
    host.memory -= one.memory
    host.shared += one.share
    host.gpus -= one.gpus
    name, product = host.node.name, host.node.product
    requests = {"cpu": one.cpu, "memory": one.memory, "pods": 1, GPU: one.gpus}
    whole = Pod(
        f"fireworks-models/{one.name}",
        requests,
        name,
        selector={GPU_PRODUCT_LABEL: product},
        model=f"{product}-{one.gpus}",
        ready=True,
    )
    others = Pod(f"others/{one.name}", {**requests, GPU: 0}, name, stays=("it is not a replica of ours",))
    host.pods.append(whole if one.gpus else others)


def _scene(hosts: Sequence[Host]) -> Scene:
    pods = [pod for host in hosts for pod in host.pods]
    for host in hosts:
        shared = -(-host.shared // 1000)
        if shared:
            name = host.node.name
            pods.append(Pod(f"others/shares-{name}", {GPU: shared, "pods": 1}, name, stays=("it is shared out",)))
    return Scene(0.0, tuple(host.node for host in hosts), tuple(pods), models=_models(hosts, pods))


def _models(hosts: Sequence[Host], pods: Iterable[Pod]) -> tuple[Model, ...]:
    """A model of each size and product, and one of each product that wants whole nodes, however many there are."""
    there = Counter((pod.model, pod.selector[GPU_PRODUCT_LABEL], pod.gpus) for pod in pods if pod.model)
    small = [
        Model(name, product, gpus, desired=n, loads=(_LOADS[gpus],) * 9) for (name, product, gpus), n in there.items()
    ]
    shapes = shapes_of(host.node for host in hosts)
    return (*small, *(Model(f"whole-{each}", each, size, most=_ENDLESS, wanted=1.0) for each, size in shapes.items()))


def shapes_of(nodes: Iterable[Node]) -> dict[str, int]:
    """By product, the whole node: of the size of which there are most GPUs."""
    sizes: dict[str, Counter[int]] = {}
    for one in nodes:
        sizes.setdefault(one.product, Counter())[one.gpus] += one.gpus
    return {product: max(each, key=lambda size: (each[size], size)) for product, each in sorted(sizes.items())}


def part(whole: Scene, count: int, seed: int) -> Scene:
    """So many nodes of a cluster, drawn by a seed, with what is on them: its models have the replicas there."""
    nodes = random.Random(seed).sample(whole.nodes, count)  # noqa: S311 (a sample, and no secret)
    names = {one.name for one in nodes}
    pods = tuple(pod for pod in whole.pods if pod.node in names)
    there = Counter(pod.model for pod in pods)
    return replace(
        whole,
        nodes=tuple(sorted(nodes, key=lambda one: one.name)),
        pods=pods,
        models=tuple(replace(one, desired=there[one.name]) for one in whole.models),
    )


def free(scene: Scene) -> dict[str, int]:
    """Free GPUs, by node."""
    left = {one.name: one.gpus for one in scene.nodes}
    for pod in scene.pods:
        if pod.node:
            left[pod.node] -= pod.gpus
    return left


def blocks(scene: Scene, shapes: dict[str, int]) -> int:
    """GPUs that are free in whole nodes' blocks."""
    left = free(scene)
    return sum(left[one.name] // shapes[one.product] * shapes[one.product] for one in scene.nodes)


def stranded(scene: Scene, size: int) -> int:
    """Free GPUs, on nodes that are as large at all, that are in no block of this size."""
    left = free(scene)
    return sum(left[one.name] % size for one in scene.nodes if one.gpus >= size)
