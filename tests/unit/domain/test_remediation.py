# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of remediation, and each bug of others that it must not have, as a row."""

from __future__ import annotations

import copy
import json
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.actions import ACTIONS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import seconds_at, shown_moment
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation import (
    Fleet,
    Replicas,
    Seen,
    blind_nodes,
    budget_of,
    drained,
    faults_by_node,
    journey_of,
    limits_of,
    next_step,
    not_ended,
    reported,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.capacity import Serving, advise
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.journey import has_gpus, unmarked
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import (
    Target,
    target_digest,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.finding_spec import FINDING_SPEC
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.owner import Owner
from tests.unit.domain.sick_nodes import (
    ALL_AUTO,
    NOTHING,
    NOW,
    OURS,
    SAYS,
    THEIRS,
    Manifest,
    after,
    approved,
    contract,
    finding,
    in_state,
    node,
    plan,
    quarantined,
    said,
)

SPENT = {"llama": "availability: spent, 2.0 times in 3d"}
WARNS = finding("gpu_reset", severity="warning", fault="row_remap_pending")


@pytest.mark.parametrize(
    ("findings", "spent", "do"),
    [
        pytest.param([WARNS], {}, "drain", id="nothing is measured, or some is left"),
        pytest.param([WARNS], {"qwen": "x"}, "drain", id="the budget of a model that is not on it"),
        pytest.param([WARNS], SPENT, "wait", id="it can wait, and the budget is spent"),
        pytest.param([finding("reboot")], SPENT, "drain", id="it may be the cause"),
        pytest.param([WARNS, finding("reboot")], SPENT, "drain", id="one of its faults may be the cause"),
        pytest.param([], SPENT, "drain", id="nobody knows any more why, so it may be the cause"),
    ],
)
def test_a_drain_that_can_wait_does_while_a_budget_is_spent(findings: list[Finding], spent: Any, do: str) -> None:
    serving = Serving("llama", here=("m/a-0",), ready=4, ready_here=1, floor=2)
    seen = Seen(models=("llama",), serving=(serving,), spent=spent)
    it = in_state("quarantined", goal="gpu_reset")
    step = plan(it, *findings, seen=seen)
    if do == "drain" and step.do == "mark":
        it = after(it, step)  # it was found to be worse
        step = plan(it, *findings, seen=seen)
    assert step.do == do, step
    if do == "wait":
        assert step.code == "error_budget" and "the drain can wait: the error budget is spent of llama" in step.why
        by_person = approved(step)
        accepted = plan(it, *findings, seen=replace(seen, given=by_person.given))
        assert accepted.do != "wait", "whoever approves this drain accepts that"


@pytest.mark.parametrize(
    ("gpus", "remembered"),
    [(["GPU-a"], "GPU-a"), (["GPU-a", None], "GPU-a"), (["GPU-a", "GPU-b"], None), ([None], None)],
)
def test_the_sick_gpu_is_recorded_where_it_is_one(gpus: list[str | None], remembered: str | None) -> None:
    it = node()
    told = [finding(gpu={"uuid": gpu} if gpu else None, fault=f"xid_{n}") for n, gpu in enumerate(gpus)]
    assert said(after(it, plan(it, *told))).get("gpu") == remembered


def test_the_whole_way_and_what_is_others_stays() -> None:
    it = node()
    step = plan(it, finding())
    assert (step.do, step.goal, step.owner) == ("quarantine", "reboot", "fireworks")
    it = after(it, step)
    assert it["spec"]["unschedulable"] is True
    assert [taint["key"] for taint in it["spec"]["taints"]] == [THEIRS["key"], OURS + "quarantined"]
    assert said(it) == {"state": "quarantined", "since": shown_moment(NOW), "session": step.session, "reason": "xid_79",
                        "faults": "xid_79", "evidence": shown_moment(NOW - 10), "goal": "reboot", "drains": "true",
                        "gpus": "8", "cordoned": "true", "models": ""}  # fmt: skip
    assert plan(it, finding()).do == "drain"
    it = after(it, drained(it, NOW + 60))
    step = plan(it, finding(), now=NOW + 60)
    assert (step.do, step.goal) == ("repair", "reboot")
    it = after(it, step)
    it = after(it, reported(it, "done", "", NOW + 120))
    # The fault is gone with the reboot, and that alone returns nothing.
    assert "well until" in plan(it, now=NOW + 130).why
    step = plan(it, now=NOW + 120 + 600)
    assert step.do == "return"
    it = after(it, step)
    assert it["spec"] == {"taints": [THEIRS]}
    assert set(said(it)) == {"history", "returned"}
    [repair] = json.loads(said(it)["history"])
    assert (repair["goal"], repair["outcome"]) == ("reboot", "done")


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([], "nothing is wrong"),
        ([finding("record")], "nothing is wrong"),
        ([finding(at=NOW - 3 * 86400)], "too old"),
        ([finding(at=None)], "nobody knows when"),
        ([finding(at=NOW + 3600)], "too old, or"),
    ],
)
def test_nothing_is_done_without_fresh_evidence(findings: list[Manifest], words: str) -> None:
    step = plan(node(), *findings)
    assert (step.do, step.patch) == ("observe", None)
    assert words in step.why


