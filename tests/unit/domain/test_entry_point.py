# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.entry_point import entry_point
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import front_door, route
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import preflight
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import APIS, RELEASE, WITH_GATEWAY, contract, facts, model

OPENSHIFT = {"identity": {"provider": "openshift"}, "networking": {"domain": "llm.acme.example"}}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({}, ""),
        ({"networking": {"domain": "llm.acme.example"}}, ""),
        ({"networking": WITH_GATEWAY}, "gateway"),
        ({**OPENSHIFT, "networking": WITH_GATEWAY}, "gateway"),
        ({**OPENSHIFT, "networking": {}}, ""),
        (OPENSHIFT, "route"),
    ],
)
def test_the_entry_point_follows_from_the_contract(sections: dict[str, Any], expected: str) -> None:
    assert entry_point(contract(**sections)) == expected


def test_on_openshift_the_domain_and_each_model_get_a_route_with_tls() -> None:
    agreed = contract(**OPENSHIFT)
    [door], [to_model] = front_door(agreed), route(agreed, model())
    assert (door["kind"], door["spec"]["host"], to_model["spec"]["host"]) == (
        "Route",
        "llm.acme.example",
        "llama.llm.acme.example",
    )
    assert door["spec"]["tls"]["insecureEdgeTerminationPolicy"] == "Redirect"
    assert door["spec"]["to"]["name"] == "router"


def test_on_openshift_the_ingress_is_let_in_and_the_pod_security_level_stays() -> None:
    objects = presetup_objects(contract(**OPENSHIFT))
    assert any(o["metadata"]["name"] == "ingress-to-router" for o in objects)
    for namespace in (o for o in objects if o["kind"] == "Namespace"):
        assert namespace["metadata"]["labels"]["security.openshift.io/scc.podSecurityLabelSync"] == "false"


@pytest.mark.parametrize(("sections", "resources"), [
    ({}, set()),
    ({"networking": WITH_GATEWAY}, {"httproutes"}),
    (OPENSHIFT, {"routes", "routes/custom-host"}),
])  # fmt: skip
def test_rights_on_routes_are_given_only_for_the_entry_point(sections: dict[str, Any], resources: set[str]) -> None:
    rules = [rule for o in identity_objects(contract(**sections)) if o["kind"] == "Role" for rule in o["rules"]]
    given = {resource for rule in rules for resource in rule["resources"] if "route" in resource}
    assert given == resources


def test_a_cluster_without_openshifts_routes_is_refused() -> None:
    items = {item["check"]: item for item in preflight(facts(), contract(**OPENSHIFT), RELEASE)}
    assert "Route (route.openshift.io/v1)" in items["required APIs"]["message"]
    assert items["DNS plan"]["found"] == "llm.acme.example and *.llm.acme.example to OpenShift's ingress"
    served = facts(apis={**APIS, "route.openshift.io/v1": ["Route"]})
    items = {item["check"]: item for item in preflight(served, contract(**OPENSHIFT), RELEASE)}
    assert items["required APIs"]["ok"]
