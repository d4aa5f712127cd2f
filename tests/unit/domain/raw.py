# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw Kubernetes objects for tests, as an API server's lists hold them, with only what a test wants to say."""

from __future__ import annotations

from typing import Any

H100 = "NVIDIA-H100-80GB-HBM3"
L40S = "NVIDIA-L40S"


def node(
    name: str,
    gpus: int | None = 8,
    *,
    product: str = H100,
    allocatable: int | None = None,
    ready: str = "True",
    cordoned: bool = False,
    taints: tuple[dict[str, str], ...] = (),
    conditions: tuple[tuple[str, str], ...] = (),
    provider_id: str = "",
    memory_mib: int = 81559,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    named = {"kubernetes.io/hostname": name, **(labels or {})}
    resources: dict[str, str] = {"cpu": "64", "memory": "1Ti"}
    if gpus is not None:
        if product:
            named |= {"nvidia.com/gpu.product": product, "nvidia.com/gpu.memory": str(memory_mib)}
        resources["nvidia.com/gpu"] = str(gpus)
    able = dict(resources)
    if allocatable is not None:
        able["nvidia.com/gpu"] = str(allocatable)
    return {
        "metadata": {"name": name, "labels": named},
        "spec": {"providerID": provider_id, "taints": list(taints), "unschedulable": cordoned},
        "status": {
            "capacity": resources,
            "allocatable": able,
            "conditions": [{"type": "Ready", "status": ready}, *({"type": t, "status": s} for t, s in conditions)],
            "nodeInfo": {"kubeletVersion": "v1.36.2"},
        },
    }


def pod(
    name: str,
    gpus: int = 1,
    *,
    on: str = "",
    phase: str = "Running",
    model: str = "",
    namespace: str = "fireworks-models",
    init: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main"}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    labels = {"byoc.fireworks.ai/model": model} if model else {}
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "labels": {**labels, "pod-template-hash": "abc"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "rs"}] if model else [],
        },
        "spec": {"nodeName": on, "containers": [container], "initContainers": list(init)},
        "status": {"phase": phase},
    }


def init_container(gpus: int, *, sidecar: bool = False) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "init", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    if sidecar:
        container["restartPolicy"] = "Always"
    return container


def deployment(
    name: str,
    *,
    namespace: str,
    labels: dict[str, str],
    replicas: int = 2,
    ready: int | None = None,
    gpus: int = 0,
    generation: int = 1,
    observed: int = 1,
    image: str = "registry.acme.example/x@sha256:0",
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": image}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
    ready = replicas if ready is None else ready
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "generation": generation,
            "annotations": {"byoc.fireworks.ai/revision": "abc123"},
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
        "status": {
            "observedGeneration": observed,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
        },
    }


def named(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **more.pop("metadata", {})}, **more}


def daemonset(
    name: str, image: str = "nvcr.io/nvidia/k8s-device-plugin:v0.17", desired: int = 4, ready: int = 4
) -> dict[str, Any]:
    return named(
        name,
        "gpu-operator",
        spec={"template": {"spec": {"containers": [{"image": image}]}}},
        status={"desiredNumberScheduled": desired, "numberReady": ready},
    )
