# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the free GPUs is of use to which model, now and after a plan."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.fragmentation import fragmentation
from tests.unit.domain.placement.scenes import model, node, other, replica, scene
from tests.unit.domain.raw import H100, L40S

GROUP = model("group", 8, nodes=2, desired=0)
SCENE = scene(
    [
        node("a", domain="x"),
        node("b", domain="x"),
        node("c", domain="x"),
        node("d"),
        node("e", cordoned=True),
        node("f", 4, product=L40S),
        node("cpu", 0),
    ],
    [replica("one", "a"), replica("two", "b"), other("o", "d", 3)],
    model(),
    model("large", 8, desired=1, needed=0, most=9, wanted=0.5),
    GROUP,
)


def test_free_gpus_are_told_from_those_that_nobody_gets() -> None:
    found = {row["product"]: row for row in fragmentation(SCENE).products}
    assert found[H100] == {
        "product": H100,
        "nodes": 5,
        "gpus": 40,
        "ours": 2,
        "others": 3,
        "closed": 8,
        "free": 27,
        "empty_nodes": 1,
    }
    assert (found[L40S]["free"], found[L40S]["empty_nodes"]) == (4, 1)


def test_what_fits_now_and_after_a_plan_is_by_model() -> None:
    made = plan_of(SCENE, Efficiency())
    rows = {row["model"]: row for row in fragmentation(SCENE, made.moves).models}
    kept = ("fits", "stranded", "fits_after")
    assert [rows["llama"][key] for key in kept] == [27, 0, 27]
    assert [rows["large"][key] for key in kept] == [1, 19, 3]
    assert [rows["group"][key] for key in kept] == [0, 27, 1]


def test_room_without_cpu_is_stranded() -> None:
    there = scene([node("a", allocatable={"cpu": 6_000})], [replica("one", "a")], model())
    [row] = fragmentation(there).models
    assert (row["fits"], row["stranded"]) == (2, 5)


def test_the_tables_are_aligned() -> None:
    products, _blank, models = fragmentation(SCENE).text().partition("\n\n")
    assert products.splitlines()[0].split() == [
        "PRODUCT",
        "NODES",
        "GPUS",
        "OURS",
        "OTHERS",
        "CLOSED",
        "FREE",
        "EMPTY",
        "NODES",
    ]
    assert models.splitlines()[2].split() == ["llama", H100, "1", "1", "27", "0", "27"]


def test_a_cluster_without_gpus_has_empty_tables() -> None:
    assert fragmentation(scene([node("a", 0)], [])).products == ()