@pytest.mark.parametrize(
    ("agreed", "seen", "do"),
    [
        ({}, Seen(), "observe"),
        ({"actions": {}}, Seen(), "observe"),
        ({"actions": {"cordon": "approve"}}, Seen(), "wait"),
        ({"actions": {"cordon": "auto"}}, Seen(), "quarantine"),
    ],
)
def test_observing_is_the_default_and_a_cordon_is_opted_into(agreed: Manifest, seen: Seen, do: str) -> None:
    assert plan(node(), finding(), agreed={"remediation": {}, **agreed}, seen=seen).do == do


def test_evidence_from_before_a_return_is_not_replayed() -> None:
    it = node(returned=shown_moment(NOW - 5))
    assert "before the node was returned" in plan(it, finding(at=NOW - 10)).why
    assert plan(it, finding(at=NOW - 2)).do == "quarantine"


def test_a_tripped_breaker_blocks_taking_out_and_never_a_return() -> None:
    others = tuple(in_state("quarantined") for _ in range(6))
    for number, other in enumerate(others):
        other["metadata"]["name"] = f"out-{number}"
    agreed = contract(remediation={"max_nodes": 100, "max_share": 1})
    assert "the breaker is tripped: 7 of 20" in plan(node(), finding(), others=others, agreed=agreed).why
    assert "the breaker" in plan(in_state("quarantined"), finding(), others=others, agreed=agreed).why
    assert "the breaker" in plan(in_state("drained"), finding(), others=others, agreed=agreed).why
    well = in_state("validating", repaired=shown_moment(NOW - 3600))
    assert plan(well, others=others, agreed=agreed).do == "return"
    assert plan(well, others=others, agreed=agreed, fleet=Fleet(100, 90)).do == "return"
    assert "the fleet" in plan(node(), finding(), fleet=Fleet(100, 90)).why


def test_a_storm_quarantines_and_neither_drains_nor_repairs() -> None:
    sick = [finding(name=f"other-{number}") for number in range(5)]
    agreed = contract(remediation={"max_nodes": 100, "max_share": 1, "breaker_share": 1, "storm_nodes": 5})
    assert plan(node(), finding(), *sick, agreed=agreed).do == "quarantine"
    assert "a storm: 5 nodes" in plan(in_state("quarantined"), *sick, agreed=agreed).why
    assert "a storm" in plan(in_state("drained"), *sick, agreed=agreed).why


@pytest.mark.parametrize(
    ("bounds", "out", "refused"),
    [
        ({}, 0, ""),
        ({}, 1, "1 of 20 nodes"),
        ({"max_nodes": 5}, 2, "2 of 20 nodes"),
        ({"max_nodes": 5, "max_share": 0.5}, 2, ""),
        ({"max_nodes": 5, "max_share": 0.01}, 0, ""),
    ],
)
def test_the_budget_is_a_number_and_a_share_of_a_product(bounds: Manifest, out: int, refused: str) -> None:
    others = tuple(in_state("handed-over") for _ in range(out))
    for number, other in enumerate(others):
        other["metadata"]["name"] = f"out-{number}"
    step = plan(node(), finding(), others=others, agreed=contract(remediation=bounds))
    assert refused in step.why
    assert step.do == ("observe" if refused else "quarantine")


