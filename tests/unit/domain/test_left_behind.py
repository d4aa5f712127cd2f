# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in our namespaces and accounted for by nothing: by name, by owner, by content."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.accounted import (
    Accounted,
    accounted_for_grants,
    accounted_objects,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.left_behind import (
    Thing,
    is_view,
    left_behind,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.leftover_report import leftover_rows
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.made_from import doubts, unlike
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.references import reference
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.remembered import names_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import as_unit, digest
from tests.unit.domain.agreed import RELEASE, contract, model

SYSTEM, MODELS = "fireworks-system", "fireworks-models"
CONTROLLER = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
ROUTER = [
    {"kind": "Deployment", "group": "apps", "namespace": SYSTEM, "name": "router"},
    {"kind": "Service", "namespace": SYSTEM, "name": "router"},
    {"kind": "LeaderWorkerSet", "group": "leaderworkerset.x-k8s.io", "namespace": SYSTEM, "name": "group"},
    {"kind": "Job", "group": "batch", "namespace": SYSTEM, "name": "weights"},
]


def thing(kind: str, name: str, owner: Thing | None = None, group: str = "", **more: Any) -> Thing:
    owned = [{"kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": True}] if owner else []
    given = {"namespace": SYSTEM, "resource": kind.lower() + "s", "uid": f"{kind}-{name}", "owners": owned, **more}
    return Thing(kind=kind, group=group, name=name, **given)


DEPLOYMENT = thing("Deployment", "router", group="apps")
SET = thing("ReplicaSet", "router-1", DEPLOYMENT, group="apps")
POD = thing("Pod", "router-1-a", SET)
SERVICE = thing("Service", "router")
SLICE = thing("EndpointSlice", "router-x", SERVICE, group="discovery.k8s.io", labels=CONTROLLER)
ENDPOINTS = thing("Endpoints", "router")
GROUP = thing("LeaderWorkerSet", "group", group="leaderworkerset.x-k8s.io")
LEADERS = thing("StatefulSet", "group", GROUP, group="apps")
LEADER = thing("Pod", "group-0", LEADERS)
WORKERS = thing("StatefulSet", "group-0", LEADER, group="apps")
WORKER = thing("Pod", "group-0-1", WORKERS)
JOB = thing("Job", "weights", group="batch")
ALL = [
    JOB,
    thing("Pod", "weights-a", JOB),
    DEPLOYMENT,
    SET,
    POD,
    SERVICE,
    SLICE,
    ENDPOINTS,
    GROUP,
    LEADERS,
    LEADER,
    WORKERS,
    WORKER,
]


def left(*things: Thing, own: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
    rows = left_behind(things, Accounted(ROUTER), own)
    return {row["object"]: (row["why"], row["command"]) for row in rows}


def test_what_controllers_make_for_accounted_objects_is_accounted_for() -> None:
    assert left(*ALL) == {}
    assert left(*reversed(ALL)) == {}


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (thing("Pod", "x"), "nothing of the contract, the release or Kubernetes itself makes it"),
        (
            thing("Pod", "x", DEPLOYMENT),
            "it says that it belongs to Deployment fireworks-system/router, which makes no",
        ),
        (thing("StatefulSet", "x", POD, group="apps"), "it says that it belongs to Pod fireworks-system/router-1-a"),
        (thing("ReplicaSet", "x", JOB, group="apps"), "it says that it belongs to Job fireworks-system/weights, which"),
        (thing("Pod", "x", thing("Job", "mine", group="batch")), "it says that it belongs to Job mine, which is not"),
        (thing("Secret", "x", SERVICE), "it says that it belongs to Service"),
        (replace(SLICE, uid="x", name="x", labels={}), "it says that it belongs to Service"),
        (thing("Pod", "x", replace(SET, uid="gone")), "belongs to ReplicaSet router-1, which is not there"),
        (replace(POD, uid="x", name="x", namespace=MODELS), "which makes no such object"),
        (replace(POD, uid="x", name="x", owners=[{**POD.owners[0], "controller": False}]), "nothing of the contract"),
        (replace(POD, uid="x", name="x", doubt="it runs as another"), "it runs as another"),
        (replace(POD, uid="x", name="x", owners=(), going=True), "makes it; it is being deleted"),
        (thing("Deployment", "router", uid="x"), "nothing of the contract"),  # of another group
        (thing("Endpoints", "x"), "nothing of the contract"),
    ],
)
def test_what_nothing_accounts_for_is_told_with_the_reason(one: Thing, why: str) -> None:
    found = left(*ALL, one)
    assert len(found) == 1
    [(said, command)] = found.values()
    assert why in said
    assert command == f"kubectl -n {one.namespace} delete {one.resource} {one.name}"


