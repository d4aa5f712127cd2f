# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guardrails are compiled from. Whether they hold is asked of a real server, in tests/integration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import (
    CHANGES_GUARDRAIL,
    EVICTIONS_GUARDRAIL,
    GUARDRAILS,
    TOKENS_GUARDRAIL,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.policy import literal
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.workloads import PRIVILEGED
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CONNECTING
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import WITH_GATEWAY, contract
from tests.unit.domain.raw import H100, L40S

SEVERAL = {"gpus": [{"product": H100, "count": 16}, {"product": L40S, "count": 4}]}
NEVER = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "never")


def spec(name: str, registries: tuple[str, ...] = (), **sections: Any) -> dict[str, Any]:
    """The spec of one policy."""
    objects = guardrail_objects(contract(**sections), registries)
    [found] = [o for o in objects if o["kind"] == "ValidatingAdmissionPolicy" and o["metadata"]["name"] == name]
    return dict(found["spec"])


def variable(spec: dict[str, Any], name: str) -> str:
    return str(next(each["expression"] for each in spec["variables"] if each["name"] == name))


def messages(spec: dict[str, Any]) -> str:
    return "\n".join(each["message"] for each in spec["validations"])


def test_each_guardrail_is_a_policy_that_refuses_everywhere_and_never_looks_away() -> None:
    objects = guardrail_objects(contract(capacity=SEVERAL))
    policies = {o["metadata"]["name"]: o for o in objects if o["kind"] == "ValidatingAdmissionPolicy"}
    bindings = {o["metadata"]["name"]: o for o in objects if o["kind"] == "ValidatingAdmissionPolicyBinding"}
    assert tuple(sorted(policies)) == tuple(sorted(bindings)) == GUARDRAILS
    assert {o["apiVersion"] for o in objects} == {"admissionregistration.k8s.io/v1"}
    for name in GUARDRAILS:
        assert policies[name]["spec"]["failurePolicy"] == "Fail"
        absent = {CHANGES_GUARDRAIL: "Deny", EVICTIONS_GUARDRAIL: "Allow"}.get(name)
        asked = {"paramRef": {"name": "fireworks-system", "parameterNotFoundAction": absent}} if absent else {}
        assert bindings[name]["spec"] == {"policyName": name, "validationActions": ["Deny"], **asked}
        assert policies[name]["metadata"]["annotations"]["kubernetes.io/description"].startswith(
            ("Fireworks", "In fire")
        )


def test_every_refusal_says_something() -> None:
    for name in GUARDRAILS:
        for each in spec(name, capacity=SEVERAL)["validations"]:
            assert each["message"].endswith(".")
            assert each["reason"] == "Forbidden"


@pytest.mark.parametrize(
    ("health", "place", "what"),
    [
        ({"prometheus": {"namespace": "monitoring", "service": "p"}}, "monitoring", "CONNECT services/proxy"),
        ({"exporters": {"namespace": "gpus"}}, "gpus", "CONNECT pods/proxy"),
    ],
)
def test_where_the_customer_lets_us_ask_we_connect_and_do_nothing_else(
    health: dict[str, Any], place: str, what: str
) -> None:
    scope = spec("fireworks-scope", health=health)
    assert f"'{place}': ['{what}']" in variable(scope, "writes").replace('"', "'")
    assert place in scope["validations"][0]["expression"]
    assert place not in spec("fireworks-scope")["validations"][0]["expression"]


def test_they_are_the_last_of_the_presetup_and_the_same_in_both_access_modes() -> None:
    made = presetup_objects(contract(capacity=SEVERAL), registries=("registry.example/x",))
    assert made[-2 * len(GUARDRAILS) :] == guardrail_objects(contract(capacity=SEVERAL))
    assert guardrail_objects(contract(access={"mode": "hardened"})) == guardrail_objects(contract())


def test_only_the_guardrail_of_workloads_holds_everybody() -> None:
    assert "matchConditions" not in spec("fireworks-workloads")
    for name in ("fireworks-nodes", "fireworks-scope"):
        [condition] = spec(name)["matchConditions"]
        assert (
            '"system:serviceaccount:fireworks-system:", "system:serviceaccount:fireworks-models:"'
            in condition["expression"]
        )


