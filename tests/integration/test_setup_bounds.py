# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the holder of a setup grant could try, to leave something behind or to gain more, tried with real tokens.

The server's answers land in build/setup_bounds.md. What it lets in is an object in our namespaces that the contract
does not account for: a revocation and an audit name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import Grant, setup_grant
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.open_grants import notes_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_bounds import setup_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import GUARDRAILS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import account_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CLUSTER
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import setup_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import budget
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import service as model_service
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.revision import Revision, record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from byoc_testbed.api import APPLY, STRATEGIC, Api
from tests.integration.ansible_runs import ROOT
from tests.integration.forbidden_objects import set_parent
from tests.integration.governed import in_full
from tests.integration.guarded import image, layer_of, pod, pod_spec, refusal, service, workload
from tests.integration.journey import bare, changes, line
from tests.integration.plays import connection_to, perform, token_in
from tests.integration.setup_holders import holder, misbound
from tests.integration.test_setup_access import api, grant, hours_from_now, name_in, who

Manifest = dict[str, Any]
TABLE = ROOT / "build" / "setup_bounds.md"
BY_RBAC, BY_BOUNDS, BY_WORKLOADS = "RBAC", "fireworks-setup", "fireworks-workloads"
BY_NAMES, BY_SERVICES, BY_BUDGETS, BY_SCALERS = (
    f"fireworks-{kinds}" for kinds in ("names", "services", "budgets", "scalers")
)
LET_IN = "nobody"
CORE, APPS = "/api/v1", "/apis/apps/v1"
RBAC, ADMISSION = "/apis/rbac.authorization.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1"
NAMESPACES = f"{CORE}/namespaces"
SYSTEM, MODELS, SETUP = (f"/namespaces/fireworks-{name}" for name in ("system", "models", "setup"))
GOOD = image("registry.acme.example/fireworks")
MALLORY = "setup-mallory"


@dataclass(frozen=True)
class Way:
    """Something that a holder tries, and what stops it: ``by`` for a grant, and ``bound`` if RBAC let them do anything.

    In paths ``OWN`` is the grant's own name, and ``OTHER`` that of another grant.
    """

    sentence: str
    by: str
    method: str
    path: str
    body: Any = None
    content_type: str = ""
    bound: str = BY_BOUNDS
    headers: dict[str, str] = field(default_factory=dict)


def named(name: str, **more: Any) -> Manifest:
    return {"metadata": {"name": name}, **more}


def noted(**notes: str) -> Manifest:
    return {"metadata": {"annotations": {f"byoc.fireworks.ai/{key}": text for key, text in notes.items()}}}


def ours(made: Manifest, part_of: str = "model-backdoor") -> Manifest:
    """The object with the labels that ours have, and named as they are."""
    name = made["metadata"]["name"]
    return {**made, "metadata": {**made["metadata"], "labels": labels(part_of, name)}}


def deployment(name: str = "backdoor", account: str = "engine", **changes: Any) -> Manifest:
    spec = pod_spec(changes.pop("image", GOOD), account=account, **changes)
    return ours(workload("Deployment", name, spec), "stack" if account == "router" else f"model-{name}")


def container(**changes: Any) -> Manifest:
    return {"container": changes}


def marked(name: str, **marks: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **marks}}


def binding(kind: str, role: str, account: str = MALLORY, namespace: str = "fireworks-setup") -> Manifest:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    return named("backdoor", roleRef=ref, subjects=[subject])


EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "router", "uid": "1"}
HOOK = {
    "name": "mine.acme.example",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "failurePolicy": "Ignore",
}
CRD = named(
    "backdoors.acme.example",
    spec={
        "group": "acme.example",
        "scope": "Namespaced",
        "names": {"plural": "backdoors", "kind": "Backdoor"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
)
API_SERVICE = named(
    "v1.backdoor.example",
    spec={
        "group": "backdoor.example",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": "router", "namespace": "fireworks-system"},
    },
)
CSR = named(
    "backdoor",
    spec={"signerName": "kubernetes.io/kube-apiserver-client", "request": "LQ==", "usages": ["client auth"]},
)
HOST_FILES = {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
# All else is as the guardrails of pods want it: one of them alone refuses.
_MORE = {"allowPrivilegeEscalation": True, "capabilities": {"drop": ["ALL"]}}
PRIVILEGED = container(securityContext={**_MORE, "privileged": True})
JOB = workload("Job", "backdoor", pod_spec(GOOD))
CRON_JOB = {**named("backdoor"), "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB["spec"]}}}
BUDGET = named("backdoor", spec={"maxUnavailable": 0, "selector": {}})
SCALER = named(
    "backdoor",
    spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backdoor"}, "maxReplicas": 2},
)
BACKDOOR = {"name": "backdoor", "gpu": {}}
TOKEN_SECRET = {
    "metadata": {"name": "x", "annotations": {"kubernetes.io/service-account.name": "operator"}},
    "type": "kubernetes.io/service-account-token",
}
OPEN_POLICY = named("backdoor", spec={"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]})
SLICE = {"metadata": {"name": "backdoor"}, "addressType": "IPv4", "endpoints": [], "ports": []}
ADMIN = {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"}
AUDIT = {"spec": {"validationActions": ["Audit"]}}
IGNORE = {"spec": {"failurePolicy": "Ignore"}}
QUOTA = {"spec": {"hard": {"requests.nvidia.com/gpu": "640"}}}
DEBUGGER = {"spec": {"ephemeralContainers": pod_spec(GOOD, container={"name": "debug"})["containers"]}}
OPERATORS_TOKEN = f"{CORE}{SYSTEM}/serviceaccounts/operator/token"
DEPLOYMENTS, STACK = f"{APPS}{MODELS}/deployments", f"{APPS}{SYSTEM}/deployments"


def token_for(seconds: int, **more: Any) -> Manifest:
    return {"spec": {"expirationSeconds": seconds, **more}}


def level(word: str) -> Manifest:
    return {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": word}}}


#: Kubernetes exempts them from admission: RBAC alone keeps them, so a grant has no right to any.
EXEMPT = {"bound": LET_IN}

WAYS = [
    # -- what limits us
    Way("lower a namespace's Pod Security", BY_RBAC, "PATCH", f"{CORE}{MODELS}", level("privileged")),
    Way("lower it in the stack's namespace", BY_RBAC, "PATCH", f"{CORE}{SYSTEM}", level("privileged")),
    Way("lower it where grants live", BY_RBAC, "PATCH", f"{CORE}{SETUP}", level("privileged")),
    Way("approve a change", BY_RBAC, "PATCH", f"{CORE}{SYSTEM}", noted(approval="[]")),
    Way("lift a freeze", BY_RBAC, "PATCH", f"{CORE}{SYSTEM}", noted(freeze="")),
    Way("make a namespace of its own", BY_RBAC, "POST", NAMESPACES, named("backdoor")),
    Way("make one named like ours", BY_RBAC, "POST", NAMESPACES, named("fireworks-backdoor")),
    Way("remove a namespace of ours", BY_RBAC, "DELETE", f"{CORE}{MODELS}"),
    Way("finalize a namespace", BY_RBAC, "PUT", f"{CORE}{MODELS}/finalize", named("fireworks-models", spec={})),
    Way("let a guardrail fail open", BY_RBAC, "PATCH",
        f"{ADMISSION}/validatingadmissionpolicies/fireworks-workloads", IGNORE, **EXEMPT),
    Way("let a guardrail only audit", BY_RBAC, "PATCH",
        f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-workloads", AUDIT, **EXEMPT),
    Way("unbind a guardrail", BY_RBAC, "DELETE",
        f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-scope", **EXEMPT),
    Way("let the bounds of grants only audit", BY_RBAC, "PATCH",
        f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-setup", AUDIT, **EXEMPT),
    Way("unbind the bounds of grants", BY_RBAC, "DELETE",
        f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-setup", **EXEMPT),
    Way("raise the quota", BY_RBAC, "PATCH", f"{CORE}{MODELS}/resourcequotas/approved-gpus", QUOTA),
    Way("remove the quota", BY_RBAC, "DELETE", f"{CORE}{SYSTEM}/resourcequotas/approved-gpus"),
    Way("remove the default limits", BY_RBAC, "DELETE", f"{CORE}{SYSTEM}/limitranges/defaults"),
    Way("change a priority", BY_RBAC, "PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/fireworks-batch",
        {"description": "mine"}),
    Way("make a priority above all others", BY_RBAC, "POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
        named("backdoor", value=1_000_000_000)),
    Way("remove a network policy", BY_RBAC, "DELETE", f"/apis/networking.k8s.io/v1{MODELS}/networkpolicies/closed"),
    Way("open the network", BY_RBAC, "POST", f"/apis/networking.k8s.io/v1{SYSTEM}/networkpolicies", OPEN_POLICY),
    Way("change what the prerequisites remember", BY_BOUNDS, "PATCH", f"{CORE}{SYSTEM}/configmaps/presetup",
        noted(presetup="0" * 16)),
    Way("remove what they remember", BY_BOUNDS, "DELETE", f"{CORE}{SYSTEM}/configmaps/presetup"),
    Way("remove it with all that is beside it", BY_RBAC, "DELETE", f"{CORE}{SYSTEM}/configmaps"),
    # -- accounts, roles, bindings
    *[Way(f"make an account in {where[22:]}", BY_RBAC, "POST", f"{CORE}{where}/serviceaccounts", named("backdoor"))
      for where in (SYSTEM, MODELS, SETUP)],
    Way("make an operator in the other namespace", BY_RBAC, "POST", f"{CORE}{MODELS}/serviceaccounts",
        named("operator")),
    Way("let pods mount the operator's token", BY_RBAC, "PATCH", f"{CORE}{SYSTEM}/serviceaccounts/operator",
        {"automountServiceAccountToken": True}),
    *[Way(f"make a role in {where[22:]}", BY_RBAC, "POST", f"{RBAC}{where}/roles", named("backdoor", rules=EVERYTHING))
      for where in (SYSTEM, MODELS, SETUP)],
    *[Way(f"bind a role in {where[22:]}", BY_RBAC, "POST", f"{RBAC}{where}/rolebindings",
          binding("Role", "fireworks-operator", "operator", "fireworks-models")) for where in (SYSTEM, MODELS, SETUP)],
    Way("make a cluster role", BY_RBAC, "POST", f"{RBAC}/clusterroles", named("backdoor", rules=EVERYTHING)),
    Way("bind cluster-admin", BY_RBAC, "POST", f"{RBAC}/clusterrolebindings", binding("ClusterRole", "cluster-admin")),
    Way("bind it in our namespace", BY_RBAC, "POST", f"{RBAC}{MODELS}/rolebindings",
        binding("ClusterRole", "cluster-admin")),
    Way("widen an identity's cluster role", BY_RBAC, "PATCH", f"{RBAC}/clusterroles/fireworks-operator",
        {"rules": EVERYTHING}),
    Way("widen an identity's role", BY_RBAC, "PATCH", f"{RBAC}{SYSTEM}/roles/fireworks-operator",
        {"rules": EVERYTHING}),
    Way("add itself to an identity's binding", BY_RBAC, "PATCH", f"{RBAC}{SYSTEM}/rolebindings/fireworks-operator",
        {"subjects": binding("", "")["subjects"]}),
    Way("widen its own role", BY_RBAC, "PATCH", f"{RBAC}{SYSTEM}/roles/fireworks-OWN", {"rules": EVERYTHING}, bound=""),
    Way("widen its own cluster role", BY_RBAC, "PATCH", f"{RBAC}/clusterroles/fireworks-OWN", {"rules": EVERYTHING},
        bound=""),
    Way("prolong itself", BY_RBAC, "PATCH", f"{CORE}{SETUP}/serviceaccounts/OWN", noted(until="2099-01-01T00:00:00Z")),
    Way("prolong its set", BY_RBAC, "PATCH", f"{CORE}{SETUP}/configmaps/setup-access", noted(until="2099-01-01")),
    Way("end another grant", BY_RBAC, "DELETE", f"{CORE}{SETUP}/serviceaccounts/OTHER"),
    Way("unbind another grant", BY_RBAC, "DELETE", f"{RBAC}/clusterrolebindings/fireworks-OTHER"),
    Way("be somebody else", BY_RBAC, "GET", f"{CORE}/namespaces/kube-system/secrets", headers=ADMIN, bound=""),
    # -- tokens and certificates
    Way("a new token of its own", BY_RBAC, "POST", f"{CORE}{SETUP}/serviceaccounts/OWN/token", token_for(86400)),
    Way("a token of another grant", BY_RBAC, "POST", f"{CORE}{SETUP}/serviceaccounts/OTHER/token", token_for(600)),
    Way("a token of the operator for a day", BY_RBAC, "POST", OPERATORS_TOKEN, token_for(86400)),
    Way("one for ten minutes, to renew it with itself", BY_RBAC, "POST", OPERATORS_TOKEN, token_for(600)),
    Way("one for another system", BY_RBAC, "POST", OPERATORS_TOKEN, token_for(600, audiences=["vault"])),
    Way("a token of the router", BY_RBAC, "POST", f"{CORE}{SYSTEM}/serviceaccounts/router/token", token_for(600)),
    Way("a token of somebody else's account", BY_RBAC, "POST",
        f"{CORE}/namespaces/kube-system/serviceaccounts/default/token", token_for(600)),
    Way("a token that never ends, in a secret", BY_RBAC, "POST", f"{CORE}{SYSTEM}/secrets", TOKEN_SECRET),
    Way("read secrets", BY_RBAC, "GET", f"{CORE}{SYSTEM}/secrets", bound=""),
    Way("read somebody else's settings", BY_RBAC, "GET", f"{CORE}/namespaces/kube-system/configmaps", bound=""),
    Way("a client certificate", BY_RBAC, "POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", CSR,
        bound=""),
    # -- the API server itself
    Way("a webhook that validates", BY_RBAC, "POST", f"{ADMISSION}/validatingwebhookconfigurations",
        named("backdoor", webhooks=[HOOK])),
    Way("a webhook that changes pods", BY_RBAC, "POST", f"{ADMISSION}/mutatingwebhookconfigurations",
        named("backdoor", webhooks=[HOOK])),
    Way("a kind of its own", BY_RBAC, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD),
    Way("an API of its own", BY_RBAC, "POST", "/apis/apiregistration.k8s.io/v1/apiservices", API_SERVICE),
    # -- what runs
    Way("a privileged pod", BY_RBAC, "POST", f"{CORE}{MODELS}/pods", pod("backdoor", pod_spec(GOOD, **PRIVILEGED)),
        bound=""),
    Way("a pod with the node's files", BY_RBAC, "POST", f"{CORE}{MODELS}/pods",
        pod("backdoor", pod_spec(GOOD, **HOST_FILES)), bound=""),
    Way("a pod of another namespace", BY_RBAC, "POST", f"{CORE}/namespaces/default/pods",
        pod("backdoor", pod_spec(GOOD)), bound=""),
    Way("a privileged workload", BY_WORKLOADS, "POST", DEPLOYMENTS, deployment(**PRIVILEGED)),
    Way("one with the node's network", BY_WORKLOADS, "POST", STACK, deployment(account="router", hostNetwork=True)),
    Way("one with the node's processes", BY_WORKLOADS, "POST", DEPLOYMENTS, deployment(hostPID=True)),
    Way("one with the node's files", BY_WORKLOADS, "POST", DEPLOYMENTS, deployment(**HOST_FILES)),
    Way("one with a port of the node", BY_WORKLOADS, "POST", DEPLOYMENTS,
        deployment(**container(ports=[{"containerPort": 80, "hostPort": 80}]))),
    Way("one with capabilities", BY_WORKLOADS, "POST", DEPLOYMENTS,
        deployment(**container(securityContext={"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]},
                                                "allowPrivilegeEscalation": True}))),
    Way("an image of somebody else", BY_WORKLOADS, "POST", DEPLOYMENTS,
        deployment(image=image("docker.io/backdoor"))),
    Way("pods that are the operator", BY_WORKLOADS, "POST", STACK, deployment(account="operator")),
    Way("pods of the default account", BY_WORKLOADS, "POST", DEPLOYMENTS, deployment(account="default")),
    Way("more GPUs than approved", BY_WORKLOADS, "POST", DEPLOYMENTS,
        deployment(gpus=640, product="NVIDIA-H100-80GB-HBM3")),
    Way("a pod on each node", BY_RBAC, "POST", f"{APPS}{SYSTEM}/daemonsets",
        workload("DaemonSet", "backdoor", pod_spec(GOOD, account="router"))),
    Way("a job", BY_RBAC, "POST", f"/apis/batch/v1{MODELS}/jobs", JOB),
    Way("a job each minute", BY_RBAC, "POST", f"/apis/batch/v1{MODELS}/cronjobs", CRON_JOB),
    Way("a command in a pod", BY_RBAC, "POST", f"{CORE}{MODELS}/pods/holder/exec?command=sh", bound=""),
    Way("a container in a running pod", BY_RBAC, "PATCH", f"{CORE}{MODELS}/pods/holder/ephemeralcontainers", DEBUGGER,
        STRATEGIC),
    Way("another owner of a pod", BY_RBAC, "PATCH", f"{CORE}{MODELS}/pods/holder",
        {"metadata": {"labels": {"app": "backdoor"}}}),
    Way("end a pod", BY_RBAC, "DELETE", f"{CORE}{MODELS}/pods/holder"),
    Way("a load balancer", BY_WORKLOADS, "POST", f"{CORE}{SYSTEM}/services", service("backdoor", type="LoadBalancer")),
    Way("a port on each node", BY_WORKLOADS, "POST", f"{CORE}{SYSTEM}/services", service("backdoor", type="NodePort")),
    Way("endpoints elsewhere", BY_RBAC, "POST", f"/apis/discovery.k8s.io/v1{SYSTEM}/endpointslices", SLICE),
    # -- elsewhere, and what hides or cannot be removed
    Way("a label on a node", BY_RBAC, "PATCH", f"{CORE}/nodes/NODE", {"metadata": {"labels": {"a": "b"}}}),
    Way("a taint on a node", BY_RBAC, "PATCH", f"{CORE}/nodes/NODE",
        {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}),
    Way("remove a node", BY_RBAC, "DELETE", f"{CORE}/nodes/NODE"),
    Way("a ConfigMap elsewhere", BY_RBAC, "POST", f"{CORE}/namespaces/default/configmaps", named("backdoor")),
    Way("a ConfigMap where grants live", BY_RBAC, "POST", f"{CORE}{SETUP}/configmaps", named("backdoor")),
    Way("a volume", BY_RBAC, "POST", f"{CORE}{MODELS}/persistentvolumeclaims",
        named("backdoor", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})),
    Way("an object that cannot be removed", BY_BOUNDS, "POST", f"{CORE}{SYSTEM}/configmaps",
        marked("stays", finalizers=["acme.example/stays"])),
    Way("keep one that is there from being removed", BY_BOUNDS, "PATCH", f"{CORE}{SYSTEM}/configmaps/there",
        {"metadata": {"finalizers": ["acme.example/stays"]}}),
    Way("the same by an apply", BY_BOUNDS, "PATCH", f"{CORE}{SYSTEM}/configmaps/applied?fieldManager=mine",
        marked("applied", finalizers=["acme.example/stays"]), APPLY),
    Way("remove one that its finalizer keeps", BY_BOUNDS, "PATCH", f"{CORE}{SYSTEM}/configmaps/kept",
        {"metadata": {"finalizers": None}}),
    Way("a workload that hides behind an owner", BY_BOUNDS, "POST", DEPLOYMENTS,
        {**deployment(), "metadata": {**deployment("hidden")["metadata"], "ownerReferences": [OWNER]}}),
    # -- what onboarding makes, and then not quite
    Way("a ConfigMap", BY_NAMES, "POST", f"{CORE}{SYSTEM}/configmaps", named("backdoor")),
    Way("a ConfigMap of the models", BY_NAMES, "POST", f"{CORE}{MODELS}/configmaps", ours(named("backdoor"))),
    Way("a service of other pods", BY_SERVICES, "POST", f"{CORE}{MODELS}/services",
        ours(service("backdoor", selector={"app": "backdoor"}))),
    Way("a budget that keeps pods where they are", BY_BUDGETS, "POST", f"/apis/policy/v1{MODELS}/poddisruptionbudgets",
        ours(BUDGET)),
    Way("an autoscaler of another workload", BY_SCALERS, "POST",
        f"/apis/autoscaling/v2{SYSTEM}/horizontalpodautoscalers", ours({**SCALER, **named("other")}, "stack")),
    Way("a revision of nothing", BY_NAMES, "POST", f"{APPS}{MODELS}/controllerrevisions",
        ours(named("backdoor", revision=1, data={}))),
    Way("another lock", BY_NAMES, "POST", f"/apis/coordination.k8s.io/v1{SYSTEM}/leases",
        ours(named("backdoor", spec={"holderIdentity": "mallory"}), "operation-lock")),
    # -- let in: what onboarding itself makes. Each of them is an object that the contract does not account for
    Way("a workload of an approved image", LET_IN, "POST", DEPLOYMENTS, deployment()),
    Way("a workload in the stack's namespace", LET_IN, "POST", STACK, deployment(account="router")),
    Way("the set of a model", LET_IN, "POST", f"{CORE}{SYSTEM}/configmaps", set_parent("model-backdoor")),
    Way("settings of a component", LET_IN, "POST", f"{CORE}{SYSTEM}/configmaps",
        {"metadata": {"name": "backdoor-0123456789", "labels": labels("stack", "backdoor")}}),
    Way("the service of a model", LET_IN, "POST", f"{CORE}{MODELS}/services", model_service(BACKDOOR)),
    Way("the budget of a model", LET_IN, "POST", f"/apis/policy/v1{MODELS}/poddisruptionbudgets", budget(BACKDOOR)),
    Way("an autoscaler", LET_IN, "POST", f"/apis/autoscaling/v2{SYSTEM}/horizontalpodautoscalers",
        ours(SCALER, "stack")),
    Way("a revision", LET_IN, "POST", f"{APPS}{MODELS}/controllerrevisions",
        record(Revision("backdoor", 1, [], "0f", "pending"))),
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A cluster with the prerequisites and three holders. The third is misbound.

    :param alice: has a grant. :param old: had one of an older version before, which was bound cluster-wide.
    """

    cluster: Any
    kubeconfig: Path
    alice: str
    old: Grant
    as_who: dict[str, Api]


@pytest.fixture(scope="module")
def place(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("bounds")
    with bare(bed["acme"], folder) as cluster:
        old = grant_of_old(cluster)
        as_old = holder(cluster, old.name)
        assert (
            refusal(as_old, "PATCH", THE_MODELS, named("fireworks-models", apiVersion="v1", kind="Namespace"), APPLY)
            == ""
        ), "it was not as open as they were"
        assert refusal(as_old, "GET", f"{CORE}/configmaps") == ""
        path = folder / "setup.kubeconfig"
        checked = grant(cluster, folder, path, "--check", "--diff")
        made = grant(cluster, folder, path)
        assert " done " in line(made, "acme-eu-1"), made.stdout
        assert changes(checked, "acme-eu-1") == changes(made, "acme-eu-1"), "check mode promised otherwise"
        maps = (marked("there"), marked("applied"), marked("kept", finalizers=["acme.example/stays"]))
        for each in (*maps, pod("holder", pod_spec(GOOD, nodeSelector={"no": "node"}))):
            where = MODELS if each["kind"] == "Pod" else SYSTEM
            cluster.request("POST", f"{CORE}{where}/{each['kind'].lower()}s", each)
        with misbound(cluster, MALLORY) as mallory:
            as_who = {"alice": api(cluster, token_in(path)), "old": as_old, "mallory": mallory}
            yield Place(cluster, path, name_in(path), old, as_who)
        cluster.request("PATCH", f"{CORE}{SYSTEM}/configmaps/kept", {"metadata": {"finalizers": None}})


THE_MODELS = f"{CORE}{MODELS}?fieldManager=mine&force=true"


def grant_of_old(cluster: Any) -> Grant:
    """A grant as it was made when its onboarding applied the prerequisites, and under a policy that forbids nothing."""
    contract, now = in_full(cluster), hours_from_now(0)
    made = setup_grant("old", "a test", hours_from_now(3), now, "10800s")
    namespace, policy, bound = setup_bounds(contract)
    policy["spec"]["validations"] = [{"expression": "true", "message": "anything goes", "reason": "Forbidden"}]
    apply(cluster, "setup-access", [namespace, policy, bound])
    needs = dict.fromkeys(replace(need, scope=CLUSTER) for need in setup_needs(contract))
    apply(cluster, made.set, account_objects(made.name, "fireworks-setup", needs, about(made)), notes_of(made))
    return made


def about(made: Grant) -> Manifest:
    return {"labels": labels(made.set, made.name), "annotations": notes_of(made)}


def apply(cluster: Any, name: str, objects: list[Manifest], notes: dict[str, str] | None = None) -> None:
    given = {"name": name, "namespace": "fireworks-setup", "definition": objects, "annotations": notes or {}}
    result = perform(connection_to(cluster), "fireworks.byoc.apply_set", **given)
    assert not result.get("failed"), result


def tried(place: Place, way: Way, holder: str) -> str:
    """The server's answer; empty where it lets them. Only alice leaves something."""
    own = {"alice": place.alice, "old": place.old.name, "mallory": MALLORY}
    other = place.old.name if holder == "alice" else place.alice

    def filled(text: str) -> str:
        return text.replace("OWN", own[holder]).replace("OTHER", other).replace("NODE", place.cluster.nodes[0])

    return refusal(
        place.as_who[holder],
        way.method,
        filled(way.path),
        way.body,
        way.content_type,
        headers=way.headers,
        dry_run=not way.path.partition("?")[0].endswith("/exec") and not (way.by == LET_IN and holder == "alice"),
    )


def stopped_by(answer: str) -> str:
    policy = re.search(r"ValidatingAdmissionPolicy '([^']+)'", answer)
    return policy[1] if policy else LET_IN if not answer else layer_of(answer)


def all_tried(place: Place, ways: list[Way], holder: str) -> list[str]:
    with ThreadPoolExecutor(8) as workers:
        return list(workers.map(lambda way: tried(place, way, holder), ways))


def wrongs(ways: list[Way], answers: list[str], wanted: list[str]) -> str:
    rows = zip(ways, answers, wanted, strict=True)
    return "\n".join(
        f"{way.sentence}: {stopped_by(answer)} instead of {by}: {answer}"
        for way, answer, by in rows
        if not alike(stopped_by(answer), by)
    )


def alike(found: str, wanted: str) -> bool:
    """Of several policies that refuse a call the API server names any one."""
    return found == wanted or (found in GUARDRAILS and wanted in (BY_BOUNDS, *GUARDRAILS))


@pytest.mark.soak
def test_the_bounds_hold_a_grant_that_was_bound_to_cluster_admin(place: Place) -> None:
    """But for what the API server keeps out of every admission policy's reach."""
    ways = [way for way in WAYS if way.bound]
    wanted = [way.bound if way.by == BY_RBAC else way.by for way in ways]
    assert wrongs(ways, all_tried(place, ways, "mallory"), wanted) == ""
    assert wanted.count(BY_BOUNDS) >= 50


def test_what_a_holder_tries_is_refused_or_is_an_object_that_can_be_named(place: Place) -> None:
    by_old, by_alice = (all_tried(place, WAYS, holder) for holder in ("old", "alice"))  # what alice leaves is there
    write_table(by_alice, by_old)
    wanted = [way.by for way in WAYS]
    assert wrongs(WAYS, by_alice, wanted) == ""
    assert wrongs(WAYS, by_old, wanted) == "", "a grant that was open before is not bounded as much"
    for way in WAYS:
        if way.by == LET_IN:
            left = place.cluster.request("GET", f"{way.path}/{way.body['metadata']['name']}")
            assert any(space in left["metadata"]["namespace"] for space in (SYSTEM[12:], MODELS[12:]))
    assert len([way for way in WAYS if way.by != LET_IN]) >= 60


def write_table(by_alice: list[str], by_old: list[str]) -> None:
    rows = [
        f"| {way.sentence} | {stopped_by(new)} | {stopped_by(old)} | {' '.join(new.split()).replace('|', '')} |"
        for way, new, old in zip(WAYS, by_alice, by_old, strict=True)
    ]
    head = ["| what a holder tries | stopped by | of a grant that was open before by | answer |", "|---|---|---|---|"]
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")


def test_questions_about_oneself_are_let_in(place: Place) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "secrets"}}}
    assert (
        refusal(place.as_who["alice"], "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review) == ""
    )


def test_nobody_else_is_held_by_the_bounds(place: Place) -> None:
    made = marked("x", finalizers=["acme.example/stays"])
    assert refusal(place.cluster.api, "POST", f"{CORE}/namespaces/default/configmaps", made) == ""
    assert refusal(place.cluster.api, "PATCH", f"{CORE}{MODELS}", level("baseline")) == ""


def test_a_grant_that_was_open_before_is_revoked_whole(place: Place) -> None:
    kinds = [f"{RBAC}/{kind}" for kind in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")]

    def of_old() -> list[str]:
        items = [item for path in kinds for item in place.cluster.request("GET", path)["items"]]
        return [item["metadata"]["name"] for item in items if item["metadata"]["name"] == place.old.role]

    assert len(of_old()) == 8, "it was not limited to roles in our namespaces"
    gone = perform(
        connection_to(place.cluster),
        "fireworks.byoc.apply_set",
        name=place.old.set,
        namespace="fireworks-setup",
        state="absent",
    )
    assert not gone.get("failed"), gone
    assert of_old() == []


def test_a_grant_ends_itself(place: Place) -> None:
    """The last of these: alice can do nothing any more."""
    token = token_in(place.kubeconfig)
    options = {"service_account": place.alice, "namespace": "fireworks-setup", "state": "absent"}
    by_alice = connection_to(place.cluster, kubeconfig_file=str(place.kubeconfig))
    ended = perform(by_alice, "fireworks.byoc.access_token", kubeconfig=str(place.kubeconfig), **options)
    assert ended["evidence"]["status"] == 401, ended
    assert who(place.cluster, token) == 401
