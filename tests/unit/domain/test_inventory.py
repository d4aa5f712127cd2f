# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.fact_reads import MADE_OF, reads_for
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import (
    cluster_facts,
    gpu_inventory,
    node_view,
    pod_view,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.quantity import count, quantity
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.views import can_take_pods, node_problem
from tests.unit.domain.raw import H100, L40S, daemonset, deployment, init_container, named, node, pod


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("8", 8),
        (8, 8),
        ("500m", 0.5),
        ("100n", 100 * 1e-9),
        ("250u", 250 * 1e-6),
        ("1E", 1e18),
        ("1Ei", 2**60),
        ("1E3", 1000),
        ("1e+2", 100),
        ("5.", 5),
        (".5", 0.5),
        ("-0", 0),
        ("1k", 1000),
        ("80Gi", 80 * 2**30),
        ("1e3", 1000),
        (".5", 0.5),
        ("", 0),
        (None, 0),
    ],
)
def test_a_quantity_is_worth_what_kubernetes_says(text: object, worth: float) -> None:
    assert quantity(text) == worth


@pytest.mark.parametrize("text", ["eight", "8x", "8 Gi", "Gi", "1e3Ki", "1e", "1K", "1Zi", "1_000", "0x10", "."])
def test_nonsense_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a Kubernetes quantity"):
        quantity(text)
    assert count(text) == 0


def test_a_count_may_be_written_as_a_quantity() -> None:
    assert [count(value) for value in ("8", 8, "1k", None)] == [8, 8, 1000, 0]


