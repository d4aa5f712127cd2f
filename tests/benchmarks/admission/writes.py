# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes that are measured: what the product, controllers and a customer's account ask of an API server."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from byoc_testbed.api import APPLY, JSON, MERGE
from tests.benchmarks.admission.site import CUSTOMERS, Guardrails, Manifest, Site
from tests.benchmarks.measure import BenchmarkError
from tests.integration.forbidden_objects import SETTINGS
from tests.integration.guarded import MODELS, SYSTEM, until
from tests.unit.domain.agreed import RELEASE

APPS, CORE = f"/apis/apps/v1{MODELS}", f"/api/v1{MODELS}"
NAME, OTHER = "llama", "llama-2"
_DIGESTED = {**RELEASE, "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": "sha256:" + "c3" * 32}}}}


@dataclass(frozen=True)
class Write:
    """One write, by an account (namespace/name). All are dry runs: the server does everything but keep it."""

    what: str
    account: str
    method: str
    path: str
    body: Manifest
    content_type: str = JSON

    def address(self, manager: str = "bench") -> str:
        force = "&force=true" if self.content_type == APPLY else ""
        return f"{self.path}?dryRun=All&fieldManager={manager}{force}"


@dataclass(frozen=True)
class Live:
    """What is there to be changed: a model with one replica, made before there are guardrails."""

    deployment: Manifest
    replica_set: Manifest
    pod: Manifest
    node: str


def rendered(guardrails: Guardrails, name: str = NAME) -> Manifest:
    """The Deployment of a model, as the product renders it for these prerequisites."""
    contract = guardrails.contract
    [model] = contract["models"]
    made = {**model, "name": name, "served_name": name, "replicas": {"min": 1, "max": 1}}
    facts = {"presetup_version": guardrails.version or 1}
    return model_objects({**contract, "models": [made]}, made, _DIGESTED, facts)[0]


def install(site: Site, guardrails: Guardrails) -> Live:
    """The model, and what the controllers make of it."""
    deployment = rendered(guardrails)
    site.apply(deployment)
    found: dict[str, Any] = {}

    def is_there() -> bool:
        for path in (f"{APPS}/replicasets", f"{CORE}/pods"):
            found[path] = site.cluster.request("GET", path)["items"]
        return all(found.values())

    until(is_there, "the model has no pod", seconds=120)
    [replica_set], [pod] = found.values()
    live = site.cluster.request("GET", f"{APPS}/deployments/{NAME}")
    return Live(live, replica_set, pod, site.cluster.nodes[0])


def writes(guardrails: Guardrails, live: Live) -> list[Write]:
    """What is measured. A model is written as it is rendered for these prerequisites."""
    deployment = rendered(guardrails, OTHER)
    scaled = {"apiVersion": "autoscaling/v1", "kind": "Scale",
              "metadata": {"name": NAME, "namespace": live.pod["metadata"]["namespace"]},
              "spec": {"replicas": 2}}  # fmt: skip
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": live.pod["metadata"]["name"]},
                "deleteOptions": {"preconditions": {"uid": live.pod["metadata"]["uid"]}}}  # fmt: skip
    note = {"metadata": {"annotations": {"byoc.fireworks.ai/remediation-state": "suspect"}}}
    theirs = {"metadata": {"name": "settings"}, "data": {f"k{n}": "v" * 40 for n in range(20)}}
    mine, controllers = SYSTEM.removeprefix("/namespaces/"), "kube-system"
    return [
        Write("Deployment of a model", f"{mine}/deployer", "PATCH", f"{APPS}/deployments/{OTHER}", deployment, APPLY),
        Write("its ReplicaSet, by the controller", f"{controllers}/deployment-controller", "POST",
              f"{APPS}/replicasets", _new_replica_set(deployment, live)),
        Write("its pod, by the controller", f"{controllers}/replicaset-controller", "POST",
              f"{CORE}/pods", _new_pod(deployment, live)),
        Write("scale, by the autoscaler", f"{controllers}/horizontal-pod-autoscaler", "PUT",
              f"{APPS}/deployments/{NAME}/scale", scaled),
        Write("ConfigMap of the stack", f"{mine}/upgrader", "POST", f"/api/v1{SYSTEM}/configmaps", SETTINGS),
        Write("eviction", f"{mine}/node-medic", "POST",
              f"{CORE}/pods/{live.pod['metadata']['name']}/eviction", eviction),
        Write("node annotation", f"{mine}/node-medic", "PATCH", f"/api/v1/nodes/{live.node}", note, MERGE),
        Write("ConfigMap of a customer's own account", f"{CUSTOMERS}/app", "POST",
              f"/api/v1/namespaces/{CUSTOMERS}/configmaps", theirs),
    ]  # fmt: skip


def large(write: Write, variables: int) -> Write:
    """The same Deployment with so many environment variables in its container."""
    body = copy.deepcopy(write.body)
    [container] = body["spec"]["template"]["spec"]["containers"]
    container["env"] = [*container.get("env", ()), *({"name": f"V{n}", "value": "x" * 20} for n in range(variables))]
    return Write(f"{write.what}, {variables} variables more", write.account, write.method, write.path, body, APPLY)


def send(site: Site, write: Write) -> None:
    """Send one. :raises BenchmarkError: it is refused, so its time means nothing."""
    try:
        site.acting_as(write.account).request(write.method, write.address(), write.body, write.content_type)
    except Exception as error:
        raise BenchmarkError(f"{write.what}: {error}") from error


def _new_replica_set(deployment: Manifest, live: Live) -> Manifest:
    spec = {key: deployment["spec"][key] for key in ("replicas", "selector", "template")}
    metadata = {
        "name": f"{NAME}-5d4f", "labels": deployment["spec"]["template"]["metadata"]["labels"],
        "annotations": {"deployment.kubernetes.io/revision": "2"},
        "ownerReferences": [_owner("Deployment", live.deployment)],
    }  # fmt: skip
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def _new_pod(deployment: Manifest, live: Live) -> Manifest:
    template = deployment["spec"]["template"]
    metadata = {
        **template["metadata"], "generateName": f"{NAME}-5d4f-",
        "ownerReferences": [_owner("ReplicaSet", live.replica_set)],
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _owner(kind: str, live: Manifest) -> Manifest:
    named = {key: live["metadata"][key] for key in ("name", "uid")}
    return {"apiVersion": "apps/v1", "kind": kind, **named, "controller": True, "blockOwnerDeletion": True}
