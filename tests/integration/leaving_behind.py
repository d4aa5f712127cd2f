# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody with an administrator's rights leaves behind in a cluster, one way after the other, as data."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applyset import MANAGED_BY, applyset_id
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.applyset_keys import PART_OF_LABEL
from byoc_testbed.errors import ApiError

Manifest = dict[str, Any]
RBAC, ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
SYSTEM, MODELS = "fireworks-system", "fireworks-models"
_STACK = applyset_id(Ref("ConfigMap", "", SYSTEM, "stack"))
_OF_THE_STACK = {**MANAGED_BY, PART_OF_LABEL: _STACK, "app.kubernetes.io/part-of": "stack"}
_TELEMETRY = {"kind": "ServiceAccount", "name": "telemetry", "namespace": SYSTEM}
_HOOK = {
    "name": "left.behind.example",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "failurePolicy": "Ignore",
    "objectSelector": {"matchLabels": {"no": "object"}},
}


@dataclass(frozen=True)
class Way:
    """Something that is made, or, where there is a ``patch``, changed; ``undo`` takes it back."""

    manifest: Manifest
    patch: Manifest | None = None
    undo: Manifest | None = None

    @property
    def name(self) -> str:
        metadata = self.manifest["metadata"]
        place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        return f"{self.manifest['kind']} {place}{metadata['name']}"


def ways(cluster: Any) -> list[Way]:
    """All of them, for a cluster that was onboarded."""
    apps = f"/apis/apps/v1/namespaces/{SYSTEM}"
    router = cluster.request("GET", f"{apps}/deployments/router")
    [replica_set, *_others] = cluster.request(
        "GET", f"{apps}/replicasets?labelSelector=byoc.fireworks.ai/component=router"
    )["items"]
    service = cluster.request("GET", f"/api/v1/namespaces/{SYSTEM}/services/router")
    pod = copy.deepcopy(router["spec"]["template"]["spec"])
    marks = {"left": "behind"}
    template = {"metadata": {"labels": marks}, "spec": pod}
    workload = {"selector": {"matchLabels": marks}, "template": template}
    once = {"metadata": {"labels": marks}, "spec": {**pod, "restartPolicy": "Never"}}
    in_models = lambda kind, name, api="v1", **more: _object(kind, name, api, MODELS, **more)  # noqa: E731
    in_system = lambda kind, name, api="v1", **more: _object(kind, name, api, SYSTEM, **more)  # noqa: E731
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}
    made = [
        in_models("ServiceAccount", "operator"),
        in_models("Role", "operator", f"{RBAC}/v1", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]),
        in_models("RoleBinding", "operator", f"{RBAC}/v1", roleRef={**role, "kind": "Role", "name": "operator"},
                  subjects=[{**_TELEMETRY, "name": "operator", "namespace": MODELS}]),
        _object("ClusterRole", "fireworks-x", f"{RBAC}/v1", rules=[]),
        _object("ClusterRole", "fireworks-x; id", f"{RBAC}/v1", rules=[]),
        _object("ClusterRoleBinding", "helpful", f"{RBAC}/v1", roleRef=role, subjects=[_TELEMETRY]),
        _object("ClusterRoleBinding", "shared", f"{RBAC}/v1", roleRef=role,
                subjects=[{**_TELEMETRY, "name": "default", "namespace": MODELS},
                          {**_TELEMETRY, "namespace": "default"}]),
        _object("ClusterRoleBinding", "for-a-gone-grant", f"{RBAC}/v1", roleRef=role,
                subjects=[{**_TELEMETRY, "name": "setup-mallory", "namespace": "fireworks-setup"}]),
        _object("RoleBinding", "dns-helper", f"{RBAC}/v1", "kube-system", roleRef=role, subjects=[_TELEMETRY]),
        in_system("Pod", "left", spec=pod),
        in_system("Pod", "router-forged", spec=pod, owner=replica_set),
        in_system("Deployment", "ledger", "apps/v1", labels=_OF_THE_STACK, spec=workload),
        in_system("ReplicaSet", "router-forged", "apps/v1", spec={**workload, "replicas": 0}, owner=router),
        in_system("StatefulSet", "left", "apps/v1", spec={**workload, "replicas": 0, "serviceName": "left"}),
        in_system("DaemonSet", "left", "apps/v1", spec=workload),
        in_system("PodTemplate", "left", template=template),
        in_system("Job", "left", "batch/v1", spec={"suspend": True, "template": once}),
        in_system("CronJob", "left", "batch/v1",
                  spec={"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": once}}}),
        in_system("ConfigMap", "left", labels=_OF_THE_STACK),
        in_system("ConfigMap", "model-mallory"),
        in_system("ConfigMap", "stack-upgrade-x"),
        in_system("Service", "left", spec={"ports": [{"port": 80}]}),
        in_system("Secret", "left", stringData={"a": "b"}),
        in_system("Secret", "router-token", type="kubernetes.io/service-account-token",
                  annotations={"kubernetes.io/service-account.name": "router"}),
        in_system("Lease", "left", "coordination.k8s.io/v1", spec={}),
        in_system("EndpointSlice", "router-left", "discovery.k8s.io/v1", owner=service, addressType="IPv4",
                  labels={"kubernetes.io/service-name": "router"}, endpoints=[{"addresses": ["198.51.100.7"]}]),
        in_system("Endpoints", "other", subsets=[]),
        in_models("HorizontalPodAutoscaler", "left", "autoscaling/v2",
                  spec={"maxReplicas": 9,
                        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}),
        in_models("PodDisruptionBudget", "left", "policy/v1",
                  spec={"minAvailable": 9, "selector": {"matchLabels": marks}}),
        in_models("NetworkPolicy", "open", "networking.k8s.io/v1", spec={"podSelector": {}, "ingress": [{}]}),
        in_models("ResourceQuota", "left", spec={"hard": {"pods": "99"}}),
        in_models("LimitRange", "left", spec={"limits": []}),
        in_models("PersistentVolumeClaim", "left",
                  spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
        in_models("ControllerRevision", "mallory-1", "apps/v1", revision=1, data={}),
        _object("PriorityClass", "fireworks-urgent", "scheduling.k8s.io/v1", value=9),
        _object("ValidatingWebhookConfiguration", "fireworks-x", f"{ADMISSION}/v1", webhooks=[]),
        _object("MutatingWebhookConfiguration", "sidecars", f"{ADMISSION}/v1",
                webhooks=[{**_HOOK, "clientConfig": {"service": {"namespace": SYSTEM, "name": "left"}}}]),
        _object("ValidatingAdmissionPolicyBinding", "quiet", f"{ADMISSION}/v1",
                spec={"policyName": "fireworks-scope", "validationActions": ["Audit"]}),
        _object("Namespace", "fireworks-extra"),
    ]  # fmt: skip
    return [
        *map(Way, made),
        Way(
            _object("ValidatingAdmissionPolicyBinding", "fireworks-workloads", f"{ADMISSION}/v1"),
            {"spec": {"validationActions": ["Audit"]}},
            {"spec": {"validationActions": ["Deny"]}},
        ),
        Way(_object("Namespace", MODELS), _enforcing("privileged"), _enforcing("restricted")),
        Way(in_system("Service", "router"), _selecting("behind"), _selecting(None)),
    ]


