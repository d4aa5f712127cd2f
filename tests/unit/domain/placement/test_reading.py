# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server lists becomes a scene, and what of it cannot be modelled is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.demands import REQUIRED
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.models import Learned
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.reading import scene_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.requests import host_ports, requests_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import from_dict, to_dict
from tests.unit.domain import agreed, raw
from tests.unit.domain.placement.scenes import NOW

REPLICA_SET = [{"kind": "ReplicaSet", "name": "llama-1", "controller": True}]
READY = {"type": "Ready", "status": "True"}


def _pod(name: str = "llama-1-a", *, owners: Any = REPLICA_SET, spec: Any = None, **more: Any) -> dict[str, Any]:
    live = raw.pod(name, on=more.pop("on", "a"), model=more.pop("model", "llama"), **more.pop("pod", {}))
    live["metadata"] |= {"ownerReferences": owners, **more.pop("metadata", {})}
    live["spec"] |= spec or {}
    live["status"] |= {"conditions": [READY], **more.pop("status", {})}
    return live


def _workload(wanted: int = 2, **status: int) -> dict[str, Any]:
    there = {"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted, "readyReplicas": wanted}
    return {
        "metadata": {"name": "llama", "generation": 1, "labels": {MODEL_LABEL: "llama"}},
        "spec": {"replicas": wanted},
        "status": {**there, **status},
    }


def _scene(pods: list[Any], nodes: list[Any] | None = None, model: Any = None, **more: Any) -> Any:
    contract = agreed.contract(models=[agreed.model(**(model or {}))])
    return scene_of(taken=NOW, nodes=nodes or [raw.node("a")], pods=pods, contract=contract, **more)


def _volume(**what: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **what}]}


GROUP = {"labels": {MODEL_LABEL: "llama", "byoc.fireworks.ai/group-of": "llama"}}
AWAY = {REQUIRED: [{"topologyKey": "z", "namespaceSelector": {"x": "y"}}]}
SPREAD = {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}
STAYS: list[tuple[str, dict[str, Any], str]] = [
    ("a replica of a Deployment may be moved", _pod(), ""),
    ("an empty volume moves with it", _pod(spec=_volume(emptyDir={})), ""),
    ("preferences are not its demands", _pod(spec={"affinity": {"podAntiAffinity": {}}}), ""),
    ("a pod of somebody else", _pod(model=""), "it is not a replica of ours"),
    ("our label in another namespace", _pod(pod={"namespace": "apps"}), "it is not a replica of ours"),
    ("a part of a group", _pod(metadata=GROUP),
     "it is part of a replica that spans nodes, which moves only as a whole"),
    ("a pod that nobody makes again", _pod(owners=[]), "it has no controller that would make another one"),
    ("a StatefulSet", _pod(owners=[{"kind": "StatefulSet", "name": "s", "controller": True}]),
     "its StatefulSet gives it a place of its own"),
    ("a claim", _pod(spec=_volume(persistentVolumeClaim={"claimName": "c"})),
     "not modelled: its volume v (persistentVolumeClaim)"),
    ("a path of its node", _pod(spec=_volume(hostPath={"path": "/x"})), "not modelled: its volume v (hostPath)"),
    ("devices that it claims", _pod(spec={"resourceClaims": [{"name": "c"}]}), "not modelled: its claims of devices"),
    ("a scheduler of its own", _pod(spec={"schedulerName": "volcano"}), "not modelled: its scheduler volcano"),
    ("a gate", _pod(spec={"schedulingGates": [{"name": "g"}]}), "not modelled: its scheduling gate g"),
    ("a resize", _pod(status={"conditions": [READY, {"type": "PodResizePending"}]}), "not modelled: its resize"),
    ("namespaces by their labels", _pod(spec={"affinity": {"podAntiAffinity": AWAY}}),
     "not modelled: namespaceSelector of its podAntiAffinity"),
    ("two affinities at once", _pod(spec={"affinity": {"podAffinity": {REQUIRED: [{"topologyKey": "z"}] * 2}}}),
     "not modelled: several terms of its podAffinity, which have to hold of the same pod"),
    ("a least number of zones", _pod(spec={"topologySpreadConstraints": [SPREAD]}),
     "not modelled: minDomains of its topology spread"),
]  # fmt: skip


