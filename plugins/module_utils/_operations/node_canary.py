# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_canary``: run one pod on a node that is out of service, and say what it says."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract.typed import Contract
from .._domain.counted import is_counted_by_product
from .._domain.names import GPU_PRODUCT_LABEL, MODELS_NAMESPACE
from .._domain.remediation.canary import (
    COMMAND,
    FAILED,
    UNTRIED,
    canary_pod,
    gives_whole_gpus,
    image_on,
    priority_of_canaries,
    verdict,
)
from .._domain.remediation.journey import gpus_of
from .._domain.remediation.serving import gpus_held
from .._domain.tolerations import OF_CANARIES, repelling
from .._kube.create import create_once
from .._kube.errors import AnswerError, ForbiddenError, KubeError, NotFoundError
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.listing import amount
from .prerequisites import applied_version

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "node": {"type": "str", "required": True},
    "image": {"type": "str", "default": ""},
    "command": {"type": "list", "elements": "str", "default": list(COMMAND)},
    "timeout": {"type": "int", "default": 600},
}
_PODS = f"/api/v1/namespaces/{MODELS_NAMESPACE}/pods"
_TICK_SECONDS = 0.5
_REMOVAL_SECONDS = 60.0
"""Twice a pod's usual grace: so long it is seen off."""

Told = tuple[str, str]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Run the canary, wait for its end, and remove it."""
    session = open_session(parameters["connection"], context)
    if context.check_mode:
        session.check_expected_cluster()
    else:
        session.require_expected_cluster()
    node = session.get(f"/api/v1/nodes/{parameters['node']}")
    pods = list(session.list_items(_PODS))
    product = str((node["metadata"].get("labels") or {}).get(GPU_PRODUCT_LABEL, ""))
    image = parameters["image"] or image_on(product, pods)
    free = gpus_of(node) - gpus_held(parameters["node"], pods)
    if not image:
        return _said(UNTRIED, f"no model serves on {product or 'its GPUs'}, so no image is known: name one", image)
    if free < 1:
        return _said(UNTRIED, "no GPU of the node is free", image)
    pod = canary_pod(
        parameters["contract"],
        parameters["node"],
        product,
        free,
        image,
        parameters["command"],
        parameters["timeout"],
        gives_whole_gpus(parameters["contract"], node),
        _priority(session, parameters["contract"], product),
    )
    if context.check_mode:
        return {
            **_said(UNTRIED, f"it would be tried on {amount(free, 'GPU')}{_once_gone(node)}", image),
            "changed": True,
        }
    said, why = _tried(session, pod, float(parameters["timeout"]))
    return {**_said(said, why, image), "changed": True}


def _once_gone(node: Mapping[str, Any]) -> str:
    """What keeps even a canary away: it waits for its place, since taints of a node's start go away by themselves."""
    spec = node.get("spec") or {}
    there = repelling(spec.get("taints") or (), bool(spec.get("unschedulable")), OF_CANARIES)
    return f", once this is gone: {', '.join(there)}" if there else ""


def _said(said: str, why: str, image: str) -> dict[str, Any]:
    return {"changed": False, "verdict": said, "why": why, "image": image}


def _priority(session: Session, contract: Contract, product: str) -> str:
    """By the prerequisites that are applied. The right to read which these are came with their second version."""
    if not is_counted_by_product(contract):
        return ""
    try:
        version = applied_version(session) or 1
    except ForbiddenError:
        version = 1
    return priority_of_canaries(contract, product, version)


def _tried(session: Session, pod: Mapping[str, Any], seconds: float) -> Told:
    """Make the pod, follow it to its end, and remove it, however that goes."""
    deadline = time.monotonic() + seconds
    name = str(pod["metadata"]["name"])
    made: Mapping[str, Any] | None = None
    try:
        _remove(session, _there(session, name))  # of a run that was killed
        made = create_once(session, _PODS, pod)
        return _ended(session, made, deadline)
    except AnswerError as error:
        # A quota, a guardrail, a missing right: that says nothing of the node.
        return UNTRIED, str(error)
    finally:
        _remove(session, made)


def _there(session: Session, name: str) -> Mapping[str, Any] | None:
    try:
        return session.get(f"{_PODS}/{name}")
    except NotFoundError:
        return None


def _is_there(session: Session, pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """This very pod as it is now; a newer one of its name is another run's."""
    now = _there(session, pod["metadata"]["name"])
    return now if now and now["metadata"]["uid"] == pod["metadata"]["uid"] else None


def _ended(session: Session, made: Mapping[str, Any], deadline: float) -> Told:
    while True:
        pod = _is_there(session, made)
        if pod is None:
            return UNTRIED, "somebody removed it"
        said, why = verdict(pod)
        if said:
            return said, why
        if time.monotonic() >= deadline:
            started = (pod.get("status") or {}).get("phase") == "Running"
            return (FAILED if started else UNTRIED), f"it did not end in time: {why}"
        session.waits.on(f"the canary {made['metadata']['name']}: {why}")
        time.sleep(_TICK_SECONDS)


def _remove(session: Session, pod: Mapping[str, Any] | None) -> None:
    """Remove it and see it gone; a pod that a dead kubelet holds on to is left."""
    if pod is None:
        return
    deadline = time.monotonic() + _REMOVAL_SECONDS
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": pod["metadata"]["uid"]}}
    # One that cannot be asked about now ends by itself, and the next canary removes it first.
    with contextlib.suppress(KubeError):
        session.request("DELETE", f"{_PODS}/{pod['metadata']['name']}", body=body)
        while _is_there(session, pod) and time.monotonic() < deadline:
            session.waits.on(f"the canary {pod['metadata']['name']} to be gone")
            time.sleep(_TICK_SECONDS)
    session.waits.over()


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