def _enforcing(level: str) -> Manifest:
    return {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}}


def _selecting(left: str | None) -> Manifest:
    return {"spec": {"selector": {"left": left}}}


@contextmanager
def left(cluster: Any, made: list[Way]) -> Iterator[None]:
    """All of it, until the block ends."""
    try:
        for way in made:
            path = cluster.api.collection(way.manifest)
            if way.patch is None:
                cluster.request("POST", path, way.manifest)
            else:
                cluster.request("PATCH", f"{_place(cluster, way)}?fieldManager=kubectl-edit", way.patch)
        yield
    finally:
        for way in made:
            with suppress(ApiError):
                if way.patch is None:
                    cluster.request("DELETE", _place(cluster, way), {"gracePeriodSeconds": 0})
                else:
                    # As who set it, so that nothing of it is left among the fields that others have set.
                    cluster.request("PATCH", f"{_place(cluster, way)}?fieldManager=kubectl-edit", way.undo)
        cluster.remove_namespaces("fireworks-extra")


def _place(cluster: Any, way: Way) -> str:
    return f"{cluster.api.collection(way.manifest)}/{quote(way.manifest['metadata']['name'])}"


def _object(
    kind: str, name: str, api: str = "v1", namespace: str = "", *, owner: Manifest | None = None, **more: Any
) -> Manifest:
    metadata: Manifest = {"name": name}
    metadata |= {key: more.pop(key) for key in ("labels", "annotations") if key in more}
    metadata |= {"namespace": namespace} if namespace else {}
    if owner:
        reference = {key: owner[key] for key in ("apiVersion", "kind") if key in owner}
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", **reference}
        metadata["ownerReferences"] = [
            {**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
        ]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}