def test_what_goes_with_its_owner_needs_no_command() -> None:
    evil = thing("Deployment", "evil", group="apps")
    replicas = thing("ReplicaSet", "evil-1", evil, group="apps")
    found = left(*ALL, evil, replicas)
    assert found["ReplicaSet fireworks-system/evil-1"] == (
        "made for Deployment fireworks-system/evil, and goes with it",
        "",
    )
    assert found["Deployment fireworks-system/evil"][1]


def test_commands_run_nothing_that_a_name_holds_and_spare_the_subjects_of_others() -> None:
    nasty = thing("ClusterRole", "fireworks-x; id", namespace="", resource="clusterroles", ours="it is")
    assert left(nasty)["ClusterRole fireworks-x; id"] == ("it is", "kubectl delete clusterroles 'fireworks-x; id'")
    shared = thing(
        "ClusterRoleBinding", "b", namespace="", resource="bindings", ours="it is", shared="ServiceAccount a/b"
    )
    assert left(shared)["ClusterRoleBinding b"][1] == "kubectl edit bindings b   # and remove ServiceAccount a/b"


def test_what_the_customer_calls_theirs_is_left_out() -> None:
    theirs = thing("ConfigMap", "istio-ca-root-cert")
    assert left(theirs, own=("ConfigMap */istio-ca-root-cert",)) == {}
    assert left(theirs, own=("Secret *",)) != {}


def test_kinds_that_only_show_others_are_told_from_those_that_do_something() -> None:
    assert is_view("Event", "")
    assert is_view("RoleBinding", "authorization.openshift.io")
    assert not is_view("RoleBinding", "rbac.authorization.k8s.io")


# --- what pods run ------------------------------------------------------------------------------------------------

CONTAINER = {"name": "router", "image": "r:1", "command": ["run"]}
TEMPLATE = {"serviceAccountName": "router", "containers": [CONTAINER], "volumes": [{"name": "tmp", "emptyDir": {}}]}
TOKEN = {"name": "kube-api-access-x", "projected": {"sources": []}}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"nodeName": "n", "tolerations": [{"key": "a"}], "volumes": [*TEMPLATE["volumes"], TOKEN]}, ""),
        ({"containers": [{**CONTAINER, "terminationMessagePath": "/x"}]}, ""),
        ({"hostNetwork": True}, "its hostNetwork is true"),
        ({"serviceAccountName": "operator"}, "it runs as operator"),
        ({"containers": [{**CONTAINER, "image": "x:1"}]}, "the image of its container router is another"),
        ({"containers": [{**CONTAINER, "command": ["sh"]}]}, "the command of its container router is another"),
        ({"containers": [{**CONTAINER, "args": ["-c"]}]}, "the args of its container router is another"),
        ({"containers": [{**CONTAINER, "lifecycle": {"postStart": {}}}]}, "the lifecycle of its container"),
        (
            {"containers": [{**CONTAINER, "securityContext": {"privileged": True}}]},
            "its container router is privileged",
        ),
        ({"containers": [{**CONTAINER, "securityContext": {"capabilities": {"add": ["X"]}}}]}, "is privileged"),
        ({"containers": [CONTAINER, {"name": "b", "image": "r:1"}]}, "it has a container b more"),
        ({"containers": []}, "a container is missing"),
        ({"initContainers": [{"name": "b", "image": "r:1"}]}, "it has a container b more"),
        ({"ephemeralContainers": [{"name": "b", "image": "r:1"}]}, "it has a container b more"),
        ({"volumes": [*TEMPLATE["volumes"], {"name": "v", "hostPath": {"path": "/"}}]}, "it has a volume v more"),
        ({"volumes": [{"name": "tmp", "hostPath": {"path": "/"}}]}, "its volume tmp is another"),
        ({"volumes": [{"name": "kube-api-access-y", "hostPath": {"path": "/"}}]}, "it has a volume kube-api-access-y"),
    ],
)
def test_pods_are_held_against_their_template(change: dict[str, Any], why: str) -> None:
    found = unlike({**TEMPLATE, **change}, TEMPLATE)
    assert why in found
    assert bool(why) == bool(found)


