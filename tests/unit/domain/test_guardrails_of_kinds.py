# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guardrails of single kinds are compiled from. Whether they hold is asked of a real server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.ours import mixed, only
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.scalers import most_replicas
from tests.unit.domain.agreed import WITH_GATEWAY, contract
from tests.unit.domain.raw import H100, L40S

OF_KINDS = ("budgets", "names", "objects", "routes", "scalers", "services")
OURS = ("fireworks-system:", "fireworks-models:", "fireworks-setup:")


def spec(name: str, version: int = 2, **sections: Any) -> dict[str, Any]:
    """The spec of one policy."""
    objects = guardrail_objects(contract(**sections), version=version)
    [found] = [o for o in objects if o["kind"] == "ValidatingAdmissionPolicy" and o["metadata"]["name"] == name]
    return dict(found["spec"])


def rules(found: dict[str, Any]) -> str:
    return "\n".join(each["expression"] for each in found["validations"])


def variable(found: dict[str, Any], name: str) -> str:
    return str(next(each["expression"] for each in found["variables"] if each["name"] == name))


@pytest.mark.parametrize("kind", OF_KINDS)
def test_each_holds_our_accounts_and_setup_grants_in_our_namespaces_and_nobody_else(kind: str) -> None:
    found = spec(f"fireworks-{kind}", networking=WITH_GATEWAY)
    [condition] = found["matchConditions"]
    assert all(account in condition["expression"] for account in OURS)
    match = found["matchConstraints"]
    [places] = match["namespaceSelector"]["matchExpressions"]
    assert places["values"] == ["fireworks-system", "fireworks-models"]
    # A selector of namespaces lets through what has none: a node is no business of theirs.
    assert {rule["scope"] for rule in match["resourceRules"]} == {"Namespaced"}
    first = {made["metadata"]["name"] for made in guardrail_objects(contract(), version=1)}
    assert f"fireworks-{kind}" not in first


@pytest.mark.parametrize(
    ("gpus", "scaling", "most"),
    [
        ({H100: 16}, {"max_replicas_per_model": 8, "max_gpus_per_model": 16}, 8),
        ({H100: 16}, {"max_replicas_per_model": 8, "max_gpus_per_model": 4}, 4),
        ({H100: 3}, {"max_replicas_per_model": 8, "max_gpus_per_model": 16}, 3),
        ({H100: 3, L40S: 5}, {"max_replicas_per_model": 8, "max_gpus_per_model": 16}, 5),
    ],
)
def test_no_model_has_more_replicas_than_any_clause_allows(
    gpus: dict[str, int], scaling: dict[str, int], most: int
) -> None:
    capacity = {"gpus": [{"product": product, "count": count} for product, count in gpus.items()]}
    given = contract(capacity=capacity, scaling=scaling)
    assert most_replicas(given) == most
    assert f"? {most} :" in variable(spec("fireworks-scalers", capacity=capacity, scaling=scaling), "most")


@pytest.mark.parametrize(("sleeps", "rule"), [(True, False), (False, True)])
def test_no_model_goes_to_zero_where_that_was_not_agreed(sleeps: bool, rule: bool) -> None:
    found = spec("fireworks-scalers", scaling={"scale_to_zero": sleeps})
    assert any("scale_to_zero" in each["message"] for each in found["validations"]) is rule


@pytest.mark.parametrize(
    ("sections", "kind", "there", "not_there"),
    [
        (
            {"networking": WITH_GATEWAY},
            "httproutes.gateway.networking.k8s.io",
            ("variables.spec.?hostnames", "parentRefs", '"gateway-system"', "8001"),
            ("variables.spec.?host.",),
        ),
        (
            {"networking": {"domain": "llm.acme.example"}, "identity": {"provider": "openshift"}},
            "routes.route.openshift.io",
            ("variables.spec.?host.", '"wildcardPolicy"', '"termination"'),
            ("parentRefs", "hostnames"),
        ),
    ],
)
def test_a_route_is_what_the_product_makes_of_the_contract(
    sections: Any, kind: str, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    found = spec("fireworks-routes", **sections)
    assert f'== "{kind}"' in rules(found)
    assert all(part in rules(found) for part in there)
    assert not any(part in rules(found) for part in not_there)
    assert '? "llm.acme.example" :' in variable(found, "host")
    assert 'substring(6) + ".llm.acme.example"' in variable(found, "host")


def test_without_an_entry_point_there_are_no_routes() -> None:
    assert [each["expression"] for each in spec("fireworks-routes")["validations"]] == ["!variables.isNew || (false)"]


def test_an_hpa_is_judged_as_version_two_whatever_it_was_written_as() -> None:
    [hpa, scaled] = spec("fireworks-scalers")["matchConstraints"]["resourceRules"]
    assert (hpa["resources"], hpa["apiVersions"]) == (["horizontalpodautoscalers"], ["v2"])
    assert scaled["resources"] == ["scaledobjects"]
    assert spec("fireworks-scalers")["matchConstraints"]["matchPolicy"] == "Equivalent"


def test_nodes_are_those_of_the_approved_products_since_the_second_version() -> None:
    gpus = {"gpus": [{"product": L40S, "count": 1}, {"product": H100, "count": 2}]}
    assert f'in ["{H100}", "{L40S}"]' in rules(spec("fireworks-nodes", capacity=gpus))
    assert H100 not in rules(spec("fireworks-nodes", version=1, capacity=gpus))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ([{"port": 1, "name": "b"}], '[dyn({"port": dyn(1), "name": dyn("b")})]'),
        ({}, "{}"),
    ],
)
def test_data_of_several_types_is_data_of_any(value: Any, text: str) -> None:
    assert mixed(value) == text


def test_only_known_keys_are_let_in() -> None:
    assert only("port", ("name", "port")) == 'port.all(key, key in ["name", "port"])'
