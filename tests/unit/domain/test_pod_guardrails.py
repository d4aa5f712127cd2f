# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guardrails of pods are compiled from. Whether they hold is asked of a real server, in tests/integration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.pod_fields import POD_FIELDS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import jobs_of
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100

OURS = ("fireworks-pod-fields", "fireworks-pods", "fireworks-replicas")


def policies(version: int = 2, **sections: Any) -> dict[str, dict[str, Any]]:
    objects = guardrail_objects(contract(**sections), version=version)
    return {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "ValidatingAdmissionPolicy"}


def variable(name: str, policy: str = "fireworks-pods", **sections: Any) -> str:
    return str(next(each["expression"] for each in policies(**sections)[policy]["variables"] if each["name"] == name))


def test_the_second_version_brings_them() -> None:
    assert set(OURS) <= set(policies())
    assert not set(OURS) & set(policies(version=1))


@pytest.mark.parametrize("kind", POD_FIELDS)
def test_each_field_is_named_once(kind: str) -> None:
    named = POD_FIELDS[kind].named
    assert len(named) == len(set(named))
    assert POD_FIELDS[kind].at


def test_each_field_that_is_allowed_with_a_rule_has_one() -> None:
    """By a type of its own in the table, or by a rule about its content."""
    below = {
        step.removesuffix("[]") for fields in POD_FIELDS.values() for path in fields.at for step in path.split(".")
    }
    rules = json.dumps([policies()[name] for name in ("fireworks-pods", "fireworks-workloads")])
    for kind, fields in POD_FIELDS.items():
        for name in fields.ruled.split():
            assert name in below or re.search(rf"\b{name}\b", rules), f"{kind}.{name}: nothing rules it"


@pytest.mark.parametrize(
    "asked",
    [
        model(),
        model(weights_cache={"claim": "staged", "stage": True}),
        model(weights_cache={"claim": "cache"}, source={"uri": "pvc://weights/a", "revision": "1"}),
        model(source={"uri": "hf://a/b", "revision": "1", "credential": {"secret": {"name": "hub", "key": "token"}}}),
        model(gpu={"product": H100, "per_replica": 16, "nodes": 2}, replicas={"min": 1, "max": 1}),
    ],
    ids=["plain", "staged", "with claims", "with a credential", "on two nodes"],
)
@pytest.mark.parametrize("provider", ["aws", "openshift"])
def test_no_field_of_a_models_pod_is_refused(asked: dict[str, Any], provider: str) -> None:
    agreed = contract(models=[asked], identity={"provider": provider})
    unit = model_objects(agreed, asked, RELEASE)
    made = unit[0]["spec"]
    templates = made.get("leaderWorkerTemplate") or {"template": made["template"]}
    templates = {**templates, **{job["metadata"]["name"]: job["spec"]["template"] for job in jobs_of(unit)}}
    pods = [each["spec"] for each in templates.values() if isinstance(each, Mapping)]
    assert pods
    for pod in pods:
        for kind, fields in POD_FIELDS.items():
            for path in fields.at:
                for one in below(pod, path):
                    assert set(one) <= set(fields.allowed), f"{kind} at {path}"


def below(pod: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """The objects at a path of the table."""
    root, *steps = path.split(".")
    found: Iterable[Any] = [pod] if root == "pods" else [] if root == "debuggers" else _containers(pod)
    for step in steps:
        key, is_list, _end = step.partition("[]")
        each = [one[key] for one in found if key in one]
        found = [one for many in each for one in many] if is_list else each
    return list(found)


def _containers(pod: Mapping[str, Any]) -> list[Any]:
    return [*pod["containers"], *pod.get("initContainers", ())]


def test_claims_are_those_of_the_models_and_only_caches_are_written_to() -> None:
    models = [
        model("a", source={"uri": "pvc://weights/a", "revision": "1"}, weights_cache={"claim": "cache"}),
        model("b", adapters=[{"name": "x", "source": "pvc://adapters/x"}]),
        model("c", source={"uri": "pvc://cache/c", "revision": "1"}),
        model("d", weights_cache={"claim": "staged", "stage": True}),
    ]
    found = json.loads(variable("claims", models=models))
    writers = {"adapters": "nobody", "cache": "pods", "staged": "jobs", "weights": "nobody"}
    assert found == {"fireworks-models": writers, "fireworks-system": {}}
    assert json.loads(variable("claims")) == {"fireworks-models": {}, "fireworks-system": {}}


def test_the_only_secrets_of_the_stack_are_those_of_the_receivers_of_alerts() -> None:
    events = {"url": "https://e.example/a", "token_secret": {"name": "byoc-events", "key": "token"}}
    found = json.loads(variable("secrets", health={"events": events}))
    assert found == {"fireworks-models": {}, "fireworks-system": {"byoc-events": []}}
    pager = {"name": "pager", "pagerduty": {"routing_key_secret": {"name": "keys", "key": "routing-key"}}}
    told = {"receivers": [pager], "default_receiver": "pager"}
    found = json.loads(variable("secrets", health={"events": events}, alerts=told))
    assert found == {"fireworks-models": {}, "fireworks-system": {"byoc-events": [], "keys": []}}
    assert json.loads(variable("secrets")) == {"fireworks-models": {}, "fireworks-system": {}}


@pytest.mark.parametrize(("provider", "allowed"), [("openshift", True), ("aws", False)])
def test_only_openshift_labels_pods_for_selinux(provider: str, allowed: bool) -> None:
    said = variable("ofPodSecurityContext", "fireworks-pod-fields", identity={"provider": provider})
    assert ("seLinuxOptions" in said) is allowed


def test_a_refusal_of_replicas_names_the_number() -> None:
    [rule] = policies(scaling={"max_replicas_per_model": 7})["fireworks-replicas"]["validations"]
    assert rule["message"] == "A model has at most 7 replicas (scaling.max_replicas_per_model)."


@pytest.mark.parametrize("name", OURS)
def test_each_refusal_names_a_clause(name: str) -> None:
    for each in policies()[name]["validations"]:
        assert re.search(r"\((access|actions|capacity|compliance|health|models|scaling)[.:,)]", each["message"])


@pytest.mark.parametrize("name", OURS[:2])
def test_a_declared_account_of_a_node_agent_would_be_exempt(name: str) -> None:
    for each in policies()[name]["validations"]:
        assert each["expression"].startswith("variables.privileged || ")