def whole(kind: str, uid: str, spec: dict[str, Any], owner: str = "", **more: Any) -> dict[str, Any]:
    owned = {"ownerReferences": [{"uid": owner, "controller": True}]} if owner else {}
    return {"kind": kind, "metadata": {"uid": uid, "generation": 2, **owned}, "spec": spec, **more}


def test_what_an_owner_would_not_make_is_doubted() -> None:
    other = {**TEMPLATE, "serviceAccountName": "operator"}
    settled = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2}
    deployment = whole("Deployment", "d", {"template": {"spec": TEMPLATE}}, status=settled)
    good = whole("ReplicaSet", "r", {"replicas": 2, "template": {"spec": TEMPLATE}}, "d")
    old = whole("ReplicaSet", "o", {"replicas": 0, "template": {"spec": other}}, "d")
    forged = whole("ReplicaSet", "f", {"replicas": 1, "template": {"spec": other}}, "d")
    pods = [whole("Pod", "p", TEMPLATE, "r"), whole("Pod", "q", other, "r"), whole("Pod", "n", other)]
    assert set(doubts([deployment, good, old, forged, *pods])) == {"f", "q"}
    rolling = {**deployment, "status": {**settled, "updatedReplicas": 1}}
    assert set(doubts([rolling, good, old, forged, *pods])) == {"q"}
    paused = {**rolling, "spec": {**rolling["spec"], "paused": True}}
    assert set(doubts([paused, good, old, forged, *pods])) == {"f", "q"}


# --- what may be there ----------------------------------------------------------------------------------------------


def test_a_contract_accounts_for_its_models_and_what_their_pods_name() -> None:
    agreed = contract(models=[model()])
    name = str(agreed["models"][0]["name"])
    pods = {"volumes": [{"name": "t", "secret": {"secretName": "byoc-events"}}]}
    alerts = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "alerts", "namespace": SYSTEM},
        "spec": {"template": {"spec": pods}},
    }
    accounted = Accounted(accounted_objects(agreed, [alerts], RELEASE))
    for kind, group, namespace, what in (
        ("Deployment", "apps", SYSTEM, "alerts"),
        ("Secret", "", SYSTEM, "byoc-events"),
        ("Deployment", "apps", MODELS, name),
        ("Service", "", MODELS, name),
        ("ControllerRevision", "apps", MODELS, f"{name}-12"),
        ("Job", "batch", MODELS, f"{name}-weights-0123abcd"),
        ("ConfigMap", "", SYSTEM, f"model-{name}"),
        ("ConfigMap", "", SYSTEM, "stack-upgrade-3"),
        ("ConfigMap", "", SYSTEM, "incident-12"),
        ("Lease", "coordination.k8s.io", SYSTEM, "operation-lock"),
        ("ServiceAccount", "", MODELS, "default"),
    ):
        assert accounted.has(kind, group, namespace, what), what
    for kind, group, namespace, what in (
        ("Deployment", "", SYSTEM, "alerts"),
        ("Deployment", "apps", MODELS, "alerts"),
        ("ControllerRevision", "apps", MODELS, f"{name}-x-12"),
        ("ControllerRevision", "apps", MODELS, "other-1"),
        ("Job", "batch", MODELS, "other-weights-0123abcd"),
        ("Job", "batch", MODELS, f"{name}-x"),
        ("Pod", "", MODELS, "canary-0123456789ab"),
        ("ServiceAccount", "", MODELS, "deployer"),
        ("ConfigMap", "", SYSTEM, "model-other"),
    ):
        assert not accounted.has(kind, group, namespace, what), what
    repairing = Accounted(accounted_objects(agreed, [], RELEASE, {"apis": {}, "lock": {"purpose": "remediate"}}))
    assert repairing.has("Pod", "", MODELS, "canary-0123456789ab")


def test_the_candidate_of_a_model_is_accounted_for_while_models_are_changed() -> None:
    agreed = contract(models=[model()])
    unit = as_unit(model_objects(agreed, agreed["models"][0], RELEASE, {"apis": {}}))
    name = f"{agreed['models'][0]['name']}-candidate-{digest(unit)[:8]}"
    for purpose, known in (("", False), ("remediate", False), ("deploy_models", True), ("onboard", True)):
        facts = {"apis": {}, "lock": {"purpose": purpose} if purpose else None}
        assert Accounted(accounted_objects(agreed, [], RELEASE, facts)).has("Deployment", "apps", MODELS, name) == known


