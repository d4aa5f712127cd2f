# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are taken out of service and come back: a cluster for it, pods on a node, and what became of both."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema import SCHEMA
from byoc_testbed.errors import ApiError
from demo.contracts import H100, contract
from tests.integration.guarded import until
from tests.integration.plays import connection_to, perform_tasks

SPACE = "fireworks-models"
NODE, OTHER = "h100-0", "h100-1"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
SAYS, TAINT = "byoc.fireworks.ai/remediation-", "byoc.fireworks.ai/quarantined"
ALLOWED = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "auto")
MODULE = "fireworks.byoc.node_remediation"


@contextmanager
def with_models(it: Any) -> Iterator[Any]:
    """A cluster with the models' namespace, left as it was."""
    nodes = {name: it.request("GET", f"/api/v1/nodes/{name}") for name in (NODE, OTHER)}
    it.request("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    yield it
    it.remove_namespaces(SPACE)
    for name, node in nodes.items():
        restore(it, name, node)


def restore(cluster: Any, name: str, before: dict[str, Any]) -> None:
    """A node as it was: without marks, taint and cordon, and there."""
    taints = before["spec"].get("taints")
    if gone(cluster, f"/api/v1/nodes/{name}"):
        metadata = {key: before["metadata"][key] for key in ("name", "labels")}
        made = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": before["spec"]}
        cluster.request("POST", "/api/v1/nodes", {**made, "status": before["status"]})
        return
    annotations = cluster.request("GET", f"/api/v1/nodes/{name}")["metadata"].get("annotations") or {}
    marks = {key: None for key in annotations if key.startswith(SAYS)}
    patch = {"metadata": {"annotations": marks}, "spec": {"taints": taints, "unschedulable": None}}
    cluster.request("PATCH", f"/api/v1/nodes/{name}", patch)


def gone(cluster: Any, path: str) -> bool:
    try:
        cluster.request("GET", path)
    except ApiError as error:
        return error.status == 404
    return False


def finding(action: str = "reboot", *, ago: float = 5, node: str = NODE, **more: Any) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
    # In the tables of faults it is called a class.
    fault = more.pop("class", "xid_79")
    given = {"node": node, "fault": fault, "action": action, "quarantine": action != "restart_pod", "at": at}
    return {**given, "severity": "critical", "owner": "fireworks", **more}


def contract_of(**sections: Any) -> dict[str, Any]:
    """A whole contract that says no more of nodes than these sections."""
    where = {"uid": "any", "kubeconfig": Path("none"), "provider": "other", "region": "here"}
    made = contract("acme-eu-1", gpus={H100: 16}, **where)
    return {**{key: made[key] for key in SCHEMA["required"]}, **sections}


def task(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    bounds = {"drain_deadline": "60s", "healthy_for": "3s", **more.pop("bounds", {})}
    agreed = contract_of(actions=more.pop("actions", ALLOWED), remediation=bounds, models=more.pop("models", []))
    return {MODULE: {"contract": agreed, "findings": list(findings), **more}}


def remediate(cluster: Any, folder: Path, *findings: dict[str, Any], flags: tuple[str, ...] = (), **more: Any) -> Any:
    result = perform_tasks(folder, connection_to(cluster), task(*findings, **more), flags=flags).result
    assert not result.get("failed"), result
    return result


def node(cluster: Any, name: str = NODE) -> dict[str, Any]:
    return dict(cluster.request("GET", f"/api/v1/nodes/{name}"))


def said(cluster: Any, name: str = NODE) -> dict[str, str]:
    annotations = node(cluster, name)["metadata"].get("annotations") or {}
    return {key.removeprefix(SAYS): value for key, value in annotations.items() if key.startswith(SAYS)}


def workload(
    cluster: Any, kind: str, replicas: int, budget: dict[str, Any] | None = None, pod: Any = (), **more: str
) -> None:
    """Pods that are all on the node, and may go to the other one.

    :param budget: of them. :param pod: fields of their spec. :param more: labels of them.
    """
    marks = {"app": "web", **more}
    prefers = {"weight": 100, "preference": {"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]}}  # fmt: skip
    spec = {
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [prefers]}},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [{"name": "main", "image": "web:1"}],
        **dict(pod),
    }
    made: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": marks},
                            "template": {"metadata": {"labels": marks}, "spec": spec}}  # fmt: skip
    if kind == "StatefulSet":
        made["serviceName"] = "web"
    group = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": SPACE}}
    if budget is not None:
        held = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "keep-web", "namespace": SPACE},
                "spec": {"selector": {"matchLabels": marks}, **budget}}  # fmt: skip
        cluster.api.create(held)
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": True}})
    cluster.api.create({**group, "spec": made})
    until(lambda: len(ready(cluster)) == replicas, "the pods are not ready")
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": None}})
    # Its taint goes a moment later, and until then it has no room for a replacement.
    until(lambda: "node.kubernetes.io/unschedulable" not in _taints(cluster, OTHER), "its taint has not gone")


def _taints(cluster: Any, name: str) -> set[str]:
    return {one["key"] for one in node(cluster, name)["spec"].get("taints") or ()}


@contextmanager
def dead_node(cluster: Any) -> Iterator[None]:
    """The node's kubelet is dead: nobody says how it is, and its pods never end; they are removed afterwards."""
    never = {"metadata": {"annotations": {"testbed/delete-seconds": "900"}}}
    here = [pod["metadata"]["name"] for pod in cluster.request("GET", PODS)["items"]]
    for name in here:
        cluster.request("PATCH", f"{PODS}/{name}", never)
    cluster.break_node(NODE, "not-ready")
    try:
        until(lambda: _ready_is(cluster) == "Unknown", "the node is still Ready", 60)
        until(lambda: _unreachable(cluster) == {"NoExecute", "NoSchedule"}, "its taints have not followed", 60)
        yield
    finally:
        cluster.repair_node(NODE)
        for name in here:
            with suppress(ApiError):
                cluster.request("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
        until(lambda: _ready_is(cluster) == "True", "the node is not Ready again", 60)


def _unreachable(cluster: Any) -> set[str]:
    taints = node(cluster)["spec"].get("taints") or ()
    return {one["effect"] for one in taints if one["key"] == "node.kubernetes.io/unreachable"}


def _ready_is(cluster: Any) -> str:
    return next(str(one["status"]) for one in node(cluster)["status"]["conditions"] if one["type"] == "Ready")


def ready(cluster: Any) -> list[dict[str, Any]]:
    return [
        pod
        for pod in cluster.request("GET", PODS)["items"]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ())
        and not pod["metadata"].get("deletionTimestamp")
    ]


def places(cluster: Any) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in ready(cluster))


def taken(result: dict[str, Any], do: str) -> dict[str, Any]:
    [one] = [one for one in result["taken"] if one["do"] == do]
    return dict(one)


@contextmanager
def canaries_that_end(cluster: Any) -> Iterator[None]:
    """The testbed's pods run until they are told to end: canaries are, as soon as they are there."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(0.1):
            for pod in cluster.request("GET", f"{PODS}?labelSelector=byoc.fireworks.ai%2Fcanary")["items"]:
                with suppress(ApiError):
                    ends = {"metadata": {"annotations": {"testbed/run-seconds": "0.1"}}}
                    cluster.request("PATCH", f"{PODS}/{pod['metadata']['name']}", ends)

    telling = threading.Thread(target=tell)
    telling.start()
    try:
        yield
    finally:
        over.set()
        telling.join()
