# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: a table of objects as controllers leave them, and what each waits for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.readiness import pod_trouble, readiness


def thing(kind: str, spec: Any = None, status: Any = None, generation: int = 2) -> dict[str, Any]:
    metadata = {"name": "x", "generation": generation}
    version = _VERSIONS.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


_VERSIONS = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), "apps/v1"),
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "Job": "batch/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "Kafka": "kafka.example/v1",
}


def rolled_out(**changes: Any) -> dict[str, Any]:
    settled = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {**settled, **changes}


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


CASES = [
    ("a rolled out Deployment", thing("Deployment", {"replicas": 2}, rolled_out()), True, ""),
    ("a status of an older spec", thing("Deployment", {}, rolled_out(observedGeneration=1)), False, "has not seen"),
    ("a Deployment nobody looked at", thing("Deployment", {}, {}), False, "has not looked"),
    ("new pods missing", thing("Deployment", {"replicas": 2}, rolled_out(updatedReplicas=1)), False, "1 of 2 replicas"),
    ("old pods left", thing("Deployment", {"replicas": 2}, rolled_out(replicas=3)), False, "1 replica of the old"),
    ("pods loading", thing("Deployment", {"replicas": 2}, rolled_out(availableReplicas=0)), False, "0 of 2 replicas"),
    ("scaled to zero", thing("Deployment", {"replicas": 0}, {"observedGeneration": 2}), True, ""),
    ("groups that are all ready", thing("LeaderWorkerSet", {"replicas": 2}, rolled_out()), True, ""),
    ("groups of an older spec", thing("LeaderWorkerSet", {}, rolled_out(observedGeneration=1)), False, "has not seen"),
    ("groups nobody made yet", thing("LeaderWorkerSet", {"replicas": 1}, {}), False, "0 of 1 groups are of the new"),
    ("old groups left", thing("LeaderWorkerSet", {"replicas": 2}, rolled_out(updatedReplicas=1)), False, "1 of 2"),
    ("a surge left", thing("LeaderWorkerSet", {"replicas": 2}, rolled_out(replicas=3)), False, "1 group more"),
    ("groups loading", thing("LeaderWorkerSet", {"replicas": 2}, rolled_out(readyReplicas=1)), False, "groups are"),
    (
        "an update of groups", thing("LeaderWorkerSet", {"replicas": 2},
                                     {**rolled_out(), **condition("UpdateInProgress", "True")}), False, "has not ended",
    ),
    (
        "groups not available", thing("LeaderWorkerSet", {"replicas": 2},
                                      {**rolled_out(), **condition("Available", "False", message="no")}), False, "no",
    ),
    ("a StatefulSet on its way", thing("StatefulSet", {"replicas": 2}, rolled_out(readyReplicas=1)), False, "1 of 2"),
    ("its old version", thing("StatefulSet", {"replicas": 2}, rolled_out(updatedReplicas=0)), False, "0 of 2"),
    (
        "a partition that holds back",
        thing("StatefulSet", {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
              rolled_out(updatedReplicas=0)),
        True, "",
    ),
    (
        "an OnDelete StatefulSet",
        thing("StatefulSet", {"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, rolled_out(updatedReplicas=0)),
        True, "",
    ),
    (
        "a DaemonSet on all nodes",
        thing("DaemonSet", {}, {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1,
                                "numberAvailable": 1}),
        True, "",
    ),
    (
        "a DaemonSet on one of two nodes",
        thing("DaemonSet", {}, {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
                                "numberAvailable": 1}),
        False, "1 of 2 nodes",
    ),
    (
        "a DaemonSet with an old pod",
        thing("DaemonSet", {}, {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}),
        False, "1 of 2 nodes run the new",
    ),
    ("a finished Job", thing("Job", {}, condition("Complete", "True")), True, ""),
    ("a working Job", thing("Job", {}, {"active": 1}), False, "1 pod still"),
    ("a ready Pod", thing("Pod", {}, condition("Ready", "True")), True, ""),
    ("a starting Pod", thing("Pod", {}, {"phase": "Pending"}), False, "is not ready"),
    ("a bound claim", thing("PersistentVolumeClaim", {}, {"phase": "Bound"}), True, ""),
    ("a claim that waits for its pod", thing("PersistentVolumeClaim", {}, {"phase": "Pending"}), True, ""),
    ("an active Namespace", thing("Namespace", {}, {"phase": "Active"}), True, ""),
    ("a dying Namespace", thing("Namespace", {}, {"phase": "Terminating"}), False, "Terminating"),
    ("an established definition", thing("CustomResourceDefinition", {}, condition("Established", "True")), True, ""),
    ("a new definition", thing("CustomResourceDefinition", {}, {}), False, "not established"),
    ("a budget that was seen", thing("PodDisruptionBudget", {}, {"observedGeneration": 2}), True, ""),
    ("a budget nobody saw", thing("PodDisruptionBudget", {}, {}), False, "has not looked"),
    ("a kind without a status", thing("ConfigMap"), True, ""),
    ("a custom resource in trouble", thing("Kafka", {}, condition("Ready", "False", reason="Sad")), False, "Sad"),
    ("a custom resource that is ready", thing("Kafka", {}, condition("Ready", "True")), True, ""),
]  # fmt: skip


@pytest.mark.parametrize(("live", "ready", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_readiness_of(live: dict[str, Any], ready: bool, reason: str) -> None:
    state = readiness(live)
    assert state.ready is ready
    assert reason in state.reason
    assert not state.failed


@pytest.mark.parametrize(
    "live",
    [
        thing(
            "Deployment", {}, {**rolled_out(), **condition("Progressing", "False", reason="ProgressDeadlineExceeded")}
        ),
        thing("Job", {}, condition("Failed", "True", message="BackoffLimitExceeded")),
        thing("Pod", {}, {"phase": "Failed", "reason": "Evicted"}),
        thing("PersistentVolumeClaim", {}, {"phase": "Lost"}),
        thing("CustomResourceDefinition", {}, condition("NamesAccepted", "False", message="taken")),
    ],
    ids=lambda live: live["kind"],
)
def test_waiting_on_is_pointless_for_a_failed(live: dict[str, Any]) -> None:
    assert readiness(live).failed


@pytest.mark.parametrize("kind", ["Deployment", "Job", "Pod", "Namespace", "LeaderWorkerSet", "DaemonSet"])
def test_of_another_group_s_kind_of_the_same_name_only_its_conditions_count(kind: str) -> None:
    foreign = {**thing(kind, {"replicas": 2}, {}), "apiVersion": "other.example/v1"}
    assert readiness(foreign).ready
    assert not readiness({**foreign, "status": condition("Ready", "False")}).ready
    assert not readiness({**foreign, "status": {"observedGeneration": 1}}).ready


def test_an_object_that_is_being_deleted_is_never_ready() -> None:
    live = thing("ConfigMap")
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not readiness(live).ready


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (condition("PodScheduled", "False", message="0/4 nodes are available"), "0/4 nodes are available"),
        (
            {"containerStatuses": [{"name": "vllm", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "container vllm: ImagePullBackOff",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "vllm", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
                ]
            },
            "container vllm ended: OOMKilled",
        ),
        ({"phase": "Failed", "message": "node was low on memory"}, "low on memory"),
        ({"containerStatuses": [{"name": "vllm", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
    ],
)
def test_a_pod_says_what_it_waits_for(status: dict[str, Any], said: str) -> None:
    assert said in pod_trouble(status)
    assert bool(pod_trouble(status)) is bool(said)
