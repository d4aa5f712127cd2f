# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no identity may do, tried for real, and what each of them needs, which works.

The server's answers land in build/forbidden_calls.md, with the layer that refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import (
    CONNECTING,
    IDENTITIES,
    READ,
    Identity,
    Need,
    granted,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import questions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import COMMAND, canary_pod
from byoc_testbed.api import MERGE
from byoc_testbed.errors import ApiError
from tests.integration.ansible_runs import ROOT
from tests.integration.definitions import keda, serving
from tests.integration.forbidden_objects import CHANGEABLE_UPGRADE, LOCK, NEEDED, SETTINGS, attempts, place_of
from tests.integration.guarded import (
    ADMISSION,
    MISBOUND,
    MODELS,
    RBAC,
    SYSTEM,
    Governed,
    governed,
    image,
    layer_of,
    pod,
    pod_spec,
    refusal,
    service,
    until,
    workload,
)
from tests.unit.domain.agreed import WITH_GATEWAY
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.raw import H100, L40S

TABLE = ROOT / "build" / "forbidden_calls.md"
OBJECTS_TABLE = ROOT / "build" / "forbidden_objects.md"
ROLES, POLICY, STANDARDS, QUOTA = "RBAC", "admission policy", "Pod Security", "quota"
CONTRACT = agreed(networking=WITH_GATEWAY)
GOOD = image("registry.acme.example/fireworks")
GPU_NODE, CPU_NODE = "/api/v1/nodes/h100-0", "/api/v1/nodes/without-gpus"
DEPLOYMENTS, STACK = f"/apis/apps/v1{MODELS}/deployments", f"/apis/apps/v1{SYSTEM}/deployments"
POLICIES = f"{ADMISSION}/validatingadmissionpolicies"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call that must be refused, by whom, and by which layer."""

    sentence: str
    who: str
    layer: str
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_a_write(self) -> bool:
        """Only writes, and connections, come past the guardrails."""
        return self.method != "GET" or self.connects

    @property
    def connects(self) -> bool:
        """Connections know no dry run; there is nothing to connect to."""
        return self.path.partition("?")[0].endswith(("/exec", "/attach", "/portforward", "/proxy"))


def named(name: str, **more: Any) -> Manifest:
    return {"metadata": {"name": name}, **more}


def model(**changes: Any) -> Manifest:
    """A Deployment of a model with something about it."""
    copies = changes.pop("replicas", 1)
    return workload("Deployment", "probe", pod_spec(changes.pop("image", GOOD), **changes), copies)


def container(**changes: Any) -> Manifest:
    return {"container": changes}


BINDING = {
    **named("mine"),
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "fireworks-system"}],
}
RULES = {**named("mine"), "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
HOST_FILES = {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
CLAIM = {"resourceClaims": [{"name": "gpu", "resourceClaimName": "whole-node"}]}
MIG = {"limits": {"nvidia.com/mig-1g.10gb": "7"}}
HOOK = {
    "name": "mine.acme.example",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}
CSR = {"signerName": "kubernetes.io/kube-apiserver-client", "request": "LQ==", "usages": ["client auth"]}
TOKEN = {"spec": {"expirationSeconds": 600}}
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", **named("some-pod")}
THEIR_TAINT = {"spec": {"taints": [{"key": "acme.example/mine", "effect": "NoSchedule"}]}}
THERE = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
EVICTING_TAINT = {"spec": {"taints": [THERE, {"key": "byoc.fireworks.ai/out", "effect": "NoExecute"}]}}
DEBUGGER = {"spec": {"ephemeralContainers": pod_spec(GOOD, container={"name": "debug"})["containers"]}}
APPROVAL = {"metadata": {"annotations": {"byoc.fireworks.ai/approval": "[]"}}}
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}
ADMIN_HEADERS = {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"}
DEFAULT, KUBE_SYSTEM = "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system"
PODS, SERVICES = f"/api/v1{MODELS}/pods", f"/api/v1{MODELS}/services"
ACCOUNTS = f"/api/v1{SYSTEM}/serviceaccounts"

CALLS = [
    # -- secrets, and what lies elsewhere
    Call("read the secrets of another namespace", "operator", ROLES, "GET", f"{KUBE_SYSTEM}/secrets"),
    Call("read all secrets", "operator", ROLES, "GET", "/api/v1/secrets"),
    Call("read the secrets of its own namespace", "operator", ROLES, "GET", f"/api/v1{SYSTEM}/secrets"),
    Call("read the models' secrets", "deployer", ROLES, "GET", f"/api/v1{MODELS}/secrets"),
    Call("make a secret", "upgrader", ROLES, "POST", f"/api/v1{SYSTEM}/secrets", named("mine")),
    Call("read everybody's pods", "observer", ROLES, "GET", "/api/v1/pods"),
    Call("read the pods of kube-system", "node-medic", ROLES, "GET", f"{KUBE_SYSTEM}/pods"),
    Call("read settings of another namespace", "metrics-reader", ROLES, "GET", f"{DEFAULT}/configmaps"),
    Call("list all namespaces", "observer", ROLES, "GET", "/api/v1/namespaces"),
    Call("write settings elsewhere", "operator", ROLES, "POST", f"{DEFAULT}/configmaps", named("x")),
    Call("start a pod in kube-system", "operator", ROLES, "POST", f"{KUBE_SYSTEM}/pods",
         pod("x", pod_spec(GOOD, account="default"))),
    Call("evict a pod of kube-system", "node-medic", ROLES, "POST", f"{KUBE_SYSTEM}/pods/some-pod/eviction", EVICTION),
    Call("delete another namespace", "operator", ROLES, "DELETE", "/api/v1/namespaces/gpu-operator"),
    Call("make a namespace", "operator", ROLES, "POST", "/api/v1/namespaces", named("mine")),
    Call("delete its own namespace", "operator", ROLES, "DELETE", f"/api/v1{MODELS}"),
    Call("loosen Pod Security", "operator", ROLES, "PATCH", f"/api/v1{MODELS}", {"metadata": {"labels": {"x": "y"}}}),
    # -- more rights
    Call("bind itself to cluster-admin", "operator", ROLES, "POST", f"{RBAC}/clusterrolebindings", BINDING),
    Call("bind a role in its namespace", "operator", ROLES, "POST", f"{RBAC}{SYSTEM}/rolebindings", BINDING),
    Call("make a role", "upgrader", ROLES, "POST", f"{RBAC}{SYSTEM}/roles", RULES),
    Call("make a cluster-wide role", "deployer", ROLES, "POST", f"{RBAC}/clusterroles", RULES),
    Call("widen its own role", "operator", ROLES, "PATCH", f"{RBAC}{SYSTEM}/roles/fireworks-operator",
         {"rules": RULES["rules"]}),
    Call("act as the administrator", "operator", ROLES, "GET", "/api/v1/nodes", None, ADMIN_HEADERS),
    Call("make an account", "operator", ROLES, "POST", ACCOUNTS, named("mine")),
    Call("a token of an account that is not ours", "operator", ROLES, "POST",
         f"{KUBE_SYSTEM}/serviceaccounts/default/token", TOKEN),
    Call("a token of the models' account", "operator", ROLES, "POST",
         f"/api/v1{MODELS}/serviceaccounts/engine/token", TOKEN),
    Call("a token of the router", "operator", ROLES, "POST", f"{ACCOUNTS}/router/token", TOKEN),
    Call("the operator's token", "observer", ROLES, "POST", f"{ACCOUNTS}/operator/token", TOKEN),
    Call("the operator's token", "upgrader", ROLES, "POST", f"{ACCOUNTS}/operator/token", TOKEN),
    Call("a client certificate", "operator", ROLES, "POST",
         "/apis/certificates.k8s.io/v1/certificatesigningrequests", named("mine", spec=CSR)),
    # -- the prerequisites
    Call("raise a quota", "operator", ROLES, "PATCH", f"/api/v1{MODELS}/resourcequotas/approved-gpus", {"spec": {}}),
    Call("delete a quota", "deployer", ROLES, "DELETE", f"/api/v1{MODELS}/resourcequotas/approved-gpus"),
    Call("open the network", "operator", ROLES, "DELETE",
         f"/apis/networking.k8s.io/v1{MODELS}/networkpolicies/closed"),
    Call("change a network policy", "upgrader", ROLES, "PATCH",
         f"/apis/networking.k8s.io/v1{SYSTEM}/networkpolicies/closed", {"spec": {"policyTypes": []}}),
    Call("delete a guardrail", "operator", ROLES, "DELETE", f"{POLICIES}/fireworks-scope"),
    Call("change a guardrail", "node-medic", ROLES, "PATCH", f"{POLICIES}/fireworks-nodes", {"spec": {}}),
    Call("unbind a guardrail", "operator", ROLES, "DELETE",
         f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-nodes"),
    Call("add a mutating webhook", "upgrader", ROLES, "POST", f"{ADMISSION}/mutatingwebhookconfigurations",
         named("mine", webhooks=[HOOK])),
    Call("change what governs it", "operator", POLICY, "POST", f"/api/v1{SYSTEM}/configmaps", named("presetup")),
    Call("change what governs it", "deployer", POLICY, "PATCH", f"/api/v1{SYSTEM}/configmaps/presetup", {"data": {}}),
    Call("forget what governs it", "upgrader", POLICY, "DELETE", f"/api/v1{SYSTEM}/configmaps/presetup"),
    Call("approve a change", "operator", ROLES, "PATCH", f"/api/v1{SYSTEM}", APPROVAL),
    Call("approve a change", "deployer", ROLES, "PATCH", f"/api/v1{SYSTEM}", APPROVAL),
    Call("approve a change", "upgrader", ROLES, "PATCH", f"/api/v1{SYSTEM}", APPROVAL),
    # -- nodes
    Call("delete a node", "node-medic", ROLES, "DELETE", GPU_NODE),
    Call("delete a node", "operator", ROLES, "DELETE", GPU_NODE),
    Call("make a node", "node-medic", ROLES, "POST", "/api/v1/nodes", named("mine")),
    Call("change a node's status", "node-medic", ROLES, "PATCH", f"{GPU_NODE}/status",
         {"status": {"phase": "Pending"}}),
    Call("talk to a kubelet", "node-medic", ROLES, "GET", f"{GPU_NODE}/proxy"),
    Call("cordon a node", "observer", ROLES, "PATCH", GPU_NODE, {"spec": {"unschedulable": True}}),
    Call("cordon a node", "deployer", ROLES, "PATCH", GPU_NODE, {"spec": {"unschedulable": True}}),
    Call("change a label that is not ours", "node-medic", POLICY, "PATCH", GPU_NODE,
         {"metadata": {"labels": {"nvidia.com/gpu.product": L40S}}}),
    Call("change an annotation that is not ours", "node-medic", POLICY, "PATCH", GPU_NODE,
         {"metadata": {"annotations": {"acme.example/team": "us"}}}),
    Call("cordon a node without GPUs", "node-medic", POLICY, "PATCH", CPU_NODE, {"spec": {"unschedulable": True}}),
    Call("set a taint that is not ours", "node-medic", POLICY, "PATCH", GPU_NODE, THEIR_TAINT),
    Call("remove somebody's taint", "node-medic", POLICY, "PATCH", GPU_NODE, {"spec": {"taints": None}}),
    Call("evict everybody by a taint", "node-medic", POLICY, "PATCH", GPU_NODE, EVICTING_TAINT),
    Call("have a node garbage collected", "node-medic", POLICY, "PATCH", GPU_NODE,
         {"metadata": {"ownerReferences": [OWNER]}}),
    # -- pods, one by one
    Call("change what runs in a pod", "node-medic", POLICY, "PATCH", f"{PODS}/holder",
         {"spec": {"activeDeadlineSeconds": 9}}),
    Call("give a pod another model's requests", "node-medic", POLICY, "PATCH", f"{PODS}/holder",
         {"metadata": {"labels": {"byoc.fireworks.ai/model": "mine"}}}),
    Call("give a pod to an owner that wants none", "node-medic", POLICY, "PATCH", f"{PODS}/holder",
         {"metadata": {"labels": {"pod-template-hash": "0ld"}}}),
    Call("note an owner that a pod has not", "node-medic", POLICY, "PATCH", f"{PODS}/holder",
         {"metadata": {"annotations": {"byoc.fireworks.ai/replaced-by": "ReplicaSet x (u) 1"}}}),
    Call("delete a model's pod past its budget", "node-medic", POLICY, "DELETE", f"{PODS}/holder"),
    Call("start a pod that is no canary", "node-medic", POLICY, "POST", PODS, pod("x", pod_spec(GOOD))),
    Call("change whose a pod is", "deployer", ROLES, "PATCH", f"{PODS}/holder",
         {"metadata": {"labels": {"pod-template-hash": None}}}),
    # -- images
    Call("an image of another registry", "deployer", POLICY, "POST", DEPLOYMENTS, model(image=image("docker.io/evil"))),
    Call("an image of a registry with a similar name", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(image=image("registry.acme.example/fireworks-evil"))),
    Call("an image by tag", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(image=image("registry.acme.example/fireworks", ":latest"))),
    Call("an image of another registry in the stack", "upgrader", POLICY, "POST", STACK,
         model(image=image("docker.io/evil"), account="router")),
    Call("an image of another registry in a pod", "admin", POLICY, "POST", PODS,
         pod("x", pod_spec(image("docker.io/evil")))),
    # -- privileges
    Call("a privileged container", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(**container(securityContext={"privileged": True}))),
    Call("a privileged pod", "admin", STANDARDS, "POST", PODS,
         pod("x", pod_spec(GOOD, **container(securityContext={"privileged": True})))),
    Call("more privileges later on", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(**container(securityContext={"allowPrivilegeEscalation": True}))),
    Call("a capability", "upgrader", POLICY, "POST", STACK,
         model(account="router", **container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}))),
    Call("files of the node", "deployer", POLICY, "POST", DEPLOYMENTS, model(**HOST_FILES)),
    Call("files of the node, in a pod", "admin", STANDARDS, "POST", PODS, pod("x", pod_spec(GOOD, **HOST_FILES))),
    Call("the network of the node", "upgrader", POLICY, "POST", STACK, model(hostNetwork=True, account="router")),
    Call("the processes of the node", "deployer", POLICY, "POST", DEPLOYMENTS, model(hostPID=True)),
    Call("a port of the node", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(**container(ports=[{"containerPort": 80, "hostPort": 80}]))),
    Call("a pod that is the operator", "upgrader", POLICY, "POST", STACK, model(account="operator")),
    Call("a pod of the default account", "deployer", POLICY, "POST", DEPLOYMENTS, model(account="default")),
    Call("a command in a container", "operator", ROLES, "POST", f"{PODS}/holder/exec?command=sh"),
    Call("attach to a container", "deployer", ROLES, "POST", f"{PODS}/holder/attach"),
    Call("forward a port", "observer", ROLES, "POST", f"{PODS}/holder/portforward"),
    Call("add a container to a running pod", "deployer", ROLES, "PATCH",
         f"{PODS}/holder/ephemeralcontainers", DEBUGGER),
    Call("start a pod itself", "deployer", ROLES, "POST", PODS, pod("x", pod_spec(GOOD))),
    Call("start a DaemonSet", "upgrader", ROLES, "POST", f"/apis/apps/v1{SYSTEM}/daemonsets",
         workload("DaemonSet", "x", pod_spec(GOOD, account="router"))),
    Call("change the stack", "deployer", ROLES, "POST", STACK, model(account="router")),
    Call("change a model", "upgrader", ROLES, "POST", DEPLOYMENTS, model()),
    Call("change a model", "observer", ROLES, "POST", DEPLOYMENTS, model()),
    Call("write settings", "metrics-reader", ROLES, "POST", f"/api/v1{SYSTEM}/configmaps", named("x")),
    # -- GPUs
    Call("one GPU more than approved", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(gpus=1, product=H100, replicas=17)),
    Call("one GPU more than approved, in one pod", "admin", POLICY, "POST", PODS,
         pod("x", pod_spec(GOOD, gpus=17, product=H100))),
    Call("one GPU more than approved, beside others", "admin", QUOTA, "POST", PODS,
         pod("x", pod_spec(GOOD, gpus=9, product=H100))),
    Call("GPUs of a product that was not approved", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(gpus=1, product=L40S)),
    Call("GPUs of any product", "deployer", POLICY, "POST", DEPLOYMENTS, model(gpus=1)),
    Call("GPUs for the stack", "upgrader", POLICY, "POST", STACK, model(gpus=1, product=H100, account="router")),
    Call("slices of GPUs that no quota counts", "deployer", POLICY, "POST", DEPLOYMENTS,
         model(**container(resources=MIG))),
    Call("GPUs by a claim that no quota counts", "deployer", POLICY, "POST", DEPLOYMENTS, model(**CLAIM)),
    Call("GPUs on every node", "admin", POLICY, "POST", f"/apis/apps/v1{MODELS}/daemonsets",
         workload("DaemonSet", "x", pod_spec(GOOD, gpus=1, product=H100))),
    # -- entry points
    Call("a load balancer", "deployer", POLICY, "POST", SERVICES, service("x", type="LoadBalancer")),
    Call("a port on every node", "upgrader", POLICY, "POST", f"/api/v1{SYSTEM}/services",
         service("x", type="NodePort")),
    Call("an address of somebody else", "deployer", POLICY, "POST", SERVICES, service("x", externalIPs=["192.0.2.1"])),
    Call("a name of somebody else", "deployer", POLICY, "POST", SERVICES,
         service("x", type="ExternalName", externalName="acme.example")),
]  # fmt: skip


#: The definition of KEDA 2.21 comes before our guardrail, which is for older ones.
BY_KEDA = {"no trigger", "a least above its most", "fewer than no replicas"}


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[Governed]:
    """A cluster that is governed, with a node that has no GPU, and a pod that holds half of the approved ones."""
    cluster = bed["birch"]
    theirs = pod("some-pod", {"containers": [{"name": "main", "image": "x"}], "nodeSelector": {"no": "node"}})
    cluster.request("POST", "/api/v1/nodes", named("without-gpus"))
    until(lambda: _has_default_account(cluster), "kube-system has no default account")
    cluster.request("POST", f"{KUBE_SYSTEM}/pods", theirs)
    try:
        with serving(cluster, keda()), governed(cluster) as made:
            made.govern(CONTRACT)
            holder = pod("holder", pod_spec(GOOD, gpus=8, product=H100, nodeSelector={"no": "node", **_PRODUCT}))
            cluster.request("POST", f"/api/v1{SYSTEM}/configmaps", named("presetup"))
            until(lambda: _used(made) is not None, "the quota counts nothing")
            cluster.request("POST", PODS, holder)
            yield made
    finally:
        cluster.request("DELETE", f"{KUBE_SYSTEM}/pods/some-pod?gracePeriodSeconds=0")
        cluster.request("DELETE", "/api/v1/nodes/without-gpus")


_PRODUCT = {"nvidia.com/gpu.product": H100}


def _has_default_account(cluster: Any) -> bool:
    found = cluster.request("GET", f"{KUBE_SYSTEM}/serviceaccounts")["items"]
    return any(account["metadata"]["name"] == "default" for account in found)


def _used(place: Governed) -> Any:
    read = place.cluster.request("GET", f"/api/v1{MODELS}/resourcequotas/approved-gpus")
    return read.get("status", {}).get("used", {}).get("requests.nvidia.com/gpu")


def tried(place: Governed, call: Call, who: str = "", *, dry_run: bool = False) -> str:
    body = call.body
    if isinstance(body, dict) and body.get("kind") == "Pod":
        dry_run = True  # an administrator's pod; if it were let in it would stay
    api = place.acting_as(who or call.who)
    kind = "application/strategic-merge-patch+json" if "ephemeral" in call.path else ""
    return refusal(api, call.method, call.path, body, kind, headers=call.headers, dry_run=dry_run and not call.connects)


def test_every_forbidden_call_is_refused_by_the_layer_that_should(place: Governed) -> None:
    for who in {call.who for call in CALLS}:
        place.acting_as(who)
    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(lambda call: tried(place, call), CALLS))
    rows = [
        f"| {call.sentence} | {call.who} | {layer_of(answer)} | {' '.join(answer.split()).replace('|', '')} |"
        for call, answer in zip(CALLS, said, strict=True)
    ]
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(
        "\n".join(["| call | as | refused by | answer |", "|---|---|---|---|", *rows, ""]), encoding="utf-8"
    )
    wrong = [
        f"{call.sentence} as {call.who}: {layer_of(answer)} instead of {call.layer}: {answer}"
        for call, answer in zip(CALLS, said, strict=True)
        if layer_of(answer) != call.layer
    ]
    assert not wrong, "\n".join(wrong)
    assert len(CALLS) >= 40
    assert {call.who for call in CALLS} == {*CONNECTING, "admin"}


def test_every_object_that_differs_from_what_the_product_makes_is_refused_by_its_guardrail(place: Governed) -> None:
    tries = list(attempts())
    for who in {each.who for each in tries}:
        place.acting_as(who)
    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(lambda each: refusal(place.acting_as(each.who), "POST", each.place, each.made), tries))
    rows = [
        f"| {each.sentence} | {each.who} | {each.policy} | {' '.join(answer.split()).replace('|', '')} |"
        for each, answer in zip(tries, said, strict=True)
    ]
    OBJECTS_TABLE.parent.mkdir(exist_ok=True)
    OBJECTS_TABLE.write_text(
        "\n".join(["| object | as | refused by | answer |", "|---|---|---|---|", *rows, ""]), encoding="utf-8"
    )
    wrong = [
        f"{each.sentence} as {each.who}: {answer or 'allowed'}"
        for each, answer in zip(tries, said, strict=True)
        if ("ScaledObject.keda.sh" if each.sentence in BY_KEDA else f"ValidatingAdmissionPolicy '{each.policy}'")
        not in answer
    ]
    assert not wrong, "\n".join(wrong)
    assert len(tries) >= 100


def test_every_object_that_the_product_makes_gets_in_as_who_makes_it(place: Governed) -> None:
    wrong = [
        f"{made['kind']} {made['metadata']['name']} as {who}: {answer}"
        for who, made in NEEDED
        if (answer := refusal(place.acting_as(who), "POST", place_of(made), made))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("made", "who"), [(SETTINGS, "operator"), (SETTINGS, "upgrader"), (CHANGEABLE_UPGRADE, "upgrader")]
)
def test_what_is_named_by_its_content_keeps_it(place: Governed, made: Manifest, who: str) -> None:
    """Pods read it without being another version, so no clock in the API server would hold another content."""
    account, path = place.acting_as(who), place_of(made)
    account.request("POST", path, made)
    mine = f"{path}/{made['metadata']['name']}"
    try:
        for other in ({"data": {"a": "c"}}, {"data": None}, {"binaryData": {"b": "eA=="}}):
            assert "'fireworks-names'" in refusal(account, "PATCH", mine, other, MERGE), other
        account.request("PATCH", mine, {"metadata": {"annotations": {"byoc.fireworks.ai/x": "y"}}}, MERGE)
    finally:
        account.request("DELETE", mine)


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
def test_what_is_somebody_elses_is_not_made_ours_to_be_deleted(place: Governed, kind: str) -> None:
    made = workload("Deployment", "theirs", pod_spec(GOOD), 0) if kind == "Deployment" else service("theirs")
    made["metadata"] = {"name": "theirs"}
    path = DEPLOYMENTS if kind == "Deployment" else SERVICES
    place.cluster.request("POST", path, made)
    try:
        ours = {"metadata": {"labels": labels("model-theirs", "theirs")}}
        said = refusal(place.acting_as("deployer"), "PATCH", f"{path}/theirs", ours)
        assert "'fireworks-objects'" in said and "changes only what has its label" in said
        assert "deletes only what has" in refusal(place.acting_as("deployer"), "DELETE", f"{path}/theirs")
    finally:
        place.cluster.request("DELETE", f"{path}/theirs")


def test_guardrails_hold_an_account_of_ours_that_was_bound_to_cluster_admin(place: Governed) -> None:
    """But for guardrails themselves, which the API server keeps out of every admission policy's reach."""
    needed_by_others = (
        "change the stack",
        "change a model",
        "write settings",
        "cordon a node",
        "change whose a pod is",
    )
    held = [
        call
        for call in CALLS
        if call.is_a_write
        and call.layer == ROLES
        and "validatingadmission" not in call.path
        and "certificates" not in call.path  # what is asked for there is not valid, and refused for that
        and call.sentence not in needed_by_others
    ]
    place.acting_as(MISBOUND)
    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(lambda call: tried(place, call, MISBOUND, dry_run=True), held))
    wrong = [
        f"{call.sentence}: {answer or 'allowed'}"
        for call, answer in zip(held, said, strict=True)
        if layer_of(answer) != POLICY
    ]
    assert not wrong, "\n".join(wrong)
    assert len(held) >= 25


