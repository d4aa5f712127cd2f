# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shapes fit and strand least, what one node fewer does, and which models have too much or too little."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.advice import (
    provision,
    shapes,
    without_a_node,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Pod
from tests.unit.domain.placement.scenes import model, node, other, replica, scene
from tests.unit.domain.raw import L40S


def test_of_each_shape_it_is_told_what_fits_what_is_stranded_and_which_strands_least() -> None:
    there = scene([node("a"), node("b"), node("c", cordoned=True)], [other("o", "a", 3), other("p", "b", 2)])
    rows = {row["gpus"]: (row["fits"], row["stranded"], row["least"]) for row in shapes(there)}
    assert rows == {1: (11, 0, False), 2: (5, 1, True), 4: (2, 3, False), 8: (0, 11, False)}


def test_what_a_plan_would_make_fit_is_told_of_shapes_too() -> None:
    models = (model(), model("large", 8, desired=1, needed=0, most=9, wanted=0.5))
    there = scene([node("a"), node("b")], [replica("one", "a"), replica("two", "b")], *models)
    moves = plan_of(there, Efficiency()).moves
    [whole] = [row for row in shapes(there, moves) if row["gpus"] == 8]
    assert (whole["fits"], whole["fits_after"]) == (0, 1)


def test_shapes_are_by_product_and_there_are_none_without_gpus() -> None:
    rows = shapes(scene([node("a"), node("b", 4, product=L40S), node("cpu", 0)], []))
    assert [row["gpus"] for row in rows if row["product"] == L40S] == [1, 2, 4]
    assert shapes(scene([node("cpu", 0)], [])) == []


NODES = [node("a"), node("b"), node("c")]
LOST: list[tuple[str, list[Pod], int, str]] = [
    ("all find another node", [replica("one", "a", 8)], 0, ""),
    ("the node whose replicas have no room", [replica("one", "a", 8), replica("two", "b", 4), other("o", "c", 8)],
     8, "one"),
    ("they share what is left", [replica("one", "a", 4), replica("two", "a", 4), other("o", "b", 4),
                                 other("p", "c", 8)], 4, "two"),
    ("what others have is not ours to move", [other("o", "a", 8), other("p", "b", 8), other("q", "c", 8)], 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("pods", "lost", "which"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_without_the_worst_node_so_much_has_no_room(pods: list[Pod], lost: int, which: str) -> None:
    there = scene(NODES, pods, model())
    [row] = without_a_node(there)
    assert (row["lost"], row["replicas"]) == (lost, which)
    assert without_a_node(there) == [row]


PROVISION: list[tuple[str, dict[str, Any], int, str]] = [
    ("nothing is known", {"desired": 2, "most": 2}, 0, ""),
    ("its traffic needs fewer", {"desired": 4, "needed": 1, "most": 4},
     0, "too many: the past day's traffic needed 1 of 4 replicas: 3 GPUs had no use"),
    ("it may have no more", {"desired": 2, "needed": 2, "most": 2, "wanted": 0.4},
     3, "too few: it wants another replica 40% of the time, and may have no more than 2: raise replicas.max"),
    ("none fits", {"desired": 2, "needed": 2, "most": 4, "wanted": 0.4},
     0, "too few: it wants another replica 40% of the time, and none fits"),
    ("it can scale", {"desired": 2, "needed": 2, "most": 4, "wanted": 0.4}, 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("known", "fits", "said"), [row[1:] for row in PROVISION], ids=[row[0] for row in PROVISION])
def test_who_has_too_much_or_too_little(known: dict[str, int], fits: int, said: str) -> None:
    there = scene([node("a")], [], Model("llama", "H100", 1, **known))
    assert "".join(f"{row['has']}: {row['why']}" for row in provision(there, {"llama": fits})) == said


def test_a_model_whose_replicas_wait_has_too_few() -> None:
    there = scene([node("a", 0)], [replica("one")], model(desired=1))
    [row] = provision(there, {})
    assert (row["has"], row["why"]) == ("too few", "1 pod waiting for a node")