def test_a_node_view_keeps_only_what_is_used() -> None:
    view = node_view(
        node(
            "n1",
            8,
            cordoned=True,
            provider_id="aws:///eu/i-1",
            taints=({"key": "nvidia.com/gpu", "effect": "NoSchedule"},),
        )
    )
    assert view == {
        "name": "n1",
        "labels": {"nvidia.com/gpu.product": H100, "nvidia.com/gpu.memory": "81559"},
        "taints": [{"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}],
        "unschedulable": True,
        "remediation": "",
        "conditions": {"Ready": "True"},
        "capacity": {"nvidia.com/gpu": "8"},
        "allocatable": {"nvidia.com/gpu": "8"},
        "provider_id": "aws:///eu/i-1",
        "image": "",
        "kubelet": "v1.36.2",
    }


def test_views_of_empty_objects_are_empty_not_errors() -> None:
    assert node_view({})["name"] == ""
    assert pod_view({}) == {
        "namespace": "", "name": "", "node": "", "phase": "", "gpus": 0, "labels": {}, "owner": "",
        "uid": "", "restarts": 0, "ready_since": "",
    }  # fmt: skip


def test_views_of_repeated_strings_share_memory() -> None:
    first, second = node_view(node("a")), node_view(json.loads(json.dumps(node("b"))))
    assert first["labels"]["nvidia.com/gpu.product"] is second["labels"]["nvidia.com/gpu.product"]


@pytest.mark.parametrize(
    ("raw", "gpus"),
    [
        (pod("a", 2), 2),
        (pod("a", 0), 0),
        (pod("a", 2, init=(init_container(4),)), 4),
        (pod("a", 4, init=(init_container(2),)), 4),
        (pod("a", 2, init=(init_container(1, sidecar=True),)), 3),
        (pod("a", 1, init=(init_container(1, sidecar=True), init_container(4))), 5),
        (pod("a", 1, init=(init_container(4), init_container(1, sidecar=True))), 4),
    ],
)
def test_a_pod_counts_the_gpus_the_scheduler_sets_aside(raw: dict[str, Any], gpus: int) -> None:
    assert pod_view(raw)["gpus"] == gpus


@pytest.mark.parametrize(
    ("raw", "reason", "usable"),
    [
        (node("n"), "", True),
        (node("n", None), "", True),
        (node("n", ready="False"), "not ready", False),
        (node("n", ready="Unknown"), "kubelet silent", False),
        ({"metadata": {"name": "n"}}, "kubelet never reported", False),
        (node("n", cordoned=True), "cordoned", False),
        (node("n", conditions=(("MemoryPressure", "True"), ("DiskPressure", "False"))), "MemoryPressure", True),
        (node("n", allocatable=6), "6 of 8 GPUs allocatable", True),
        (node("n", None, labels={"nvidia.com/gpu.present": "true"}), "labelled as a GPU node but offers no GPUs", True),
        (node("n", taints=({"key": "byoc.fireworks.ai/quarantine", "effect": "NoSchedule"},)), "", False),
        (node("n", taints=({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},)), "", False),
        (node("n", taints=({"key": "nvidia.com/gpu", "effect": "NoSchedule"},)), "", True),
        (node("n", taints=({"key": "byoc.fireworks.ai/note", "effect": "PreferNoSchedule"},)), "", True),
    ],
)
def test_what_is_wrong_with_a_node_and_whether_it_takes_pods(raw: dict[str, Any], reason: str, usable: bool) -> None:
    view = node_view(raw)
    assert node_problem(view) == reason
    assert can_take_pods(view) is usable


def test_gpus_are_counted_by_product() -> None:
    nodes = [
        node("h1"),
        node("h2", cordoned=True),
        node("h3", allocatable=7, ready="False"),
        node("l1", 4, product=L40S, memory_mib=46068),
        node("u1", 2, product=""),
        node("cpu", None),
    ]
    pods = [
        pod("ours", 2, on="h1", model="llama"),
        pod("ours-2", 1, on="h2", model="llama"),
        pod("theirs", 1, on="h1", namespace="team"),
        pod("done", 8, on="h1", phase="Succeeded"),
        pod("waiting", 4, phase="Pending"),
        pod("plain", 0, on="l1"),
    ]
    found = gpu_inventory(map(node_view, nodes), map(pod_view, pods))
    assert found["products"][H100] == {
        "nodes": 3,
        "ready_nodes": 2,
        "capacity": 24,
        "allocatable": 23,
        "used": 4,
        "free": 5,
        "per_node": [8],
        "memory_mib": 81559,
        "ours": {"llama": 3},
        "free_nodes": [{"gpus": 5, "nodes": 1}],
        "closed": [{"why": "cordoned", "gpus": 7}, {"why": "not ready", "gpus": 7}],
    }
    assert found["products"][L40S]["free"] == 4
    assert found["products"]["GPUs of an unknown product"]["capacity"] == 2
    assert found["total"] == {"nodes": 5, "ready_nodes": 4, "capacity": 30, "allocatable": 29, "used": 4, "free": 9}
    assert found["pending"] == 4


def test_a_cluster_with_no_gpus_has_none() -> None:
    found = gpu_inventory([node_view(node("n", None))], [])
    assert found["products"] == {}
    assert found["total"]["capacity"] == 0


def facts(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "uid": "0f5c",
        "version": {"major": "1", "minor": "36", "gitVersion": "v1.36.2"},
        "apis": {"v1": ["Pod", "Node"]},
        "nodes": [node_view(node("h1")), node_view(node("cpu", None, ready="Unknown"))],
        "pods": [],
    }
    return cluster_facts(**{**given, **more})


@pytest.mark.parametrize(
    ("wanted", "reads"),
    [
        (["version"], {"version"}),
        (["stack", "bounds"], {"deployments", "set_parents"}),
        (["pods"], {"our_pods"}),
        (["pods", "gpus"], {"nodes", "pods"}),
        (["annotations"], {"namespace"}),
        (["annotations", "namespaces"], {"namespaces"}),
        ([], set()),
    ],
)
def test_only_what_facts_are_made_of_is_read_and_nothing_twice(wanted: list[str], reads: set[str]) -> None:
    assert reads_for(wanted) == reads


def test_what_is_not_wanted_is_not_there_and_the_rest_is_as_in_all() -> None:
    every = facts()
    assert set(every) == {"uid", *MADE_OF}
    for name in MADE_OF:
        assert facts(wanted=[name]) == {"uid": every["uid"], name: every[name]}


def test_our_pods_are_told_by_uid_restarts_and_since_when_they_are_ready() -> None:
    status = {
        "phase": "Running",
        "containerStatuses": [{"restartCount": 1}, {"restartCount": 2}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "T"}, {"type": "Initialized"}],
    }
    ready, waiting, theirs = pod("b"), pod("a"), pod("c", namespace="team")
    ready["metadata"]["uid"], ready["status"] = "1", status
    waiting["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": "T"}]
    assert facts(pods=map(pod_view, [ready, waiting, theirs]))["pods"] == [
        {"namespace": "fireworks-models", "name": "a", "uid": "", "restarts": 0, "ready_since": ""},
        {"namespace": "fireworks-models", "name": "b", "uid": "1", "restarts": 3, "ready_since": "T"},
    ]