# -- what is needed works ---------------------------------------------------------------------------


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
def test_every_identity_may_what_it_needs(place: Governed, identity: Identity) -> None:
    api = place.acting_as(identity.name)

    def may(question: dict[str, str]) -> bool:
        review = {"spec": {"resourceAttributes": question}}
        answer = api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    asked = questions(granted(CONTRACT, identity))
    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(may, asked))
    assert [question for question, allowed in zip(asked, answers, strict=True) if not allowed] == []


TYPICAL = {
    "configmaps",
    "services",
    "deployments",
    "controllerrevisions",
    "poddisruptionbudgets",
    "leases",
    "httproutes",
    "horizontalpodautoscalers",
    "scaledobjects",
}


@pytest.mark.parametrize("identity", [i for i in IDENTITIES if i.connects], ids=lambda identity: identity.name)
def test_every_write_that_is_needed_passes_the_guardrails(place: Governed, identity: Identity) -> None:
    api = place.acting_as(identity.name)
    needs = granted(CONTRACT, identity)
    for need in needs:
        for resource in need.resources:
            if resource in TYPICAL and "create" in need.verbs:
                _write(
                    identity.name, api, place.acting_as("admin"), need, resource, _named_needs(needs, need, resource)
                )
            elif resource in TYPICAL and _made_by_another_need(needs, need, resource):
                continue  # tried there, under its name
            elif resource == "nodes" and "patch" in need.verbs:
                marks = {
                    "metadata": {"labels": {"byoc.fireworks.ai/state": "suspect"}},
                    "spec": {"unschedulable": True},
                }
                assert refusal(api, "PATCH", GPU_NODE, marks) == ""
            elif resource == "serviceaccounts/token":
                for name in need.names:
                    assert refusal(api, "POST", f"{ACCOUNTS}/{name}/token", TOKEN) == ""
            elif resource == "services/proxy":
                for name in need.names or ("some-model:8000",):
                    assert layer_of(_probe(api, f"/api/v1/namespaces/{need.scope}/services/{name}/proxy")) == "another"
            elif resource == "pods/proxy":
                assert layer_of(_probe(api, f"/api/v1/namespaces/{need.scope}/pods/some-pod:8000/proxy")) == "another"
            else:
                reads = set(need.verbs) <= set(READ)
                assert reads or _pods_are_tried(place, api, need), f"nobody tries {need.verbs} of {resource}"


