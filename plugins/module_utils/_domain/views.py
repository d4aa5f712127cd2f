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

from .at_once import most_at_once
from .gpu_products import LABELS, is_labelled, product_of, says_that_it_has_gpus
from .gpu_units import offered
from .names import GPU, GPU_PRESENT_LABEL, GPU_PRODUCT_LABEL, JOURNEY_PREFIX, PREFIX
from .quantity import count
from .tolerations import OF_MODELS, Tolerations, repelling

View = dict[str, Any]

_NODE_LABELS = (
    "nvidia.com/",
    PREFIX,
    "topology.kubernetes.io/",
    *LABELS,
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
        "image": intern(node_image(status.get("nodeInfo") or {})),
        "kubelet": intern(str((status.get("nodeInfo") or {}).get("kubeletVersion", ""))),
    }


def node_image(about: Mapping[str, Any]) -> str:
    """The node's system and kernel, by its ``nodeInfo``; empty where it tells neither."""
    return ", ".join(str(about[key]) for key in ("osImage", "kernelVersion") if about.get(key))


def _container_gpus(container: Mapping[str, Any]) -> Mapping[str, int]:
    limits = (container.get("resources") or {}).get("limits")
    return {GPU: count(limits[GPU])} if limits and GPU in limits else {}


def pod_gpus(spec: Mapping[str, Any]) -> int:
    """The GPUs that the scheduler sets aside for a pod of this spec."""
    return most_at_once(spec, _container_gpus).get(GPU, 0)


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
    labels = node["labels"]
    has = offered(node["capacity"]) or labels.get(GPU_PRESENT_LABEL) == "true" or says_that_it_has_gpus(labels)
    return bool(has)


def gpu_product(node: View) -> str:
    """The product of a node's GPUs; empty where nothing tells it."""
    return product_of(node["labels"], node["capacity"])


def is_ready(node: View) -> bool:
    """Whether the kubelet reports itself Ready."""
    return bool(node["conditions"].get("Ready") == "True")


def kept_away(node: View, tolerations: Tolerations = OF_MODELS) -> list[str]:
    """What keeps new pods with these tolerations off a node, in words; empty where the scheduler may use it."""
    unready = [] if is_ready(node) else ["not ready"]
    return unready + repelling(node["taints"], node["unschedulable"], tolerations)


def can_take_pods(node: View, tolerations: Tolerations = OF_MODELS) -> bool:
    """Whether the scheduler may place new pods with these tolerations here."""
    return not kept_away(node, tolerations)


def closed_to_models(node: View) -> list[str]:
    """What keeps the pods of models off a GPU node, in words: they select it by its label too."""
    unlabelled = [] if is_labelled(node["labels"]) else [f"no label {GPU_PRODUCT_LABEL}"]
    return kept_away(node) + unlabelled


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
