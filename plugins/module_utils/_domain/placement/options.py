# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of one node: which replicas it could give up, and what that would free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .scene import Pod

Levels = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Option:
    """Replicas that a node gives up, by their GPUs, the largest first; and how many GPUs that frees."""

    sizes: tuple[int, ...]
    freed: int


def options(sizes: Sequence[int]) -> tuple[Option, ...]:
    """The fewest replicas for each number of GPUs that a node can free. Larger ones first where as few do it."""
    fewest: dict[int, tuple[int, ...]] = {0: ()}
    for size in sorted(sizes, reverse=True):
        for freed, chosen in sorted(fewest.items(), reverse=True):
            more = (*chosen, size)
            there = fewest.get(freed + size)
            if there is None or len(more) < len(there):
                fewest[freed + size] = more
    return tuple(Option(chosen, freed) for freed, chosen in sorted(fewest.items()) if freed)


def loss(levels: Levels, sizes: Sequence[int], worth: Sequence[float]) -> tuple[float, int]:
    """What the destinations of these replicas lose, each on the node where that is least; and how many do not fit
    unless others make way for them first.

    :param levels: how many nodes have so many GPUs free, the one that gives them up aside.
    """
    left, lost, detours = dict(levels), 0.0, 0
    for size in sizes:
        best = best_level((free for free, nodes in left.items() if nodes > 0), size, worth)
        if best is None:
            detours += 1
            continue
        lost += worth[best] - worth[best - size]
        left[best] -= 1
        left[best - size] = left.get(best - size, 0) + 1
    return lost, detours


def best_level(free: Iterable[int], size: int, worth: Sequence[float]) -> int | None:
    """How many GPUs should be free where a replica goes: the least is lost, and then the least is left."""
    fitting = [(worth[one] - worth[one - size], one) for one in free if one >= size]
    return min(fitting)[1] if fitting else None


def chosen(pods: Sequence[Pod], option: Option, price: Mapping[str, float]) -> list[Pod]:
    """The cheapest replicas of an option's sizes, the largest first."""
    left, found = sorted(pods, key=lambda pod: (price[pod.model], pod.key)), []
    for size in option.sizes:
        pod = next(one for one in left if one.gpus == size)
        left.remove(pod)
        found.append(pod)
    return found