def _pods_are_tried(place: Governed, api: Any, need: Need) -> bool:
    """Whose a pod is, and a canary, are all that anybody writes of pods."""
    if need.resources != ("pods",):
        return False
    if need.verbs == ("patch",):
        orphaned = {"labels": {"pod-template-hash": None}}
        assert refusal(api, "PATCH", f"{PODS}/holder", {"metadata": orphaned}) == ""
        return True
    canary = canary_pod(CONTRACT, "h100-0", H100, 1, GOOD, COMMAND, 600, whole=True)
    assert refusal(api, "POST", PODS, canary) == ""
    place.acting_as("admin").request("POST", PODS, canary)
    assert refusal(api, "DELETE", f"{PODS}/{canary['metadata']['name']}", dry_run=False) == ""
    return need.verbs == ("create", "delete")


def _named_needs(needs: Iterable[Need], need: Need, resource: str) -> list[Need]:
    """What is allowed with such objects by their names: to make one, no name can be asked for."""
    return [n for n in needs if n.names and (n.scope, n.group) == (need.scope, need.group) and resource in n.resources]


def _made_by_another_need(needs: Iterable[Need], need: Need, resource: str) -> bool:
    same = [n for n in needs if (n.scope, n.group) == (need.scope, need.group) and resource in n.resources]
    return bool(need.names) and any("create" in n.verbs for n in same)


