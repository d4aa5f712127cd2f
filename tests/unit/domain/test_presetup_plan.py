# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a security review is shown: each field that would change, and rights in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import PREFIX
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.plan import presetup_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import NEWEST
from tests.unit.domain.agreed import contract

ALL = ["get", "list", "watch"]


def rule(*resources: str, verbs: list[str] = ALL, group: str = "", names: tuple[str, ...] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"apiGroups": [group], "resources": list(resources), "verbs": verbs}
    return {**made, "resourceNames": list(names)} if names else made


def role(*rules: dict[str, Any], kind: str = "Role") -> list[dict[str, Any]]:
    """The observer's role in its namespace, and its binding."""
    metadata = {"name": "fireworks-observer", "labels": {PREFIX + "identity": "observer"}}
    metadata |= {"namespace": "fireworks-system"} if kind == "Role" else {}
    return [
        {"kind": kind, "metadata": metadata, "rules": list(rules)},
        {"kind": kind + "Binding", "metadata": metadata},
    ]


def entries(objects: list[dict[str, Any]], state: str = "same", binding: str = "same", **more: Any) -> dict[str, Any]:
    found = []
    for made in objects:
        metadata = made["metadata"]
        place = {"kind": made["kind"], "name": metadata["name"], "namespace": metadata.get("namespace", "")}
        found.append({**place, "state": binding if made["kind"].endswith("Binding") else state})
    found[0] |= more
    return {"objects": found}


def rights(objects: list[dict[str, Any]], result: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = presetup_plan("acme-eu-1", result, objects, NEWEST)["rights"]
    assert {row["cluster"] for row in rows} <= {"acme-eu-1"}
    return [(row["identity"], row["change"], row["right"], row["where"]) for row in rows]


def difference(field: str, expected: Any, found: Any) -> list[dict[str, Any]]:
    return [{"field": field, "expected": expected, "found": found}]


SYSTEM = "fireworks-system"
PODS = rule("pods", "services")
TOKENS = rule("validatingadmissionpolicies", verbs=["get"], group="admissionregistration.k8s.io", names=("a", "b"))
CASES = {
    "nothing is there": (
        entries(role(PODS), "missing", "missing"),
        [("observer", "gains", "get, list, watch pods, services", SYSTEM)],
    ),
    "only the binding is missing": (
        entries(role(PODS), binding="missing"),
        [("observer", "gains", "get, list, watch pods, services", SYSTEM)],
    ),
    "all is as it should be": (entries(role(PODS)), []),
    "a rule is gone": (
        entries(role(PODS), "differs", differences=difference("rules[0]", PODS, None)),
        [("observer", "gains", "get, list, watch pods, services", SYSTEM)],
    ),
    "all rules are gone": (
        entries(role(PODS), "differs", differences=difference("rules", [PODS], None)),
        [("observer", "gains", "get, list, watch pods, services", SYSTEM)],
    ),
    "somebody added a rule": (
        entries(role(PODS), "differs", differences=difference("rules[1]", None, rule("secrets", verbs=["get"]))),
        [("observer", "loses", "get secrets", SYSTEM)],
    ),
    "somebody widened the verbs": (
        entries(role(PODS), "differs", differences=difference("rules[0].verbs", ALL, ["*"])),
        [
            ("observer", "gains", "get, list, watch pods, services", SYSTEM),
            ("observer", "loses", "* pods, services", SYSTEM),
        ],
    ),
    "somebody narrowed the verbs": (
        entries(role(PODS), "differs", differences=difference("rules[0].verbs", ALL, ["get", "list"])),
        [("observer", "gains", "watch pods, services", SYSTEM)],
    ),
    "the role may not be read": (
        entries(role(PODS), "unreadable"),
        [("observer", "unknown", "Role fireworks-observer or its binding may not be read", SYSTEM)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rights_that_are_gained_or_lost_are_said_in_words(case: str) -> None:
    result, said = CASES[case]
    assert rights(role(PODS), result) == said


def test_a_right_on_some_objects_names_them() -> None:
    objects = role(TOKENS, kind="ClusterRole")
    narrower = difference("rules[0].resourceNames", ["a", "b"], ["a"])
    words = "get validatingadmissionpolicies.admissionregistration.k8s.io, only "
    assert rights(objects, entries(objects, "missing")) == [("observer", "gains", words + "a, b", "the cluster")]
    assert rights(objects, entries(objects, "differs", differences=narrower)) == [
        ("observer", "gains", words + "b", "the cluster")
    ]


def test_a_role_that_is_deleted_takes_all_that_it_grants() -> None:
    leftover = {"kind": "ClusterRole", "namespace": "", "name": "fireworks-node-medic", "state": "extra"}
    result = entries(role(PODS))
    result["objects"].append(leftover)
    [row] = rights(role(PODS), result)
    assert row == ("node-medic", "loses", "everything that ClusterRole fireworks-node-medic grants", "the cluster")


def test_each_object_and_field_has_a_row() -> None:
    objects = [{"kind": "ResourceQuota", "metadata": {"name": "approved-gpus", "namespace": "fireworks-models"}}]
    long = "x" * 400
    result = entries(
        objects, "differs", differences=[*difference("spec.hard", "16", None), *difference("why", [1], long)]
    )
    for state in ("missing", "extra", "unreadable"):
        result["objects"].append({"kind": "Namespace", "namespace": "", "name": state, "state": state})
    rows = presetup_plan("acme-eu-1", result, objects, 1)["changes"]
    assert [(row["object"], row["field"], row["is"], row["will_be"]) for row in rows] == [
        ("ResourceQuota fireworks-models/approved-gpus", "spec.hard", "not there", "16"),
        ("ResourceQuota fireworks-models/approved-gpus", "why", "x" * 300 + "… (render_to writes it whole)", "[1]"),
        ("Namespace missing", "", "missing", "created"),
        ("Namespace extra", "", "there", "deleted"),
        ("Namespace unreadable", "", "unreadable", "unknown"),
    ]


@pytest.mark.parametrize(
    ("applied", "shown", "adds"),
    [(None, "none", "everything"), (1, 1, "fireworks-tokens"), (NEWEST, NEWEST, "nothing")],
)
def test_the_versions_are_compared(applied: int | None, shown: Any, adds: str) -> None:
    [row] = presetup_plan("acme-eu-1", {"objects": []}, [], applied)["versions"]
    assert (row["applied"], row["planned"]) == (shown, NEWEST)
    assert adds in row["adds"]


def test_of_all_prerequisites_every_identity_with_rights_gains_them() -> None:
    objects = presetup_objects(contract())
    found = [
        {
            "kind": o["kind"],
            "name": o["metadata"]["name"],
            "namespace": o["metadata"].get("namespace", ""),
            "state": "missing",
        }
        for o in objects
    ]
    plan = presetup_plan("acme-eu-1", {"objects": found}, objects)
    assert len(plan["changes"]) == len(objects)
    assert {row["change"] for row in plan["rights"]} == {"gains"}
    assert [row["right"] for row in plan["rights"] if "only while you grant it" in row["right"]] == [
        "create pods/eviction, only while you grant it"
    ]
    who = {row["identity"] for row in plan["rights"]}
    assert who == {made["metadata"]["labels"][PREFIX + "identity"] for made in objects if "rules" in made}
