# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a contract drops: they are gone everywhere, none is ever added, and what is needed stays."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.audit_log.rights import Rights
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.validate import explained
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.dropped_rights import as_entry, dropped_by
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import (
    dropped_rights_are_there,
    needed_and_dropped,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.meant import meant_instead
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import (
    CONNECTING,
    IDENTITIES,
    Need,
    granted,
    held,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import onboarding_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.uses import (
    USES,
    needed_always,
    needed_by,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import account_user
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import blamed
from tests.unit.domain.agreed import contract

MODELS, SYSTEM = "fireworks-models", "fireworks-system"


def dropping(*entries: dict[str, Any], **sections: Any) -> dict[str, Any]:
    made = contract(**sections)
    return {**made, "access": {**made["access"], "dropped_rights": list(entries)}}


def right(identity: str, resource: str, *verbs: str, namespace: str = MODELS) -> dict[str, Any]:
    said = {"identity": identity, "resource": resource, "verbs": list(verbs)}
    return {**said, "namespace": namespace} if namespace else said


def each_right(needs: tuple[Need, ...]) -> set[tuple[str, ...]]:
    return {(n.scope, n.group, resource, verb, *n.names) for n in needs for resource in n.resources for verb in n.verbs}


def of(name: str, made: dict[str, Any]) -> set[tuple[str, ...]]:
    [identity] = [each for each in IDENTITIES if each.name == name]
    return each_right(granted(made, identity))


DROPPED = dropping(
    right("deployer", "services", "watch", "list"),
    right("deployer", "deployments.apps", "watch"),
    right("deployer", "nodes", "watch", namespace=""),
    right("upgrader", "services", "delete", namespace=SYSTEM),
)


def test_exactly_what_is_dropped_is_gone_and_everything_else_stays() -> None:
    lost = {name: of(name, contract()) - of(name, DROPPED) for name in CONNECTING}
    assert {name: rights for name, rights in lost.items() if rights} == {
        "deployer": {
            (MODELS, "", "services", "watch"), (MODELS, "", "services", "list"),
            (MODELS, "apps", "deployments", "watch"), ("", "", "nodes", "watch"),
        },
        "upgrader": {(SYSTEM, "", "services", "delete")},
    }  # fmt: skip
    assert all(of(name, DROPPED) <= of(name, contract()) for name in CONNECTING)


def test_roles_the_scope_and_the_audit_follow_it() -> None:
    roles = [one for one in identity_objects(DROPPED) if one["metadata"]["name"] == "fireworks-deployer"]
    [mine] = [one for one in roles if one["kind"] == "Role" and one["metadata"]["namespace"] == MODELS]
    verbs = {resource: rule["verbs"] for rule in mine["rules"] for resource in rule["resources"]}
    assert "watch" not in verbs["services"] and "watch" in verbs["configmaps"]
    [audited] = [one for one in access_expectations(DROPPED) if one["identity"] == "deployer"]
    nodes = [rule["verbs"] for rule in audited["rules"] if (rule["scope"], rule["resource"]) == ("", "nodes")]
    assert nodes == [["get", "list"]]

    every = [right(name, "services", "delete", namespace=SYSTEM) for name in ("operator", "upgrader")]
    for made, may in ((contract(), True), (dropping(*every), False)):
        [scope] = [
            one
            for one in guardrail_objects(made)
            if one["metadata"]["name"] == "fireworks-scope" and one["kind"].endswith("Policy")
        ]
        [writes] = [one["expression"] for one in scope["spec"]["variables"] if one["name"] == "writes"]
        of_system = writes.partition(f'"{SYSTEM}"')[2].partition("]")[0]
        assert ("DELETE services" in of_system) is may


def test_without_the_option_all_is_as_before() -> None:
    for identity in IDENTITIES:
        assert granted(contract(), identity) == held(contract(), identity) == granted(dropping(), identity)


@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        (right("deploier", "services", "watch"), "identity", "did you mean 'deployer'"),
        (right("engine", "services", "watch"), "identity", "no identity 'engine' that connects"),
        (right("deployer", "secrets", "get"), "resource", "there it has rights to configmaps, services"),
        (right("deployer", "services", "watch", namespace=""), "resource", "services in the cluster"),
        (right("deployer", "services", "update"), "verbs", "may not update services in fireworks-models, so nothing"),
        (right("deployer", "services", "update"), "verbs", "it has get, list, watch, create, patch, delete"),
        (right("node-medic", "pods/eviction", "create"), "resource", "no right to pods/eviction"),
        (right("deployer", "leases.coordination.k8s.io", "create", namespace=SYSTEM), "verbs",
         "create leases.coordination.k8s.io in fireworks-system is needed by deploy_models, rollback_model"),
        (right("observer", "namespaces", "get", namespace=""), "verbs", "is needed by validate, status"),
        (right("operator", "serviceaccounts/token", "create", namespace=SYSTEM), "verbs", "rotate_credentials"),
        (right("upgrader", "configmaps", "patch", namespace=SYSTEM), "verbs", "is needed by upgrade, rollback_stack"),
    ],
)  # fmt: skip
def test_what_cannot_be_dropped_is_a_problem_of_the_contract(entry: dict[str, Any], key: str, words: str) -> None:
    [(place, message)] = dropped_rights_are_there(dropping(right("deployer", "services", "watch"), entry))
    assert place == ("access", "dropped_rights", 1, key)
    assert words in message


def test_what_the_report_prints_is_ready_to_be_pasted() -> None:
    """Nothing but the first read was used: what a playbook needs is not offered, and all else is a valid contract."""
    used = {account_user(name): {("", "", "namespaces", "get")} for name in CONNECTING}
    entries = [json.loads(row["drop"]) for row in Rights(contract()).unused(used) if row["drop"]]
    assert len(entries) > 50
    assert list(dropped_rights_are_there(dropping(*entries))) == []
    assert needed_and_dropped([dropping(*entries)]) == []
    section = SCHEMA["properties"]["access"]["properties"]["dropped_rights"]
    assert explained(entries, section) == {}
    for name in CONNECTING:
        mine = [right for right in of(name, contract()) if needed_by(name, right[:3], right[3])]
        assert set(mine) <= of(name, dropping(*entries))


def test_a_right_that_some_playbooks_need_is_dropped_and_they_are_named() -> None:
    made = dropping(
        right("deployer", "services", "watch", "delete", "get"),
        right("deployer", "events", "list"),
        right("operator", "scaledobjects.keda.sh", "create"),
        right("metrics-reader", "services/proxy", "get", namespace=SYSTEM),
    )
    assert list(dropped_rights_are_there(made)) == []
    here = {"cluster": made["identity"]["name"], "where": MODELS}
    assert needed_and_dropped([made, contract()]) == [
        {
            **here, "identity": "deployer", "right": "watch, delete, get services",
            "stops": "deploy_models, rollback_model, retire_model, plan_models",
        },
        {
            **here, "identity": "operator", "right": "create scaledobjects.keda.sh",
            "stops": "onboard (for models that KEDA scales)",
        },
    ]  # fmt: skip


def test_who_moves_replicas_reads_budgets_and_traffic_out_of_telemetry() -> None:
    place = (SYSTEM, "", "services/proxy")
    assert {"consolidate", "hand_over_nodes", "remediate"} <= set(needed_by("node-medic", place, "get"))
    assert {"capacity", "plan_consolidation"} <= set(needed_by("observer", place, "get"))


def test_the_uses_of_playbooks_are_rights_of_their_identities_and_every_playbook_has_some() -> None:
    holders: dict[tuple[str, ...], set[str]] = {}
    for identity in IDENTITIES:
        for scope, group, resource, verb, *_names in each_right((*identity.needs, *identity.on_grant)):
            text = f"{resource}.{group}" if group else resource
            holders.setdefault((scope, text, verb), set()).add(identity.name)
    for use in USES:
        for scope, resource, verb in product(use.scopes, use.resources, use.verbs):
            having = holders.get((scope, resource, verb), set())
            assert having & {PLAYBOOKS[each] for each in use.playbooks}, (scope, resource, verb)
    of_ours = {playbook for playbook, who in PLAYBOOKS.items() if who in CONNECTING}
    # It reads the end of the records, as all others do.
    assert {playbook for use in USES for playbook in use.playbooks} == of_ours - {"verify_records"}


def test_the_rights_at_each_place_can_be_dropped_but_for_what_all_need_and_everything_follows() -> None:
    """Roles, audit and setup grants, one place of one identity at a time."""
    audited, counted = each_expected(contract()), 0
    for name in CONNECTING:
        whole = of(name, contract())
        for place in sorted({each[:3] for each in whole}):
            verbs = sorted({each[3] for each in whole if each[:3] == place})
            spare = [verb for verb in verbs if not needed_always(place, verb)]
            if spare != verbs:
                found = dropped_rights_are_there(dropping(as_entry(name, place, verbs)))
                assert [path[-1] for path, _message in found] == ["verbs"]
            if not spare:
                continue
            made = dropping(as_entry(name, place, spare))
            assert list(dropped_rights_are_there(made)) == []
            gone = {each for each in whole if each[:3] == place and each[3] in spare}
            after = each_expected(made)
            assert audited - after == {(name, *each) for each in gone} and after <= audited
            assert of(name, made) == each_role(made, name) == whole - gone
            assert name != "operator" or not each_right(onboarding_needs(made)) & gone
            counted += len(gone)
    assert counted > 250


def each_expected(made: dict[str, Any]) -> set[tuple[str, ...]]:
    return {
        (each["identity"], rule["scope"], rule["group"], rule["resource"], verb, *rule["names"])
        for each in access_expectations(made)
        for rule in each["rules"]
        for verb in rule["verbs"]
    }


def each_role(made: dict[str, Any], name: str) -> set[tuple[str, ...]]:
    return {
        (one["metadata"].get("namespace", ""), group, resource, verb, *rule.get("resourceNames", ()))
        for one in identity_objects(made)
        if one["kind"].endswith("Role") and one["metadata"]["name"] == f"fireworks-{name}"
        for rule in one["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


REFUSED = (
    'Service fireworks-models/llama: services "llama" is forbidden: User "system:serviceaccount:{}" cannot {} resource '
    '"services" in API group "" in the namespace "fireworks-models"'
)


def test_a_refusal_for_a_dropped_right_names_the_clause_and_the_customer() -> None:
    made = dropping(right("deployer", "services", "watch"), right("deployer", "services", "delete"))
    grant = dropping(right("operator", "services", "patch"))

    def said(contract: dict[str, Any], who: str, verb: str) -> tuple[str, str, str]:
        failed = {"failed": True, "code": "refused", "owner": "operator", "what": REFUSED.format(who, verb)}
        found = blamed(contract, {**failed, "where": "acme", "next_step": "resolve each object"}, "Deploy")
        return found["code"], found["owner"], found["next_step"]

    step = "do without this playbook, or take {} out of the contract and apply the prerequisites again"
    mine = ("refused", "customer", step.format("access.dropped_rights[1]"))
    assert said(made, "fireworks-system:deployer", "delete") == mine
    assert said(grant, "fireworks-setup:setup-alice", "patch")[1:] == (
        "customer", step.format("access.dropped_rights[0]"),
    )  # fmt: skip
    assert said(made, "fireworks-system:deployer", "create") == ("refused", "operator", "resolve each object")


@pytest.mark.parametrize(
    ("who", "verb", "other"),
    [
        (
            "fireworks-system:upgrader",
            "create",
            "is not of the identity upgrader, but of operator, deployer",
        ),
        ("fireworks-system:observer", "patch", "is not of the identity observer, but of operator, deployer"),
        ("fireworks-system:observer", "bind", ""),  # nobody's
        ("fireworks-system:deployer", "create", ""),  # its own: somebody has taken it away
        ("fireworks-system:router", "create", ""),
        ("fireworks-setup:setup-alice", "create", ""),
        ("elsewhere:observer", "create", ""),
    ],
)
def test_a_refusal_of_what_another_identity_may_is_the_operators(who: str, verb: str, other: str) -> None:
    failed = {"failed": True, "code": "forbidden", "owner": "customer", "what": REFUSED.format(who, verb)}
    found = blamed(contract(), {**failed, "where": "acme", "next_step": "grant it"}, "Deploy")
    assert found["what"].endswith(other)
    told = (found["code"], found["owner"], found["next_step"])
    asked = "run this with the credential of the identity that docs/variables.md names for this playbook"
    assert told == (("forbidden", "operator", asked) if other else ("forbidden", "customer", "grant it"))


def test_what_is_granted_in_the_whole_cluster_is_granted_in_a_namespace() -> None:
    words = 'User "system:serviceaccount:fireworks-system:{}" cannot list resource "nodes" in API group ""'
    assert "but of operator, observer" in meant_instead(contract(), words.format("metrics-reader"))
    assert meant_instead(contract(), words.format("observer") + ' in the namespace "x"') == ""


def test_a_refusal_in_the_cluster_is_of_the_entry_without_a_namespace() -> None:
    words = 'User "system:serviceaccount:fireworks-system:deployer" cannot list resource "nodes" in API group "" at the'
    at_cluster = right("deployer", "nodes", "list", namespace="")
    assert dropped_by(dropping(right("deployer", "nodes", "list"), at_cluster), words) == "access.dropped_rights[1]"
    assert dropped_by(contract(), words) == ""
