# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import front_door
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import WITH_GATEWAY, contract
from tests.unit.domain.raw import H100, L40S


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {
        f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}".strip("/"): o
        for o in objects
        if o["kind"] == kind
    }


@pytest.mark.parametrize("level", ["restricted", "baseline", "privileged"])
def test_namespaces_enforce_the_agreed_pod_security(level: str) -> None:
    namespaces = of_kind(presetup_objects(contract(compliance={"pod_security": level})), "Namespace")
    assert sorted(namespaces) == ["fireworks-models", "fireworks-system"]
    for namespace in namespaces.values():
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/warn"] == "restricted"


@pytest.mark.parametrize(
    ("quotas", "hard"),
    [
        ({}, {}),
        ({"models": {}}, {}),
        (
            {"models": {"cpu": "256", "memory": "2Ti", "storage": "10Ti", "pods": 64, "volume_claims": 4}},
            {
                "fireworks-models/agreed": {
                    "requests.cpu": "256",
                    "requests.memory": "2Ti",
                    "requests.storage": "10Ti",
                    "pods": "64",
                    "persistentvolumeclaims": "4",
                }
            },
        ),
        (
            {"stack": {"services": 8, "config_maps": 100}, "models": {"cpu": "8"}},
            {
                "fireworks-models/agreed": {"requests.cpu": "8"},
                "fireworks-system/agreed": {"services": "8", "configmaps": "100"},
            },
        ),
    ],
)
def test_what_else_the_contract_limits_is_a_quota_of_its_own(quotas: Any, hard: Any) -> None:
    found = of_kind(presetup_objects(contract(capacity={"quotas": quotas})), "ResourceQuota")
    assert {name: made["spec"]["hard"] for name, made in found.items() if name.endswith("/agreed")} == hard
    assert len(found) == 4 + len(hard)
    # What the contract limits is limited by that alone.
    for place, part in (("fireworks-models", "models"), ("fireworks-system", "stack")):
        rest = found[f"{place}/objects"]["spec"]["hard"]
        assert ("services" in rest, "configmaps" in rest) == (
            "services" not in quotas.get(part, {}),
            "config_maps" not in quotas.get(part, {}),
        )


@pytest.mark.parametrize(
    ("said", "stored"),
    [(999, "999"), (2000, "2k"), (2500, "2500"), (100_000, "100k"), ("5000000m", "5000000m"), ("0", "0")],
)
def test_a_quota_is_written_as_the_api_server_stores_it(said: Any, stored: str) -> None:
    found = of_kind(presetup_objects(contract(capacity={"quotas": {"models": {"cpu": said}}})), "ResourceQuota")
    assert found["fireworks-models/agreed"]["spec"]["hard"] == {"requests.cpu": stored}


def test_the_quota_is_the_sum_of_the_approved_gpus() -> None:
    gpus = [{"product": H100, "count": 16}, {"product": L40S, "count": 4}]
    quotas = of_kind(presetup_objects(contract(capacity={"gpus": gpus})), "ResourceQuota")
    assert quotas["fireworks-models/approved-gpus"]["spec"]["hard"] == {"requests.nvidia.com/gpu": "20"}
    assert quotas["fireworks-system/approved-gpus"]["spec"]["hard"] == {"requests.nvidia.com/gpu": "0"}


def test_priorities_are_ordered_and_none_is_a_default() -> None:
    classes = of_kind(presetup_objects(contract()), "PriorityClass")
    values = [classes[f"fireworks-{word}"]["value"] for word in ("critical", "standard", "batch")]
    assert values == sorted(values, reverse=True)
    assert not any("globalDefault" in each for each in classes.values())
    assert classes["fireworks-batch"]["preemptionPolicy"] == "Never"


def test_nothing_is_open_but_what_was_agreed() -> None:
    policies = of_kind(presetup_objects(contract()), "NetworkPolicy")
    for namespace in ("fireworks-system", "fireworks-models"):
        closed = policies[f"{namespace}/closed"]["spec"]
        assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        egress = policies[f"{namespace}/approved-egress"]["spec"]["egress"]
        assert egress == [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]
    ingress = policies["fireworks-models/router-and-telemetry-to-models"]["spec"]["ingress"]
    assert ingress[0]["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert not any("gateway" in name or "api-server" in name for name in policies)


FIXED = {"max_replicas_per_model": 1, "scale_to_zero": False}


def test_keda_may_read_the_telemetry_where_models_may_scale_and_nobody_else_may() -> None:
    policies = of_kind(presetup_objects(contract()), "NetworkPolicy")
    [rule] = policies["fireworks-system/keda-to-telemetry"]["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9090}]
    [source] = rule["from"]
    assert source["podSelector"] == {"matchLabels": {"app": "keda-operator"}}
    assert source["namespaceSelector"]["matchExpressions"][0]["values"] == ["keda", "openshift-keda"]
    fixed = of_kind(presetup_objects(contract(scaling=FIXED)), "NetworkPolicy")
    assert "fireworks-system/keda-to-telemetry" not in fixed


def test_without_agreed_egress_there_is_none() -> None:
    policies = of_kind(presetup_objects(contract(compliance={"egress": []})), "NetworkPolicy")
    assert not any("approved-egress" in name for name in policies)


def test_the_api_server_is_allowed_by_address() -> None:
    addresses = [{"address": "10.1.2.3", "port": 6443}, {"address": "fd00::1", "port": 6443}]
    policy = of_kind(presetup_objects(contract(), addresses), "NetworkPolicy")["fireworks-system/api-server"]
    cidrs = [rule["to"][0]["ipBlock"]["cidr"] for rule in policy["spec"]["egress"]]
    assert cidrs == ["10.1.2.3/32", "fd00::1/128"]


def test_a_gateway_gets_a_door_and_a_route() -> None:
    objects = presetup_objects(contract(networking=WITH_GATEWAY))
    door = of_kind(objects, "NetworkPolicy")["fireworks-system/gateway-to-router"]["spec"]["ingress"][0]
    assert door["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway-system"}
    assert of_kind(front_door(contract(networking=WITH_GATEWAY)), "HTTPRoute")["fireworks-system/router"]["spec"][
        "hostnames"
    ] == ["llm.acme.example"]


def test_without_a_gateway_there_is_no_route() -> None:
    assert front_door(contract()) == []


def test_both_access_modes_are_governed_by_the_same_objects() -> None:
    assert presetup_objects(contract(access={"mode": "hardened"})) == presetup_objects(contract())


def test_every_object_says_whose_it_is() -> None:
    for made in presetup_objects(contract(networking=WITH_GATEWAY)):
        assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "fireworks-byoc"
        assert made["metadata"]["labels"]["app.kubernetes.io/part-of"] == "presetup"


def test_only_who_is_told_of_alerts_has_a_way_for_them() -> None:
    without = of_kind(presetup_objects(contract()), "NetworkPolicy")
    events = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "byoc-events"}}
    policies = of_kind(presetup_objects({**contract(), "health": {"events": events}}), "NetworkPolicy")
    ways = {"fireworks-system/telemetry-to-alerts", "fireworks-system/alerts-from-telemetry"}
    assert set(policies) - set(without) == ways
    for name in ways:
        [ports] = [rule["ports"] for way in ("ingress", "egress") for rule in policies[name]["spec"].get(way, ())]
        assert ports == [{"protocol": "TCP", "port": 9093}]
