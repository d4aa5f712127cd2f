# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who holds a token of ours could try: every list of attempts there is, and what RBAC alone refuses.

An attempt says nothing of who tries it: each is tried as each identity.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from byoc_testbed.api import Api
from byoc_testbed.errors import ApiError
from tests.integration import forbidden_objects
from tests.integration.guarded import ADMISSION, MODELS, RBAC, SYSTEM, layer_of, pod, pod_spec, workload
from tests.integration.pod_attempts import ATTEMPTS as PODS
from tests.integration.pod_attempts import tried as in_kinds
from tests.integration.test_forbidden_calls import CALLS, GOOD
from tests.integration.test_setup_bounds import API_SERVICE, CRD, CSR, EVERYTHING, HOOK, LET_IN, WAYS, binding

Manifest = dict[str, Any]
CORE, APPS, BATCH = "/api/v1", "/apis/apps/v1", "/apis/batch/v1"
NETWORK, CERTIFICATES = "/apis/networking.k8s.io/v1", "/apis/certificates.k8s.io/v1"
ADMITTED, ABSENT, VALIDATION = "none", "none: there is no such object", "API validation"
KINDS = ("Pod", "Deployment", "LeaderWorkerSet, leaders")
CONNECTIONS = ("/exec", "/attach", "/portforward", "/proxy", "/proxy/")
ELSEWHERE = ("default", "kube-system", "kube-public", "kube-node-lease")
STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True)
class Attempt:
    """One request. In its path ``NODE`` is a node, ``OWN`` and ``OTHER`` are names of setup grants."""

    sentence: str
    method: str
    path: str
    body: Any = None
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def sent_by(self, api: Api, names: dict[str, str]) -> tuple[str, str]:
        """The layer that refuses it and what it says, as a dry run wherever there is one."""
        path = self.path
        for word, name in names.items():
            path = path.replace(word, name)
        plain = path.partition("?")[0]
        if self.method != "GET" and not plain.endswith(CONNECTIONS):
            path += ("&" if "?" in path else "?") + "dryRun=All"
        try:
            api.request(self.method, path, self.body, self.content_type, self.headers)
        except ApiError as error:
            said = error.body.get("message", "") if isinstance(error.body, dict) else error.body
            return layer(error.status, str(said)), str(said)
        return ADMITTED, ""


def layer(status: int, message: str) -> str:
    """Which layer refused; one of the two ``none`` where the request came through to the object."""
    if status == 404:
        return ABSENT
    if status in (400, 405, 415, 422):
        return layer_of(message) if "ValidatingAdmissionPolicy" in message else VALIDATION
    found = layer_of(message)
    return found if status in (401, 403) else f"{ADMITTED}: {status}"


def attempts() -> list[Attempt]:
    """All of them, each once and with a sentence of its own."""
    found: dict[str, Attempt] = {}
    sentences: Counter[str] = Counter()
    for each in (*_calls(), *_grants_ways(), *_objects(), *_pods(), *_rights()):
        key = json.dumps([each.method, each.path, each.body, each.headers], sort_keys=True, default=str)
        if key not in found:
            sentences[each.sentence] += 1
            count = sentences[each.sentence]
            found[key] = each if count == 1 else replace(each, sentence=f"{each.sentence} ({count})")
    return list(found.values())


def _calls() -> Iterator[Attempt]:
    for call in CALLS:
        kind = STRATEGIC if "ephemeral" in call.path else ""
        yield Attempt(call.sentence, call.method, call.path, call.body, kind, call.headers)


def _grants_ways() -> Iterator[Attempt]:
    for way in WAYS:
        if way.by != LET_IN:
            yield Attempt(way.sentence, way.method, way.path, way.body, way.content_type, way.headers)


def _objects() -> Iterator[Attempt]:
    for each in forbidden_objects.attempts():
        yield Attempt(each.sentence, "POST", each.place, each.made)


def _pods() -> Iterator[Attempt]:
    for each in PODS:
        for kind, path, made in in_kinds(each, lambda **changes: pod_spec(GOOD, **changes)):
            if kind in KINDS:
                made["metadata"].setdefault("labels", labels("model-probe", "probe"))
                yield Attempt(f"{each.sentence}, {kind}", "POST", path, made)


