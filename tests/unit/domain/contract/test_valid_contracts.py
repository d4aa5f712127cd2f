# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a valid contract becomes."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    connection_as,
    connection_of,
    contract_digest,
    load_contract,
    parse_contract,
)
from tests.unit.domain.contract.contracts import EXAMPLE, EXAMPLES, GONE, H100, example, loaded, model

TOKEN = {
    "access.credential": {"token_env": "ACME_TOKEN"},
    "access.server": "https://api.acme.example:6443",
    "access.ca_file": "ca.pem",
}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_valid(file: Path) -> None:
    contract = parse_contract(file.read_bytes(), path=str(file))
    assert contract["identity"]["name"] == file.stem


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_contract_with_its_defaults_is_valid_and_stays_the_same(file: Path) -> None:
    contract = parse_contract(file.read_bytes(), path=str(file))
    assert load_contract(contract, path=str(file)) == contract


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_contract_read_by_yaml_1_1_is_the_same(file: Path) -> None:
    raw = file.read_bytes()
    assert load_contract(yaml.safe_load(raw), path=str(file)) == parse_contract(raw, path=str(file))


def test_what_is_not_said_has_a_safe_default() -> None:
    contract = loaded(
        {
            "identity.ring": GONE,
            "identity.labels": GONE,
            "access.mode": GONE,
            "scaling.scale_to_zero": GONE,
            "change": GONE,
            "actions": GONE,
            "contacts.escalation": GONE,
            "compliance": GONE,
            "networking": GONE,
            "models": GONE,
        }
    )
    assert contract["identity"]["ring"] == "general"
    assert contract["identity"]["labels"] == {}
    assert contract["access"]["mode"] == "standard"
    assert contract["scaling"]["scale_to_zero"] is False
    assert contract["change"] == {
        "windows": [],
        "freezes": [],
        "approvals": {
            "stack_upgrade": "required",
            "model_change": "required",
            "approvers": [],
            "valid_for": "7d",
        },
    }
    assert set(contract["actions"].values()) == {"never"}
    assert sorted(contract["actions"]) == ["cordon", "drain", "gpu_reset", "reboot", "replace", "restart_plugin"]
    assert contract["contacts"]["escalation"] == []
    assert contract["compliance"] == {
        "registries": [],
        "regions": [],
        "pod_security": "restricted",
        "egress": [],
        "digests_required": True,
        "overflow": False,
    }
    assert contract["networking"] == {}
    assert contract["models"] == []


def test_a_model_is_served_under_its_own_name_with_defaults() -> None:
    contract = loaded({"models.0.served_name": GONE, "models.0.priority": GONE, "models.0.load_timeout": GONE})
    served = contract["models"][0]
    assert (served["served_name"], served["priority"], served["load_timeout"]) == ("llama-3-1-8b", "standard", "20m")


def test_loading_leaves_the_data_alone_and_shares_nothing_with_the_next_contract() -> None:
    data = example({"change": GONE})
    first = load_contract(data, path="a.yml")
    first["change"]["windows"].append("mine")
    assert "change" not in data
    assert load_contract(data, path="a.yml")["change"]["windows"] == []


def test_dates_that_yaml_made_of_a_freeze_are_taken_as_they_were_written() -> None:
    contract = loaded(
        {
            "change.freezes.0.from": datetime.date(2026, 12, 18),
            "change.freezes.0.until": datetime.datetime(2027, 1, 4, 6, 0),  # noqa: DTZ001
        }
    )
    assert contract["change"]["freezes"][0]["from"] == "2026-12-18"
    assert contract["change"]["freezes"][0]["until"] == "2027-01-04T06:00:00"


