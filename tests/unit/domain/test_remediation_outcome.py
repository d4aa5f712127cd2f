# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How remediation ended for a cluster, who approved it, and what to paste where somebody has to."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.outcome import (
    remediation_clause,
    remediation_outcome,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approving import Given, approving_turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import (
    approvable,
    approvals_request,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import unfinished
from tests.unit.domain.agreed import contract

NEXT = "2026-11-28T02:00:00+00:00"


def step(do: str, node: str = "gpu-1", **more: Any) -> dict[str, Any]:
    said = {"node": node, "do": do, "why": f"why {do}", "goal": "reboot", "session": "s-1", "owner": "fireworks"}
    return {
        **said,
        "state": "quarantined",
        "code": "",
        "next_at": "",
        "digest": "",
        "approved_by": "",
        "blockers": [],
        **more,
    }


def taken(do: str, *, changed: bool = True, **more: Any) -> dict[str, Any]:
    said = {"changed": changed, "failed": False, "conflict": False, "result": ""}
    return {**step(do), **said, **more}


FAILED = taken("drain", failed=True, result="a budget lets no pod go")
CONFLICT = taken("quarantine", changed=False, conflict=True, result="somebody else changed it")


def blocked(code: str, node: str, owner: str = "") -> dict[str, Any]:
    return {"object": node, "code": code, "what": f"why {code}", "owner": owner, "contact": {}}


MISSING = {"code": "approval", "owner": "customer", "digest": "a" * 64, "why": "the drain waits: no approval yet"}
ASKS = step("wait", **MISSING, blockers=[blocked("approval", "gpu-1", "customer"), blocked("budget", "gpu-1")])
SHUT = step(
    "wait", "gpu-2", code="outside_window", owner="", next_at=NEXT, blockers=[blocked("outside_window", "gpu-2")]
)
SPENT = step(
    "wait",
    "gpu-4",
    code="error_budget",
    digest="d" * 64,
    blockers=[blocked("error_budget", "gpu-4", "fireworks")],
)
KEPT = step("hand_over", code="not_safe", owner="customer", why="the last node of llama")
PENDING = {**step("repair"), "changed": False, "result": "pending"}


@pytest.mark.parametrize(
    ("done", "steps", "result", "code", "owner"),
    [
        ([], [], "passed", "passed", ""),
        ([], [step("observe")], "unchanged", "unchanged", ""),
        ([], [step("wait", owner="customer")], "unchanged", "unchanged", "customer"),
        ([taken("hand_over")], [step("repair"), step("wait", "gpu-2", owner="customer")], "done", "done", "customer"),
        ([taken("quarantine")], [step("repair")], "done", "done", ""),
        ([taken("quarantine"), PENDING], [step("repair")], "done", "done", ""),
        ([FAILED], [step("drain")], "failed", "step_failed", "fireworks"),
        ([{**FAILED, "blocked_by": ["fireworks-models/llama"]}], [], "failed", "drain_blocked", "fireworks"),
        (
            [{**FAILED, "held_by_node": {"fireworks-models/llama-0": "silent"}}],
            [],
            "failed",
            "node_unreachable",
            "fireworks",
        ),
        ([taken("repair", failed=True, result="it timed out")], [], "failed", "repair_failed", "fireworks"),
        ([FAILED, taken("drain")], [], "done", "done", ""),
        ([FAILED], [ASKS], "failed", "step_failed", "fireworks"),
        ([CONFLICT], [step("quarantine")], "waiting", "changed_meanwhile", "fireworks"),
        ([CONFLICT, taken("quarantine")], [], "done", "done", ""),
        ([taken("quarantine")], [SHUT, ASKS], "waiting", "approval", "customer"),
        ([], [SHUT], "waiting", "outside_window", ""),
        ([], [SHUT, SPENT], "waiting", "error_budget", "fireworks"),
        ([], [KEPT], "waiting", "not_safe", "customer"),
        ([], [KEPT, ASKS], "waiting", "approval", "customer"),
    ],
)
def test_how_it_ended(done: Any, steps: Any, result: str, code: str, owner: str) -> None:
    found = remediation_outcome(contract(), done, steps)
    assert (found["result"], found["code"], found["owner"]) == (result, code, owner)
    assert (found["contact"]["email"] != "") == (owner == "customer")
    fine = result in ("done", "unchanged", "passed")
    assert unfinished([found]) == ([] if fine or result == "waiting" else [found["cluster"]])
    assert unfinished([found], "waiting") == ([] if fine else [found["cluster"]])


def test_a_node_that_was_handed_over_is_open_until_the_customer_returns_it() -> None:
    found = remediation_outcome(contract(), [taken("hand_over")], [step("wait", owner="customer")])
    assert found["next_step"].endswith(
        "kubectl uncordon gpu-1 && kubectl taint node gpu-1 byoc.fireworks.ai/quarantined-"
    )
    assert found["what"] == "gpu-1: wait, why wait"


def test_a_window_says_when_and_check_mode_that_it_would() -> None:
    assert remediation_outcome(contract(), [], [SHUT])["next_at"] == NEXT
    assert remediation_outcome(contract(), [taken("quarantine")], [], check_mode=True)["result"] == "would_change"


def test_all_that_holds_its_nodes_is_told_node_by_node() -> None:
    found = remediation_outcome(contract(), [], [SHUT, ASKS])
    told = [("gpu-1", "approval"), ("gpu-1", "budget"), ("gpu-2", "outside_window")]
    assert [(one["object"], one["code"]) for one in found["blockers"]] == told


def test_the_record_names_who_approved_what_by_which_digest_once() -> None:
    approved = taken("mark", approved_by="boss@acme.example", digest="a" * 64)
    clause = remediation_clause(contract(), [taken("quarantine"), approved, {**approved, "do": "drain"}, PENDING])
    said = f"; drain of gpu-1 approved by boss@acme.example (digest {'a' * 64})"
    assert clause == remediation_clause(contract(), []) + said


def test_all_that_waits_for_an_approval_is_one_option_to_paste() -> None:
    assert approvals_request(contract(), [SHUT, step("repair")], NEXT, "remediate") == ""
    whole = {**contract(), "change": {"approvals": {"approvers": ["boss@acme.example", "ops@acme.example"]}}}
    in_cluster = approvals_request(whole, [ASKS], NEXT, "hand_over_nodes")
    command = "ansible-playbook fireworks.byoc.approve -i <inventory> -e clusters=acme-eu-1"
    given = "-e digest=aaaaaaaaaaaa -e approved_by=boss@acme.example -e admin_kubeconfig=<path>"
    [line] = in_cluster.splitlines()[1:]
    assert line == f"  drain of gpu-1: {command} -e operation=hand_over_nodes {given}"
    whole["change"]["approvals"]["sources"] = ["cluster", "awx"]
    restart = {**ASKS, "node": "gpu-3", "goal": "restart_pod", "session": "", "state": "", "digest": "b" * 64}
    given = approvals_request(whole, [ASKS], NEXT, "remediate", "-e @<remediate_findings>")
    assert "-e operation=remediate -e @<remediate_findings> -e digest=" in given
    text = approvals_request(whole, [ASKS, SHUT, restart], NEXT, "remediate")
    assert "one of boss@acme.example, ops@acme.example approves" in text
    by = {"by": "boss@acme.example", "given_at": NEXT}
    assert json.loads(text.partition("-e '")[2].partition("'")[0])["approvals"] == [
        {**by, "digest": "a" * 12, "node": "gpu-1", "goal": "reboot", "session": "s-1"},
        {**by, "digest": "b" * 12, "node": "gpu-3", "goal": "restart_pod"},
    ]
    assert [each.strip().partition(":")[0] for each in text.splitlines()[-2:]] == [
        "drain of gpu-1",
        "restart pod of gpu-3",
    ]


@pytest.mark.parametrize(
    ("one", "reboot", "words"),
    [
        ({"state": "quarantined"}, "never", "drain of gpu-1"),
        ({"state": "quarantined"}, "approve", "drain of gpu-1 and its reboot"),
        ({"state": "quarantined"}, "auto", "drain of gpu-1 and its reboot"),
        ({"state": "quarantined", "goal": "human"}, "auto", "drain of gpu-1"),
        ({"state": "drained"}, "approve", "reboot of gpu-1"),
        ({"state": "", "goal": "quarantine"}, "never", "quarantine of gpu-1"),
        ({"state": "", "do": "quarantine"}, "auto", "quarantine of gpu-1"),
        ({"state": "asked", "goal": "hand_over"}, "never", "drain of gpu-1, to hand it over"),
    ],
)
def test_what_is_approved_is_told_exactly(one: dict[str, str], reboot: str, words: str) -> None:
    agreed = {**contract(), "actions": {"drain": "approve", "reboot": reboot}}
    waits = {**ASKS, **one}
    assert approvable(agreed, [waits], "a" * 12)["does"] == [words]
    assert f"  {words}: ansible-playbook" in approvals_request(
        {**agreed, "change": {"approvals": {"approvers": ["boss@acme.example"]}}}, [waits], NEXT, "remediate"
    )


def test_a_drain_that_waits_for_an_error_budget_says_how_a_person_lets_it_go() -> None:
    found = remediation_outcome(contract(), [], [SPENT])
    assert found["next_step"].startswith("find out why requests fail first, or have the drain approved all the same")
    assert f"-e digest={'d' * 12}" in approvals_request(contract(), [SHUT, SPENT], NEXT, "remediate")


def test_what_is_never_done_is_not_to_be_approved() -> None:
    never = {**ASKS, "code": "never", "blockers": [blocked("never", "gpu-1", "customer")]}
    assert approvable(contract(), [never], "a" * 12)["digest"] == ""


def test_a_step_of_a_node_is_approved_by_its_digest_and_all_are_told_where_it_is_of_none() -> None:
    agreed = {**contract(), "change": {"approvals": {"approvers": ["boss@acme.example"], "node_action": "none"}}}
    steps = [SHUT, ASKS, {**ASKS, "node": "gpu-3", "digest": "b" * 64}]

    def approving(digest: str) -> dict[str, Any]:
        given = Given("remediate", digest, "boss@acme.example")
        return approving_turn(agreed, approvable(agreed, steps, digest), given, datetime.fromisoformat(NEXT))

    found = approving("b" * 12)
    assert (found["decision"], found["what"]) == ("go", "drain of gpu-3")
    assert (found["approval"]["digest"], found["approval"]["versions"]) == ("b" * 64, [])
    other = approving("c" * 12)
    assert (other["code"], other["what"]) == ("other_digest", "drain of gpu-1; drain of gpu-3")
    assert "fireworks.byoc.remediate --check" in other["next_step"]
    assert approvable(agreed, [SHUT], "b" * 12)["digest"] == ""
