# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node objects of a pool. Pure: a pool in, objects out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from .spec import NodePool

KUBELET_VERSION = "v1.36.3"
BROKEN = "testbed/broken"

_REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus2", "oracle": "us-ashburn-1"}
_GPU_MACHINES = {
    "aws": "p5.48xlarge",
    "gcp": "a3-highgpu-8g",
    "azure": "Standard_ND96isr_H100_v5",
    "oracle": "BM.GPU.H100.8",
}
_CPU_MACHINES = {
    "aws": "m7i.48xlarge",
    "gcp": "n2-standard-128",
    "azure": "Standard_D96s_v5",
    "oracle": "BM.Standard3.64",
}
_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def nodes_of(pool: NodePool, first_index: int, moment: str) -> list[dict[str, Any]]:
    """Every node of a pool, healthy. ``first_index`` keeps the addresses of two pools apart."""
    return [_node(pool, number, first_index + number, moment) for number in range(pool.count)]


def healthy_conditions(moment: str) -> list[dict[str, str]]:
    """The conditions that a kubelet with nothing to complain about posts."""
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
        }
        for kind, status, reason, message in _HEALTHY
    ]


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether a node says that it is Ready."""
    conditions = node["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def size_of(node: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The size and the GPUs of a node of a pool, for a real one that pretends to them."""
    pretended = {name: value for name, value in node["status"]["capacity"].items() if name != "pods"}
    return {"capacity": pretended, "allocatable": pretended}


def now() -> str:
    """This moment, as Kubernetes writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _node(pool: NodePool, number: int, index: int, moment: str) -> dict[str, Any]:
    name = f"{pool.name}-{number}"
    resources = {
        "cpu": str(pool.cpu),
        "memory": f"{pool.memory_gib}Gi",
        "ephemeral-storage": "2048Gi",
        "pods": "250",
    }
    spec: dict[str, Any] = {}
    if pool.gpus_per_node:
        resources["nvidia.com/gpu"] = str(pool.gpus_per_node)
        if pool.taint:
            spec["taints"] = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    provider_id = _provider_id(pool, name, index)
    if provider_id:
        spec["providerID"] = provider_id
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": _labels(pool, name)},
        "spec": spec,
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": healthy_conditions(moment),
            "addresses": [
                {"type": "InternalIP", "address": f"198.18.{index // 250}.{index % 250 + 1}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": _node_info(pool, index),
        },
    }


def _labels(pool: NodePool, name: str) -> dict[str, str]:
    machines = _GPU_MACHINES if pool.gpus_per_node else _CPU_MACHINES
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": pool.instance_type or machines.get(pool.provider, "bare-metal"),
        "topology.kubernetes.io/zone": pool.zone,
        "topology.kubernetes.io/region": _region(pool),
        "testbed/pool": pool.name,
    }
    if pool.gpus_per_node:
        labels |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": pool.product,
            "nvidia.com/gpu.count": str(pool.gpus_per_node),
            "nvidia.com/gpu.memory": str(pool.gpu_memory_mib),
        }
    if pool.provider == "openshift":
        labels["node.openshift.io/os_id"] = "rhel"
    return {**labels, **pool.labels}


def _region(pool: NodePool) -> str:
    return pool.region or _REGIONS.get(pool.provider, "site-1")


def _provider_id(pool: NodePool, name: str, index: int) -> str:
    region = _region(pool)
    return {
        "aws": f"aws:///{region}{pool.zone}/i-{index:017x}",
        "gcp": f"gce://customer-project/{region}-{pool.zone}/{name}",
        "azure": "azure:///subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/customer"
        f"/providers/Microsoft.Compute/virtualMachines/{name}",
        "oracle": f"ocid1.instance.oc1.{region}.{index:012x}",
    }.get(pool.provider, "")


def _node_info(pool: NodePool, index: int) -> dict[str, str]:
    identity = f"{index:032x}"
    openshift = pool.provider == "openshift"
    return {
        "architecture": "amd64",
        "operatingSystem": "linux",
        "osImage": "Red Hat Enterprise Linux CoreOS 9.6" if openshift else "Ubuntu 24.04.3 LTS",
        "kernelVersion": "6.8.0-85-generic",
        "containerRuntimeVersion": "cri-o://1.36.0" if openshift else "containerd://2.2.1",
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": KUBELET_VERSION,
        "machineID": identity,
        "systemUUID": f"00000000-0000-0000-0000-{index:012x}",
        "bootID": f"00000000-0000-0000-0001-{index:012x}",
    }