@pytest.mark.parametrize(
    "changes",
    [
        {"stack": {"channel": "stable"}},
        {"models": []},
        {"compliance.regions": []},
        {**TOKEN, "access.server": "https://10.0.0.1:6443"},
        {**TOKEN, "access.server": "https://[2001:db8::1]:6443/k8s/clusters/c-1"},
        {**TOKEN, "access.proxy_url": "http://proxy.example:3128"},
        {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"secret": "path"}}}},
        {"models.0.replicas.min": 0},
        {"models.1": model("second", replicas={"min": 1, "max": 1})},
        {"compliance.egress": ["2001:db8::/32", "10.0.0.1/32"]},
        {"compliance.registries": ["localhost:5000", "ghcr.io/a/b_c"]},
        {
            "change.windows.0": {
                "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=1",
                "from": "2026-01-05",
                "duration": "1h",
                "time_zone": "UTC",
            }
        },
        {"change.windows.0": {"rrule": "RRULE:freq=daily;byhour=3", "duration": "1h30m", "time_zone": "Asia/Tokyo"}},
    ],
    ids=str,
)
def test_it_accepts(changes: dict[str, Any]) -> None:
    assert loaded(changes)


def test_all_approved_gpus_may_be_used() -> None:
    assert loaded({"capacity.gpus.0.count": 4, "scaling.max_gpus_per_model": 4, "models.0.replicas.min": 4})
    assert loaded()["capacity"]["gpus"] == [{"product": H100, "count": 32}]


def test_the_digest_is_stable_and_knows_every_value_but_not_the_order() -> None:
    contract = loaded()
    assert contract_digest(contract) == contract_digest(dict(reversed(contract.items())))
    assert contract_digest(contract) != contract_digest(loaded({"capacity.gpus.0.count": 31}))
    assert contract_digest({"b": 1, "a": "é"}) == hashlib.sha256(rb'{"a":"\u00e9","b":1}').hexdigest()
    assert json.loads(json.dumps(contract)) == contract


def test_a_connection_has_what_the_contract_gives_and_nothing_else() -> None:
    contract = parse_contract(EXAMPLE.read_bytes(), path="x")
    contract["access"]["credential"] = {"kubeconfig_file": "secrets/../acme.kubeconfig"}
    assert connection_of(contract, base_dir="/fleet/clusters") == {
        "cluster_name": "acme-eu-1",
        "cluster_uid": "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11",
        "kubeconfig_file": "/fleet/clusters/secrets/../acme.kubeconfig",
        "context": "acme-eu-1",
    }


def test_a_connection_by_token_has_its_server_and_how_to_trust_it() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n"
    contract = loaded(
        {
            "access": {
                "credential": {"token_env": "ACME_TOKEN"},
                "server": "https://api.acme.example:6443",
                "ca_cert": certificate,
                "tls_server_name": "api.acme.example",
                "proxy_url": "http://proxy.acme.example:3128",
            }
        }
    )
    connection = connection_of(contract, base_dir="/fleet")
    assert connection["token_env"] == "ACME_TOKEN"
    assert connection["server"] == "https://api.acme.example:6443"
    assert connection["ca_cert"] == certificate
    assert connection["tls_server_name"] == "api.acme.example"
    assert connection["proxy_url"] == "http://proxy.acme.example:3128"


def test_a_path_in_the_home_directory_is_left_to_whoever_reads_the_file() -> None:
    assert connection_of(loaded(), base_dir="/fleet")["kubeconfig_file"] == "~/.byoc/acme-eu-1.kubeconfig"


def test_as_somebody_else_nothing_of_the_contracts_credential_is_left() -> None:
    named = {"cluster_name": "acme", "cluster_uid": "0f5c", "token_file": "t", "server": "https://a", "context": "c"}
    assert connection_as(named, "admin") == {"cluster_name": "acme", "cluster_uid": "0f5c", "kubeconfig_file": "admin"}
    assert connection_as(named, "admin", "prod")["context"] == "prod"
    assert connection_as(named, "") == named


def test_as_somebody_else_what_kubeconfigs_may_run_and_read_is_the_same() -> None:
    allowed = {"exec_plugins": {"aws": ["AWS_PROFILE"]}, "credential_directories": ["/byoc/acme"]}
    assert connection_as({"token": "t", **allowed}, "admin") == {**allowed, "kubeconfig_file": "admin"}