def test_the_budget_counts_nodes_of_a_model_and_what_this_run_plans() -> None:
    other = in_state("quarantined", models="llama,qwen")
    other["metadata"]["name"] = "out-0"
    agreed = contract(remediation={"max_nodes": 5, "max_share": 1})
    step = plan(node(), finding(), others=(other,), agreed=agreed, seen=Seen(models=("qwen",)))
    assert "1 node of the model qwen" in step.why
    assert plan(node(), finding(), others=(other,), agreed=agreed, seen=Seen(models=("m",))).do == "quarantine"
    budget = budget_of([journey_of(node(f"n-{n}")) for n in range(20)], {}, limits_of(contract()), NOW)
    faults = faults_by_node([finding(name="n-0"), finding(name="n-1")])
    steps = [next_step(node(name), faults[name], budget, contract(), NOW, NOTHING).do for name in ("n-0", "n-1")]
    assert steps == ["quarantine", "observe"]


def test_a_manual_uncordon_is_respected_and_the_same_fault_is_left_to_a_human() -> None:
    for undo in ("unschedulable", "taints"):
        it = quarantined()
        it["spec"].pop(undo)
        step = plan(it, finding())
        assert step.do == "release"
        it = after(it, step)
        assert said(it) == {"released": shown_moment(NOW), "released-of": "xid_79"}
        again = plan(it, finding(at=NOW + 100), now=NOW + 101)
        assert (again.do, again.owner) == ("observe", "customer")
        new = plan(it, finding(at=NOW + 100, fault="row_remap_failure"), now=NOW + 101)
        assert new.do == "quarantine"


def test_a_cordon_of_others_stays_and_only_ours_goes() -> None:
    it = node()
    it["spec"]["unschedulable"] = True
    it = after(it, plan(it, finding()))
    assert said(it)["cordoned"] == "false"
    it["metadata"]["annotations"].update({SAYS + "state": "validating", SAYS + "repaired": shown_moment(NOW)})
    step = plan(it, now=NOW + 3600)
    assert step.do == "return"
    assert after(it, step)["spec"] == {"taints": [THEIRS], "unschedulable": True}


def test_a_node_in_maintenance_is_left_alone_whatever_it_says() -> None:
    for it in (node(), in_state("quarantined"), in_state("validating", repaired=shown_moment(NOW - 3600))):
        it["metadata"]["labels"][OURS + "maintenance"] = "disk swap"
        assert plan(it, finding()).do == "observe"
    it["metadata"]["labels"][OURS + "maintenance"] = "false"
    assert plan(it).do == "return"


def test_each_patch_is_for_the_very_node_that_was_read() -> None:
    for step in (plan(node(), finding()), drained(quarantined(), NOW), plan(in_state("drained"))):
        assert step.patch is not None
        assert (step.patch["metadata"]["uid"], step.patch["metadata"]["resourceVersion"]) == ("u-gpu-1", "7")


def test_a_recovery_never_cancels_a_fresh_quarantine() -> None:
    # It was validating; meanwhile the fault came back, with newer evidence than the repair.
    it = in_state("validating", since=NOW - 3600, repaired=shown_moment(NOW - 3600), goal="replace")
    step = plan(it, finding("replace"))
    assert (step.do, said(after(it, step))["state"]) == ("mark", "drained")
    # A report of an older repair says nothing of a node that was quarantined anew, or is in service.
    for other in (in_state("quarantined"), node(), in_state("validating")):
        assert reported(other, "done", "", NOW).patch is None
    assert drained(node(), NOW).patch is None


def test_unsure_evidence_makes_a_suspect_and_only_lasting_evidence_more() -> None:
    unsure = {"confidence": "low"}
    step = plan(node(), finding(**unsure))
    assert step.do == "suspect"
    it = after(node(), step)
    assert "spec" not in (step.patch or {})
    assert plan(it, finding(**unsure), now=NOW + 30).do == "wait"
    assert plan(it, finding(at=NOW + 80, **unsure), now=NOW + 90).do == "quarantine"
    gone = plan(it, now=NOW + 90)
    assert gone.do == "mark"
    assert said(after(it, gone)) == {}
    assert plan(node(), finding(**unsure), agreed={"actions": {}}).do == "observe"


def test_a_fault_of_a_pod_restarts_that_pod_and_leaves_the_node() -> None:
    pod = finding("restart_pod", pod="fireworks-models/llama-0")
    step = plan(node(), pod)
    assert (step.do, step.pods, step.patch, step.evidence) == (
        "restart_pods", ("fireworks-models/llama-0",), None, NOW - 10)  # fmt: skip
    assert "nobody knows which pod" in plan(node(), finding("restart_pod")).why
    assert "actions.drain is never" in plan(node(), pod, agreed={"actions": {"cordon": "auto"}}).why