def _typical(identity: str, namespace: str, resource: str) -> Manifest | None:
    """What the product makes of such a kind there as this identity; None where it makes none."""
    if resource == "deployments":
        name, account = ("llama", "engine") if namespace == "fireworks-models" else ("router", "router")
        made = workload("Deployment", name, pod_spec(GOOD, account=account), 0)
        part_of = "model-llama" if namespace == "fireworks-models" else "stack"
        return {**made, "metadata": {"name": name, "namespace": namespace, "labels": labels(part_of, name)}}
    found = [
        made
        for who, made in (*NEEDED, *((who, LOCK(datetime.now(UTC))) for who in CONNECTING))
        if who == identity and place_of(made).endswith(f"/{resource}") and made["metadata"]["namespace"] == namespace
    ]
    return found[0] if found else None


def _write(identity: str, api: Any, admin: Any, need: Need, resource: str, by_name: list[Need]) -> None:
    """Make it, change it and remove it, for real, as far as each is needed."""
    verbs = {*need.verbs, *(verb for each in by_name for verb in each.verbs)}
    body = _typical(identity, need.scope, resource)
    if body is None:
        return
    place, name = place_of(body), body["metadata"]["name"]
    # Written as compactly as by the API server itself: data of a revision that is spelled otherwise is another one.
    compact = json.dumps(body, separators=(",", ":")).encode()
    assert refusal(api, "POST", place, compact, dry_run=False) == ""
    change = {"metadata": {"annotations": {"byoc.fireworks.ai/seen": "yes"}}}
    if "patch" in verbs:
        assert refusal(api, "PATCH", f"{place}/{name}", change, dry_run=False) == ""
    if "update" in verbs:
        read = api.request("GET", f"{place}/{name}")
        assert refusal(api, "PUT", f"{place}/{name}", read, dry_run=False) == ""
    remover = api if "delete" in verbs else admin
    assert refusal(remover, "DELETE", f"{place}/{name}", dry_run=False) == ""


def _probe(api: Any, path: str) -> str:
    """What the server says to a request through it: that nobody is there, but not that it is forbidden."""
    try:
        return str(api.request("GET", path))
    except ApiError as error:
        return str(error)