def test_the_least_that_can_be_read_still_makes_facts() -> None:
    found = facts(nodes=[], version={}, apis={})
    assert found["provider"] == ""
    assert found["stack"] is None
    assert found["models"] == []
    assert found["device_plugin"]["found"] is False
    assert found["nodes"] == {"total": 0, "ready": 0, "gpu": 0, "gpu_ready": 0, "gpu_offering": 0,
                              "unlabelled": [], "problems": []}  # fmt: skip


DEFAULT_CLASS = {"storageclass.kubernetes.io/is-default-class": "true"}


def test_facts_are_plain_and_sorted() -> None:
    found = facts(
        namespaces=[named("b"), named("a")],
        storage_classes=[
            named("fast"),
            named("old", metadata={"annotations": DEFAULT_CLASS, "creationTimestamp": "2025-01-01T00:00:00Z"}),
            named("new", metadata={"annotations": DEFAULT_CLASS, "creationTimestamp": "2026-01-01T00:00:00Z"}),
        ],
        gateways=[
            named("public", "gateway-system", status={"conditions": [{"type": "Programmed", "status": "True"}]}),
            named("other", "gateway-system"),
        ],
        set_parents=[named("stack"), named("presetup")],
        permissions=[{"verb": "get", "allowed": True}],
        quotas=[
            named(
                "ours",
                "fireworks-models",
                metadata={"labels": {"app.kubernetes.io/managed-by": "fireworks-byoc"}},
                spec={"hard": {"requests.nvidia.com/gpu": "8"}},
                status={"used": {"requests.nvidia.com/gpu": "1"}},
            ),
            named("empty", "fireworks-models"),
        ],
    )
    assert json.loads(json.dumps(found)) == found
    assert found["version"] == {"major": "1", "minor": "36", "git": "v1.36.2"}
    assert found["apis"] == {"v1": ["Node", "Pod"]}
    assert found["namespaces"] == ["a", "b"]
    assert (found["default_storage_class"], found["storage_classes"]) == ("new", ["fast", "new", "old"])
    assert found["nodes"]["problems"] == [{"node": "cpu", "reason": "kubelet silent", "remediation": ""}]
    assert [(g["name"], g["programmed"]) for g in found["gateways"]] == [("other", False), ("public", True)]
    assert found["sets"] == ["presetup", "stack"]
    assert [q["managed"] for q in found["quotas"]] == ["", "fireworks-byoc"]
    assert found["quotas"][1]["hard"] == {"requests.nvidia.com/gpu": "8"}


@pytest.mark.parametrize(
    ("ids", "provider"),
    [
        (["aws:///eu-west-1a/i-1", "aws:///eu-west-1a/i-2"], "aws"),
        (["gce://p/z/n"], "gcp"),
        (["azure:///subscriptions/x"], "azure"),
        (["ocid1.instance.oc1..x"], "oci"),
        (["kind://docker/c/n", "kind://docker/c/m", "aws:///x"], "other"),
        (["metal3://x"], "bare_metal"),
        (["", ""], ""),
    ],
)
def test_the_provider_is_what_most_nodes_say(ids: list[str], provider: str) -> None:
    nodes = [node_view(node(f"n{i}", provider_id=value)) for i, value in enumerate(ids)]
    assert facts(nodes=nodes)["provider"] == provider


@pytest.mark.parametrize(
    ("apis", "platform"),
    [({"v1": []}, "kubernetes"), ({"config.openshift.io/v1": ["ClusterVersion"]}, "openshift")],
)
def test_openshift_is_known_by_its_apis(apis: dict[str, list[str]], platform: str) -> None:
    assert facts(apis=apis)["platform"] == platform


