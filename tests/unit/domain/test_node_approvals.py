# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of actions on nodes: approvals, windows, freezes and emergencies, as rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import shown_moment
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation import drained, reported
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import Emergency
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Given
from tests.unit.domain.sick_nodes import (
    ALL_AUTO,
    ASKED,
    BOSS,
    NOW,
    SRE,
    Manifest,
    after,
    approved,
    asking,
    contract,
    finding,
    in_state,
    node,
    plan,
    said,
)


@pytest.mark.parametrize(
    ("actions", "node_action", "do", "words"),
    [
        ({"drain": "never"}, None, "hand_over", "actions.drain is never"),
        ({"drain": "never"}, "required", "hand_over", "actions.drain is never"),
        ({"drain": "approve"}, None, "wait", f"{BOSS} approves digest"),
        ({"drain": "approve"}, "none", "wait", f"{BOSS} approves digest"),
        ({"drain": "auto"}, "required", "wait", f"{BOSS} approves digest"),
        ({"drain": "auto"}, None, "drain", "floor"),
        ({"drain": "auto"}, "none", "drain", "floor"),
    ],
)
def test_a_drain_as_the_contract_says(actions: Manifest, node_action: str | None, do: str, words: str) -> None:
    agreed = contract(actions={**ALL_AUTO, **actions}, change=asking(node_action))
    step = plan(in_state("quarantined"), agreed=agreed, seen=ASKED)
    assert step.do == do
    assert words in step.why
    assert (step.code == "approval") == (len(step.digest) == 64) == (do == "wait")


def test_a_drain_that_was_approved_says_so_on_the_node_before_it_begins() -> None:
    agreed = contract(change=asking("required"))
    it = in_state("quarantined")
    waits = plan(it, agreed=agreed, seen=ASKED)
    seen = approved(waits, node="gpu-1", goal="reboot", session="s-1")
    marks = plan(it, agreed=agreed, seen=seen)
    assert (marks.do, marks.approved_by, marks.digest) == ("mark", BOSS, waits.digest)
    it = after(it, marks)
    assert (said(it)["approved-by"], said(it)["approval"], said(it)["state"]) == (BOSS, waits.digest, "quarantined")
    drains = plan(it, agreed=agreed, seen=seen)
    assert (drains.do, drains.approved_by, drains.digest) == ("drain", BOSS, waits.digest)
    assert plan(it, agreed=agreed, seen=ASKED).do == "wait", "what the node says approves nothing"
    it = after(it, replace(drains, patch=drained(it, NOW).patch))
    repairs = plan(it, agreed=agreed, seen=seen)
    assert (repairs.do, repairs.goal, repairs.approved_by) == ("repair", "reboot", BOSS)
    assert said(after(it, repairs))["approval"] == waits.digest


@pytest.mark.parametrize(
    ("it", "now_other", "told"),
    [
        ("quarantined", {"session": "s-2"}, "session s-1"),
        ("quarantined", {"goal": "replace"}, "goal reboot"),
        ("quarantined", {"name": "gpu-2"}, "no approval yet"),
    ],
)
def test_an_approval_is_for_one_repair_of_one_node_in_one_session(it: str, now_other: Manifest, told: str) -> None:
    agreed = contract(change=asking("required"))
    about = {"node": "gpu-1", "goal": "reboot", "session": "s-1"}
    seen = approved(plan(in_state(it), agreed=agreed, seen=ASKED), **about)
    other = plan(in_state(it, **now_other), agreed=agreed, seen=seen)
    assert (other.do, other.code) == ("wait", "approval")
    assert told in other.why


def test_after_a_failed_repair_the_next_one_is_approved_by_itself() -> None:
    agreed = contract(change=asking("required"))
    seen = approved(plan(in_state("drained"), agreed=agreed, seen=ASKED))
    it = after(in_state("drained"), plan(in_state("drained"), agreed=agreed, seen=seen))
    it = after(it, reported(it, "failed", "", NOW))
    stronger = plan(it, agreed=agreed, seen=seen)
    assert (stronger.do, stronger.goal, stronger.code) == ("wait", "replace", "approval")
    by_itself = contract(change=asking("required"), actions={**ALL_AUTO, "replace": "approve"})
    assert plan(it, agreed=by_itself, seen=approved(stronger)).do == "wait", "another contract"
    repairs = plan(it, agreed=agreed, seen=approved(stronger))
    assert said(after(it, repairs))["approval"] == stronger.digest


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": SRE}, "somebody else approves it"),
        ({"by": "eve@acme.example"}, "not by one of those who may"),
        ({"by": ""}, "does not say who gave it"),
        ({"digest": "f" * 64}, "it names ffffffffffff"),
        ({"node": "gpu-2"}, "is for node gpu-2, and its digest for node gpu-1"),
        ({"given_at": "2020-01-01T00:00:00Z"}, "expired"),
    ],
)
def test_what_approves_nothing_says_why(given: Manifest, words: str) -> None:
    agreed = contract(change=asking("required"))
    it = in_state("quarantined")
    step = plan(it, agreed=agreed, seen=approved(plan(it, agreed=agreed, seen=ASKED), **given))
    assert (step.do, step.code) == ("wait", "approval")
    assert words in step.why


