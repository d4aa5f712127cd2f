# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How pods and nodes live, as kwok Stage objects. Pure: seconds in, text out.

At any moment at most one stage fits a pod, so nothing is left to chance. What a pod
does is chosen by its annotations:

``testbed/load-seconds``    how long it takes from start to Ready
``testbed/run-seconds``     when a pod that is not restarted has succeeded
``testbed/delete-seconds``  how long it takes to end once it is deleted
``testbed/behaviour``       ``crash``, ``hang`` (runs, never Ready) or ``image-pull``
``testbed/exit-code``, ``testbed/exit-reason``  how a crash looks
"""

from __future__ import annotations

import json
from typing import Any

from .nodes import BROKEN
from .stage_templates import CRASH, END, IMAGE_PULL, NODE_READY, RESTART, START, ready

_JOB_SECONDS = 0.2
_RESTART_SECONDS = 10.0


def stages(load_seconds: float) -> str:
    """Every stage, one JSON document after the other; each is also YAML."""
    made = [
        _stage("Node", "node-ready", [_absent(_BROKEN), _NOT_READY], NODE_READY),
        _pod("pod-start", [_PENDING, _no("image-pull")], START),
        _pod("pod-image-pull", [_PENDING, _is("image-pull"), _absent(_WAITING)], IMAGE_PULL, event=_PULL_EVENT),
        _pod(
            "pod-ready",
            [_RUNNING, _NOT_READY, _restarts("Always"), _no("crash", "hang"), _absent(_WAITING)],
            ready("True"),
            seconds=load_seconds,
            annotation="testbed/load-seconds",
        ),
        _pod("pod-hang", [_RUNNING, _READY, _is("hang")], ready("False")),
        _pod(
            "pod-crash",
            [_RUNNING, _is("crash"), _restarts("Always", "OnFailure"), _absent(_WAITING)],
            CRASH,
            seconds=0.3,
            event=_CRASH_EVENT,
        ),
        _pod(
            "pod-restart",
            [_RUNNING, {"key": _WAITING, "operator": "In", "values": ["CrashLoopBackOff"]}],
            RESTART,
            seconds=_RESTART_SECONDS,
        ),
        _pod("pod-fail", [_RUNNING, _is("crash"), _restarts("Never")], END % "Failed", seconds=0.3),
        _pod(
            "pod-complete",
            [_RUNNING, _no("crash", "hang"), _restarts("Never", "OnFailure"), _absent(_WAITING), _ENDS],
            END % "Succeeded",
            seconds=_JOB_SECONDS,
            annotation="testbed/run-seconds",
        ),
        _stage(
            "Pod",
            "pod-delete",
            [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}],
            None,
            delay=_delay(0, "testbed/delete-seconds"),
        ),
    ]
    return "---\n".join(json.dumps(stage) + "\n" for stage in made)


def _absent(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "DoesNotExist"}


_BROKEN = f".metadata.annotations[{json.dumps(BROKEN)}]"
_BEHAVIOUR = '.metadata.annotations["testbed/behaviour"]'
_READY_STATUS = '.status.conditions.[] | select( .type == "Ready" ) | .status'
_WAITING = ".status.containerStatuses.[].state.waiting.reason"
_READY = {"key": _READY_STATUS, "operator": "In", "values": ["True"]}
_NOT_READY = {"key": _READY_STATUS, "operator": "NotIn", "values": ["True"]}
_PENDING = {"key": ".status.podIP", "operator": "DoesNotExist"}
_RUNNING = {"key": ".status.phase", "operator": "In", "values": ["Running"]}
_ENDS = {
    "key": 'if .metadata.annotations["testbed/run-seconds"] != null'
    ' or ([.metadata.ownerReferences[]?.kind] | index("Job") != null) then "yes" else empty end',
    "operator": "Exists",
}
_PULL_EVENT = {"type": "Warning", "reason": "Failed", "message": "Failed to pull image: not found"}
_CRASH_EVENT = {"type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container"}


def _is(*behaviours: str) -> dict[str, Any]:
    return {"key": _BEHAVIOUR, "operator": "In", "values": list(behaviours)}


def _no(*behaviours: str) -> dict[str, Any]:
    return {"key": _BEHAVIOUR, "operator": "NotIn", "values": list(behaviours)}


def _restarts(*policies: str) -> dict[str, Any]:
    return {"key": ".spec.restartPolicy", "operator": "In", "values": list(policies)}


def _delay(seconds: float, annotation: str = "") -> dict[str, Any]:
    delay: dict[str, Any] = {"durationMilliseconds": int(seconds * 1000)}
    if annotation:
        key = f".metadata.annotations[{json.dumps(annotation)}]"
        delay["durationFrom"] = {"expressionFrom": f'{key} | select(. != null) | . + "s"'}
    return delay


def _pod(
    name: str,
    when: list[dict[str, Any]],
    status: str,
    seconds: float = 0,
    annotation: str = "",
    event: dict[str, str] | None = None,
) -> dict[str, Any]:
    alive = [_absent(".metadata.deletionTimestamp"), *when]
    return _stage("Pod", name, alive, status, delay=_delay(seconds, annotation), event=event)


def _stage(
    kind: str,
    name: str,
    when: list[dict[str, Any]],
    status: str | None,
    delay: dict[str, Any] | None = None,
    event: dict[str, str] | None = None,
) -> dict[str, Any]:
    then: dict[str, Any] = {"delete": True} if status is None else {"statusTemplate": status}
    if event:
        then["event"] = event
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": when},
        "next": then,
    }
    if delay:
        spec["delay"] = delay
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}
