# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A testbed cluster that is governed by a contract: its presetup applied by the administrator, and who acts in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import (
    CHANGES_GUARDRAIL,
    GUARDRAILS,
    PRODUCTS_GUARDRAIL,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    GPU,
    GPU_PRODUCT_LABEL,
    INCIDENTS,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    PART_OF_LABEL,
    RECORDS,
    SYSTEM_NAMESPACE,
    labels,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.ordering import step_of
from byoc_testbed.api import APPLY, Api
from byoc_testbed.errors import ApiError

DIGEST = "sha256:" + "a1" * 32
RELEASE_REGISTRY = "registry.fireworks.example/byoc"
AUDIENCES = ("https://kubernetes.default.svc.cluster.local",)
"""Whom the testbed's API servers take for themselves in tokens."""
MISBOUND = "misbound"
"""An account of ours that somebody bound to cluster-admin by mistake: only guardrails hold it."""

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
MODELS = f"/namespaces/{MODELS_NAMESPACE}"
SYSTEM = f"/namespaces/{SYSTEM_NAMESPACE}"
SECONDS = 30.0
_LAST = ("fireworks-scope", "fireworks-tokens")
OF_KINDS = (
    "fireworks-budgets",
    "fireworks-names",
    "fireworks-objects",
    "fireworks-router-models",
    "fireworks-scalers",
    "fireworks-services",
)
# A refusal shows that one is in force. That of routes needs kinds that not every cluster serves, that of products
# several of them (test_counted.py); that of changes refuses nothing where the contract holds nothing
# (test_changes_guardrail.py).
_ASKS = {
    **dict.fromkeys(
        ("fireworks-nodes", "fireworks-scope", "fireworks-evictions", "fireworks-jobs", *OF_KINDS), MISBOUND
    ),
    "fireworks-incidents": "operator",
    "fireworks-records": "operator",
    "fireworks-router-models": "operator",
}
"""Who is refused by that guardrail alone, where it is not the administrator."""
_ASKED = tuple(name for name in GUARDRAILS if name not in (CHANGES_GUARDRAIL, PRODUCTS_GUARDRAIL, "fireworks-routes"))

Manifest = dict[str, Any]


