# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of other programs, as the benchmark has them: which node is emptied first, and where its pods land."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Node, Pod
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin
from tests.benchmarks.placement import peers
from tests.benchmarks.placement.beside import most_freed
from tests.benchmarks.placement.peers import Evicted, balanced, high_node_utilization, most_allocated
from tests.unit.domain.placement.scenes import model, node, other, replica, scene


def _filled(on: str, gpus: int, *, each: int = 1, **more: Any) -> list[Pod]:
    return [replica(f"{on}{number}", on, each, **more) for number in range(gpus // each)]


def _moves(found: list[Evicted]) -> list[tuple[str, str]]:
    return [(one.pod.key.split("/")[1], one.to) for one in found]


THREE = [node("a"), node("b"), node("c")]
LANDINGS = [
    ("the fullest", [*_filled("a", 2), *_filled("b", 5)], 1, "b"),
    ("the fullest that has room", [*_filled("a", 2), *_filled("b", 5)], 4, "a"),
    ("the first of two alike", [], 8, "a"),
    ("nowhere", [pod for name in "abc" for pod in _filled(name, 1)], 8, ""),
    ("GPUs count three times as much as CPU", [*_filled("a", 2), other("big", "b", requests={"cpu": 30_000})], 1, "a"),
]


@pytest.mark.parametrize(("pods", "gpus", "to"), [row[1:] for row in LANDINGS], ids=[row[0] for row in LANDINGS])
def test_where_the_scheduler_puts_what_was_evicted(pods: list[Pod], gpus: int, to: str) -> None:
    twin = Twin(scene(THREE, pods))
    assert most_allocated(twin, replica("new", gpus=gpus), twin.nodes) == to


DESCHEDULED: list[tuple[str, list[Node], list[Pod], list[tuple[str, str]]]] = [
    ("the emptiest first", THREE, [*_filled("a", 2), *_filled("b", 1), *_filled("c", 5)],
     [("b0", "c"), ("a0", "c"), ("a1", "c")]),
    ("part of a node, where no more fit", THREE[:2], [*_filled("a", 3), *_filled("b", 6)], [("a0", "b"), ("a1", "b")]),
    ("nothing, where all are below", THREE[:2], [*_filled("a", 2), *_filled("b", 3)], []),
    ("nothing, where none is below", THREE[:2], [*_filled("a", 5), *_filled("b", 5)], []),
    ("not what fits on no other node", THREE[:2], [*_filled("a", 4, each=4), *_filled("b", 5)], []),
    ("not what is somebody else's", THREE[:2], [other("a0", "a", 1), *_filled("b", 5)], []),
    ("lower priorities first", THREE[:2], [replica("high", "a", priority=9), replica("low", "a"), *_filled("b", 7)],
     [("low", "b")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "pods", "moves"), [row[1:] for row in DESCHEDULED], ids=[row[0] for row in DESCHEDULED]
)
def test_what_high_node_utilization_evicts(nodes: list[Node], pods: list[Pod], moves: list[tuple[str, str]]) -> None:
    assert _moves(high_node_utilization(scene(nodes, pods), {GPU: 50})) == moves


CONSOLIDATED: list[tuple[str, list[Node], list[Pod], list[tuple[str, str]]]] = [
    ("the node with fewest pods first", THREE, [*_filled("a", 4), *_filled("b", 6), *_filled("c", 4, each=2)],
     [("c0", "b"), ("c1", "a")]),
    ("only what all fits elsewhere", THREE[:2], [*_filled("a", 3), *_filled("b", 6)], []),
    ("nothing to a node that is empty", THREE, [*_filled("a", 5), *_filled("b", 5)], []),
    ("no node with what must not be evicted", THREE[:2], [replica("a0", "a"), other("o", "a", 1), *_filled("b", 7)],
     []),
    ("a node with somebody else's pod without GPUs", THREE[:2], [replica("a0", "a"), other("o", "a"), *_filled("b", 7)],
     [("a0", "b")]),
    ("one after the other, as a tenth of the nodes is one", [*THREE, node("d")],
     [*_filled("a", 2), *_filled("b", 2), *_filled("c", 3), *_filled("d", 3)],
     [("a0", "c"), ("a1", "c"), ("b0", "c"), ("b1", "c")]),
    ("two at once of eleven", [*THREE, *(node(f"f{number}") for number in range(8))],
     [*_filled("a", 1), *_filled("b", 2), *_filled("c", 5), *(replica(f"f{n}", f"f{n}", 8) for n in range(8))],
     [("a0", "c"), ("b0", "c"), ("b1", "c")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "pods", "moves"), [row[1:] for row in CONSOLIDATED], ids=[row[0] for row in CONSOLIDATED]
)
def test_what_balanced_consolidation_evicts(nodes: list[Node], pods: list[Pod], moves: list[tuple[str, str]]) -> None:
    assert _moves(balanced(scene(nodes, pods))) == moves


def test_balanced_consolidation_spares_what_costs_more() -> None:
    there = scene(THREE, [*_filled("a", 1, model="dear"), *_filled("b", 2), *_filled("c", 6)])
    assert _moves(balanced(there))[0] == ("a0", "c")
    assert _moves(balanced(there, lambda pod: 10.0 if pod.model == "dear" else 1.0))[0] == ("b0", "c")


def test_balanced_consolidation_deletes_no_node_with_too_large_a_share_of_the_pods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = [replica(name, name, product="other") for name in "bcd"]
    there = scene([*THREE, node("d")], [*_filled("a", 7), *held])
    assert balanced(there) == []
    monkeypatch.setattr(peers, "K", 4.0)
    assert [to for _pod, to in _moves(balanced(there))] == ["b"] * 7


def test_evictions_count_until_the_most_is_freed() -> None:
    pods = [*_filled("a", 2), *_filled("b", 1), *_filled("c", 3)]
    there = scene(THREE, pods, model(loads=(50.0,) * 9))
    evicted = [Evicted(pods[2], "c"), Evicted(pods[0], "c"), Evicted(pods[1], "c"), Evicted(pods[3], "a")]
    cost, by_product = most_freed(there, evicted)
    assert (cost.freed, cost.evictions, cost.weight, by_product.total()) == (16, 3, 150.0, 16)
