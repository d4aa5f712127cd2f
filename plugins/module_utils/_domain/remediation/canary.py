# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that tries a repaired node: on all GPUs that are free there, with an engine's image, and with an end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..counted import CANARY_PRIORITY, SINCE, class_for, is_counted_by_product
from ..gpu_units import in_parts, known_whole, offered, whole_by_labels
from ..health.pods import REFUSED
from ..model.pod_security import pod_security
from ..names import (
    CANARY_LABEL,
    GPU,
    GPU_PRODUCT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
)
from ..tolerations import OF_CANARIES

PASSED, FAILED, UNTRIED = "passed", "failed", "untried"
#: What the driver itself says of each GPU, and that none is missing where the pod was given whole ones.
_SCRIPT = (
    "nvidia-smi || exit; found=$(nvidia-smi --list-gpus | wc -l); "
    'echo "nvidia-smi finds $found of ${EXPECTED_GPUS:-the} GPUs"; '
    'test "$found" -gt 0 && test "$found" -eq "${EXPECTED_GPUS:-$found}"'
)
COMMAND = ("sh", "-c", _SCRIPT)
_MOST_SAID = 300

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


def gives_whole_gpus(contract: Contract, node: Raw) -> bool:
    """Whether each GPU that a pod gets on the node is known to be a whole one, which it can find with nvidia-smi."""
    labels, capacity = node["metadata"].get("labels") or {}, (node.get("status") or {}).get("capacity") or {}
    expected = {one["product"]: int(one["gpus"]) for one in (contract.get("health") or {}).get("expect") or ()}
    return known_whole(
        offered(capacity),
        parts=in_parts(labels, capacity),
        labelled=whole_by_labels(labels, capacity),
        seen=0,
        agreed=expected.get(str(labels.get(GPU_PRODUCT_LABEL, "")), 0),
    )


def priority_of_canaries(contract: Contract, product: str, version: int) -> str:
    """The class of a canary: none, or where the GPUs of each product are counted apart the one that preempts nobody.

    :param version: of the prerequisites.
    """
    apart = is_counted_by_product(contract) and version >= SINCE
    return class_for(contract, product, CANARY_PRIORITY, version) if apart else ""


def canary_pod(
    contract: Contract,
    node: str,
    product: str,
    gpus: int,
    image: str,
    command: Sequence[str],
    seconds: int,
    whole: bool,
    priority: str = "",
) -> dict[str, Any]:
    """The pod. It tolerates our taint and the cordon, takes no requests, and mounts nothing.

    :param gpus: how many it takes: all that are free on the node.
    :param seconds: when it is ended, whatever it does.
    :param whole: whether these are known to be whole GPUs; only then the number is one that it can check.
    :param priority: its priority class, if it has one.
    """
    container = {
        "name": "canary",
        "image": image,
        "command": list(command),
        "env": [{"name": "EXPECTED_GPUS", "value": str(gpus) if whole else ""}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi", GPU: str(gpus)}, "limits": {GPU: str(gpus)}},
        # What it said last before it failed: the pod is removed, and its log with it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
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
            **({"priorityClassName": priority} if priority else {}),
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [this_node]}}
            },
            "nodeSelector": {GPU_PRODUCT_LABEL: product},
            "tolerations": [dict(one) for one in OF_CANARIES],
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

    What kept it from running at all (no room, no image) says nothing of the node: :data:`UNTRIED`. A node that could
    not give it the GPUs that it offers has failed.
    """
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return PASSED, "it ended well"
    if status.get("phase") == "Failed":
        why = status.get("message") or status.get("reason") or ""
        if _began(status) or status.get("reason") == REFUSED:
            return FAILED, why or _how_it_ended(status)
        return UNTRIED, f"it never began: {why or 'the node does not say why'}"
    return "", _what_it_waits_for(status)


def _began(status: Raw) -> bool:
    """Whether a container ran, or could not be started: a kubelet that never came so far says it is unknown."""
    ended = (one.get("state", {}).get("terminated") for one in status.get("containerStatuses") or ())
    return any(one and one.get("reason") != "ContainerStatusUnknown" for one in ended)


def _how_it_ended(status: Raw) -> str:
    """The exit code, and the last line that it wrote or that the node says of it."""
    states = [one.get("state", {}).get("terminated") for one in status.get("containerStatuses") or ()]
    codes = [str(one.get("exitCode")) for one in states if one]
    lines = "\n".join(str(one.get("message") or "") for one in states if one).split("\n")
    last = next((line.strip()[:_MOST_SAID] for line in reversed(lines) if line.strip()), "")
    return f"it ended with exit code {', '.join(codes)}" + (f": {last}" if last else "")


def _what_it_waits_for(status: Raw) -> str:
    waiting = [one.get("state", {}).get("waiting") for one in status.get("containerStatuses") or ()]
    told = [f"{one.get('reason')}: {one.get('message') or ''}".rstrip(": ") for one in waiting if one]
    told += [
        str(one.get("message"))
        for one in status.get("conditions") or ()
        if one.get("type") == "PodScheduled" and one.get("status") == "False"
    ]
    return "; ".join(told) or f"it is {status.get('phase') or 'Pending'}"
