# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pod of a replica says of the nodes that it is born on, by its model's priority."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.birthplace import (
    APART,
    HOST,
    PREFERRED,
    TOGETHER,
    ZONE,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.demands import REQUIRED
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.reading import scene_of
from tests.unit.domain import raw
from tests.unit.domain.agreed import RELEASE, contract, model

PRIORITIES = ("critical", "standard", "batch")


def pod(**more: Any) -> dict[str, Any]:
    """The spec of a replica's pod."""
    made: dict[str, Any] = model_objects(contract(), model(**more), RELEASE)[0]["spec"]["template"]["spec"]
    return made


def terms(priority: str, kind: str) -> list[tuple[str, int, str]]:
    """Place, weight, and of which pods."""
    said = pod(priority=priority)["affinity"].get(kind, {}).get(PREFERRED, [])
    return [
        (one["podAffinityTerm"]["topologyKey"], one["weight"], next(iter(one["podAffinityTerm"]["labelSelector"])))
        for one in said
    ]


@pytest.mark.parametrize(
    ("priority", "apart"), [("critical", (ZONE, HOST)), ("standard", (HOST,)), ("batch", ())], ids=PRIORITIES
)
def test_replicas_of_one_model_are_apart_by_priority_and_all_go_where_replicas_are(
    priority: str, apart: tuple[str, ...]
) -> None:
    assert terms(priority, "podAntiAffinity") == [(place, APART, "matchLabels") for place in apart]
    assert terms(priority, "podAffinity") == [(HOST, TOGETHER, "matchExpressions")]


def test_a_full_node_of_sixteen_gpus_counts_less_than_one_replica_of_the_same_model() -> None:
    assert 16 * TOGETHER < APART


@pytest.mark.parametrize("priority", PRIORITIES)
def test_no_replica_waits_for_a_place_that_it_prefers(priority: str) -> None:
    said = pod(priority=priority)
    assert REQUIRED not in json.dumps(said["affinity"])
    assert [one["whenUnsatisfiable"] for one in said["topologySpreadConstraints"]] == ["ScheduleAnyway"]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_the_schedulers_own_spread_is_off_and_nothing_takes_its_place(priority: str) -> None:
    """It is for pods without a constraint. All nodes that a replica may be on are one place of this one."""
    said = pod(priority=priority)
    [key] = [one["topologyKey"] for one in said["topologySpreadConstraints"]]
    assert key in said["nodeSelector"]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_wish_is_about_pods_of_its_own_namespace_only(priority: str) -> None:
    assert "namespace" not in json.dumps(pod(priority=priority)["affinity"])


@pytest.mark.parametrize("priority", PRIORITIES)
def test_the_twin_has_all_that_it_demands_and_may_move_it(priority: str) -> None:
    live = raw.pod("llama-1-a", on="a", model="llama")
    live["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "llama-1", "controller": True}]
    live["spec"] = {**pod(priority=priority), "nodeName": "a"}
    [found] = scene_of(taken=0.0, nodes=[raw.node("a")], pods=[live], contract=contract(models=[])).pods
    assert (found.unknown, found.stays, found.affinity, found.spread) == ((), (), {}, ())


def test_a_model_without_a_priority_is_a_standard_one() -> None:
    plain = {key: value for key, value in model().items() if key != "priority"}
    made = model_objects(contract(), plain, RELEASE)[0]["spec"]["template"]["spec"]
    assert made["affinity"] == pod(priority="standard")["affinity"]
