# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks work on: made objects and made clusters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.contracts import H100, contract

Manifest = dict[str, Any]


def mixed_objects(space: str) -> list[Manifest]:
    """Fifty objects of six kinds, as an application brings them."""
    objects: list[Manifest] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}]
    for number in range(10):
        name = f"app-{number}"
        meta = {"name": name, "namespace": space, "labels": {"app": name}}
        selector = {"app": name}
        container = {"name": "app", "image": "app:1", "env": [{"name": f"E{n}", "value": "x"} for n in range(10)]}
        template = {"metadata": {"labels": selector}, "spec": {"containers": [container]}}
        objects += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {f"k{n}": "v" * 40 for n in range(20)}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta,
             "spec": {"selector": selector, "ports": [{"name": "http", "port": 80}]}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
             "spec": {"replicas": 0, "selector": {"matchLabels": selector}, "template": template}},
            {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta,
             "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector}}},
        ]  # fmt: skip
    return objects[:50]


def nodes(count: int) -> Iterator[Manifest]:
    """GPU nodes as a kubelet and the GPU operator leave them, with the size of a real node's object."""
    for number in range(count):
        labels = {
            "kubernetes.io/hostname": f"node-{number:04}",
            "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
            "nvidia.com/gpu.count": "8",
            "nvidia.com/gpu.memory": "81559",
            "topology.kubernetes.io/zone": f"zone-{number % 3}",
            **{f"feature.node.kubernetes.io/cpu-cpuid.F{n}": "true" for n in range(40)},
        }
        amounts = {"cpu": "192", "memory": "2000Gi", "pods": "110", "nvidia.com/gpu": "8", "ephemeral-storage": "1Ti"}
        conditions = [
            {"type": kind, "status": status, "reason": "KubeletSays", "message": "kubelet says so" * 2,
             "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            for kind, status in [("MemoryPressure", "False"), ("DiskPressure", "False"), ("Ready", "True")]
        ]  # fmt: skip
        images = [{"names": [f"registry.example/image-{n}@sha256:{n:064}"], "sizeBytes": 123456789} for n in range(30)]
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number:04}", "labels": labels},
            "spec": {"providerID": f"aws:///zone/i-{number:017}"},
            "status": {
                "capacity": amounts,
                "allocatable": amounts,
                "conditions": conditions,
                "images": images,
                # Without one, no pod of it ever has an address, and none is ready.
                "addresses": [{"type": "InternalIP", "address": f"198.20.{number // 250}.{number % 250 + 1}"}],
            },
        }


def pods(count: int, space: str, node_count: int) -> Iterator[Manifest]:
    """Pods bound to those nodes, some with a GPU."""
    for number in range(count):
        resources = {"limits": {"nvidia.com/gpu": "1"}} if number % 2 else {}
        container = {
            "name": "main",
            "image": f"registry.example/image@sha256:{number % 30:064}",
            "env": [{"name": f"VARIABLE_{n}", "value": "value" * 4} for n in range(20)],
            "resources": resources,
        }
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number:05}", "namespace": space, "labels": {"app": f"app-{number % 50}"}},
            "spec": {
                "containers": [container],
                "nodeName": f"node-{number % node_count:04}",
                "tolerations": [{"operator": "Exists"}],
            },
        }


def until_pods_may_come(cluster: Any, space: str, seconds: float) -> None:
    """Wait for the account that every pod of a new namespace has."""
    deadline = time.monotonic() + seconds
    path = f"/api/v1/namespaces/{space}/serviceaccounts"
    while not cluster.request("GET", path)["items"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{space} had no service account after {seconds:g} s")
        time.sleep(0.1)


def contract_of_models(count: int) -> Manifest:
    """A contract with so many models, one GPU each."""
    agreed = contract("bench-eu-1", uid="-", kubeconfig=Path("-"), provider="aws", region="here", gpus={H100: count})
    [one] = agreed["models"]
    agreed["models"] = [{**one, "name": f"model-{number}", "replicas": {"min": 1, "max": 1}} for number in range(count)]
    return agreed
