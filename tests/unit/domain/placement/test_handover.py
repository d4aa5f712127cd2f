# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that their owner asks for: in which order, where replicas go, and when they are safe to take or fit again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.handover import (
    ASKED,
    BACK,
    SAFE,
    freeing,
    handovers,
    not_safe,
    safe_since,
    still_there,
    unfit,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import rehearse
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Budget, Scene
from tests.unit.domain.placement.scenes import NOW, model, node, other, replica, scene

YES, NO = safe_since(NOW), not_safe(["no room"])
LABEL, ANSWER = "byoc.fireworks.ai/maintenance", "byoc.fireworks.ai/safe-to-take"
MINE = {"leave": True, "closed": "its owner has it in maintenance"}


def raw(name: str = "a", label: str | None = None, answer: str = "", **more: Any) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.count": "8", **({LABEL: label} if label is not None else {})}
    metadata = {"name": name, "labels": labels, "annotations": {ANSWER: answer} if answer else {}}
    status = {
        "capacity": {GPU: "8"},
        "allocatable": {GPU: more.pop("gpus", "8")},
        "conditions": [{"type": "Ready", "status": more.pop("ready", "True")}, *more.pop("conditions", [])],
    }
    return {"metadata": metadata, "spec": more.pop("spec", {}), "status": status}


STATES: list[tuple[str | None, str, str]] = [
    (None, "", ""),
    ("false", "", ""),
    ("true", "", ASKED),
    ("", "", ASKED),
    ("1", NO, ASKED),
    ("1", YES, SAFE),
    (None, YES, BACK),
    ("false", YES, BACK),
    (None, NO, BACK),
]


@pytest.mark.parametrize(("label", "answer", "state"), STATES)
def test_a_node_is_asked_for_by_its_label_and_answered_by_an_annotation(
    label: str | None, answer: str, state: str
) -> None:
    assert [one.state for one in handovers([raw("a", label, answer)])] == ([state] if state else [])


def test_nodes_go_in_the_order_of_their_labels_and_then_by_name() -> None:
    nodes = [raw("e"), raw("d", "true"), raw("c", "10"), raw("b", "2"), raw("a", "10")]
    assert [one.node for one in handovers(nodes)] == ["b", "a", "c", "d"]
    assert [one.node for one in handovers([*nodes, raw("z", None, YES)])] == ["z", "b", "a", "c", "d"]


SMALL, PAIR = model(), replace(model(), critical=True)
STAYS: list[tuple[str, Scene, str]] = [
    ("no other node has room", scene([node("a", **MINE), node("b")], [replica("one", "a"), other("x", "b", 8)], SMALL),
     "fireworks-models/one: no other node is proven to take it"),
    ("the other one is in maintenance too", scene([node("a", **MINE), node("b", **MINE)], [replica("one", "a")], SMALL),
     "fireworks-models/one: no other node is proven to take it"),
    ("the other one is cordoned", scene([node("a", **MINE), node("b", cordoned=True)], [replica("one", "a")], SMALL),
     "fireworks-models/one: no other node is proven to take it"),
    ("it is the last node of a critical model",
     scene([node("a", **MINE), node("b")], [replica("one", "a"), replica("two", "b")], PAIR),
     "fireworks-models/one: no other node is proven to take it"),
    ("it is part of a group",
     scene([node("a", **MINE), node("b")], [replica("one", "a", stays=("it is part of a replica that spans nodes",))],
           SMALL), "fireworks-models/one: it is part of a replica that spans nodes"),
    ("a budget lets none go",
     scene([node("a", **MINE), node("b")], [replica("one", "a")], SMALL,
           budgets=(Budget("fireworks-models/llama", {"matchLabels": {MODEL_LABEL: "llama"}}, 0),)),
     "fireworks-models/one: the disruption budget fireworks-models/llama allows no disruption now"),
    ("its model rolls",
     scene([node("a", **MINE), node("b")], [replica("one", "a")], replace(SMALL, busy="it is rolling")),
     "fireworks-models/one: llama: it is rolling"),
]  # fmt: skip


@pytest.mark.parametrize(("there", "why"), [row[1:] for row in STAYS], ids=[row[0] for row in STAYS])
def test_a_node_that_cannot_be_emptied_keeps_all_of_its_replicas(there: Scene, why: str) -> None:
    found = freeing(there, "a")
    assert (found.moves, found.stays) == ((), (why,))


def test_one_replica_that_stays_keeps_the_others() -> None:
    pods = [replica("one", "a"), replica("two", "a", gpus=8, model="large"), other("x", "b", 7)]
    found = freeing(scene([node("a", **MINE), node("b")], pods, SMALL, model("large", 8)), "a")
    assert (found.moves, len(found.stays)) == ((), 1)


def test_replicas_go_where_least_is_left_and_every_move_holds() -> None:
    nodes = [node("a", **MINE), node("b"), node("c")]
    pods = [replica("one", "a"), replica("four", "a", 4, model="four"), other("x", "b", 4), other("y", "c", 1)]
    there = scene(nodes, pods, SMALL, model("four", 4))
    found = freeing(there, "a")
    assert [(move.pod, move.destination) for move in found.moves] == [
        ("fireworks-models/four", "b"),
        ("fireworks-models/one", "c"),
    ]
    later, surprise = rehearse(there, found.moves)
    assert (surprise, still_there(later, "a")) == ("", [])


def test_what_was_moved_an_hour_ago_may_make_way_for_its_owner() -> None:
    there = scene([node("a", **MINE), node("b")], [replica("one", "a", moved=NOW - 3600)], SMALL)
    assert [move.destination for move in freeing(there, "a").moves] == ["b"]


def test_a_critical_model_of_three_hosts_leaves_one() -> None:
    pods = [replica(name, name) for name in "abc"]
    found = freeing(scene([node("a", **MINE), node("b"), node("c")], pods, PAIR), "a")
    assert len(found.moves) == 1


def test_pods_of_others_are_not_asked() -> None:
    there = scene([node("a", **MINE)], [other("x", "a", 4)], SMALL)
    assert (freeing(there, "a").stays, still_there(there, "a")) == ((), [])


UNFIT: list[tuple[str, dict[str, Any], str]] = [
    ("all is well", raw(), ""),
    ("it is not ready", raw(ready="False"), "it is not ready"),
    ("a GPU is missing", raw(gpus="7"), "it offers 7 of 8 GPUs"),
    ("no device plugin runs", raw(gpus="0"), "it offers 0 of 8 GPUs"),
    ("its disk is full", raw(conditions=[{"type": "DiskPressure", "status": "True"}]), "it has DiskPressure"),
    ("its disk is not full", raw(conditions=[{"type": "DiskPressure", "status": "False"}]), ""),
    ("it is cordoned", raw(spec={"unschedulable": True}), "it is cordoned"),
]


@pytest.mark.parametrize(("one", "why"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_a_node_comes_back_when_it_is_well(one: dict[str, Any], why: str) -> None:
    assert unfit(one) == ([why] if why else [])
