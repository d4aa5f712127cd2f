# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sick nodes taken out of a large cluster: what a quarantine of many costs, and a drain with replacements."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tests.integration.remediating import contract_of

Manifest = dict[str, Any]
MODELS = "fireworks-models"
_TAINT = "byoc.fireworks.ai/quarantined"
_MARKS = "byoc.fireworks.ai/remediation-"


def quarantine_task(nodes: list[str]) -> Manifest:
    """One task of ours that quarantines all of the nodes, and no more."""
    return _task(nodes, drain="approve")


def drain_task(nodes: list[str]) -> Manifest:
    """One task of ours that quarantines the nodes and drains them."""
    return _task(nodes, drain="auto")


def _task(nodes: list[str], drain: str) -> Manifest:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    findings = [{"node": name, "fault": "xid_79", "action": "drain", "quarantine": True, "at": at} for name in nodes]
    many = {"max_nodes": 1500, "max_share": 1, "max_nodes_per_model": 1500, "breaker_share": 1, "storm_nodes": 1500}
    agreed = contract_of(actions={"cordon": "auto", "drain": drain}, remediation=many, models=[])
    return {"fireworks.byoc.node_remediation": {"contract": agreed, "findings": findings, "parallel": 16}}


def cordon_task(nodes: list[str]) -> Manifest:
    """The same with kubernetes.core: a call for each node, and no taint."""
    return {"kubernetes.core.k8s_drain": {"name": "{{ item }}", "state": "cordon"}, "loop": nodes}


def kubectl_quarantine(kubectl: list[str], nodes: list[str]) -> str:
    """The same with kubectl, as a shell's line: it cordons and taints one node after the other."""
    named, taint = " ".join(nodes), f"{_TAINT}=true:NoSchedule"
    command = " ".join(kubectl)
    return f"{command} cordon {named} && {command} taint nodes {named} {taint}"


def core_drain_task(nodes: list[str]) -> Manifest:
    """A drain with kubernetes.core: a call for each node, again where a budget said no."""
    options = {"delete_emptydir_data": True, "ignore_daemonsets": True, "force": True, "wait_timeout": 60}
    call = {"name": "{{ item }}", "state": "drain", "delete_options": options}
    again = {"register": "drained", "until": "drained is succeeded", "retries": 30, "delay": 1}
    return {"kubernetes.core.k8s_drain": call, "loop": nodes, **again}


def restored(cluster: Any, nodes: list[str]) -> None:
    """Take marks, taint and cordon away again."""
    for name in nodes:
        node = cluster.request("GET", f"/api/v1/nodes/{name}")
        marks = [key for key in node["metadata"].get("annotations") or {} if key.startswith(_MARKS)]
        taints = [taint for taint in node["spec"].get("taints") or [] if taint["key"] != _TAINT]
        patch = {
            "metadata": {"annotations": dict.fromkeys(marks)},
            "spec": {"taints": taints, "unschedulable": None},
        }
        cluster.request("PATCH", f"/api/v1/nodes/{name}", patch)


def serving(count: int, each: int) -> Iterator[Manifest]:
    """Deployments of ``each`` replicas, ``count`` pods in all, with a budget each, that go to the first nodes first."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MODELS}}
    for number in range(count // each):
        name = f"model-{number:02}"
        marks = {"app": name, "byoc.fireworks.ai/model": name}
        meta = {"name": name, "namespace": MODELS}
        container = {"name": "engine", "image": "engine:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
        yield {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta,
               "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": {"app": name}}}}  # fmt: skip
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
               "spec": {"replicas": each, "selector": {"matchLabels": {"app": name}},
                        "template": {"metadata": {"labels": marks}, "spec": {"containers": [container]}}}}  # fmt: skip


def nodes_with_most(cluster: Any, pods: int) -> list[str]:
    """The fewest nodes that hold so many of the pods."""
    held: dict[str, int] = {}
    for pod in cluster.request("GET", f"/api/v1/namespaces/{MODELS}/pods")["items"]:
        held[pod["spec"].get("nodeName", "")] = held.get(pod["spec"].get("nodeName", ""), 0) + 1
    chosen: list[str] = []
    for name in sorted(held, key=lambda one: -held[one]):
        if sum(held[one] for one in chosen) >= pods:
            break
        chosen.append(name)
    return chosen


def until_ready(cluster: Any, pods: int, seconds: float) -> None:
    """Wait until so many of the pods are Ready."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        items = cluster.request("GET", f"/api/v1/namespaces/{MODELS}/pods")["items"]
        if sum(_ready(pod) for pod in items) >= pods:
            return
        time.sleep(1)
    raise RuntimeError(f"{pods} pods of {MODELS} were not Ready in {seconds:g} s")


def _ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
