# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a real scheduler puts replicas, by what their pods prefer: on nodes with zones, without, and nearly full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.birthplace import ZONE, preferences
from byoc_testbed import ClusterSpec, Testbed
from byoc_testbed.api import MERGE
from tests.beds import h100
from tests.integration.test_capacity import MODEL, PODS, SPACE, deployment, until

NODES, GPUS = 6, 8
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SPACE}/deployments"
ZONES = ("x", "x", "y", "y", "z", "z")


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    with Testbed.start([ClusterSpec("acme", pools=[h100(NODES, GPUS, "aws")])]) as bed:
        bed["acme"].request("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        yield bed["acme"]


@pytest.fixture(params=[True, False], ids=["with zones", "without zones"])
def cluster(acme: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Empty, with six nodes in three zones or in none."""
    for number, node in enumerate(acme.request("GET", "/api/v1/nodes")["items"]):
        labels = {ZONE: ZONES[number] if request.param else None}
        acme.request("PATCH", f"/api/v1/nodes/{node['metadata']['name']}", {"metadata": {"labels": labels}}, MERGE)
    yield acme
    for one in acme.request("GET", DEPLOYMENTS)["items"]:
        acme.request("DELETE", f"{DEPLOYMENTS}/{one['metadata']['name']}")
    until(lambda: not acme.request("GET", PODS)["items"], "the replicas are still there")


def born(cluster: Any, name: str, priority: str, replicas: int) -> list[str]:
    """The nodes of a model's replicas, once each has one."""
    cluster.request("POST", DEPLOYMENTS, deployment(name, replicas, **preferences(name, priority)))

    def nodes() -> list[str]:
        pods = [one for one in cluster.request("GET", PODS)["items"] if one["metadata"]["labels"][MODEL] == name]
        return [one["spec"]["nodeName"] for one in pods if one["spec"].get("nodeName")]

    until(lambda: len(nodes()) == replicas, f"not every replica of {name} has a node")
    return nodes()


def zones(cluster: Any, nodes: list[str]) -> set[str]:
    found = {
        one["metadata"]["name"]: one["metadata"]["labels"] for one in cluster.request("GET", "/api/v1/nodes")["items"]
    }
    return {found[name].get(ZONE, "") for name in nodes}


def test_a_critical_model_is_spread_over_hosts_and_over_zones_where_there_are_some(cluster: Any) -> None:
    first = born(cluster, "first", "critical", 3)
    assert len(set(first)) == 3
    assert len(zones(cluster, first)) in (1, 3)
    assert (zones(cluster, first) == {""}) == (len(zones(cluster, first)) == 1)


def test_a_standard_model_is_on_several_hosts_that_have_replicas_already(cluster: Any) -> None:
    first = born(cluster, "first", "standard", 2)
    second = born(cluster, "second", "standard", 2)
    assert len(set(first)) == 2
    assert set(second) == set(first)


def test_batch_models_share_a_host_until_it_is_full(cluster: Any) -> None:
    both = [*born(cluster, "first", "batch", 5), *born(cluster, "second", "batch", 5)]
    assert len(set(both)) == 2
    assert max(map(both.count, both)) == GPUS


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize("priority", ["critical", "standard", "batch"])
def test_no_replica_waits_that_a_host_has_room_for(cluster: Any, priority: str) -> None:
    """All GPUs of all hosts, where replicas of one model are bound to be together."""
    nodes = born(cluster, "many", priority, NODES * GPUS)
    assert sorted(map(nodes.count, set(nodes))) == [GPUS] * NODES