def test_nobody_asks_and_so_nobody_can_approve() -> None:
    agreed = contract(change=asking("required"))
    step = plan(in_state("quarantined"), agreed=agreed)
    assert (step.code, step.owner) == ("approval", "operator")
    assert "-e requested_by=" in step.why


TOMORROW = {"weekly": ["sun"], "start": "02:00", "duration": "4h", "time_zone": "UTC"}
STOCKTAKING = {"from": "2026-01-01", "until": "2028-01-01", "time_zone": "UTC", "reason": "stocktaking"}
OVER_ALL = {"emergency": {"approvers": [BOSS], "over_freezes": True}}


@pytest.mark.parametrize("state", ["quarantined", "drained"])
@pytest.mark.parametrize(
    ("node_action", "change", "code"),
    [
        (None, {}, ""),
        (None, {"windows": [TOMORROW]}, ""),
        (None, {"freezes": [STOCKTAKING]}, "frozen"),
        (None, {"freezes": [STOCKTAKING], **OVER_ALL}, ""),
        ("required", {}, ""),
        ("required", {"windows": [TOMORROW]}, "outside_window"),
        ("required", {"windows": [TOMORROW], **OVER_ALL}, ""),
        ("required", {"freezes": [STOCKTAKING]}, "frozen"),
    ],
)
def test_a_window_delays_what_is_asked_for_and_a_freeze_delays_faults_too(
    node_action: str | None, change: Manifest, code: str, state: str
) -> None:
    it = in_state(state)
    agreed = contract(change={**asking(node_action), **change})
    emergency = Emergency(BOSS, "a leak") if "emergency" in change else None
    asked = replace(ASKED, given=Given(SRE, emergency=emergency))
    first = plan(it, agreed=agreed, seen=asked)
    given = approved(first).given.approvals if first.code == "approval" else ()
    step = plan(it, agreed=agreed, seen=replace(ASKED, given=Given(SRE, given, emergency)))
    assert step.code == code
    if code:
        assert (step.do, step.patch) == ("wait", None)
        assert step.next_at
    else:
        assert step.do in ("mark", "drain", "repair")


def test_a_freeze_that_the_customer_set_in_the_cluster_delays_a_restart_and_no_quarantine_and_no_return() -> None:
    frozen = replace(ASKED, given=Given(frozen={"reason": "an audit"}))
    pod = finding("restart_pod", pod="fireworks-models/llama-0")
    held = plan(node(), pod, seen=frozen)
    assert (held.do, held.code, held.owner, held.pods) == ("wait", "frozen", "customer", ("fireworks-models/llama-0",))
    shut = contract(change={**asking("required"), "windows": [TOMORROW], "freezes": [STOCKTAKING]})
    assert plan(node(), finding(), agreed=shut, seen=frozen).do == "quarantine"
    drain = plan(in_state("quarantined"), agreed=contract(change=asking("required")), seen=frozen)
    assert [one["code"] for one in drain.blockers] == ["frozen", "approval"]
    assert {one["object"] for one in drain.blockers} == {drain.node}
    assert drain.digest
    assert plan(in_state("validating", repaired=shown_moment(NOW - 3600)), agreed=shut, seen=frozen).do == "return"
    assert plan(in_state("repairing"), agreed=shut, seen=frozen).do == "repair", "it was begun"


def test_a_restart_is_approved_for_the_very_pod_and_not_for_the_next_of_its_name() -> None:
    def sick(uid: str) -> Finding:
        replica = {"namespace": "fireworks-models", "name": "llama-0", "uid": uid}
        return finding("restart_pod", pod="fireworks-models/llama-0", replicas=[replica])

    agreed = contract(actions={**ALL_AUTO, "drain": "approve"})
    waits = plan(node(), sick("u-1"), agreed=agreed, seen=ASKED)
    seen = approved(waits)
    assert plan(node(), sick("u-1"), agreed=agreed, seen=seen).do == "restart_pods"
    assert plan(node(), sick("u-2"), agreed=agreed, seen=seen).code == "approval"


def test_a_quarantine_that_the_contract_lets_a_person_decide_is_approved_for_these_faults_once() -> None:
    agreed = contract(actions={"cordon": "approve"}, change={**asking(None), "windows": [TOMORROW]})
    waits = plan(node(), finding(), agreed=agreed, seen=ASKED)
    seen = approved(waits)
    step = plan(node(), finding(), agreed=agreed, seen=seen)
    assert (step.do, step.approved_by) == ("quarantine", BOSS)
    assert said(after(node(), step))["approval"] == waits.digest
    assert plan(node(), finding(fault="xid_48"), agreed=agreed, seen=seen).code == "approval"
    assert plan(node(returned=shown_moment(NOW - 60)), finding(), agreed=agreed, seen=seen).code == "approval"