@pytest.mark.parametrize(
    ("name", "image", "found"),
    [
        ("nvidia-device-plugin-daemonset", "x", True),
        ("nvidia-gpu-device-plugin-small-cos", "x", True),
        ("plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1", True),
        ("efa-device-plugin", "amazon/efa", False),
        ("kube-proxy", "kube-proxy", False),
    ],
)
def test_the_device_plugin_is_known_by_name_or_image(name: str, image: str, found: bool) -> None:
    plugin = facts(daemonsets=[daemonset(name, image, desired=4, ready=3)])["device_plugin"]
    assert plugin["found"] is found
    assert (plugin["desired"], plugin["ready"]) == ((4, 3) if found else (0, 0))


def test_of_several_device_plugins_the_one_on_most_nodes_is_told() -> None:
    small, large = (
        daemonset("nvidia-gpu-device-plugin-small-cos", desired=0, ready=0),
        daemonset("nvidia-device-plugin"),
    )
    for both in ([small, large], [large, small]):
        assert facts(daemonsets=both)["device_plugin"]["desired"] == 4


def test_the_stack_is_its_components() -> None:
    label = {"byoc.fireworks.ai/component": "router", "byoc.fireworks.ai/release": "2026.11.0"}
    other = {"byoc.fireworks.ai/component": "telemetry", "byoc.fireworks.ai/release": "2026.10.0"}
    router = deployment("router", namespace="fireworks-system", labels=label)
    stack = facts(deployments=[router, deployment("x", namespace="fireworks-system", labels={})])["stack"]
    assert stack == {
        "release": "2026.11.0",
        "since": "",
        "unfinished": "",
        "failed": {},
        "components": [
            {
                "name": "router",
                "namespace": "fireworks-system",
                "replicas": 2,
                "ready": 2,
                "settled": True,
                "component": "router",
                "release": "2026.11.0",
            },
        ],
    }
    mixed = facts(deployments=[router, deployment("t", namespace="fireworks-system", labels=other)])["stack"]
    assert mixed["release"] == "2026.10.0 and 2026.11.0"


def test_the_release_is_what_the_set_says() -> None:
    label = {"byoc.fireworks.ai/component": "router", "byoc.fireworks.ai/release": "2026.12.0"}
    router = deployment("router", namespace="fireworks-system", labels=label)
    notes = {"byoc.fireworks.ai/release": "2026.11.0", "byoc.fireworks.ai/release-unfinished": "2026.12.0"}
    parent = {"metadata": {"name": "stack", "annotations": notes}}
    stack = facts(deployments=[router], set_parents=[parent])["stack"]
    assert (stack["release"], stack["unfinished"]) == ("2026.11.0", "2026.12.0")


def test_models_are_deployments_in_their_namespace() -> None:
    label = {"byoc.fireworks.ai/model": "llama"}
    found = facts(
        deployments=[
            deployment("llama", namespace="fireworks-models", labels=label, gpus=2, ready=1),
            deployment("stray", namespace="team", labels=label),
        ]
    )["models"]
    assert found == [
        {
            "name": "llama",
            "namespace": "fireworks-models",
            "replicas": 2,
            "ready": 1,
            "settled": False,
            "gpus": 4,
            "image": "registry.acme.example/x@sha256:0",
            "revision": "abc123",
        },
    ]


def test_a_stale_status_settles_nothing() -> None:
    stale = deployment(
        "m", namespace="fireworks-models", labels={"byoc.fireworks.ai/model": "m"}, generation=2, observed=1
    )
    assert facts(deployments=[stale])["models"][0]["settled"] is False


def test_endpoints_are_summed_over_slices() -> None:
    def slice_of(service: str, *ready: bool | None) -> dict[str, Any]:
        return named(
            service + "-x",
            "fireworks-models",
            metadata={"labels": {"kubernetes.io/service-name": service}},
            endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": value}} for value in ready],
        )

    slices = [slice_of("llama", True, False), slice_of("llama", True, None), slice_of("empty")]
    assert facts(endpoint_slices=slices)["endpoints"] == [
        {"namespace": "fireworks-models", "service": "empty", "ready": 0, "not_ready": 0},
        {"namespace": "fireworks-models", "service": "llama", "ready": 3, "not_ready": 1},
    ]