class Governed:
    """A cluster with the presetup of one contract after the other."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self._applied: dict[str, Manifest] = {}
        self._tokens: dict[str, Api] = {}
        self._good = ""

    def govern(self, contract: Manifest) -> None:
        """Apply the contract's presetup instead of the one before, and wait until every guardrail refuses."""
        self._lift_guardrails()
        wanted = {self._path(made): made for made in presetup_objects(contract, (), (RELEASE_REGISTRY,), AUDIENCES)}
        for path in [path for path in self._applied if path not in wanted]:
            self._forget(path)
        # The scope's guardrail says no to much that the others do: theirs are asked before it is there. And no token
        # is issued for who is none of ours once that of tokens is.
        last = {path for path, made in wanted.items() if made["metadata"]["name"] in _LAST}
        for path in sorted(set(wanted) - last, key=lambda path: step_of(wanted[path]["kind"])):
            self._apply(path, wanted[path])
        self._tokens.clear()
        self._misbind()
        self._good = image((contract["compliance"].get("registries") or [RELEASE_REGISTRY])[0])
        self._until_refused(*(name for name in _ASKED if name not in (*_LAST, *OF_KINDS)))
        for path in sorted(last):
            self._apply(path, wanted[path])
        self._until_refused(*_LAST, *OF_KINDS)

    def acting_as(self, identity: str) -> Api:
        """Requests as an identity of ours; of the administrator with the name ``admin``."""
        if identity == "admin":
            return self.cluster.api
        if identity not in self._tokens:
            namespace = MODELS_NAMESPACE if identity in (MISBOUND, "engine") else SYSTEM_NAMESPACE
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{identity}/token"
            token = self.cluster.request("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
            self._tokens[identity] = Api(self.cluster.server, self.cluster.ca_file, token)
        return self._tokens[identity]

    def remove(self) -> None:
        """Leave the cluster as it was."""
        self._lift_guardrails()
        with suppress(ApiError):
            self.cluster.request("DELETE", f"{RBAC}/clusterrolebindings/{MISBOUND}")
        for path in sorted(self._applied, key=lambda path: step_of(self._applied[path]["kind"]), reverse=True):
            self._forget(path)
        for api in self._tokens.values():
            api.close()
        self.cluster.remove_namespaces(MODELS_NAMESPACE, SYSTEM_NAMESPACE)

    def _path(self, made: Manifest) -> str:
        return f"{self.cluster.api.collection(made)}/{made['metadata']['name']}"

    def _apply(self, path: str, made: Manifest) -> None:
        self.cluster.request("PATCH", f"{path}?fieldManager=presetup&force=true", made, APPLY)
        self._applied[path] = made

    def _forget(self, path: str) -> None:
        del self._applied[path]
        with suppress(ApiError):
            self.cluster.request("DELETE", path)

    def _lift_guardrails(self) -> None:
        lifted = [path for path, made in self._applied.items() if made["kind"].startswith("ValidatingAdmissionPolicy")]
        for path in lifted:
            self._forget(path)
        if lifted:
            until(lambda: not any(map(self._refuses, _ASKED)), "a guardrail that was removed still refuses")

    def _misbind(self) -> None:
        account = {"kind": "ServiceAccount", "metadata": {"name": MISBOUND, "namespace": MODELS_NAMESPACE}}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": MISBOUND},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": MISBOUND, "namespace": MODELS_NAMESPACE}],
        }
        for made in ({"apiVersion": "v1", **account}, binding):
            self.cluster.request("PATCH", f"{self._path(made)}?fieldManager=test&force=true", made, APPLY)

    def _until_refused(self, *guardrails: str) -> None:
        for guardrail in guardrails:
            until(lambda guardrail=guardrail: self._refuses(guardrail), f"{guardrail} does not refuse")

    def _refuses(self, guardrail: str) -> bool:
        method, path, body = {
            **_ONE_OF_EACH,
            "fireworks-nodes": (
                "PATCH",
                f"/api/v1/nodes/{self.cluster.nodes[0]}",
                {"metadata": {"labels": {"x": "y"}}},
            ),
            "fireworks-scope": ("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "x"}}),
            "fireworks-workloads": ("POST", f"/api/v1{MODELS}/services", service("x", type="NodePort")),
            "fireworks-jobs": ("POST", f"/apis/batch/v1{MODELS}/jobs", workload("Job", "x", pod_spec(self._good))),
            "fireworks-evictions": ("POST", f"/api/v1{MODELS}/pods/x/eviction", _EVICTION),
            "fireworks-tokens": ("POST", f"/api/v1{MODELS}/serviceaccounts/{MISBOUND}/token", _TOKEN),
            "fireworks-pod-fields": self._probing(hostname="a"),
            "fireworks-pods": self._probing(terminationGracePeriodSeconds=86400),
            "fireworks-replicas": self._probing(10_001),
            "fireworks-records": ("POST", f"/api/v1{SYSTEM}/configmaps", _ours(RECORDS, RECORDS)),
            "fireworks-incidents": ("POST", f"/api/v1{SYSTEM}/configmaps", _ours("incident-1", INCIDENTS)),
        }[guardrail]
        by = self.acting_as(_ASKS.get(guardrail, "admin"))
        try:
            return f"ValidatingAdmissionPolicy '{guardrail}'" in refusal(by, method, path, body)
        except ApiError:
            return False  # the head of the records is there already

    def _probing(self, replicas: int = 1, **spec: Any) -> tuple[str, str, Manifest]:
        return (
            "POST",
            f"/apis/apps/v1{MODELS}/deployments",
            workload("Deployment", "x", pod_spec(self._good, **spec), replicas),
        )


_EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "x"}}
_TOKEN = {"spec": {"expirationSeconds": 3600}}


def _ours(name: str, part_of: str, **more: Any) -> Manifest:
    return {"metadata": {"name": name, "labels": labels(part_of, name)}, **more}


