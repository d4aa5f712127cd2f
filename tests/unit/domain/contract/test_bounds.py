# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a contract binds once an administrator has applied it, and how a contract with other bounds is told."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.presetup_check import presetup_rows
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.bounds import (
    bounds_digest,
    bounds_of,
    differing_clauses,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import BOUNDS_ANNOTATION, PRESETUP_ANNOTATION
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.plan import presetup_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import (
    presetup_annotations,
    remembered_bounds,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.bounds import other_bounds
from tests.unit.domain.agreed import contract

WINDOW = {"weekly": ["tue"], "start": "02:00", "duration": "3h", "time_zone": "UTC"}
DROPPED = {"identity": "deployer", "resource": "events", "verbs": ["get"], "namespace": "fireworks-models"}
AGREED = contract() | {"change": {"windows": [WINDOW]}}


def edited(**sections: Any) -> dict[str, Any]:
    return AGREED | sections


CASES: dict[str, tuple[dict[str, Any], list[tuple[str, Any, Any]]]] = {
    "nothing": ({}, []),
    "a model": ({"models": [{"name": "llama"}]}, []),
    "the release": ({"stack": {"release": "2099.1.0"}}, []),
    "a channel instead": ({"stack": {"channel": "stable"}}, []),
    "the credential of another controller": (
        {"access": {**AGREED["access"], "credential": {"token_env": "T"}, "proxy_url": "http://p"}}, [],
    ),
    "a right that is dropped": (
        {"access": {**AGREED["access"], "dropped_rights": [DROPPED]}}, [("access.dropped_rights", None, [DROPPED])],
    ),
    "no right is dropped": ({"access": {**AGREED["access"], "dropped_rights": []}}, []),
    "how long tokens live": (
        {"access": {**AGREED["access"], "token_lifetime": "2h"}}, [("access.token_lifetime", "8h", "2h")],
    ),
    "what holds anyway is said": ({"change": {"windows": [WINDOW], "freezes": []}}, []),
    "one field of a window": (
        {"change": {"windows": [{**WINDOW, "start": "03:00"}]}},
        [("change.windows[0].start", "02:00", "03:00")],
    ),
    "a window more": (
        {"change": {"windows": [WINDOW, WINDOW]}},
        [("change.windows", [WINDOW], [WINDOW, WINDOW])],
    ),
    "a clause more": (
        {"change": {"windows": [WINDOW], "emergency": {"approvers": ["boss@acme.example"]}}},
        [("change.emergency", None, {"approvers": ["boss@acme.example"], "over_freezes": False})],
    ),
    "two clauses": (
        {
            "actions": {**AGREED["actions"], "drain": "auto"},
            "capacity": {"gpus": [{**AGREED["capacity"]["gpus"][0], "count": 32}]},
        },
        [("actions.drain", "approve", "auto"), ("capacity.gpus[0].count", 16, 32)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_clause_that_differs_is_named_and_content_is_none(case: str) -> None:
    sections, expected = CASES[case]
    mine = edited(**sections)
    found = differing_clauses(bounds_of(AGREED), mine)
    assert [(one["clause"], one["recorded"], one["said"]) for one in found] == expected
    words = other_bounds(mine, bounds_of(AGREED))
    assert bool(words) == bool(expected)
    for clause, before, now in expected:
        shown = ["not there" if each is None else json.dumps(each, sort_keys=True)[:80] for each in (before, now)]
        assert f"{clause} {shown[0]}" in words
        assert f"-> {shown[1]}" in words


def test_bounds_survive_the_cluster_and_older_prerequisites_remember_none() -> None:
    notes = presetup_annotations([], contract=AGREED)
    recorded = remembered_bounds(notes)
    assert recorded is not None
    assert bounds_digest(recorded) == bounds_digest(AGREED)
    assert {"models", "stack"}.isdisjoint(recorded)
    assert other_bounds(AGREED, recorded) == ""
    assert BOUNDS_ANNOTATION not in presetup_annotations([], version=1, contract=AGREED)
    assert remembered_bounds(presetup_annotations([], version=1, contract=AGREED)) is None
    assert other_bounds(AGREED, None) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_bounds_that_cannot_be_read_are_nobodys(text: str) -> None:
    words = other_bounds(AGREED, remembered_bounds({BOUNDS_ANNOTATION: text}))
    assert "access" in words
    assert "identity" in words


def test_prerequisites_of_other_bounds_are_stale_and_the_administrator_applies_them() -> None:
    objects = {"counts": {"same": 3, "missing": 0, "differs": 0}, "objects": []}
    there = presetup_annotations([], contract=AGREED)
    found = {**objects, "set": {"state": "same", "annotations": there}}
    assert presetup_rows(found, AGREED, there) == []
    mine = edited(actions={**AGREED["actions"], "drain": "auto"})
    [row] = presetup_rows(found, mine, presetup_annotations([], contract=mine))
    assert (row["object"], row["field"], row["state"]) == (
        "ConfigMap fireworks-system/presetup", "actions.drain", "stale",
    )  # fmt: skip
    assert row["message"] == "actions.drain is approve; it should be auto."
    assert row["command"].startswith("ansible-playbook fireworks.byoc.presetup ")
    [planned] = presetup_plan("acme-eu-1", found, [], 2, mine)["changes"]
    assert (planned["field"], planned["is"], planned["will_be"]) == ("actions.drain", "approve", "auto")
    unnoted = {**found, "set": {"state": "same", "annotations": {PRESETUP_ANNOTATION: there[PRESETUP_ANNOTATION]}}}
    [row] = presetup_rows(unnoted, AGREED, there)
    assert row["message"] == "bounds is gone; it should be recorded."
    assert presetup_rows(unnoted, AGREED, presetup_annotations([], version=1, contract=AGREED)) == []


def test_nothing_of_the_contract_is_changed_by_comparing() -> None:
    mine = edited()
    kept = copy.deepcopy(mine)
    differing_clauses(bounds_of(AGREED), mine)
    assert mine == kept