@pytest.mark.parametrize(("live", "expected"), [row[1:] for row in STAYS], ids=[row[0] for row in STAYS])
def test_a_pod_stays_for_reasons_that_are_named(live: dict[str, Any], expected: str) -> None:
    [read] = [pod for pod in _scene([live], model={"replicas": {"min": 0, "max": 2}}).pods if pod.node]
    assert list(read.stays) == ([expected] if expected else [])


NODES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("a good node", raw.node("a"), "", False),
    ("one that is not ready", raw.node("a", ready="Unknown"), "it is not ready", False),
    ("one in maintenance", raw.node("a", labels={"byoc.fireworks.ai/maintenance": "true"}),
     "its owner has it in maintenance", True),
    ("one whose maintenance is over", raw.node("a", labels={"byoc.fireworks.ai/maintenance": "false"}), "", False),
]  # fmt: skip


@pytest.mark.parametrize(("live", "closed", "leave"), [row[1:] for row in NODES], ids=[row[0] for row in NODES])
def test_a_node_says_why_nothing_should_come(live: dict[str, Any], closed: str, leave: bool) -> None:
    [read] = _scene([], [live]).nodes
    assert (read.closed, read.leave, read.product, read.gpus) == (closed, leave, raw.H100, 8)
    assert (read.allocatable["cpu"], read.allocatable["memory"]) == (64_000, 2**40)


@pytest.mark.parametrize(("state", "leave"), [("suspect", True), ("quarantined", False), ("validating", False)])
def test_a_node_under_repair_is_closed_and_left_first_only_while_suspected(state: str, leave: bool) -> None:
    live = raw.node("a")
    live["metadata"]["annotations"] = {"byoc.fireworks.ai/remediation-state": state}
    [read] = _scene([], [live]).nodes
    assert (read.closed, read.leave) == (f"remediation: {state}", leave)


def test_a_finding_closes_a_node() -> None:
    [read] = _scene([], suspects={"a": "gpu_ecc"}).nodes
    assert (read.closed, read.leave) == ("gpu_ecc", True)


BUSY: list[tuple[str, Any, str]] = [
    ("at rest", _workload(), ""),
    ("nobody has seen it", None, "its workload was not found"),
    ("a version that nobody saw", _workload(observedGeneration=0),
     "its newest version has not been seen by its controller"),
    ("rolling", _workload(updatedReplicas=1), "it is rolling"),
    ("scaling", _workload(3, replicas=2, updatedReplicas=2), "it is scaling: 2 of 3 replicas are there"),
    ("loading", _workload(readyReplicas=1), "it is loading: 1 of 2 replicas are ready"),
]  # fmt: skip


@pytest.mark.parametrize(("workload", "expected"), [row[1:] for row in BUSY], ids=[row[0] for row in BUSY])
def test_a_model_is_at_rest_only_when_that_is_known(workload: Any, expected: str) -> None:
    pods = [_pod("llama-1-a"), _pod("llama-1-b")]
    workloads = [workload] if workload else []
    learned = {"llama": Learned(budget_spent="its error budget is spent")}
    [read] = _scene(pods, workloads=workloads, learned=learned).models
    assert (read.busy, read.budget_spent) == (expected, "its error budget is spent")


def test_replicas_below_the_floor_are_planned_like_those_that_are_there() -> None:
    read = _scene([_pod("llama-1-a", spec={"priority": 7})], model={"replicas": {"min": 3, "max": 4}})
    new = [pod for pod in read.pods if not pod.node]
    assert [pod.key for pod in new] == ["fireworks-models/llama-planned-0", "fireworks-models/llama-planned-1"]
    assert {(pod.gpus, pod.priority, pod.model) for pod in new} == {(1, 7, "llama")}


def test_the_first_replicas_are_planned_from_the_contract() -> None:
    read = _scene([], model={"gpu": {"product": raw.H100, "per_replica": 4}})
    assert [(pod.gpus, pod.requests["cpu"], pod.selector) for pod in read.pods] == [
        (4, 2_000, {"nvidia.com/gpu.product": raw.H100})
    ] * 2


