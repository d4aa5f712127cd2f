# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run, as machines read it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import RESULTS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.run_result import run_result, steps_taken
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import every_outcome, failure, success
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.actions import ACTIONS
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result

NOW = "2026-11-28T10:00:31Z"
WRITTEN = [{"kind": "Pod", "namespace": "x", "name": "a", "action": "evicted"}]


def contract(name: str) -> dict[str, Any]:
    person = {"name": "Acme", "email": "acme@acme.example"}
    return {"identity": {"name": name, "customer": "acme"}, "contacts": {"account": person}}


def result(*outcomes: dict[str, Any], reports: Any = (), **more: Any) -> dict[str, Any]:
    return run_result(outcomes, reports, playbook="onboard", run="7", check_mode=False, now=NOW, **more)


def test_every_outcome_fits_the_schema() -> None:
    broke = failed_result(error="E", code="unreachable", what="x", owner="customer", next_step="y")
    a, b, c, d = (contract(name) for name in "abcd")
    outcomes = every_outcome([a, b, c, d], [success(a, written=WRITTEN), failure(b, broke, "Apply"), {}, ""])
    outcomes[0] |= {
        "started": "2026-11-28T10:00:00Z",
        "ended": NOW,
        "steps": steps_taken([{"name": "s", "result": {}}]),
    }
    rows = [{"cluster": "a", "ready": 2}]
    found = result(*outcomes, reports=[{"title": "Models", "rows": rows}, {"text": "said"}, {"title": "empty"}])
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(found)))
    assert (found["result"], found["started"], found["seconds"]) == ("failed", "2026-11-28T10:00:00Z", 31)
    assert found["clusters"][0]["counts"] == [{"kind": "Pod", "action": "evicted", "count": 1}]
    assert found["clusters"][1]["contact"]["email"] == "acme@acme.example"
    assert [one["title"] for one in found["reports"]] == ["Models", ""]


def test_the_schema_is_one_and_knows_every_result() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]["result"]["enum"]) == set(RESULTS)
    written = SCHEMA["properties"]["clusters"]["items"]["properties"]["written"]["items"]
    assert written["properties"]["action"]["enum"] == list(ACTIONS)


@pytest.mark.parametrize(
    ("results", "worst"),
    [
        ("", "passed"),
        ("passed unproven", "unproven"),
        ("done unchanged", "done"),
        ("done waiting", "waiting"),
        ("refused failed done", "failed"),
        ("not_begun waiting", "not_begun"),
    ],
)
def test_the_worst_result_is_that_of_the_run(results: str, worst: str) -> None:
    outcomes = [success(contract("a")) | {"result": each} for each in results.split()]
    assert result(*outcomes)["result"] == worst


REFUSED = failed_result(error="E", code="no_clusters_named", what="none is named", next_step="name them")
SAID = ("no_clusters_named", "operator", "none is named", "name them")
AGAIN = "correct what this names, and run this again"


@pytest.mark.parametrize(
    ("failed", "reports", "ending"),
    [
        (REFUSED, [], ("refused", *SAID)),
        (REFUSED, [{"text": "a table"}], ("failed", *SAID)),
        (
            {"msg": "there is no release 1"},
            [],
            ("failed", "task_failed", "operator", "Plan: there is no release 1", AGAIN),
        ),
        ({"results": [{"failed": False}, REFUSED]}, [], ("refused", *SAID)),
    ],
)
def test_a_run_that_ends_before_any_cluster_has_its_turn_says_why(
    failed: dict[str, Any], reports: list[dict[str, str]], ending: tuple[str, ...]
) -> None:
    found = result(reports=reports, failed=failed, task="Plan")
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert tuple(found[key] for key in ("result", "code", "owner", "what", "next_step")) == ending
    assert found["clusters"] == []


def test_steps_say_how_far_a_run_came() -> None:
    stages = [
        {"name": "preflight", "result": {"changed": False}},
        {"name": "prerequisites", "result": {}},
        {"name": "stack", "result": {"skipped": True}},
        {"name": "models", "result": {"failed": True}, "note": "0/1"},
        {"name": "validation", "result": {}},
    ]
    assert [(step["name"], step["state"], step["note"]) for step in steps_taken(stages)] == [
        ("preflight", "done", ""), ("models", "failed", "0/1"), ("validation", "not_begun", "")
    ]  # fmt: skip
