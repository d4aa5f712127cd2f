# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cluster is, out of its facts; and a plan as a table, as pictures and in words."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.live import live_state
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.timeline import (
    feasibility_text,
    plan_rows,
    timeline_svg,
    timeline_text,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.status import status_row
from tests.unit.domain.agreed import contract, facts
from tests.unit.domain.raw import H100
from tests.unit.domain.rollout.fleets import NOW, SATURDAY, agreed, alive, request

APPROVAL, FREEZE = "byoc.fireworks.ai/approval", "byoc.fireworks.ai/freeze"
GIVEN = {"by": "ops@acme.example", "digest": "d", "given_at": "2026-11-25T11:00:00+00:00"}


def noted(**notes: str) -> dict[str, Any]:
    annotations = {f"byoc.fireworks.ai/{key}": text for key, text in notes.items()} | {"other/approval": "x"}
    metadata = {"name": "fireworks-system", "annotations": annotations}
    return live_state(contract(), facts(namespaces=[{"metadata": metadata}, {"metadata": {"name": "a"}}]))


@pytest.mark.parametrize(
    ("failed", "told", "owner"),
    [
        ({"msg": "timed\nout"}, "timed out", "customer"),
        ({"msg": "a: 401. Next: renew it.", "what": "401", "owner": "operator"}, "401", "operator"),
        ({"msg": "a: no answer.", "what": "no answer", "owner": "customer"}, "no answer", "customer"),
    ],
)
def test_a_cluster_without_facts_is_offline(failed: dict[str, str], told: str, owner: str) -> None:
    assert live_state(contract(), {}, failed) == {"reachable": False, "error": told, "owner": owner}


def test_a_cluster_without_a_stack() -> None:
    found = live_state(contract(), facts(), durations=[1.0])
    assert found == {
        "reachable": True,
        "error": "",
        "release": None,
        "since": None,
        "unfinished": None,
        "failed": None,
        "kubernetes": "v1.36.2",
        "health": "degraded",
        "problems": ["nothing of ours is there, and its contract has 0 models"],
        "owner": "fireworks",
        "lock": None,
        "identity": "",
        "missing_permissions": [],
        "other_bounds": "",
        "presetup_version": None,
        "frozen": None,
        "emergency": "",
        "durations": [1.0],
        "approvals": [],
        "signature": {"product": {H100: 2}, "kubernetes": {"v1.36.2": 2}},
        "spent": {},
    }


HELD = {"holder": "bob@ctl/7", "purpose": "onboard", "since": "2026-11-25T11:00:00Z", "expires": "2026-11-25T12:20:00Z"}


@pytest.mark.parametrize(
    ("held", "run_id", "holder"),
    [(None, "7", None), (HELD, "", "bob@ctl/7"), (HELD, "17", "bob@ctl/7"), (HELD, "7", None)],
)
def test_who_works_on_a_cluster_unless_it_is_this_run(held: Any, run_id: str, holder: str | None) -> None:
    lock = live_state(contract(), facts(lock=held), run_id=run_id)["lock"]
    assert lock == (holder and {"holder": holder, "purpose": "onboard", "expires_at": "2026-11-25T12:20:00Z"})


ASKED = [
    {"verb": verb, "group": "autoscaling", "resource": "horizontalpodautoscalers", "namespace": "fireworks-system"}
    for verb in ("create", "patch")
]
ANSWERS = [{**each, "allowed": False, "reason": ""} for each in ASKED]
LACKS = "create, patch horizontalpodautoscalers.autoscaling in fireworks-system"


@pytest.mark.parametrize(
    ("answers", "user", "missing"),
    [
        (ANSWERS, "operator", [LACKS]),
        (ANSWERS, "observer", []),
        ([], "operator", []),
        ([{**each, "allowed": True} for each in ANSWERS], "operator", []),
        (ANSWERS[:1], "operator", [LACKS.replace(", patch", "")]),
        ([{"verb": "get", "resource": "pods", "namespace": "a", "allowed": False}], "upgrader", ["get pods in a"]),
    ],
)
def test_what_may_not_be_done(answers: Any, user: str, missing: list[str]) -> None:
    seen = facts(permissions=answers, user=f"system:serviceaccount:fireworks-system:{user}")
    assert live_state(contract(), seen)["missing_permissions"] == missing


@pytest.mark.parametrize(("settled", "health"), [(True, "ready"), (False, "degraded")])
def test_a_cluster_with_a_stack(settled: bool, health: str) -> None:
    component = {"component": "router", "release": "2026.10.0", "ready": 1, "replicas": 2, "settled": settled}
    found = live_state(contract(), {**facts(), "stack": {"release": "2026.10.0", "components": [component]}})
    assert (found["release"], found["health"]) == ("2026.10.0", health)
    assert found["problems"] == ([] if settled else ["router 1/2 ready"])


def sick(name: str, remediation: str = "") -> dict[str, str]:
    return {"node": name, "reason": "cordoned", "remediation": remediation}


SHORT = {"name": "llama", "ready": 1, "replicas": 2, "gpus": 8, "settled": True}
LACKING = {"component": "router", "release": "2026.10.0", "ready": 1, "replicas": 2, "settled": False}


@pytest.mark.parametrize(
    ("problems", "models", "components", "health", "owner"),
    [
        ([sick("gpu-1", "quarantined")], [], [], "ready", "fireworks"),
        ([sick("gpu-1", "handed-over")], [], [], "ready", "customer"),
        ([sick("gpu-1", "drained"), sick("gpu-2")], [], [], "degraded", "fireworks"),
        ([sick("gpu-1", "suspect")], [], [], "degraded", "fireworks"),
        ([sick("gpu-1", "handed-over")], [SHORT], [], "degraded", "customer"),
        ([sick("gpu-1", "quarantined")], [SHORT], [], "degraded", "fireworks"),
        ([sick(f"gpu-{n}", "handed-over") for n in (1, 2)], [], [], "degraded", "customer"),
        ([sick(f"gpu-{n}", "quarantined") for n in (1, 2)], [], [], "degraded", "fireworks"),
        ([sick("gpu-1", "handed-over")], [], [LACKING], "degraded", "fireworks"),
    ],
)
def test_a_quarantined_node_of_several_holds_no_rollout_up_and_one_handed_over_is_the_customers(
    problems: Any, models: Any, components: Any, health: str, owner: str
) -> None:
    nodes = {**facts()["nodes"], "gpu": 2, "problems": problems}
    whole = {**facts(), "nodes": nodes, "models": models, "stack": {"release": "2026.10.0", "components": components}}
    agreed_ = {**contract(), "models": [{"name": one["name"], "replicas": {"min": 2, "max": 2}} for one in models]}
    found = live_state(agreed_, whole)
    assert (found["health"], found["owner"]) == (health, owner), found
    assert status_row(agreed_, whole)["state"] == "degraded", "it is shown all the same"


@pytest.mark.parametrize(
    ("text", "approvals"),
    [
        (json.dumps(GIVEN), [{**GIVEN, "source": "annotation"}]),
        (json.dumps([GIVEN, "x", {**GIVEN, "source": "awx"}]), [{**GIVEN, "source": "annotation"}] * 2),
        ("yes", []),
        ("3", []),
    ],
)
def test_approvals_that_the_customer_set_in_the_cluster(text: str, approvals: list[Any]) -> None:
    assert noted(approval=text)["approvals"] == approvals


@pytest.mark.parametrize(
    ("text", "frozen"),
    [
        ('{"reason": "audit", "until": "2026-12-01T00:00:00+00:00"}',
         {"reason": "audit", "until": "2026-12-01T00:00:00+00:00"}),
        ('{"reason": "audit"}', {"reason": "audit"}),
        ('{"reason": "audit", "until": "Monday"}', {"reason": "audit (until Monday, which is no moment)"}),
        ('{"until": "2026-12-01"}', {"reason": "(until 2026-12-01, which is no moment)"}),
        ("until Anna is back", {"reason": "until Anna is back"}),
        ("true", {"reason": "true"}),
        (" ", None),
    ],
)  # fmt: skip
def test_a_freeze_that_the_customer_set_in_the_cluster(text: str, frozen: dict[str, str] | None) -> None:
    assert noted(freeze=text)["frozen"] == frozen


FLEET = [
    (agreed("c0", "a", "canary"), alive()),
    (agreed("g0", "b & c"), alive()),
    (agreed("g1", "d", windows=[SATURDAY]), alive()),
    (agreed("g2", "e"), alive(reachable=False, error="<timeout>")),
    (agreed("g3", "f", approvals={}), alive()),
]
PLAN = plan(FLEET, request(policy=Policy(wave_percent=100)), NOW, NOW + timedelta(days=1))
NOTHING = plan(FLEET[3:], request(), NOW)


def test_the_picture_in_plain_text() -> None:
    assert timeline_text(PLAN).splitlines() == [
        "2026-11-25 12:00 UTC to 2026-11-28 01:30 UTC; # goes, = after a wait",
        "WAVE  CLUSTER  TURN",
        "----  -------  ------------------------------------------------------------",
        "   1  c0       #",
        "   2  g0       .#",
        "   2  g1       ...........................................................=",
    ]
    assert timeline_text(NOTHING) == ""


def test_the_picture_as_svg() -> None:
    root = ET.fromstring(timeline_svg(PLAN))  # noqa: S314  (our own text)
    space = "{http://www.w3.org/2000/svg}"
    bars = root.findall(f"{space}rect")
    assert [bar.get("fill") for bar in bars] == ["#2f7d4f", "#2f7d4f", "#c78a1a"]
    assert all(float(bar.get("x") or 0) + float(bar.get("width") or 0) <= 902 for bar in bars)
    words = [str(text.text) for text in root.findall(f"{space}text")]
    assert "skip  g2: offline: <timeout>" in words
    assert any(each.startswith("wait  g3: no approval yet") for each in words)
    assert ET.fromstring(timeline_svg(NOTHING)).findall(f"{space}rect") == []  # noqa: S314  (likewise)


def test_a_turn_without_a_time_is_said_in_both_pictures() -> None:
    unknown = {**PLAN, "clusters": [{**row, "ends_at": None} for row in PLAN["clusters"]]}
    assert "nobody knows when" in timeline_text(unknown)
    assert "nobody knows when" in timeline_svg(unknown)


def test_the_table_is_in_the_order_of_the_waves() -> None:
    assert "next" not in plan_rows(plan(FLEET[3:4], request(), NOW))[0]
    rows = plan_rows(PLAN)
    assert [(row["wave"], row["cluster"], row["decision"], row["next"]) for row in rows] == [
        (1, "c0", "go", "now"),
        (2, "g0", "go", "2026-11-25 13:00 UTC"),
        (2, "g1", "wait", "2026-11-28 01:00 UTC"),
        ("-", "g2", "skip", "-"),
        ("-", "g3", "wait", "now"),
    ]


def test_the_outlook_in_words() -> None:
    text = feasibility_text(PLAN)
    assert "2 go, 2 wait, 1 skip." in text
    assert "All that have a time are done by 2026-11-28T01:30:00+00:00." in text
    assert "The deadline 2026-11-26T12:00:00+00:00 does not hold. Late: g1." in text
    assert "In the way of the whole fleet: 2 clusters." in text
    assert "  g2: offline: <timeout>. Action required by: customer (Acme networking <networking@acme.example>)." in text
    good = feasibility_text(plan(FLEET[:1], request(), NOW, NOW + timedelta(days=1)))
    assert "holds." in good
    assert "In the way" not in good
    assert "No cluster can be given a time yet." in feasibility_text(NOTHING)
    assert "has to wait" not in feasibility_text(NOTHING)