@pytest.mark.parametrize(
    ("goal", "actions", "history", "do", "repair"),
    [
        ("reboot", {}, [], "repair", "reboot"),
        ("gpu_reset", {}, [], "repair", "gpu_reset"),
        ("restart_plugin", {}, [], "repair", "restart_plugin"),
        ("restart_plugin", {"restart_plugin": "never"}, [], "hand_over", "restart_plugin"),
        ("gpu_reset", {}, [("gpu_reset", "s-1", 60)], "repair", "reboot"),
        ("gpu_reset", {}, [("gpu_reset", "a", 7200), ("gpu_reset", "b", 9000)], "repair", "reboot"),
        ("gpu_reset", {}, [("gpu_reset", "a", 7200)], "repair", "gpu_reset"),
        ("gpu_reset", {}, [("gpu_reset", "a", 60)], "wait", "gpu_reset"),
        ("gpu_reset", {}, [("gpu_reset", "a", 9 * 86400)] * 5, "repair", "gpu_reset"),
        ("gpu_reset", {}, [("x", "a", 86400)] * 5, "hand_over", "human"),
        ("replace", {}, [("replace", "s-1", 60)], "hand_over", "human"),
        ("reboot", {"reboot": "never"}, [], "hand_over", "reboot"),
        ("reboot", {"reboot": "approve"}, [], "wait", "reboot"),
        ("human", {}, [], "hand_over", "human"),
        ("nonsense", {}, [], "hand_over", "human"),
    ],
)
def test_the_ladder(goal: str, actions: Manifest, history: list[Any], do: str, repair: str) -> None:
    past = [
        {"at": shown_moment(NOW - ago), "goal": what, "session": who, "outcome": "done"} for what, who, ago in history
    ]
    it = in_state("drained", goal=goal, history=json.dumps(past))
    step = plan(it, agreed=contract(actions={**ALL_AUTO, **actions}))
    assert (step.do, step.goal) == (do, repair)
    if do == "hand_over":
        assert (step.owner, said(after(it, step))["state"]) == ("customer", "handed-over")
        assert plan(after(it, step)).do == "wait"


