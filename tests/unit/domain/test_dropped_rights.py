# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a contract drops: they are gone everywhere, none is ever added, and what is needed stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.audit_log.rights import Rights
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.validate import explained
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import (
    dropped_rights_are_there,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import (
    CONNECTING,
    IDENTITIES,
    Need,
    granted,
    held,
)
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
    """Nothing was used at all: what every playbook needs is not offered, and all else is a valid contract."""
    rows = list(Rights(contract()).unused({}))
    entries = [json.loads(row["drop"]) for row in rows if row["drop"]]
    assert len(entries) > 50
    assert list(dropped_rights_are_there(dropping(*entries))) == []
    section = SCHEMA["properties"]["access"]["properties"]["dropped_rights"]
    assert explained(entries, section) == {}
    left = {name: of(name, dropping(*entries)) for name in CONNECTING}
    assert (SYSTEM, "coordination.k8s.io", "leases", "create") in left["deployer"]
    assert not any("services" in each for rights in left.values() for each in rights)
