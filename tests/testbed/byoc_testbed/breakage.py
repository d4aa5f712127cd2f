# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaking a node and repairing it, in ways that outlast the heartbeats."""

from __future__ import annotations

import json
import time
from typing import Any

from .api import MERGE, STRATEGIC, Api
from .errors import ApiError, TestbedError
from .nodes import BROKEN, healthy_conditions, now

KINDS = ("not-ready", "condition", "allocatable")
_KUBELETS = "testbed-kwok"


def break_node(api: Api, name: str, kind: str, **how: Any) -> None:
    """Break one node; see ``Cluster.break_node``."""
    known = {
        "not-ready": {"status"},
        "condition": {"type", "status", "reason", "message"},
        "allocatable": {"gpus"},
    }
    if kind not in known:
        raise TestbedError(f"break_node: kind {kind!r} is none of {', '.join(KINDS)}")
    unknown = sorted(set(how) - known[kind])
    if unknown:
        raise TestbedError(
            f"break_node {kind}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known[kind]))}"
        )
    if kind == "not-ready":
        _stop_being_ready(api, name, how.get("status", "Unknown"))
    elif kind == "condition":
        _post_condition(api, name, how)
    else:
        _remember(api, name, kind)
        _patch_status(api, name, {"allocatable": {"nvidia.com/gpu": str(how.get("gpus", 0))}})


def repair_node(api: Api, name: str) -> None:
    """Undo every breakage of a node."""
    node = api.request("GET", f"/api/v1/nodes/{name}")
    broken = _broken(node)
    conditions: list[dict[str, Any]] = [
        {"$patch": "delete", "type": each.removeprefix("condition:")}
        for each in broken
        if each.startswith("condition:")
    ]
    _patch_status(
        api,
        name,
        {"conditions": conditions + healthy_conditions(now()), "allocatable": node["status"]["capacity"]},
    )
    api.request("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"annotations": {BROKEN: None}}}, MERGE)
    _restore_heartbeats(api, name)


def _stop_being_ready(api: Api, name: str, status: str) -> None:
    if status not in ("Unknown", "False"):
        raise TestbedError(
            "break_node not-ready: status is 'Unknown' (heartbeats stop) or 'False' (the kubelet says so)"
        )
    _remember(api, name, "not-ready")
    if status == "Unknown":
        _take_heartbeats(api, name)
        return
    said = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "container runtime is down"}
    _patch_status(api, name, {"conditions": [_dated(said)]})


def _post_condition(api: Api, name: str, how: dict[str, Any]) -> None:
    if "type" not in how:
        raise TestbedError("break_node condition: a condition needs a type")
    condition = {"status": "True", "reason": str(how["type"]), "message": "", **how}
    _remember(api, name, f"condition:{how['type']}")
    _patch_status(api, name, {"conditions": [_dated(condition)]})


def _take_heartbeats(api: Api, name: str) -> None:
    """Let another holder have the node's lease, for good: kwok then leaves the node and its pods alone.

    The time of renewal stays as it is, so to everybody who looks the heartbeats have stopped.
    """
    change = {"spec": {"holderIdentity": "nobody", "leaseDurationSeconds": 10**9}}
    _retry_missing(lambda: api.request("PATCH", _lease(name), change, MERGE))


def _restore_heartbeats(api: Api, name: str) -> None:
    """Let the lease that nobody renews run out: kwok then takes it, and with it the node and its pods."""
    try:
        lease = api.request("GET", _lease(name))
        if lease["spec"].get("holderIdentity") != _KUBELETS:
            api.request("PATCH", _lease(name), {"spec": {"leaseDurationSeconds": 1}}, MERGE)
    except ApiError as error:
        if error.status != 404:
            raise


def _remember(api: Api, name: str, what: str) -> None:
    broken = _broken(api.request("GET", f"/api/v1/nodes/{name}"))
    noted = json.dumps(sorted({*broken, what}))
    api.request("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"annotations": {BROKEN: noted}}}, MERGE)


def _broken(node: dict[str, Any]) -> list[str]:
    noted = node["metadata"].get("annotations", {}).get(BROKEN, "[]")
    found: list[str] = json.loads(noted)
    return found


def _patch_status(api: Api, name: str, status: dict[str, Any]) -> None:
    api.request("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, STRATEGIC)


def _retry_missing(action: Any, seconds: float = 5) -> None:
    """The lease of a node just created comes a moment later."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            action()
            return
        except ApiError as error:
            if error.status != 404 or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _lease(name: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}"


def _dated(condition: dict[str, Any]) -> dict[str, Any]:
    moment = now()
    return {**condition, "lastHeartbeatTime": moment, "lastTransitionTime": moment}
