# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods: replicas of models, what offers and watches GPUs, and pods that fail on one node only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from ..names import MODEL_LABEL
from ..nvidia_parts import is_device_plugin
from ..quantity import count
from ..views import pod_gpus
from .reach import NODE_NETWORK, POD_NETWORK
from .signs import PODS, Raw, Sign

Pod = Mapping[str, Any]

DEVICE_PLUGIN, DCGM_EXPORTER, NODE_PROBLEM_DETECTOR = "device_plugin", "dcgm_exporter", "node_problem_detector"
# By the words in their labels: the GPU operator, the plain charts, GKE and AKS each call them a little differently.
_PARTS = (("dcgm-exporter", DCGM_EXPORTER), ("node-problem-detector", NODE_PROBLEM_DETECTOR))
_PART_LABELS = ("app", "app.kubernetes.io/name", "app.kubernetes.io/component", "k8s-app", "name")

_FAILING = frozenset(
    ["CrashLoopBackOff", "CreateContainerError", "CreateContainerConfigError", "RunContainerError", "StartError"]
)
REFUSED = "UnexpectedAdmissionError"
"""The kubelet would not start the pod: its device plugin could not give it the GPUs that the scheduler counted on."""


def pod_record(raw: Raw) -> dict[str, Any] | None:
    """What is kept of a pod; None where it has no node, no GPU and no part in this."""
    metadata, spec, status = (raw.get(key) or {} for key in ("metadata", "spec", "status"))
    labels = metadata.get("labels") or {}
    part, gpus, model = _part(str(metadata.get("name", "")), labels), pod_gpus(spec), str(labels.get(MODEL_LABEL, ""))
    if not spec.get("nodeName") or not (part or gpus or model):
        return None
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return {
        "namespace": intern(str(metadata.get("namespace", ""))),
        "name": str(metadata.get("name", "")),
        "uid": str(metadata.get("uid", "")),
        "node": intern(str(spec["nodeName"])),
        "gpus": gpus,
        "model": intern(model),
        "part": part,
        "ready": ready,
        "failing": _failing(status),
        "restarts": sum(count(one.get("restartCount", 0)) for one in status.get("containerStatuses") or ()),
        "over": status.get("phase") in ("Succeeded", "Failed"),
        "addresses": _addresses(status) if part == DCGM_EXPORTER else {},
    }


def holds_gpus(pod: Pod) -> bool:
    """Whether a pod is on GPUs now."""
    return bool(pod["gpus"]) and not pod["over"]


def failing_signs(pods: Sequence[Pod], now: float, least: float) -> Iterator[Sign]:
    """The signs in pods that fail on a node: refused by its kubelet, or failing where their like elsewhere do not."""
    ready_on: dict[str, set[str]] = defaultdict(set)
    failing: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if pod["failing"]:
            failing[pod["node"]].append(pod)
        elif pod["ready"] and pod["model"]:
            ready_on[pod["model"]].add(pod["node"])
    for node, here in failing.items():
        if refused := [pod for pod in here if pod["failing"] == REFUSED]:
            yield Sign("admission_failed", PODS, node, f"the kubelet refused {_named(refused)}: {REFUSED}", None, now)
        unlike = [pod for pod in here if pod["failing"] != REFUSED and ready_on[pod["model"]] - {node}]
        if len(unlike) >= least:
            text = f"{_named(unlike)} fail here, replicas of the same models are ready on other nodes"
            yield Sign("pods_failing", PODS, node, text, None, now)


def parts_by_node(pods: Iterable[Pod]) -> dict[str, dict[str, bool]]:
    """By node, which parts run there: whether each has a pod that is ready."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for pod in pods:
        if pod["part"] and not pod["over"]:
            found[pod["node"]][pod["part"]] = pod["ready"] or found[pod["node"]].get(pod["part"], False)
    return found


def _part(name: str, labels: Mapping[str, Any]) -> str:
    values = [str(labels.get(key, "")) for key in _PART_LABELS]
    if is_device_plugin(name, *values):
        return DEVICE_PLUGIN
    return next((part for word, part in _PARTS if any(word in value for value in values)), "")


def _addresses(status: Mapping[str, Any]) -> dict[str, str]:
    """Where a pod is reached, by the contract's words for the network."""
    return {POD_NETWORK: str(status.get("podIP") or ""), NODE_NETWORK: str(status.get("hostIP") or "")}


def _failing(status: Mapping[str, Any]) -> str:
    if status.get("phase") == "Failed" and status.get("reason") == REFUSED:
        return REFUSED
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason = str(((container.get("state") or {}).get("waiting") or {}).get("reason", ""))
        if reason in _FAILING:
            return reason
    return ""


def _named(pods: Sequence[Pod]) -> str:
    names = [pod["name"] for pod in pods]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
