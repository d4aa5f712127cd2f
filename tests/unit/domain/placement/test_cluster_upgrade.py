# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade of a customer's Kubernetes would break: versions, APIs that go, and nodes that cannot be emptied."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.cluster_upgrade import (
    apis_used,
    broken,
    kubelets_of,
    lists_of,
    of_apis,
    of_room,
    of_versions,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import RELEASE, contract
from tests.unit.domain.agreed import model as agreed_model
from tests.unit.domain.placement.scenes import model, node, other, replica, scene

VERSIONS: list[tuple[str, str, str, list[str], list[str]]] = [
    ("one minor version", "v1.36.3", "1.37", ["v1.36.3"], []),
    ("none", "v1.37.0", "1.37", ["v1.36.3"], []),
    ("two at once", "v1.35.0", "1.37", ["v1.35.0"], ["control plane"]),
    ("back", "v1.37.0", "1.36", ["v1.36.3"], ["control plane"]),
    ("older than the release needs", "v1.28.0", "1.29", ["v1.28.0"], ["stack release"]),
    ("kubelets that are three behind", "v1.36.0", "1.37", ["v1.34.0"], []),
    ("kubelets that are four behind", "v1.36.0", "1.37", ["v1.36.0", "v1.33.1"], ["kubelets"]),
]


@pytest.mark.parametrize(
    ("live", "target", "kubelets", "breaks"), [row[1:] for row in VERSIONS], ids=[row[0] for row in VERSIONS]
)
def test_a_step_has_to_be_one_that_kubernetes_supports(
    live: str, target: str, kubelets: list[str], breaks: list[str]
) -> None:
    assert [one.what for one in broken(of_versions(live, target, RELEASE, kubelets))] == breaks


GOES = '299 - "x/v1beta1 Y is deprecated in v1.34+, unavailable in v1.37+"'
APIS: list[tuple[str, dict[str, str], str, str]] = [
    ("apps/v1", {}, "1.37", "fine"),
    ("v1", {}, "1.37", "fine"),
    ("autoscaling/v2", {}, "1.37", "fine"),
    ("x/v1beta1", {}, "1.37", "unproven"),
    ("x/v1beta1", {"x/v1beta1": GOES}, "1.36", "unproven"),
    ("x/v1beta1", {"x/v1beta1": GOES}, "1.37", "breaks"),
    ("x/v1beta1", {"x/v1beta1": GOES}, "1.38", "breaks"),
    ("keda.sh/v1alpha1", {}, "1.37", "unproven"),
    ("gateway.networking.k8s.io/v1", {}, "1.37", "unproven"),
]


@pytest.mark.parametrize(("used", "warned", "target", "verdict"), APIS)
def test_an_api_is_there_afterwards_or_not_or_nobody_knows(
    used: str, warned: dict[str, str], target: str, verdict: str
) -> None:
    served = {"keda.sh", "gateway.networking.k8s.io"}
    assert [one.verdict for one in of_apis([used], warned, target, served)] == [verdict]


@pytest.mark.parametrize(
    "used", [one for one, _warned, _target, verdict in APIS if verdict == "unproven" and "." in one]
)
def test_an_api_that_is_not_served_here_is_used_by_nothing_of_ours(used: str) -> None:
    assert [one.verdict for one in of_apis([used], {}, "1.37", set())] == ["fine"]


def test_every_api_that_is_made_objects_of_is_looked_at() -> None:
    made = contract(
        models=[agreed_model()], networking={"domain": "x.example", "gateway": {"name": "a", "namespace": "b"}}
    )
    objects = [*presetup_objects(made), *model_objects(made, made["models"][0], RELEASE)]
    used = {str(one["apiVersion"]) for one in objects} - {"networking.k8s.io/v1"}  # an administrator's alone
    assert used <= set(apis_used(made))


def test_a_list_is_asked_for_in_a_place_that_the_observer_may_list() -> None:
    asked = lists_of(contract(health={"observer_may_list": ["pods"]}))
    assert asked["v1"] == "/api/v1/nodes"
    assert asked["policy/v1"] == "/apis/policy/v1/namespaces/fireworks-system/poddisruptionbudgets"
    assert set(asked) <= set(apis_used(contract(health={"observer_may_list": ["pods"]})))


def _room(*pods: Any, **more: Any) -> list[tuple[str, str]]:
    nodes = [node("a"), node("b"), node("c", product="L40S")]
    there = scene(nodes, list(pods), model(**more), model("s", product="L40S"))
    return [(one.what, one.verdict) for one in of_room(there)]


def test_nodes_are_emptied_one_at_a_time() -> None:
    h100, l40s = "room on NVIDIA-H100-80GB-HBM3", "room on L40S"
    assert _room(replica("one", "a"), replica("two", "b")) == [(h100, "fine")]
    assert _room(replica("one", "a"), other("x", "b", 8)) == [(h100, "breaks")]
    assert _room(replica("one", "a"), replica("two", "b"), critical=True) == [(h100, "breaks")]
    small = replica("s", "c", model="s", product="L40S")
    assert _room(replica("one", "a"), small) == [(l40s, "breaks"), (h100, "fine")]
    assert _room() == []


def test_looking_leaves_the_twin_as_it_was() -> None:
    pods = [replica(f"{number}", "ab"[number % 2]) for number in range(6)]
    there = scene([node("a"), node("b")], pods, model())
    assert [one.verdict for one in of_room(there)] == [one.verdict for one in of_room(there)] == ["fine"]


def test_kubelets_are_read_of_nodes() -> None:
    assert kubelets_of([{"status": {"nodeInfo": {"kubeletVersion": "v1.36.3"}}}, {}]) == ["v1.36.3", ""]
