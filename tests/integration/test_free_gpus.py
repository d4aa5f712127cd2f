# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scheduler and the namespace controller themselves do, beside what we say of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.tolerations import OF_MODELS, repelling
from tests.integration.plays import connection_to, perform

PODS = "/api/v1/namespaces/default/pods"
OTHERS: tuple[list[dict[str, str]], ...] = (
    [],
    [{"operator": "Exists"}],
    [{"operator": "Exists", "effect": "NoSchedule"}],
    [{"key": "dedicated", "operator": "Exists"}],
    [{"key": "dedicated", "value": "ml"}],
    [{"key": "dedicated", "operator": "Equal", "value": "ML", "effect": "NoSchedule"}],
    [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}],
    [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, {"key": "dedicated", "value": "ml"}],
)


@pytest.fixture
def tainted(bed: Any) -> Iterator[tuple[Any, str]]:
    """A cluster, with the path of a GPU node whose taints are the test's."""
    it = bed["birch"]
    node = next(
        one for one in it.request("GET", "/api/v1/nodes")["items"] if "nvidia.com/gpu" in one["status"]["capacity"]
    )
    path, before = f"/api/v1/nodes/{node['metadata']['name']}", node["spec"].get("taints") or []
    yield it, path
    it.request("PATCH", path, {"spec": {"taints": before, "unschedulable": None}})


def pod(number: int, node: str, tolerations: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"tolerates-{number}", "namespace": "default"},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "tolerations": tolerations,
            "containers": [{"name": "c", "image": "pause:1"}],
            "terminationGracePeriodSeconds": 0,
        },
    }


def placed(it: Any, name: str) -> bool:
    """Whether the scheduler placed a pod, once it has said so."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        live = it.request("GET", f"{PODS}/{name}")
        said = [c for c in (live.get("status") or {}).get("conditions") or () if c["type"] == "PodScheduled"]
        if said:
            return bool(said[0]["status"] == "True")
        time.sleep(0.1)
    raise AssertionError(f"the scheduler said nothing of {name}")


@pytest.mark.parametrize(
    ("taints", "cordoned"),
    [
        ([("dedicated", "ml", "NoSchedule"), ("nvidia.com/gpu", "present", "NoSchedule")], False),
        ([("dedicated", "ml", "PreferNoSchedule"), ("nvidia.com/gpu", "", "NoExecute")], False),
        ([("dedicated", "", "NoSchedule")], True),
        ([("nvidia.com/gpu", "", "NoSchedule")], False),
    ],
)
def test_the_scheduler_places_a_pod_where_we_say_that_nothing_repels_it(
    tainted: tuple[Any, str], taints: list[tuple[str, str, str]], cordoned: bool
) -> None:
    said = [{"key": key, "effect": effect, **({"value": value} if value else {})} for key, value, effect in taints]
    birch, path = tainted
    birch.request("PATCH", path, {"spec": {"taints": said, "unschedulable": cordoned or None}})
    tried = [*OTHERS, [dict(one) for one in OF_MODELS]]
    time.sleep(1)  # the scheduler has to see the node's taints
    for number, tolerations in enumerate(tried):
        birch.request("POST", PODS, pod(number, path.rpartition("/")[2], tolerations))
    try:
        found = [placed(birch, f"tolerates-{number}") for number in range(len(tried))]
    finally:
        for number in range(len(tried)):
            birch.request("DELETE", f"{PODS}/tolerates-{number}")
    assert found == [not repelling(said, cordoned, tolerations) for tolerations in tried]


def test_a_namespace_that_a_broken_apiservice_holds_says_so(bed: Any) -> None:
    """It names the group that does not answer and the next step, instead of only that it is not gone."""
    it, space = bed["birch"], "held-by-a-broken-apiservice"
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    options: dict[str, Any] = {"name": space, "namespace": "default", "definition": [own]}
    perform(connection_to(it), "fireworks.byoc.apply_set", **options)
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    spec = {"group": "broken.example", "version": "v1", "service": {"name": "none", "namespace": "default"},
            "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True}  # fmt: skip
    broken = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
              "metadata": {"name": "v1.broken.example"}, "spec": spec}  # fmt: skip
    it.request("POST", path, broken)
    try:
        late = perform(connection_to(it), "fireworks.byoc.apply_set", **options, state="absent", wait_timeout=12)
        again = perform(connection_to(it), "fireworks.byoc.apply_set", **options)
    finally:
        it.request("DELETE", f"{path}/v1.broken.example")
    assert late["failed"], late
    assert "broken.example" in late["msg"]
    assert "kubectl get apiservices" in late["msg"]
    assert again["failed"], again
    assert "is being deleted, and stays: " in again["msg"]
