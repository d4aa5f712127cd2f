# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: the few fields we need of a raw Kubernetes object, kept small.

A cluster of 1,500 nodes and 4,000 pods is read page by page; each raw page is projected to views and dropped, so the
memory a read takes is that of one page. Strings that repeat (labels, products, namespaces) are interned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

from .gpu_units import offered
from .names import GPU, GPU_PRESENT_LABEL, JOURNEY_PREFIX, PREFIX
from .quantity import count

View = dict[str, Any]

_NODE_LABELS = (
    "nvidia.com/",
    PREFIX,
    "topology.kubernetes.io/",
    "node.kubernetes.io/instance-type",
    "cloud.google.com/gke-accelerator",
)
_POD_LABELS = (PREFIX, "app.kubernetes.io/")


def _some(labels: Mapping[str, str] | None, prefixes: tuple[str, ...]) -> dict[str, str]:
    if not labels:
        return {}
    return {intern(str(k)): intern(str(v)) for k, v in labels.items() if k.startswith(prefixes)}


def _gpu_resources(resources: Mapping[str, Any] | None) -> dict[str, Any]:
    return {intern(str(k)): v for k, v in (resources or {}).items() if k.startswith("nvidia.com/")}


def node_view(raw: Mapping[str, Any]) -> View:
    """A node, as the inventory and the health policies see it."""
    metadata = raw.get("metadata") or {}
    spec = raw.get("spec") or {}
    status = raw.get("status") or {}
    return {
        "name": intern(str(metadata.get("name", ""))),
        "labels": _some(metadata.get("labels"), _NODE_LABELS),
        "taints": [
            {
                "key": intern(str(t.get("key", ""))),
                "value": t.get("value", ""),
                "effect": intern(str(t.get("effect", ""))),
            }
            for t in spec.get("taints") or ()
        ],
        "unschedulable": bool(spec.get("unschedulable", False)),
        "remediation": intern(str((metadata.get("annotations") or {}).get(f"{JOURNEY_PREFIX}state", ""))),
        "conditions": {
            intern(str(c.get("type", ""))): intern(str(c.get("status", "Unknown")))
            for c in status.get("conditions") or ()
        },
        "capacity": _gpu_resources(status.get("capacity")),
        "allocatable": _gpu_resources(status.get("allocatable")),
        "provider_id": str(spec.get("providerID", "")),
        "kubelet": intern(str((status.get("nodeInfo") or {}).get("kubeletVersion", ""))),
    }


def _container_gpus(container: Mapping[str, Any]) -> int:
    limits = (container.get("resources") or {}).get("limits")
    return count(limits[GPU]) if limits and GPU in limits else 0


def pod_gpus(spec: Mapping[str, Any]) -> int:
    """The GPUs that the scheduler sets aside for a pod of this spec.

    Init containers run one after the other before the rest, so they count by their largest; a sidecar (an init
    container that always restarts) stays and counts in full.
    """
    running = sum(_container_gpus(c) for c in spec.get("containers") or ())
    largest = 0
    for container in spec.get("initContainers") or ():
        gpus = _container_gpus(container)
        if container.get("restartPolicy") == "Always":
            running += gpus
        else:
            largest = max(largest, gpus)
    return max(running, largest)


def pod_view(raw: Mapping[str, Any]) -> View:
    """A pod, as the inventory sees it."""
    metadata = raw.get("metadata") or {}
    spec = raw.get("spec") or {}
    status = raw.get("status") or {}
    owners = metadata.get("ownerReferences") or ()
    return {
        "namespace": intern(str(metadata.get("namespace", ""))),
        "name": str(metadata.get("name", "")),
        "node": intern(str(spec.get("nodeName", ""))),
        "phase": intern(str(status.get("phase", ""))),
        "gpus": pod_gpus(spec),
        "labels": _some(metadata.get("labels"), _POD_LABELS),
        "owner": f"{owners[0].get('kind', '')}/{owners[0].get('name', '')}" if owners else "",
        "uid": str(metadata.get("uid", "")),
        "restarts": sum(count(c.get("restartCount", 0)) for c in status.get("containerStatuses") or ()),
        "ready_since": _ready_since(status.get("conditions") or ()),
    }


def _ready_since(conditions: Iterable[Mapping[str, Any]]) -> str:
    """The moment from which a pod has been ready without a gap; empty when it is not ready."""
    ready = [c for c in conditions if c.get("type") == "Ready" and c.get("status") == "True"]
    return str(ready[0].get("lastTransitionTime", "")) if ready else ""


def is_gpu_node(node: View) -> bool:
    """Whether a node has, or says that it should have, GPUs."""
    return bool(
        count(node["capacity"].get(GPU, 0)) or node["labels"].get(GPU_PRESENT_LABEL) == "true" or gpu_product(node)
    )


def gpu_product(node: View) -> str:
    """The GPU product label of a node; empty where GPU feature discovery has not run."""
    return str(node["labels"].get("nvidia.com/gpu.product", ""))


def is_ready(node: View) -> bool:
    """Whether the kubelet reports itself Ready."""
    return bool(node["conditions"].get("Ready") == "True")


def can_take_pods(node: View) -> bool:
    """Whether the scheduler may place new work here: ready, not cordoned, no taint of ours or of Kubernetes."""
    if node["unschedulable"] or not is_ready(node):
        return False
    return not any(
        taint["effect"] in ("NoSchedule", "NoExecute")
        and (taint["key"].startswith(PREFIX) or taint["key"].startswith("node.kubernetes.io/"))
        for taint in node["taints"]
    )


def node_problem(node: View) -> str:
    """Why a node is not at its best, in a few words; empty when nothing is wrong."""
    reasons = []
    conditions = node["conditions"]
    if not is_ready(node):
        state = conditions.get("Ready", "never reported")
        reasons.append("not ready" if state == "False" else f"kubelet {'silent' if state == 'Unknown' else state}")
    if node["unschedulable"]:
        reasons.append("cordoned")
    reasons += [kind for kind, status in sorted(conditions.items()) if kind != "Ready" and status == "True"]
    capacity, allocatable = offered(node["capacity"]), offered(node["allocatable"])
    if allocatable < capacity:
        reasons.append(f"{allocatable} of {capacity} GPUs allocatable")
    elif not capacity and is_gpu_node(node):
        reasons.append("labelled as a GPU node but offers no GPUs")
    return ", ".join(reasons)