_ONE_OF_EACH: dict[str, tuple[str, str, Manifest]] = {
    "fireworks-budgets": (
        "POST",
        f"/apis/policy/v1{MODELS}/poddisruptionbudgets",
        _ours("x", "model-x", spec={"maxUnavailable": 0, "selector": {}}),
    ),
    "fireworks-names": ("POST", f"/api/v1{SYSTEM}/configmaps", _ours("x", "stack")),
    "fireworks-objects": (
        "POST",
        f"/apis/coordination.k8s.io/v1{SYSTEM}/leases",
        {"metadata": {"name": "operation-lock", "labels": {}}},
    ),
    "fireworks-router-models": (
        "POST",
        f"/api/v1{SYSTEM}/configmaps",
        {"metadata": {"name": "router-models", "labels": labels("stack", "router")}, "data": {"x": "y"}},
    ),
    "fireworks-scalers": (
        "POST",
        f"/apis/autoscaling/v2{SYSTEM}/horizontalpodautoscalers",
        _ours(
            "x",
            "stack",
            spec={"maxReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "x"}},
        ),
    ),
    "fireworks-services": ("POST", f"/api/v1{SYSTEM}/services", _ours("x", "stack", spec={"ports": [{"port": 80}]})),
}
"""What each of them alone refuses."""


@contextmanager
def governed(cluster: Any) -> Iterator[Governed]:
    """A cluster to be governed, and left as it was."""
    made = Governed(cluster)
    try:
        yield made
    finally:
        made.remove()


def until(check: Callable[[], Any], otherwise: str, seconds: float = SECONDS) -> None:
    """Wait for something to be true."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"after {seconds:g} s: {otherwise}"
        time.sleep(0.1)


def refusal(
    api: Api,
    method: str,
    path: str,
    body: Any = None,
    content_type: str = "",
    *,
    headers: dict[str, str] | None = None,
    dry_run: bool = True,
) -> str:
    """Why the server refuses a call; empty where it does not. What it does not find is not refused."""
    if dry_run and method != "GET":
        path += ("&" if "?" in path else "?") + "dryRun=All"
    try:
        api.request(method, path, body, content_type, headers)
    except ApiError as error:
        if error.status in (403, 422):
            return str(error.body.get("message", "")) if isinstance(error.body, dict) else str(error.body)
        if error.status != 404:
            raise
    return ""


def layer_of(message: str) -> str:
    """Which layer of the API server refused, from its answer."""
    for layer, mark in (
        ("admission policy", "ValidatingAdmissionPolicy '"),
        ("Pod Security", "violates PodSecurity"),
        ("quota", "exceeded quota"),
        ("RBAC", '" cannot '),
    ):
        if mark in message:
            return layer
    return "none" if not message else "another"


# -- typical objects -----------------------------------------------------------------------------------


def image(registry: str, reference: str = "@" + DIGEST) -> str:
    return f"{registry}/engine{reference}"


def pod_spec(image: str, *, gpus: int = 0, product: str = "", account: str = "engine", **more: Any) -> Manifest:
    """A pod as Pod Security's strictest level wants it; ``container`` is merged into its container."""
    container: Manifest = {
        "name": "main",
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **more.pop("container", {}),
    }
    if gpus:
        container["resources"] = {"limits": {GPU: str(gpus)}}
    return {
        "serviceAccountName": account,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
        **({"nodeSelector": {GPU_PRODUCT_LABEL: product}} if product else {}),
        "containers": [container],
        **more,
    }


def pod(name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def workload(kind: str, name: str, spec: Manifest, replicas: int = 1) -> Manifest:
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet or Job of a pod."""
    marks = {"app": name}
    # A model has one Deployment, of its name.
    more = {MODEL_LABEL: name, PART_OF_LABEL: f"model-{name}"} if kind == "Deployment" else {}
    made: Manifest = {"template": {"metadata": {"labels": {**marks, **more}}, "spec": spec}}
    if kind == "Job":
        made |= {"parallelism": replicas}
        spec["restartPolicy"] = "Never"
    else:
        made |= {"selector": {"matchLabels": {MODEL_LABEL: name} if kind == "Deployment" else marks}}
        made |= {} if kind == "DaemonSet" else {"replicas": replicas}
    version = "batch/v1" if kind == "Job" else "apps/v1"
    metadata = {"name": name, "labels": labels(f"model-{name}", name)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": made}


def service(name: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }
