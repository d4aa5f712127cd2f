# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model's credential becomes: a file in its pods, or an account of its own, and what guardrails let in of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.pod_values import pods_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.workloads import workloads_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100

ROLE = "arn:aws:iam::123456789012:role/weights"
GOOGLE = "weights@acme-ml.iam.gserviceaccount.com"
SECRET = {"secret": {"name": "fetch", "key": "file"}}
BY_ROLE = {"workload_identity": {"aws_role": ROLE}}
BY_GOOGLE = {"workload_identity": {"google_service_account": GOOGLE}}


def fetched(uri: str, credential: Any, name: str = "llama", **more: Any) -> dict[str, Any]:
    return model(name, source={"uri": uri, "revision": "1", "credential": credential}, **more)


def pods(asked: dict[str, Any]) -> list[dict[str, Any]]:
    spec = model_objects(contract(models=[asked]), asked, RELEASE)[0]["spec"]
    group = spec.get("leaderWorkerTemplate")
    templates = [group["leaderTemplate"], group["workerTemplate"]] if group else [spec["template"]]
    return [template["spec"] for template in templates]


@pytest.mark.parametrize(
    ("uri", "variable"),
    [
        ("hf://acme/llama", "HF_TOKEN_PATH"),
        ("s3://acme/llama", "AWS_SHARED_CREDENTIALS_FILE"),
        ("gs://acme/llama", "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_secret_is_a_file_of_which_the_software_is_told(uri: str, variable: str, nodes: int) -> None:
    spread = {"gpu": {"product": H100, "per_replica": 2, "nodes": nodes}, "replicas": {"min": 1, "max": 1}}
    found = pods(fetched(uri, SECRET, **spread))
    assert len(found) == nodes
    for pod in found:
        [engine] = pod["containers"]
        assert {"name": variable, "value": "/credential/file"} in engine["env"]
        assert {"name": "credential", "mountPath": "/credential", "readOnly": True} in engine["volumeMounts"]
        mounted = {"name": "credential", "secret": {"secretName": "fetch", "defaultMode": 0o440}}
        assert mounted in pod["volumes"]
        assert pod["serviceAccountName"] == "engine"
        assert not [each for each in engine["env"] if "valueFrom" in each]


def test_without_a_credential_a_pod_is_as_it_was() -> None:
    [pod] = pods(model())
    assert pod["serviceAccountName"] == "engine"
    assert "credential" not in json.dumps(pod)


@pytest.mark.parametrize(
    ("uri", "credential", "annotations"),
    [
        (
            "s3://acme/llama",
            BY_ROLE,
            {
                "eks.amazonaws.com/role-arn": ROLE,
                "eks.amazonaws.com/audience": "sts.amazonaws.com",
                "eks.amazonaws.com/token-expiration": "3600",
            },
        ),
        ("gs://acme/llama", BY_GOOGLE, {"iam.gke.io/gcp-service-account": GOOGLE}),
    ],
)
def test_a_workload_identity_is_an_account_of_the_models_own(
    uri: str, credential: Any, annotations: dict[str, str]
) -> None:
    asked = fetched(uri, credential)
    agreed = contract(models=[asked, model("other")])
    accounts = {
        each["metadata"]["name"]: each
        for each in presetup_objects(agreed)
        if each["kind"] == "ServiceAccount" and each["metadata"]["namespace"] == "fireworks-models"
    }
    assert sorted(accounts) == ["engine", "engine-llama"]
    own = accounts["engine-llama"]
    assert annotations.items() <= own["metadata"]["annotations"].items()
    assert own["automountServiceAccountToken"] is False
    assert not [key for key in accounts["engine"]["metadata"]["annotations"] if "eks" in key or "gke" in key]
    [pod] = pods(asked)
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("engine-llama", False)
    assert "credential" not in json.dumps(pod)


def test_an_account_of_a_model_has_no_rights_and_is_looked_after() -> None:
    agreed = contract(models=[fetched("s3://acme/llama", BY_ROLE)])
    [found] = [each for each in access_expectations(agreed) if each["identity"] == "engine-llama"]
    assert (found["rules"], found["bindings"]) == ([], [])
    assert found["user"] == "system:serviceaccount:fireworks-models:engine-llama"


def test_guardrails_know_exactly_the_contracts_secrets_accounts_and_audiences() -> None:
    agreed = contract(
        models=[
            fetched("hf://acme/a", SECRET, "a"),
            fetched("hf://acme/b", SECRET, "b"),
            fetched("s3://acme/c", BY_ROLE, "c"),
            fetched("gs://acme/d", BY_GOOGLE, "d"),
            model("e"),
        ]
    )
    variables = pods_policy(agreed).variables
    theirs = [f"app.kubernetes.io/part-of=model-{name}" for name in "ab"]
    assert json.loads(variables["secrets"]) == {"fireworks-models": {"fetch": theirs}, "fireworks-system": {}}
    assert json.loads(variables["audiences"]) == {
        "fireworks-models": {"engine-c": "sts.amazonaws.com"},
        "fireworks-system": {},
    }
    [rule] = [each for each in workloads_policy(agreed, []).rules if "accounts that were created" in each.message]
    assert '"fireworks-models": ["engine", "engine-c", "engine-d"]' in rule.expression