def test_a_model_that_sleeps_has_no_floor() -> None:
    asleep = {"replicas": {"min": 0, "max": 2}, "scaling": {"idle_to_zero": True}}
    assert _scene([], model=asleep).pods == ()


def test_what_has_ended_holds_nothing() -> None:
    assert (
        _scene(
            [_pod(pod={"phase": "Succeeded"})],
            model={"replicas": {"min": 0, "max": 1}, "scaling": {"idle_to_zero": True}},
        ).pods
        == ()
    )


def test_quotas_and_budgets_say_what_they_leave() -> None:
    quota = {
        "metadata": {"namespace": "fireworks-models", "name": "approved-gpus"},
        "spec": {"hard": {f"requests.{GPU}": "16"}, "scopes": ["NotTerminating"]},
        "status": {"hard": {f"requests.{GPU}": "16"}, "used": {f"requests.{GPU}": "6"}},
    }
    budget = {
        "metadata": {"namespace": "fireworks-models", "name": "llama", "generation": 1},
        "spec": {"selector": {}},
        "status": {"disruptionsAllowed": 1, "observedGeneration": 1},
    }
    stale = {**budget, "metadata": {**budget["metadata"], "generation": 2}}
    read = _scene([], quotas=[quota], budgets=[budget, stale])
    assert read.quotas[0].left == {f"requests.{GPU}": 10}
    assert read.quotas[0].scopes == ({"scopeName": "NotTerminating", "operator": "Exists"},)
    assert [one.allowed for one in read.budgets] == [1, 0]


def test_what_was_read_can_be_kept() -> None:
    read = _scene([_pod(spec={"nodeSelector": {"x": "y"}})], workloads=[_workload()], unread=["error budgets"])
    assert from_dict(json.loads(json.dumps(to_dict(read)))) == read


def _container(cpu: str = "", gpus: int = 0, **more: Any) -> dict[str, Any]:
    limits = {GPU: gpus} if gpus else {}
    return {"resources": {"requests": {"cpu": cpu} if cpu else {}, "limits": limits}, **more}


ALWAYS = {"restartPolicy": "Always"}
REQUESTS: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("nothing", {}, {}),
    ("containers count together", {"containers": [_container("1"), _container("500m")]}, {"cpu": 1500}),
    ("a limit is requested too", {"containers": [_container(gpus=2)]}, {GPU: 2}),
    ("the largest of those that come first", {"initContainers": [_container("4"), _container("3")],
     "containers": [_container("1")]}, {"cpu": 4000}),
    ("a sidecar stays",
     {"initContainers": [_container("2", **ALWAYS)], "containers": [_container("1")]}, {"cpu": 3000}),
    ("one that comes first runs beside the sidecars before it",
     {"initContainers": [_container("2", **ALWAYS), _container("4")], "containers": [_container("1")]}, {"cpu": 6000}),
    ("and not beside those after it",
     {"initContainers": [_container("4"), _container("2", **ALWAYS)], "containers": [_container("1")]}, {"cpu": 4000}),
    ("an overhead", {"overhead": {"cpu": "250m"}, "containers": [_container("1")]}, {"cpu": 1250}),
    ("what is said of the whole pod",
     {"resources": {"requests": {"cpu": "8"}}, "containers": [_container("1")]}, {"cpu": 8000}),
    ("a number beyond all others", {"containers": [_container("1e400")]}, {"cpu": 2**63}),
    ("memory in bytes", {"containers": [{"resources": {"requests": {"memory": "1.5Gi"}}}]}, {"memory": 3 * 2**29}),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_requests_count_as_the_scheduler_counts_them(spec: dict[str, Any], expected: dict[str, int]) -> None:
    assert requests_of(spec) == {**expected, "pods": 1}


def test_host_ports_are_those_of_containers_that_stay() -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    inner = {"ports": [{"containerPort": 81}]}
    spec = {"containers": [port, inner], "initContainers": [{"ports": [{"containerPort": 9, "hostPort": 9}]}]}
    assert host_ports(spec) == ("TCP/80/0.0.0.0",)
