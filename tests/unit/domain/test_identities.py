# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import (
    applies_prerequisites,
    identity_objects,
    required_permissions,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES, granted
from tests.unit.domain.agreed import WITH_GATEWAY, contract

NEVER = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "never")


CONNECTING = {"operator", "observer", "deployer", "upgrader", "node-medic", "metrics-reader"}
READS_BY_NAME = {
    "namespaces",
    "clusterroles",
    "clusterrolebindings",
    "priorityclasses",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
}


def everything(**sections: Any) -> list[dict[str, Any]]:
    return identity_objects(contract(**sections))


def accounts(objects: list[dict[str, Any]]) -> set[str]:
    return {o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"}


def rules(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [rule for o in objects if o["kind"] == kind for rule in o["rules"]]


def test_every_component_has_an_account_of_its_own() -> None:
    assert accounts(everything()) == CONNECTING | {"router", "telemetry", "engine"}
    assert not any(o["automountServiceAccountToken"] for o in everything() if o["kind"] == "ServiceAccount")


def test_no_right_is_ever_dangerous() -> None:
    objects = everything()
    for rule in rules(objects, "Role") + rules(objects, "ClusterRole"):
        words = {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
        assert not words & {"*", "escalate", "bind", "impersonate", "secrets", "pods/exec"}
        if words & {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "serviceaccounts"}:
            assert rule["verbs"] == ["get"]


def test_only_the_operator_renews_tokens_and_only_those_of_the_identities_that_connect() -> None:
    for role in (o for o in everything() if o["kind"] == "Role"):
        for rule in role["rules"]:
            if "serviceaccounts/token" in rule["resources"]:
                assert role["metadata"]["name"] == "fireworks-operator"
                assert (rule["verbs"], set(rule["resourceNames"])) == (["create"], CONNECTING)


def test_cluster_wide_there_are_only_nodes_and_what_is_read_by_its_name() -> None:
    for rule in rules(everything(), "ClusterRole"):
        if rule["resources"] != ["nodes"]:
            assert set(rule["resources"]) <= READS_BY_NAME
            assert rule["verbs"] == ["get"]
            assert all(name == "kube-system" or name.startswith("fireworks-") for name in rule["resourceNames"])


@pytest.mark.parametrize("kinds", [[], ["events"], ["events", "leases", "pods"]])
def test_what_tells_of_nodes_is_listed_by_the_observer_where_the_contract_says_so_and_by_nobody_else(
    kinds: list[str],
) -> None:
    objects = identity_objects({**contract(), "health": {"observer_may_list": kinds}})
    given = {
        (made["metadata"]["name"], rule["resources"][0], *rule["verbs"])
        for made in objects
        if made["kind"] == "ClusterRole"
        for rule in made["rules"]
        if rule["resources"] != ["nodes"] and set(rule["resources"]) - READS_BY_NAME
    }
    assert given == {("fireworks-observer", kind, "list") for kind in kinds}


def test_only_the_medic_may_change_nodes() -> None:
    for made in everything():
        if made["kind"] == "ClusterRole" and made["metadata"]["name"] != "fireworks-node-medic":
            for rule in made["rules"]:
                assert not {"patch", "update", "delete", "create"} & set(rule["verbs"])


@pytest.mark.parametrize(
    ("actions", "medic", "evicts"),
    [
        (NEVER, False, False),
        ({**NEVER, "cordon": "auto"}, True, False),
        ({**NEVER, "cordon": "auto", "drain": "approve"}, True, True),
    ],
)
def test_the_medic_may_what_the_contract_allows(actions: dict[str, str], medic: bool, evicts: bool) -> None:
    objects = identity_objects(contract(actions=actions))
    assert ("node-medic" in accounts(objects)) is medic
    assert any("pods/eviction" in rule["resources"] for rule in rules(objects, "Role")) is evicts
    claims = [rule["verbs"] for rule in rules(objects, "Role") if "persistentvolumeclaims" in rule["resources"]]
    assert claims == [["get"]] * evicts


def test_bindings_bind_the_role_of_their_name_to_the_account_of_their_component() -> None:
    bindings = [o for o in everything() if o["kind"].endswith("Binding")]
    assert bindings
    for binding in bindings:
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
        assert binding["kind"] == binding["roleRef"]["kind"] + "Binding"
        [subject] = binding["subjects"]
        assert "fireworks-" + subject["name"] == binding["metadata"]["name"]


def test_what_onboarding_asks_for_itself_depends_on_the_mode() -> None:
    def asked(**sections: Any) -> set[tuple[str, str]]:
        found = required_permissions(contract(**sections))
        assert len(found) == len({tuple(sorted(question.items())) for question in found})
        return {(question["resource"], question.get("namespace", "")) for question in found}

    standard, hardened = asked(), asked(access={"mode": "hardened"})
    assert hardened < standard
    assert {namespace for _resource, namespace in hardened} == {"", "fireworks-system", "fireworks-models"}
    assert {resource for resource, namespace in hardened if not namespace} == {"nodes", *READS_BY_NAME}
    assert ("httproutes", "fireworks-system") in asked(networking=WITH_GATEWAY, access={"mode": "hardened"})


ALICE = "system:serviceaccount:fireworks-setup:setup-alice-onboarding-20261124-1800"


@pytest.mark.parametrize(
    ("mode", "user", "applies"),
    [
        ("standard", "", True),
        ("standard", "admin", True),
        ("standard", "system:serviceaccount:ci:deployer", True),
        # A namespace of another name that begins like ours is somebody else's.
        ("standard", "system:serviceaccount:fireworks-setup-of-acme:admin", True),
        ("standard", ALICE, False),
        ("standard", "system:serviceaccount:fireworks-system:operator", False),
        ("standard", "system:serviceaccount:fireworks-models:engine", False),
        ("hardened", "admin", False),
        ("hardened", "", False),
        ("hardened", ALICE, False),
    ],
)
def test_the_prerequisites_are_applied_by_administrators_in_standard_mode(mode: str, user: str, applies: bool) -> None:
    agreed = contract(access={"mode": mode})
    assert applies_prerequisites(agreed, user) is applies
    # One who does not apply them needs no right to write what they consist of.
    asked = {(q["resource"], q["verb"]) for q in required_permissions(agreed, user)}
    assert (("namespaces", "create") in asked) is applies
    assert (("rolebindings", "patch") in asked) is applies
    assert (("deployments", "create") in asked) is True
    assert {tuple(q.items()) for q in required_permissions(agreed, user)} <= {
        tuple(q.items()) for q in required_permissions(contract())
    }


def test_setup_grants_only_rights_that_were_checked() -> None:
    questions = required_permissions(contract())
    asked = {
        (q.get("namespace", ""), q["group"], q["resource"], q.get("subresource", ""), q["verb"]) for q in questions
    }
    for identity in IDENTITIES:
        for need in granted(contract(), identity):
            for resource in need.resources:
                plain, _slash, sub = resource.partition("/")
                assert {(need.scope, need.group, plain, sub, verb) for verb in need.verbs} <= asked


def test_whoever_makes_routes_on_openshift_may_name_their_hosts() -> None:
    agreed = contract(identity={"provider": "openshift"}, networking={"domain": "llm.acme.example"})
    said = [
        need
        for identity in IDENTITIES
        for need in granted(agreed, identity)
        if need.group == "route.openshift.io" and "routes/custom-host" in need.resources
    ]
    assert said and {need.verbs for need in said} == {("create", "update")}


@pytest.mark.parametrize(
    ("scaling", "given"),
    [
        ({"max_replicas_per_model": 8, "scale_to_zero": False}, True),
        ({"max_replicas_per_model": 1, "scale_to_zero": True}, True),
        ({"max_replicas_per_model": 1, "scale_to_zero": False}, False),
    ],
)
def test_autoscalers_of_both_kinds_are_made_only_where_the_contract_lets_models_scale(
    scaling: dict[str, Any], given: bool
) -> None:
    for who in ("operator", "deployer"):
        [identity] = [each for each in IDENTITIES if each.name == who]
        written = {
            (need.group, resource)
            for need in granted(contract(scaling=scaling), identity)
            for resource in need.resources
            if "create" in need.verbs and need.scope == "fireworks-models"
        }
        kinds = {("autoscaling", "horizontalpodautoscalers"), ("keda.sh", "scaledobjects")}
        assert written & kinds == (kinds if given else set())


def test_nothing_of_ours_in_the_cluster_can_quarantine_a_node() -> None:
    """What runs there goes on without Fireworks; what takes nodes out of service connects from outside."""
    agreed = contract(actions=dict.fromkeys(NEVER, "auto"))
    writes = {
        identity.name
        for identity in IDENTITIES
        for need in identity.needs
        if "nodes" in need.resources and set(need.verbs) - {"get", "list", "watch"} and need.when(agreed)
    }
    assert writes == {"node-medic"}
    assert all(identity.connects for identity in IDENTITIES if identity.name in writes)
