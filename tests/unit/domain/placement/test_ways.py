# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark takes as possible on few nodes: ends that an order of moves leads to, and no others."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Node, Pod
from tests.benchmarks.placement.ways import reachable
from tests.unit.domain.placement.scenes import node, other, replica, scene
from tests.unit.domain.raw import H100


def _needing(name: str, on: str, gpus: int, cpu: int) -> Pod:
    return replica(name, on, requests={"cpu": cpu, "memory": 1, GPU: gpus, "pods": 1})


def _room(name: str, gpus: int, cpu: int) -> Node:
    return node(name, gpus, allocatable={"cpu": cpu})


CIRCLE = [_needing("heavy", "small", 1, 30), _needing("two", "large", 2, 25), _needing("one", "large", 1, 25)]
"""``large`` has a block of four without these two, and the heavy one: none fits before another one has left."""
WAYS = [
    ("nobody moves", [_room("a", 2, 9), _room("b", 2, 9)], [_needing("p", "a", 1, 5), _needing("q", "b", 1, 4)], 0, 0),
    ("one moves", [_room("a", 2, 9), _room("b", 2, 9)], [_needing("p", "a", 1, 5), _needing("q", "b", 1, 4)], 1, 2),
    ("no CPU", [_room("a", 2, 8), _room("b", 2, 8)], [_needing("p", "a", 1, 5), _needing("q", "b", 1, 4)], 9, 0),
    ("others stay", [_room("a", 2, 9), _room("b", 2, 900)], [other("p", "a", 1), other("q", "b", 1)], 9, 0),
]


@pytest.mark.parametrize(("nodes", "pods", "moves", "most"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_what_moves_lead_to(nodes: list[Node], pods: list[Pod], moves: int, most: int) -> None:
    assert reachable(scene(nodes, pods), H100, 2, moves) == most


def test_two_that_would_have_to_change_places_need_a_third() -> None:
    there = [_room("small", 3, 50), _room("large", 5, 53)]
    assert reachable(scene(there, CIRCLE), H100, 4, 9) == 0
    assert reachable(scene([*there, _room("third", 3, 60)], CIRCLE), H100, 4, 9) == 4


def test_too_many_ends_are_not_tried() -> None:
    pods = [_needing(str(number), "abcd"[number % 4], 1, 1) for number in range(9)]
    assert reachable(scene([_room(name, 8, 99) for name in "abcd"], pods), H100, 8, 9) is None
