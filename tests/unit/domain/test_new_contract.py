# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A first contract: valid for every kind of cluster, with what it says, and marked where somebody has to say it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import parse_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import MODEL_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.new_contract import (
    NoContractError,
    credential_root,
    edits,
    new_contract,
)
from tests.unit.domain.agreed import H100, RELEASE

L40S = "NVIDIA-L40S"
ASKED = {"cluster": "acme-eu-1", "kubeconfig": "/home/sre/.byoc/acme eu.kubeconfig"}


def facts(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uid": "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11",
        "apis": {"v1": ["Pod"]},
        "default_storage_class": "",
        "gateways": [],
        "gpus": {"products": {H100: {"allocatable": 16}}},
        "platform": "kubernetes",
        "provider": "aws",
        "region": "eu-west-1",
        "storage_classes": [],
        "unreadable": [],
        "version": {"git": "v1.36.2"},
    }
    return {**made, **more}


def read(text: str) -> dict[str, Any]:
    return parse_contract(text.encode(), path="acme-eu-1.yml", rules=MODEL_RULES)


def products(**counts: int) -> dict[str, Any]:
    names = {"h100": H100, "l40s": L40S, "unlabelled": "unlabelled"}
    return {"products": {names[name]: {"allocatable": count} for name, count in counts.items()}}


@pytest.mark.parametrize(
    ("seen", "path", "value"),
    [
        ({}, "identity.uid", "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11"),
        ({}, "identity.provider", "aws"),
        ({"provider": ""}, "identity.provider", "bare_metal"),
        ({"platform": "openshift"}, "identity.provider", "openshift"),
        ({"region": ""}, "identity.region", "here"),
        ({}, "capacity.gpus", [{"product": H100, "count": 16}]),
        (
            {"gpus": products(l40s=4, h100=8, unlabelled=8)},
            "capacity.gpus",
            [{"product": H100, "count": 8}, {"product": L40S, "count": 4}],
        ),
        ({"gpus": products(h100=2)}, "scaling.max_replicas_per_model", 2),
        ({}, "scaling.max_gpus_per_model", 16),
        ({}, "stack.release", RELEASE["version"]),
        ({}, "models", []),
    ],
)
def test_it_is_valid_and_says_what_the_cluster_says(seen: dict[str, Any], path: str, value: Any) -> None:
    found: Any = read(new_contract(facts(**seen), ASKED, RELEASE))
    for key in path.split("."):
        found = found[key]
    assert found == value


def test_what_only_its_owner_can_say_is_marked_and_what_was_said_is_not() -> None:
    marked = edits(new_contract(facts(), ASKED, RELEASE))
    assert [one["says"].partition(":")[0].lstrip("- {") for one in marked] == ["product", "support", "egress", "models"]
    assert all(one["edit"] for one in marked) and len(marked) <= 5
    said = edits(new_contract(facts(region=""), {**ASKED, "contact": "ops@acme.example"}, RELEASE))
    assert [one["says"].partition(":")[0].lstrip("- {") for one in said] == ["region", "product", "egress", "models"]


def test_contacts_are_one_person_until_somebody_says_otherwise() -> None:
    contacts = read(new_contract(facts(), {**ASKED, "contact": "ops@acme.example"}, RELEASE))["contacts"]
    assert {one["email"] for name, one in contacts.items() if name != "escalation"} == {"ops@acme.example"}


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        ({}, "the cluster serves no Gateway API"),
        ({"apis": {"gateway.networking.k8s.io/v1": ["Gateway"]}}, "the cluster has none"),
        (
            {"gateways": [{"name": "edge", "namespace": "ingress", "programmed": True}]},
            "gateway: {name: edge, namespace: ingress}",
        ),
    ],
)
def test_gateways_that_are_there_are_named(seen: dict[str, Any], line: str) -> None:
    assert line in new_contract(facts(**seen), ASKED, RELEASE)


@pytest.mark.parametrize(
    ("seen", "volume", "line"),
    [
        ({"default_storage_class": "gp3"}, {"size": "10Gi"}, "of the storage class gp3, the cluster's default"),
        ({"storage_classes": ["fast", "slow"]}, None, "none of the cluster's is its default: fast, slow"),
        ({}, None, "the cluster has no storage class"),
        ({"unreadable": ["/apis/storage.k8s.io/v1/storageclasses"]}, None, "which classes there are may not be read"),
    ],
)
def test_metrics_get_a_volume_where_the_cluster_makes_one_by_itself(seen: Any, volume: Any, line: str) -> None:
    text = new_contract(facts(**seen), ASKED, RELEASE)
    assert line in text
    assert read(text).get("telemetry", {}).get("volume") == volume
    begun = text.replace("# telemetry: ", "telemetry: ")
    assert read(begun)["telemetry"]["volume"]["size"] == "10Gi"


def test_the_commented_model_and_gateway_work_once_they_are_uncommented() -> None:
    gateway = {"name": "edge", "namespace": "ingress", "programmed": True}
    text = new_contract(facts(gateways=[gateway]), ASKED, RELEASE)
    lines = [line for line in text.splitlines() if not line.startswith("models: []")]
    begun = [line.removeprefix("# ") if _is_example(line) else line for line in lines]
    found = read("\n".join(begun) + "\n")
    assert found["models"][0]["gpu"]["product"] == H100
    assert found["networking"]["gateway"] == {"name": "edge", "namespace": "ingress"}


def _is_example(line: str) -> bool:
    return line.startswith(("# models:", "# networking:", "#   "))


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"gpus": products(unlabelled=8)}, "no GPU with the label"),
        ({"gpus": products(h100=0)}, "no GPU with the label"),
        ({"version": {"git": "v1.20.4"}}, "it is Kubernetes v1.20.4, and stack release"),
    ],
)
def test_where_there_can_be_none_it_says_why(seen: dict[str, Any], why: str) -> None:
    with pytest.raises(NoContractError, match=why):
        new_contract(facts(**seen), ASKED, RELEASE)


def test_the_inventory_is_told_whose_credential_it_is() -> None:
    assert credential_root(ASKED) == '  acme: {contracts: [acme-*.yml], directories: ["/home/sre/.byoc"]}'