# -- what RBAC refuses -------------------------------------------------------------------------------------------------


def named(name: str = "mine", **more: Any) -> Manifest:
    return {"metadata": {"name": name}, **more}


_POD = pod("mine", pod_spec(GOOD))
_ROLE = named(rules=EVERYTHING)
_SPEC = {"spec": {}}
_POLICY = named(
    spec={
        "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                                                "resources": ["pods"]}]},
        "validations": [{"expression": "true"}],
    }
)  # fmt: skip
_SECRET = named(stringData={"a": "b"})
_READ = (
    ("secrets", CORE),
    ("configmaps", CORE),
    ("pods", CORE),
    ("serviceaccounts", CORE),
    ("leases", "/apis/coordination.k8s.io/v1"),
    ("roles", RBAC),
)
_MADE: tuple[tuple[str, str, Manifest], ...] = (
    ("configmaps", CORE, named()),
    ("secrets", CORE, _SECRET),
    ("pods", CORE, _POD),
    ("services", CORE, named(spec={"ports": [{"port": 80}]})),
    ("serviceaccounts", CORE, named()),
    ("deployments", APPS, workload("Deployment", "mine", pod_spec(GOOD))),
    ("jobs", BATCH, workload("Job", "mine", pod_spec(GOOD))),
    ("roles", RBAC, _ROLE),
    ("rolebindings", RBAC, binding("ClusterRole", "cluster-admin")),
    ("leases", "/apis/coordination.k8s.io/v1", named(spec={"holderIdentity": "mine"})),
)
_IN_OURS: tuple[tuple[str, str, Manifest], ...] = (
    ("secrets", CORE, _SECRET),
    ("endpoints", CORE, named(subsets=[])),
    ("persistentvolumeclaims", CORE, named(spec={"accessModes": ["ReadWriteOnce"],
                                                 "resources": {"requests": {"storage": "1Gi"}}})),
    ("resourcequotas", CORE, named(spec={"hard": {"pods": "1"}})),
    ("limitranges", CORE, named(spec={"limits": [{"type": "Pod", "max": {"cpu": "1"}}]})),
    ("podtemplates", CORE, named(template={"spec": pod_spec(GOOD)})),
    ("replicationcontrollers", CORE, named(spec={"selector": {"a": "b"}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": pod_spec(GOOD)}})),
    ("replicasets", APPS, workload("ReplicaSet", "mine", pod_spec(GOOD))),
    ("statefulsets", APPS, workload("StatefulSet", "mine", pod_spec(GOOD))),
    ("daemonsets", APPS, workload("DaemonSet", "mine", pod_spec(GOOD))),
    ("jobs", BATCH, workload("Job", "mine", pod_spec(GOOD))),
    ("cronjobs", BATCH, named(spec={"schedule": "* * * * *", "jobTemplate": {
        "spec": workload("Job", "mine", pod_spec(GOOD))["spec"]}})),
    ("ingresses", NETWORK, named(spec={"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}})),
    ("networkpolicies", NETWORK, named(spec={"podSelector": {}, "ingress": [{}]})),
    ("roles", RBAC, _ROLE),
    ("rolebindings", RBAC, binding("ClusterRole", "cluster-admin")),
    ("events", CORE, named(involvedObject={"namespace": "fireworks-models", "kind": "Pod", "name": "holder"})),
)  # fmt: skip
_COLLECTIONS = (
    ("configmaps", CORE),
    ("pods", CORE),
    ("services", CORE),
    ("deployments", APPS),
    ("controllerrevisions", APPS),
    ("leases", "/apis/coordination.k8s.io/v1"),
    ("poddisruptionbudgets", "/apis/policy/v1"),
    ("horizontalpodautoscalers", "/apis/autoscaling/v2"),
)
_CLUSTER_WIDE: tuple[tuple[str, str, Manifest], ...] = (
    ("nodes", CORE, named()),
    ("namespaces", CORE, named()),
    ("persistentvolumes", CORE, named(spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                                            "hostPath": {"path": "/"}})),
    ("clusterroles", RBAC, _ROLE),
    ("clusterrolebindings", RBAC, binding("ClusterRole", "cluster-admin")),
    ("validatingwebhookconfigurations", ADMISSION, named(webhooks=[HOOK])),
    ("mutatingwebhookconfigurations", ADMISSION, named(webhooks=[HOOK])),
    ("validatingadmissionpolicies", ADMISSION, _POLICY),
    ("validatingadmissionpolicybindings", ADMISSION, named(spec={"policyName": "mine",
                                                                 "validationActions": ["Audit"]})),
    ("customresourcedefinitions", "/apis/apiextensions.k8s.io/v1", CRD),
    ("apiservices", "/apis/apiregistration.k8s.io/v1", API_SERVICE),
    ("certificatesigningrequests", CERTIFICATES, CSR),
    ("storageclasses", "/apis/storage.k8s.io/v1", named(provisioner="a.b")),
    ("csidrivers", "/apis/storage.k8s.io/v1", named(spec={})),
    ("volumeattachments", "/apis/storage.k8s.io/v1", named(spec={"attacher": "a", "nodeName": "NODE", "source": {}})),
    ("ingressclasses", NETWORK, named(spec={"controller": "a.b/c"})),
    ("runtimeclasses", "/apis/node.k8s.io/v1", named(handler="x")),
    ("priorityclasses", "/apis/scheduling.k8s.io/v1", named(value=1_000_000_000)),
    ("flowschemas", "/apis/flowcontrol.apiserver.k8s.io/v1", named(spec={})),
    ("prioritylevelconfigurations", "/apis/flowcontrol.apiserver.k8s.io/v1", named(spec={"type": "Exempt"})),
    ("tokenreviews", "/apis/authentication.k8s.io/v1", {"spec": {"token": "x"}}),
    ("subjectaccessreviews", "/apis/authorization.k8s.io/v1", {"spec": {"user": "admin", "nonResourceAttributes": {
        "path": "/", "verb": "get"}}}),
)  # fmt: skip
_IMPERSONATED: dict[str, dict[str, str]] = {
    "an administrator": {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"},
    "any user": {"Impersonate-User": "alice"},
    "an account of the control plane": {"Impersonate-User": "system:serviceaccount:kube-system:namespace-controller"},
    "the operator": {"Impersonate-User": "system:serviceaccount:fireworks-system:operator"},
    "a setup grant": {"Impersonate-User": "system:serviceaccount:fireworks-setup:setup-alice"},
    "a node": {"Impersonate-User": "system:node:NODE", "Impersonate-Group": "system:nodes"},
    "somebody by their UID": {"Impersonate-User": "alice", "Impersonate-Uid": "1"},
    "somebody with scopes": {"Impersonate-User": "alice", "Impersonate-Extra-scopes": "all"},
}


def _rights() -> Iterator[Attempt]:
    yield from _elsewhere()
    yield from _in_ours()
    yield from _cluster_wide()
    yield from _nodes()
    for whom, headers in _IMPERSONATED.items():
        yield Attempt(f"act as {whom}", "GET", f"{CORE}/namespaces/kube-system/secrets", headers=headers)


def _elsewhere() -> Iterator[Attempt]:
    for space in ELSEWHERE:
        where = f"/namespaces/{space}"
        for resource, group in _READ:
            yield Attempt(f"read the {resource} of {space}", "GET", f"{group}{where}/{resource}")
        for resource, group, body in _MADE:
            yield Attempt(f"make {resource} in {space}", "POST", f"{group}{where}/{resource}", body)
        yield Attempt(f"remove the configmaps of {space}", "DELETE", f"{CORE}{where}/configmaps")
        yield Attempt(f"remove the namespace {space}", "DELETE", f"{CORE}{where}")
        token = f"{CORE}{where}/serviceaccounts/default/token"
        yield Attempt(f"a token of an account of {space}", "POST", token, {"spec": {"expirationSeconds": 600}})


def _in_ours() -> Iterator[Attempt]:
    for where in (SYSTEM, MODELS):
        space = where.rpartition("/")[2]
        yield Attempt(f"read the secrets of {space}", "GET", f"{CORE}{where}/secrets")
        yield Attempt(f"read a secret of {space}", "GET", f"{CORE}{where}/secrets/theirs")
        for resource, group, body in _IN_OURS:
            yield Attempt(f"make {resource} in {space}", "POST", f"{group}{where}/{resource}", body)
        for resource, group in _COLLECTIONS:
            yield Attempt(f"remove all {resource} of {space}", "DELETE", f"{group}{where}/{resource}")
        review = {"spec": {"user": "admin", "resourceAttributes": {"namespace": space, "verb": "get"}}}
        reviews = f"/apis/authorization.k8s.io/v1{where}/localsubjectaccessreviews"
        yield Attempt(f"ask what others may do in {space}", "POST", reviews, review)
    holder = f"{CORE}{MODELS}/pods/holder"
    for how in ("exec?command=sh", "attach", "portforward"):
        yield Attempt(f"connect to a pod: {how.partition('?')[0]}", "POST", f"{holder}/{how}")
    yield Attempt("bind a pod to a node", "POST", f"{holder}/binding", named("holder", target={"name": "NODE"}))
    yield Attempt("change the size of a pod", "PATCH", f"{holder}/resize", _SPEC)
    yield Attempt("say how a pod is", "PATCH", f"{holder}/status", {"status": {"phase": "Succeeded"}})
    yield Attempt("say how a workload is", "PATCH", f"{APPS}{MODELS}/deployments/served/status", {"status": {}})


def _cluster_wide() -> Iterator[Attempt]:
    for resource, group, body in _CLUSTER_WIDE:
        yield Attempt(f"make {resource}", "POST", f"{group}/{resource}", body)
    for resource, group, _body in _CLUSTER_WIDE[:-2]:
        yield Attempt(f"remove all {resource}", "DELETE", f"{group}/{resource}")
    for name in ("cluster-admin", "system:basic-user", "system:public-info-viewer"):
        yield Attempt(f"widen the role {name}", "PATCH", f"{RBAC}/clusterroles/{name}", {"rules": EVERYTHING})
    yield Attempt("unbind the administrators", "DELETE", f"{RBAC}/clusterrolebindings/cluster-admin")
    wider = {"subjects": binding("", "")["subjects"]}
    yield Attempt("join the administrators", "PATCH", f"{RBAC}/clusterrolebindings/cluster-admin", wider)
    everybody = named(rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["escalate", "bind", "impersonate"]}])
    yield Attempt("make a role that escalates", "POST", f"{RBAC}/clusterroles", everybody)
    yield Attempt("take over an API", "PATCH", "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", _SPEC)
    for resource in ("secrets", "pods", "configmaps", "serviceaccounts"):
        yield Attempt(f"read all {resource}", "GET", f"{CORE}/{resource}")
    for path in ("/metrics", "/logs/", "/debug/pprof/", "/configz"):
        yield Attempt(f"read {path} of the API server", "GET", path)
    yield Attempt("reach the API server by itself", "GET",
                  f"{CORE}/namespaces/default/services/https:kubernetes:443/proxy/")  # fmt: skip


def _nodes() -> Iterator[Attempt]:
    node, lease = f"{CORE}/nodes/NODE", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/NODE"
    yield Attempt("a kubelet's settings", "GET", f"{node}/proxy/configz")
    yield Attempt("a command by a kubelet", "POST", f"{node}/proxy/run/fireworks-models/holder/main?cmd=id")
    yield Attempt("a node's heartbeat", "PATCH", lease, {"spec": {"holderIdentity": "mine"}})
    yield Attempt("a node without a heartbeat", "DELETE", lease)
    yield Attempt("more GPUs on a node", "PATCH", f"{node}/status", {"status": {"capacity": {"nvidia.com/gpu": "64"}}})
    yield Attempt("a node's finalizer", "PATCH", node, {"metadata": {"finalizers": ["acme.example/stays"]}})
    yield Attempt("a node's role", "PATCH", node, {"metadata": {"labels": {"node-role.kubernetes.io/master": ""}}})
    yield Attempt("a node's addresses for pods", "PATCH", node, {"spec": {"podCIDR": "10.9.0.0/24"}})
    yield Attempt("a node's provider", "PATCH", node, {"spec": {"providerID": "mine"}})
    approval = f"{CERTIFICATES}/certificatesigningrequests/mine/approval"
    yield Attempt("approve a certificate", "PUT", approval, CSR)
