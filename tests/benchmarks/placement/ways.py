# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is possible move by move on the nodes of a product that has only a few: every order of moves is tried.

An end that no order of moves leads to is not possible: two replicas that have to change places need a third place.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Scene

_RESOURCES = ("cpu", "memory", GPU)
_MOST = 50_000
_Places = tuple[int, ...]


def reachable(scene: Scene, product: str, size: int, moves: int) -> int | None:
    """The most GPUs in blocks of this size after so many moves, each replica moved once at most.

    None where there are too many ends to try.
    """
    nodes = [one for one in scene.nodes if one.product == product]
    number = {one.name: place for place, one in enumerate(nodes)}
    here = [pod for pod in scene.pods if pod.node in number]
    pods = [pod for pod in here if not pod.stays]
    if len(nodes) ** len(pods) > _MOST:
        return None
    room = [[one.allocatable[each] for each in _RESOURCES] for one in nodes]
    for pod in (pod for pod in here if pod.stays):
        room[number[pod.node]] = _less(room[number[pod.node]], [pod.requests.get(each, 0) for each in _RESOURCES])
    needs = [[pod.requests.get(each, 0) for each in _RESOURCES] for pod in pods]
    home = tuple(number[pod.node] for pod in pods)
    seen, now, best = {home}, [home], 0
    for _move in range(moves + 1):
        best = max([best, *(sum(left[-1] // size * size for left in _left(room, needs, one)) for one in now)])
        now = [each for one in now for each in _next(room, needs, home, one) if each not in seen and not seen.add(each)]
    return best


def _left(room: Sequence[Sequence[int]], needs: Sequence[Sequence[int]], places: _Places) -> list[list[int]]:
    left = [list(one) for one in room]
    for need, place in zip(needs, places, strict=True):
        left[place] = _less(left[place], need)
    return left


def _next(
    room: Sequence[Sequence[int]], needs: Sequence[Sequence[int]], home: _Places, places: _Places
) -> list[_Places]:
    left = _left(room, needs, places)
    return [
        (*places[:pod], to, *places[pod + 1 :])
        for pod, place in enumerate(places)
        if place == home[pod]
        for to in range(len(room))
        if to != place and min(_less(left[to], needs[pod])) >= 0
    ]


def _less(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [each - less for each, less in zip(one, other, strict=True)]