def test_a_run_that_was_killed_while_it_repaired_asks_for_the_same_repair_until_its_deadline() -> None:
    it = in_state("repairing")
    step = plan(it)
    assert (step.do, step.goal, step.session, step.patch) == ("repair", "reboot", "s-1", None)
    late = plan(it, now=NOW + 7200)
    assert said(after(it, late))["state"] == "drained"
    again = plan(after(it, late), now=NOW + 7200)
    assert (again.do, again.goal) == ("repair", "replace")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offered": 7}, "7 of 8 GPUs"),
        ({"ready_since": NOW - 60}, "well until"),
        ({"seen": Seen(blind="no exporter")}, "no exporter"),
        ({"seen": Seen(required=("canary",))}, "the canary has not passed"),
        ({"ready": "Unknown"}, "Ready is Unknown"),
        ({"pressure": True}, "DiskPressure is True"),
        ({"findings": [finding(at=NOW - 1200)]}, ""),
        ({"agreed": {"actions": {"drain": "auto"}}}, "uncordon it yourself"),
    ],
)
def test_what_speaks_against_a_return(change: Manifest, words: str) -> None:
    it = in_state("validating", since=NOW - 3600, repaired=shown_moment(NOW - 3600))
    it["status"] = node(ready_since=change.get("ready_since", 0.0), offered=change.get("offered", 8))["status"]
    it["status"]["conditions"][0]["status"] = change.get("ready", "True")
    if change.get("pressure"):
        it["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    step = plan(it, *change.get("findings", ()), seen=change.get("seen", Seen()), agreed=change.get("agreed"))
    assert words in step.why
    ends = {"": "return", "the canary has not passed": "try"}
    assert step.do == ends.get(words, "hand_over" if "yourself" in words else "wait")


def test_pods_that_only_a_person_can_release_are_named_with_who_acts() -> None:
    step = not_ended(plan(in_state("quarantined")), {"n/web-1": "it is one", "n/web-0": "it is another"})
    assert (step.do, step.owner, step.pods, step.session) == ("wait", "customer", ("n/web-0", "n/web-1"), "s-1")
    assert step.why.startswith(
        "n/web-0: it is another; n/web-1: it is one. Next: make gpu-1 answer again; or make sure"
    )
    assert step.why.endswith("Action required by: customer.")


def test_a_diagnostic_that_fails_goes_up_the_ladder() -> None:
    it = in_state("validating", since=NOW - 3600, repaired=shown_moment(NOW - 3600))
    said_no = Seen(required=("diagnostic",), diagnosed={"diagnostic": "failed"})
    assert said(after(it, plan(it, seen=said_no)))["state"] == "drained"
    assert plan(it, seen=Seen(required=("diagnostic",), diagnosed={"diagnostic": "passed"})).do == "return"


def test_a_worse_fault_on_the_way_is_taken_up() -> None:
    it = in_state("quarantined", goal="gpu_reset", drains="false")
    step = plan(it, finding("replace"))
    assert (said(after(it, step))["goal"], said(after(it, step))["drains"]) == ("replace", "true")
    validating = in_state("validating", repaired=shown_moment(NOW - 60))
    assert said(after(validating, plan(validating, finding("replace"))))["state"] == "quarantined"
    assert plan(in_state("quarantined", goal="human"), finding("replace")).do == "drain"


def test_pods_stay_where_the_repair_lets_them() -> None:
    plugin = in_state("quarantined", goal="restart_plugin", drains="false")
    assert said(after(plugin, plan(plugin)))["state"] == "drained"
    human = in_state("quarantined", goal="human", drains="false")
    assert plan(human).do == "hand_over"


def test_a_reset_of_one_gpu_moves_only_its_pods() -> None:
    it = in_state("quarantined", goal="gpu_reset")
    one = {
        "gpu": {"uuid": "GPU-1", "index": "0"},
        "replicas": [{"namespace": "m", "name": "a-0"}],
        "replicas_exact": True,
    }
    serving = Serving("llama", here=("m/a-0", "m/a-1"), ready=4, ready_here=2, floor=2)
    step = plan(it, finding("gpu_reset", **one), seen=Seen(serving=(serving,)))
    assert (step.do, step.pods) == ("drain", ("m/a-0",))
    vague = plan(it, finding("gpu_reset"), seen=Seen(serving=(serving,)))
    assert vague.pods == ("m/a-0", "m/a-1")
    few = Serving("llama", here=("m/a-0",), ready=1, ready_here=1, floor=1, slots=1)
    waits = plan(it, seen=Seen(serving=(few,)))
    assert (waits.do, waits.more) == ("bring_replacements", (("llama", 1),))
    accepted = replace(approved(waits), serving=(few,))
    it = after(it, plan(it, seen=accepted))
    assert plan(it, seen=accepted).do == "drain"
    full = Serving("llama", here=("m/a-0",), ready=1, ready_here=1, floor=1)
    assert plan(it, seen=Seen(serving=(full,))).do == "wait"


HERE = ("m/a", "m/b")


@pytest.mark.parametrize(
    ("serving", "sick", "how", "leaving"),
    [
        ([], None, "drain_now", ()),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=2)], None, "drain_now", HERE),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=3)], None, "wait", HERE),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=3, slots=1)], None, "bring_replacements", HERE),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=2, budget="b", disruptions=0)], None, "wait", HERE),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=2, budget="b", disruptions=1)], None, "drain_now", HERE),
        ([Serving("x", HERE, ready=2, ready_here=0, floor=2, budget="b", disruptions=0)], None, "drain_now", HERE),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=3)], ["m/a"], "partial", ("m/a",)),
        ([Serving("x", HERE, ready=4, ready_here=2, floor=2)], list(HERE), "drain_now", HERE),
        ([Serving("x", HERE, ready=2, ready_here=2, floor=2, slots=2, movable=HERE)], None, "drain_now", HERE),
        (
            [Serving("x", HERE, 2, 2, floor=1, budget="b", disruptions=0, slots=1, movable=HERE)],
            None,
            "drain_now",
            HERE,
        ),
        (
            [Serving("x", HERE, ready=2, ready_here=2, floor=2, slots=2, movable=HERE[:1])],
            None,
            "bring_replacements",
            HERE,
        ),
    ],
)
def test_how_to_drain(serving: list[Serving], sick: list[str] | None, how: str, leaving: tuple[str, ...]) -> None:
    advice = advise(serving, sick)
    assert (advice.how, advice.pods) == (how, leaving)
    assert advice.why