def test_a_grant_that_is_there_accounts_for_its_own_objects_only() -> None:
    accounted = Accounted(accounted_for_grants(["setup-access", "setup-access-alice-1"]))
    assert accounted.has("ServiceAccount", "", "fireworks-setup", "setup-alice-1")
    assert accounted.has("ClusterRoleBinding", "rbac.authorization.k8s.io", "", "fireworks-setup-alice-1")
    assert accounted.has("RoleBinding", "rbac.authorization.k8s.io", MODELS, "fireworks-setup-alice-1")
    assert accounted.has("Namespace", "", "", "fireworks-setup")
    assert not accounted.has("ClusterRoleBinding", "rbac.authorization.k8s.io", "", "fireworks-setup-bob-1")
    assert not Accounted(accounted_for_grants([])).has("Namespace", "", "", "fireworks-setup")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"spec": {"policyName": "fireworks-scope"}}, "it binds the policy fireworks-scope"),
        ({"spec": {"policyName": "theirs"}}, ""),
        ({"spec": {"service": {"namespace": SYSTEM, "name": "x"}}}, "it calls a service in fireworks-system"),
        ({"spec": {"service": None}}, ""),
        (
            {"webhooks": [{"clientConfig": {"service": {"namespace": MODELS}}}]},
            "it calls a service in fireworks-models",
        ),
        ({"webhooks": [{"clientConfig": {"url": "https://x"}}]}, ""),
    ],
)
def test_references_to_what_is_ours_are_found_whatever_their_name(manifest: dict[str, Any], said: str) -> None:
    assert reference(manifest) == said


def test_rows_leave_out_the_bindings_that_are_told_elsewhere() -> None:
    left = {"kind": "ClusterRoleBinding", "group": "", "namespace": "", "name": "b", "object": "ClusterRoleBinding b"}
    left |= {"made": "", "made_by": "", "why": "so", "command": "do"}
    altered = {"object": "Service a/b", "field": "spec.x", "added": False, "expected": "1", "found": "2"}
    result = {"left_behind": [left], "altered": [altered]}
    assert [row["object"] for row in leftover_rows(result, "acme")] == ["ClusterRoleBinding b", "Service a/b"]
    [row] = leftover_rows(result, "acme", [left])
    assert row["why"] == "spec.x is 2; the contract and its release say 1"
    assert row["command"].endswith("-e clusters=acme -e stack_force_conflicts=true")


def test_a_field_that_an_apply_would_not_remove_is_removed_by_hand() -> None:
    altered = {"object": "Service a/b", "field": "spec.x", "added": True, "expected": None, "found": "2"}
    [row] = leftover_rows({"left_behind": [], "altered": [altered]}, "acme")
    assert row["command"] == "kubectl -n a edit service b   # and remove spec.x"


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ("1", "", "spec.x is empty; the contract and its release say 1"),
        ("1", None, "spec.x is not there; the contract and its release say 1"),
        ("", "2", "spec.x is 2; the contract and its release say empty"),
        (None, "", "spec.x is empty; the contract and its release say nothing"),
    ],
)
def test_an_empty_field_is_not_called_absent(expected: str | None, found: str | None, said: str) -> None:
    altered = {"object": "Service a/b", "field": "spec.x", "added": expected is None}
    [row] = leftover_rows({"left_behind": [], "altered": [altered | {"expected": expected, "found": found}]}, "acme")
    assert row["why"] == said


def test_what_operations_may_keep_by_the_guardrail_is_what_an_audit_accounts_for() -> None:
    """By the rules' own text: each name that is compared, and each pattern that it has to match."""
    policy = names_policy()
    lets = " ".join([*policy.variables.values(), *(rule.expression for rule in policy.rules)])
    patterns = set(re.findall(r'variables\.name\.matches\("\^(.+?)\$"\)', lets))
    names = set(re.findall(r'variables\.name == "([\w-]+)"', lets))
    kept = [
        each
        for each in accounted_objects({**contract(), "models": []}, [], RELEASE)
        if each["namespace"] == SYSTEM and each["kind"] in ("ConfigMap", "Lease")
    ]
    of_others = {"presetup", "kube-root-ca.crt"}  # made by an administrator, and by Kubernetes
    assert {each["matching"] for each in kept if "matching" in each} == patterns
    assert {each["name"] for each in kept if "name" in each} - of_others == names
