# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of one node: which replicas it could give up, and what that would free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .scene import Pod


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


def chosen(pods: Sequence[Pod], option: Option, price: Mapping[str, float]) -> list[Pod]:
    """The cheapest replicas of an option's sizes, the largest first."""
    left, found = sorted(pods, key=lambda pod: (price[pod.model], pod.key)), []
    for size in option.sizes:
        pod = next(one for one in left if one.gpus == size)
        left.remove(pod)
        found.append(pod)
    return found