@pytest.mark.parametrize(
    ("floor", "slots", "sick", "first", "held"),
    [
        (0, 0, None, (), ()),
        (0, 1, None, ("m/a",), ()),
        (0, 5, None, HERE, ()),
        (1, 5, None, HERE, HERE),
        (0, 5, ["m/b"], ("m/b",), ()),
    ],
)
def test_whose_replacements_come_first(
    floor: int, slots: int, sick: list[str] | None, first: tuple[str, ...], held: tuple[str, ...]
) -> None:
    serving = Serving("x", HERE, ready=2, ready_here=2, floor=floor, slots=slots, movable=HERE)
    advice = advise([serving], sick)
    assert (advice.first, advice.held) == (first, held)
    it = in_state("quarantined", goal="reboot" if sick is None else "gpu_reset")
    step = plan(it, seen=Seen(serving=(serving,)))
    if sick is None:
        assert (step.do, step.first, step.held) == ("drain", first, held)
        if held:
            digest = target_digest(contract(), Target("gpu-1", "reboot", "s-1"))
            accepted = replace(approved(replace(step, digest=digest)), serving=(serving,))
            it = after(it, plan(it, seen=accepted))
            assert plan(it, seen=accepted).held == ()


def test_only_a_replica_set_makes_another_pod_before_one_leaves() -> None:
    pods = [replica(name, "gpu-1") for name in ("plain", "set", "of-set", "orphaned")]
    for pod, kind in ((pods[1], "StatefulSet"), (pods[2], "ReplicaSet")):
        pod["metadata"]["ownerReferences"] = [{"kind": kind, "controller": True}]
    pods[3]["metadata"]["annotations"] = {OURS + "replaced-by": "ReplicaSet x (u) 2"}
    [found] = Replicas([node()], pods, [], {}, lambda *_: False).on("gpu-1")
    assert found.movable == ("m/of-set", "m/orphaned")


def test_the_words_of_health_are_understood_and_who_is_blind_is_known() -> None:
    told = finding("inspect", name="n", fault="row_remap_failure", why="w", gpu={"uuid": "", "index": "7", "pci": ""})
    [fault] = faults_by_node([told, replace(told, node="")])["n"]
    assert (fault.kind, fault.goal, fault.drains, fault.gpu) == ("row_remap_failure", "human", True, "7")
    assert (fault.at, fault.since) == (NOW - 10, NOW - 10)
    assert blind_nodes([told, replace(told, fault="source_stale")]) == {"n": "w"}


def test_each_action_of_the_policy_is_a_repair_or_a_humans_or_asks_for_nothing() -> None:
    asking = {action for action in ACTIONS if faults_by_node([finding(action)])}
    assert set(ACTIONS) - asking == {"ignore", "record", "report"}


def test_a_finding_is_the_same_after_it_was_written_down_and_read_again() -> None:
    told = finding(owner=Owner.CUSTOMER, contact={"name": "Jo", "email": "jo@acme.example"}, evidence=[{"at": "x"}])
    written = json.loads(json.dumps(told.to_dict()))
    assert Finding.from_dict(written) == told
    assert Finding.from_dict({**written, "gpu": None, "confidence": None}) == told


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nod": "n"}, "a finding has no nod; what it has is node, fault, action"),
        ({"node": "n", "fault": "x"}, "a finding lacks action, quarantine"),
        ({"node": "n", "fault": "x", "action": None, "quarantine": True}, "a finding lacks action"),
        ({"node": "n", "fault": "x", "action": "drain", "quarantine": True, "owner": "x"}, "'x' is not a valid Owner"),
    ],
)
def test_what_is_no_finding_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Finding.from_dict(data)


def test_the_option_of_the_module_has_the_keys_of_a_finding() -> None:
    needed = {each.name for each in fields(Finding) if each.default is each.default_factory is MISSING}
    assert set(FINDING_SPEC) == {each.name for each in fields(Finding)}
    assert {name for name, its in FINDING_SPEC.items() if its.get("required")} == needed