@pytest.mark.parametrize(
    ("actions", "says", "says_not"),
    [
        (NEVER, "the contract's actions are all never", "cordon"),
        ({**NEVER, "drain": "auto"}, "actions.cordon is never", "all never"),
        ({**NEVER, "cordon": "approve"}, "only labels and annotations", "actions.cordon is never"),
    ],
)
def test_nodes_are_held_to_the_actions(actions: dict[str, str], says: str, says_not: str) -> None:
    said = messages(spec("fireworks-nodes", actions=actions))
    assert says in said
    assert says_not not in said


def test_the_scope_is_what_the_needs_write() -> None:
    writes = variable(spec("fireworks-scope"), "writes")
    for write in ("UPDATE nodes", "CREATE pods/eviction", "CONNECT services/proxy", "CREATE serviceaccounts/token"):
        assert f'"{write}"' in writes
    for never in ("secrets", "roles", "quotas", "networkpolicies", "namespaces", "exec", "DELETE nodes", "httproutes"):
        assert never not in writes
    assert "CREATE httproutes.gateway.networking.k8s.io" in variable(
        spec("fireworks-scope", networking=WITH_GATEWAY), "writes"
    )
    assert '"": []' in variable(spec("fireworks-scope", actions=NEVER), "writes")


def test_images_come_from_the_contracts_registries_or_else_from_the_releases() -> None:
    assert variable(spec("fireworks-workloads", ("ours/x",)), "registries") == '["registry.acme.example/fireworks"]'
    assert (
        variable(spec("fireworks-workloads", ("ours/x",), compliance={"registries": []}), "registries") == '["ours/x"]'
    )
    assert variable(spec("fireworks-workloads", compliance={"registries": []}), "registries") == "[]"


def test_digests_are_asked_for_unless_the_contract_says_otherwise() -> None:
    for required in ({}, {"digests_required": True}):
        assert "by digest" in messages(spec("fireworks-workloads", compliance=required))
    assert "by digest" not in messages(spec("fireworks-workloads", compliance={"digests_required": False}))


def test_gpus_are_counted_by_approved_product() -> None:
    gpus = [{"product": H100, "count": 16}, {"product": L40S, "count": 4}, {"product": H100, "count": 8}]
    assert variable(spec("fireworks-workloads", capacity={"gpus": gpus}), "approved") == (
        f'{{"{H100}": 24, "{L40S}": 4}}'
    )


def test_nothing_is_privileged_but_what_is_declared() -> None:
    assert PRIVILEGED == ()
    assert variable(spec("fireworks-workloads"), "privileged").endswith("in [])")


def test_data_cannot_become_an_expression() -> None:
    assert literal('a" + "b\\') == '"a\\" + \\"b\\\\"'
    assert literal("größer") == '"größer"'


# --- tokens -------------------------------------------------------------------------------------------------------


def tokens(*audiences: str, **sections: Any) -> dict[str, Any]:
    objects = guardrail_objects(contract(**sections), (), audiences)
    [found] = [
        o for o in objects if o["kind"] == "ValidatingAdmissionPolicy" and o["metadata"]["name"] == TOKENS_GUARDRAIL
    ]
    return dict(found["spec"])


def test_tokens_live_as_long_as_the_contract_says_and_those_of_a_grant_an_hour_at_most() -> None:
    assert variable(tokens("a"), "most") == "variables.bySetup ? 3600 : 28800"
    assert variable(tokens("a", access={"token_lifetime": "30m"}), "most") == "variables.bySetup ? 1800 : 1800"


def test_tokens_are_for_the_accounts_of_the_contract() -> None:
    accounts = json.loads(variable(tokens("a", actions=NEVER), "accounts"))
    assert "node-medic" not in accounts["fireworks-system"] and "router" in accounts["fireworks-system"]
    assert accounts["fireworks-models"] == ["engine"]
    connecting = json.loads(variable(tokens("a"), "connecting"))
    assert (set(connecting["fireworks-system"]), connecting["fireworks-models"]) == (set(CONNECTING), [])


def test_without_knowing_whom_tokens_are_for_none_is_issued() -> None:
    assert tokens("b", "a")["validations"][-1]["expression"].endswith('audience in ["a", "b"])')
    blind = tokens()["validations"][-1]
    assert blind["expression"] == "false"
    assert "fireworks.byoc.presetup" in blind["message"]


def test_the_guardrail_of_tokens_leaves_kubelets_alone_and_nobody_else() -> None:
    [condition] = tokens("a")["matchConditions"]
    assert condition == {
        "name": "not-a-kubelet",
        "expression": '!("system:nodes" in request.?userInfo.?groups.orValue([]))',
    }
