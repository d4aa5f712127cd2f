# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where replicas should be so that blocks are free: the usable nodes of a twin as a yard, and what its search found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from .economy import Blocks, Demand, places_of, values
from .freeing import Aim, Freeing
from .limits import Limits
from .scene import Node, Pod
from .twin import Twin
from .yard import Place, Yard


@dataclass(frozen=True)
class Asked:
    """What blocks are looked for with. wanted: all demands for blocks. prices: GPU-seconds of a move, by model.

    moves: how many at most. ratio: how many times its price a move has to gain. refused: replicas and nodes that do not
    go together, as was seen when it was tried.
    """

    wanted: Sequence[Demand]
    prices: Mapping[str, float]
    moves: int
    ratio: float
    refused: Set[tuple[str, str]] = frozenset()


def ends(
    twin: Twin, limits: Limits, usable: Sequence[str], may_leave: Callable[[str], Sequence[Pod]], asked: Asked
) -> dict[str, str]:
    """The node of each replica that is to be moved, by its key; nothing is changed."""
    nodes = [twin.nodes[name] for name in usable]
    met = Blocks(places_of(nodes), list(map(twin.free_gpus, usable))).met(asked.wanted)
    unmet = [one for one in asked.wanted if met[one] < one.count and one.gpus > 1]
    pods = [pod for name in usable for pod in may_leave(name)]
    if not unmet or not pods or asked.moves < 1:
        return {}
    near = _near(twin, limits, usable, pods, asked.refused)
    yard = Yard([Place(name, twin.free[name]) for name in usable], pods, near, asked.moves)
    found = Freeing(yard, pods, _aim(nodes, pods, unmet, asked), asked.prices).run()
    return {pod.key: usable[to] for pod, to, home in zip(pods, found, yard.home, strict=True) if to != home}


def _aim(nodes: Sequence[Node], pods: Sequence[Pod], unmet: Sequence[Demand], asked: Asked) -> Aim:
    most, places = max(node.gpus for node in nodes), places_of(nodes)
    products = sorted({node.product for node in nodes})
    by_product = {one: values([each for each in unmet if each.product == one], 2 * most) for one in products}
    larger = [one for one in asked.wanted if one.gpus > 1]
    kept = {one: values([each for each in larger if each.product == one], 2 * most) for one in products}
    return Aim(
        products=[node.product for node in nodes],
        levels=[_levels(by_product[node.product], node.gpus) for node in nodes],
        kept=[_levels(kept[node.product], node.gpus) for node in nodes],
        values=[by_product[node.product] for node in nodes],
        together=list(_domains(nodes, unmet)),
        worth=lambda free: Blocks(places, free).worth(asked.wanted),
        most=sum(one.worth * one.count for one in asked.wanted),
        prices=[asked.ratio * asked.prices[pod.model] for pod in pods],
    )


def _levels(table: Sequence[float], most: int) -> tuple[int, ...]:
    return tuple(free for free in range(1, most + 1) if table[free] > table[free - 1])


def _domains(nodes: Sequence[Node], unmet: Iterable[Demand]) -> Iterable[tuple[tuple[int, ...], int, int]]:
    for one in unmet:
        for domain in sorted({node.domain for node in nodes if node.product == one.product and node.domain}):
            if one.nodes > 1:
                there = (
                    number for number, node in enumerate(nodes) if (node.domain, node.product) == (domain, one.product)
                )
                yield tuple(there), one.gpus, one.nodes


def _near(
    twin: Twin, limits: Limits, usable: Sequence[str], pods: Sequence[Pod], refused: Set[tuple[str, str]]
) -> list[list[int]]:
    """Of each replica the nodes that are for it, room aside: its own, and those that its demands and a critical model's
    hosts allow as they are now. What changes with other moves is seen when they are made."""
    known: dict[str, list[int]] = {}
    open_nodes = [number for number, name in enumerate(usable) if min(twin.free[name].values()) >= 0]
    number_of = {name: number for number, name in enumerate(usable)}
    found = []
    for pod in pods:
        alike = f"{pod.namespace}{pod.labels}{pod.selector}{pod.tolerations}{pod.affinity}{pod.spread}{pod.ports}"
        if alike not in known:
            known[alike] = [one for one in open_nodes if twin.suits(pod, usable[one])]
        home = number_of[pod.node]
        # Its own first, and not again.
        near, place = [home, *known[alike]], bisect_left(known[alike], home)
        if known[alike][place : place + 1] == [home]:
            del near[place + 1]
        if limits.may_crowd(pod):
            near[1:] = [one for one in near[1:] if not limits.crowded(twin, pod, usable[one])]
        if refused:
            near[1:] = [one for one in near[1:] if (pod.key, usable[one]) not in refused]
        found.append(near)
    return found