def test_what_was_edited_by_hand_is_read_with_care() -> None:
    odd = journey_of(node(state="quarantined", gpus="many", since="yesterday", history="{"))
    assert (odd.gpus, odd.since, odd.history) == (0, 0.0, ())
    assert journey_of(node(history="3")).history == ()
    assert seconds_at("2027-01-15T08:00:00") == NOW
    assert seconds_at(NOW) == NOW


def replica(name: str, where: str, model: str = "llama", ready: str = "True", **status: Any) -> Manifest:
    return {
        "metadata": {"name": name, "namespace": "m", "labels": {OURS + "model": model}},
        "spec": {"nodeName": where, "containers": [{"resources": {"limits": {"nvidia.com/gpu": "4"}}}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}], **status},
    }


def test_what_of_a_model_would_remain() -> None:
    cordoned = node("gpu-3")
    cordoned["spec"]["unschedulable"] = True
    pods = [replica("a", "gpu-1"), replica("b", "gpu-1", ready="False"), replica("c", "gpu-2"),
            replica("d", "gpu-1", phase="Failed"), {"metadata": {"name": "x"}}]  # fmt: skip
    budget = {"metadata": {"name": "keep"}, "spec": {"selector": {"a": 1}}, "status": {"disruptionsAllowed": 1}}
    agreed = {"models": [{"name": "llama", "replicas": {"min": 2}}]}
    free, reserved, silent = node("gpu-2"), node("gpu-4"), node("gpu-5")
    free["spec"] = silent["spec"] = {}
    silent["status"]["conditions"][0]["status"] = "Unknown"
    there = [node(), free, cordoned, reserved, silent]
    [found] = Replicas(there, pods, [budget], agreed, lambda *_: True).on("gpu-1")
    assert found == Serving("llama", ("m/a", "m/b"), 2, 1, 1, "keep", 1, 1)
    [without] = Replicas(there, pods, [budget], agreed, lambda *_: False).on("gpu-1")
    assert (without.budget, without.disruptions, without.floor) == ("", None, 2)
    assert Replicas(there, pods, [], {}, lambda *_: False).on("gpu-3") == []


def test_a_drain_that_is_planned_elsewhere_is_not_what_remains() -> None:
    pods = [replica("a", "gpu-1"), replica("b", "gpu-2"), replica("c", "gpu-3")]
    there = [node(), node("gpu-2", state="quarantined"), node("gpu-3")]
    [found] = Replicas(there, pods, [], {}, lambda *_: False).on("gpu-1")
    assert (found.ready, found.ready_here) == (2, 1)


def test_gpus_that_fell_off_the_bus_are_missed() -> None:
    it = node()
    it["metadata"]["labels"]["nvidia.com/gpu.count"] = "8"
    it["status"] = {"conditions": it["status"]["conditions"]}
    assert has_gpus(it)
    assert said(after(it, plan(it, finding())))["gpus"] == "8"
    del it["metadata"]["labels"]["nvidia.com/gpu.count"]
    assert not has_gpus(it)
    it["metadata"]["labels"]["nvidia.com/gpu.present"] = "true"
    assert has_gpus(it)


def test_a_fault_that_has_lasted_is_no_storm() -> None:
    old = [finding(name=f"other-{number}", since=shown_moment(NOW - 7200)) for number in range(6)]
    agreed = contract(remediation={"max_nodes": 100, "max_share": 1, "breaker_share": 1})
    assert plan(in_state("quarantined", evidence=shown_moment(NOW - 600)), *old, agreed=agreed).do == "drain"


@pytest.mark.parametrize("state", ["quarantined", "drained", "handed-over", "returned"])
def test_what_is_ours_is_taken_off_a_node_and_nothing_else(state: str) -> None:
    it = in_state(state) if state != "returned" else node(history="[]", released="2026-11-25T21:00:00Z")
    it["metadata"]["annotations"] |= {"acme.example/note": "x", OURS + "safe-to-take": "yes"}
    it["metadata"]["labels"][OURS + "maintenance"] = "1"
    before, cordoned = copy.deepcopy(it), it["spec"].get("unschedulable")
    found = unmarked(it)
    assert found is not None
    gone = after(it, replace(plan(it), patch=found))
    assert gone["metadata"]["annotations"] == {"acme.example/note": "x"}
    assert gone["metadata"]["labels"] == before["metadata"]["labels"]
    assert (gone["spec"]["taints"], gone["spec"].get("unschedulable")) == ([THEIRS], cordoned)
    assert unmarked(gone) is None
