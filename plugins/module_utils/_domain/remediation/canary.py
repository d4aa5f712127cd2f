# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that tries a repaired node: on all GPUs that are free there, with an engine's image, and with an end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model.workload import pod_security
from ..names import (
    CANARY_LABEL,
    GPU,
    GPU_PRODUCT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    QUARANTINE_TAINT,
)

PASSED, FAILED, UNTRIED = "passed", "failed", "untried"
#: What the driver itself says of each GPU, and that none of those that the pod was given is missing.
COMMAND = ("sh", "-c", 'nvidia-smi && test "$(nvidia-smi --list-gpus | wc -l)" -eq "$EXPECTED_GPUS"')
_TOLERATED = (GPU, QUARANTINE_TAINT, "node.kubernetes.io/unschedulable")

Raw = Mapping[str, Any]


def canary_name(node: str) -> str:
    """The name of the only canary of a node."""
    return f"canary-{hashlib.sha256(node.encode()).hexdigest()[:12]}"


def image_on(product: str, pods: Iterable[Raw]) -> str:
    """The image of a model that serves on these GPUs: approved, and there already. Empty where none does."""
    for pod in pods:
        spec, marks = pod.get("spec") or {}, pod["metadata"].get("labels") or {}
        if MODEL_LABEL in marks and (spec.get("nodeSelector") or {}).get(GPU_PRODUCT_LABEL) == product:
            return str(spec["containers"][0]["image"])
    return ""


def canary_pod(
    contract: Raw, node: str, product: str, gpus: int, image: str, command: Sequence[str], seconds: int
) -> dict[str, Any]:
    """The pod. It tolerates our taint and the cordon, takes no requests, and mounts nothing.

    :param gpus: how many it takes: all that are free on the node.
    :param seconds: when it is ended, whatever it does.
    """
    container = {
        "name": "canary",
        "image": image,
        "command": list(command),
        "env": [{"name": "EXPECTED_GPUS", "value": str(gpus)}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi", GPU: str(gpus)}, "limits": {GPU: str(gpus)}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    this_node = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": canary_name(node),
            "namespace": MODELS_NAMESPACE,
            "labels": {CANARY_LABEL: "true", MANAGED_BY_LABEL: MANAGED_BY},
        },
        "spec": {
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [this_node]}}
            },
            "nodeSelector": {GPU_PRODUCT_LABEL: product},
            "tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in _TOLERATED],
            "serviceAccountName": "engine",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 5,
            "securityContext": pod_security(contract),
            "containers": [container],
        },
    }


def verdict(pod: Raw) -> tuple[str, str]:
    """What a canary says of its node now, and why; empty while it says nothing yet.

    What kept it from running at all (no room, no image) says nothing of the node: :data:`UNTRIED`.
    """
    status = pod.get("status") or {}
    ended = [one.get("state", {}).get("terminated") for one in status.get("containerStatuses") or ()]
    codes = [str(one.get("exitCode")) for one in ended if one]
    if status.get("phase") == "Succeeded":
        return PASSED, "it ended well"
    if status.get("phase") == "Failed":
        why = status.get("message") or status.get("reason") or ""
        return FAILED, why or f"it ended with exit code {', '.join(codes) or 'unknown'}"
    return "", _what_it_waits_for(status)


def _what_it_waits_for(status: Raw) -> str:
    waiting = [one.get("state", {}).get("waiting") for one in status.get("containerStatuses") or ()]
    told = [f"{one.get('reason')}: {one.get('message') or ''}".rstrip(": ") for one in waiting if one]
    told += [
        str(one.get("message"))
        for one in status.get("conditions") or ()
        if one.get("type") == "PodScheduled" and one.get("status") == "False"
    ]
    return "; ".join(told) or f"it is {status.get('phase') or 'Pending'}"
