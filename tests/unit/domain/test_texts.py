# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Status rows, summaries and tables: what people read."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import also_failed, lock_left
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.people import contact
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.status import status_row
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import (
    every_outcome,
    failure,
    read_outcome,
    success,
    unfinished,
    whole_outcome,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table, width
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.wording import (
    action_required,
    addressed,
    assignee,
    message,
)
from tests.unit.domain.agreed import contract, facts, model
from tests.unit.domain.raw import deployment, node
from tests.unit.domain.test_validation import component, served


def test_a_table_is_aligned() -> None:
    rows = [{"name": "a", "count": 5, "ok": True}, {"name": "long name", "count": 10, "ok": None}]
    assert table(rows).splitlines() == [
        "NAME       COUNT  OK",
        "---------  -----  ---",
        "a              5  yes",
        "long name     10",
    ]


def test_columns_choose_keys_and_headings() -> None:
    rows = [{"a": 1, "b": "x\ny", "c": False}]
    assert table(rows, ["b"]).splitlines() == ["B", "---", "x y"]
    assert table(rows, {"c": "Fine?"}).splitlines() == ["Fine?", "-----", "no"]
    assert table([], ["a_b"]).splitlines() == ["A B", "---"]
    assert table([]) == "\n"


@pytest.mark.parametrize(
    ("owner", "named"), [("operator", "you"), ("fireworks", "Fireworks"), ("customer", "customer"), ("", "")]
)
def test_an_owner_has_one_name_in_tables_and_messages(owner: str, named: str) -> None:
    assert table([{"owner": owner, "x": 1}]).split()[4:] == [*named.split(), "1"]
    assert assignee(owner) == named
    if named:
        assert addressed(owner) == named
        assert action_required(owner) == f"Action required by: {named}."
        assert message("x", next_step="y", owner=owner).endswith(f" {action_required(owner)}")


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("a\u200db", 2), ("", 0)])
def test_width_is_what_a_terminal_shows(text: str, columns: int) -> None:
    assert width(text) == columns


def test_wide_characters_keep_the_table_aligned() -> None:
    lines = table([{"name": "日本", "x": "1"}, {"name": "abcd", "x": "2"}]).splitlines()
    assert lines[2:] == ["日本  1", "abcd  2"]


def row(found: dict[str, Any], **sections: Any) -> dict[str, str]:
    return status_row(contract(**{"models": [model()], **sections}), found)


def onboarded(**more: Any) -> dict[str, Any]:
    return facts(**{"deployments": [component("router"), component("telemetry"), served()], **more})


def test_a_cluster_that_serves_is_ready() -> None:
    assert row(onboarded()) == {
        "cluster": "acme-eu-1",
        "customer": "acme",
        "state": "ready",
        "stack": "2026.11.0",
        "models": "1/1",
        "replicas": "2/2",
        "gpus": "2/16",
        "nodes": "2/2",
        "kubernetes": "1.36.2",
        "budget": "-",
        "reason": "",
    }


def test_a_cluster_without_us_is_not_onboarded() -> None:
    found = row(facts())
    assert (found["state"], found["stack"], found["models"], found["reason"]) == (
        "not onboarded",
        "-",
        "0/1",
        "nothing of ours is there, and its contract has 1 model",
    )


def test_a_model_that_sleeps_as_it_may_degrades_nothing() -> None:
    asleep = onboarded(deployments=[component("router"), component("telemetry"), served(replicas=0)])
    sleepy = model(replicas={"min": 0, "max": 2}, scaling={"idle_to_zero": "15m"})
    assert row(asleep, models=[sleepy])["state"] == "ready"
    assert row(asleep)["reason"] == "llama 0/2 ready"


@pytest.mark.parametrize(("error", "reason"), [("refused", "refused"), ("", "no answer")])
def test_a_cluster_that_does_not_answer_says_why(error: str, reason: str) -> None:
    found = status_row(contract(), {}, error)
    assert (found["state"], found["nodes"], found["reason"]) == ("unreachable", "-", reason)


OTHER_RELEASE = {"byoc.fireworks.ai/component": "telemetry", "byoc.fireworks.ai/release": "2026.10.0"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"deployments": [component("router", ready=0), served()]}, "router 0/2 ready"),
        ({"deployments": [component("router")]}, "llama not deployed"),
        ({"deployments": [component("router"), served(ready=1)]}, "llama 1/2 ready"),
        ({"deployments": [component("router"), served(), served("old")]}, "old runs and is not in the contract"),
        ({"deployments": [served()]}, "models run without a stack"),
        (
            {
                "deployments": [
                    component("router"),
                    deployment("t", namespace="fireworks-system", labels=OTHER_RELEASE),
                    served(),
                ]
            },
            "components of several releases",
        ),
        ({"nodes": [node("a", cordoned=True)]}, "a: cordoned"),
        ({"nodes": [node("a", cordoned=True), node("b", ready="False")]}, "2 nodes with problems (a: cordoned, …)"),
    ],
)
def test_a_degraded_cluster_says_why(more: dict[str, Any], reason: str) -> None:
    found = row(onboarded(**more))
    assert (found["state"], found["reason"]) == ("degraded", reason)


def applied(**actions: str) -> dict[str, Any]:
    return {"objects": [{"kind": "Pod", "namespace": "x", "name": n, "action": a} for n, a in actions.items()]}


def an_object(name: str, action: str) -> dict[str, str]:
    return {"kind": "Pod", "namespace": "x", "name": name, "action": action}


def test_each_object_that_was_written_counts_once() -> None:
    writes = [an_object("a", "created"), an_object("c", "updated"), an_object("a", "updated")]
    outcome = success(contract(), written=writes)
    assert (outcome["result"], outcome["written"]) == ("done", [an_object("a", "created"), an_object("c", "updated")])
    results = [applied(a="created", b="unchanged"), {"results": [applied(a="created", c="updated"), {"skipped": True}]}]
    assert success(contract(), results)["result"] == "unchanged", "what no server accepted was not written"
    checked = success(contract(), [*results, {"skipped": True}], check_mode=True)
    assert (checked["result"], checked["written"]) == ("would_change", outcome["written"])
    assert success(contract(), [applied(a="unchanged")], check_mode=True)["result"] == "unchanged"
    assert success(contract(), passed=True)["result"] == "passed"


def test_a_failure_too_tells_what_was_written() -> None:
    writes = [an_object("a", "created")]
    failed = whole_outcome(failure(contract(), {"msg": "no"}, "Apply"), written=writes)
    assert (failed["result"], failed["written"]) == ("failed", writes)
    checked = whole_outcome(failed, [applied(b="updated")], written=writes, check_mode=True)
    assert checked["written"] == [an_object("b", "updated")]
    assert whole_outcome({}, written=writes) == {}, "no outcome stays none"


def test_what_could_not_be_tested_has_not_passed() -> None:
    doubts = ["reachability: no request was sent"]
    looked = whole_outcome(success(contract(), passed=True), unproven=doubts)
    assert (looked["result"], looked["what"]) == ("unproven", f"not proved: {doubts[0]}")
    wrote = whole_outcome(success(contract(), written=[an_object("a", "created")]), unproven=doubts)
    assert (wrote["result"], wrote["what"]) == ("done", f"not proved: {doubts[0]}")
    failed = failure(contract(), {"msg": "no"}, "Apply")
    assert whole_outcome(failed, unproven=doubts)["what"] == failed["what"]


@pytest.mark.parametrize(
    ("result", "problem", "came", "what"),
    [
        ({"facts": {}}, "", "passed", ""),
        ({"failed": True, "msg": "no answer"}, "", "failed", "Read the cluster: no answer"),
        ({"facts": {}}, "1 findings are critical", "failed", "1 findings are critical"),
    ],
)
def test_a_cluster_that_is_only_read_has_an_outcome(result: dict[str, Any], problem: str, came: str, what: str) -> None:
    began, now = "2026-11-28T10:00:31Z", "2026-11-28T10:00:35Z"
    found = read_outcome(contract(), result, began, now, problem)
    assert (found["result"], found["what"], found["started"], found["ended"]) == (came, what, began, now)
    assert bool(found["owner"]) is (came == "failed")


ACME, BIRCH = {"name": "Acme GPUs", "email": "gpus@acme.example"}, {"name": "", "email": ""}


@pytest.mark.parametrize(
    ("found", "owner", "person"),
    [
        ([("critical", "customer", ACME), ("warning", "fireworks", BIRCH)], "customer", ACME),
        ([("critical", "fireworks", BIRCH), ("critical", "fireworks", BIRCH)], "fireworks", BIRCH),
        ([("critical", "customer", ACME), ("critical", "fireworks", BIRCH)], "operator", BIRCH),
        ([("critical", "", BIRCH)], "operator", BIRCH),
        ([], "operator", BIRCH),
    ],
)
def test_who_acts_on_findings_is_who_they_name(
    found: list[tuple[str, str, dict[str, str]]], owner: str, person: dict[str, str]
) -> None:
    findings = [{"severity": severity, "owner": who, "contact": called} for severity, who, called in found]
    outcome = read_outcome(contract(), {"findings": findings}, problem="findings")
    assert (outcome["owner"], outcome["contact"]) == (owner, person)


UNMET = {
    "check": "GPU nodes",
    "ok": False,
    "blocking": True,
    "found": "none",
    "needed": "one",
    "owner": "customer",
    "contact": {"name": "Acme GPUs", "email": "gpus@acme.example"},
}


def test_a_refused_cluster_says_what_was_missing_and_whom_to_ask() -> None:
    advice = {**UNMET, "blocking": False}
    outcome = failure(contract(), {"msg": "long text"}, "Refuse", [advice, UNMET, {**UNMET, "check": "x"}])
    assert outcome["result"] == "refused"
    assert outcome["what"] == "GPU nodes: none, needed one (and 1 more)"
    assert (outcome["owner"], outcome["contact"]) == ("customer", UNMET["contact"])
    assert outcome["details"] == "long text"
    ours = {**UNMET, "owner": "fireworks", "contact": {"name": "", "email": ""}}
    assert failure(contract(), {}, "Refuse", [ours])["owner"] == "fireworks"


@pytest.mark.parametrize(
    ("failed", "what", "code", "owner"),
    [
        ({"msg": "no"}, "Apply: no", "task_failed", "fireworks"),
        ({}, "Apply: it failed and did not say why", "task_failed", "fireworks"),
        (failed_result(error="E", code="expired", what="x", owner="customer"), "x", "expired", "customer"),
        (failed_result(error="E", code="locked", what="x", next_step="y"), "x", "locked", "operator"),
        ({"msg": "x", "owner": "root", "mode": "0644"}, "Apply: x", "task_failed", "fireworks"),
        (
            {"msg": "some failed", "results": [{"msg": "fine"}, {"failed": True, "msg": "this"}]},
            "Apply: this",
            "task_failed",
            "fireworks",
        ),
        ({"msg": "some failed", "results": [{"msg": "fine"}]}, "Apply: some failed", "task_failed", "fireworks"),
        ({"msg": "no int", "argument_errors": ["no int"]}, "Apply: no int", "invalid_request", "operator"),
    ],
)
def test_a_failed_cluster_says_at_what_and_who_has_to_act(
    failed: dict[str, Any], what: str, code: str, owner: str
) -> None:
    outcome = failure(contract(), failed, "Apply")
    assert outcome["result"] == "failed"
    assert (outcome["what"], outcome["code"], outcome["owner"]) == (what, code, owner)
    assert outcome["contact"]["email"] == ("account@acme.example" if owner == "customer" else "")


def test_wording_decides_nothing() -> None:
    refused = {"msg": "Next: that. Action required by: customer."}
    assert failure(contract(), refused, "Assert it")["owner"] == "fireworks"


def test_a_cluster_without_an_outcome_is_not_completed() -> None:
    names = ["acme-eu-1", "acme-eu-2", "acme-eu-3"]
    contracts = [contract(identity={**contract()["identity"], "name": name}) for name in names]
    found = every_outcome(contracts, [success(contracts[0]), {}, ""])
    assert [(one["cluster"], one["result"], one["owner"]) for one in found] == [
        ("acme-eu-1", "unchanged", ""),
        ("acme-eu-2", "failed", "operator"),
        ("acme-eu-3", "not_begun", "operator"),
    ]
    assert unfinished(found) == names[1:]
    assert found[2]["what"] == "the run did not begin here"


def test_a_credential_that_would_be_renewed_is_a_change() -> None:
    user = "system:serviceaccount:fireworks-system:"
    turns = [{"user": f"{user}{name}", "changed": name != "c"} for name in "abc"]
    found = success(contract(), [{"results": turns}], check_mode=True)["written"]
    assert [one.pop("name") for one in found] == ["a", "b"]
    assert found == 2 * [{"kind": "ServiceAccount", "namespace": "fireworks-system", "action": "token_issued"}]


LOCK = {"held": True, "holder": "alice@ctl-1/7f3a9c2e", "duration": 120}
UNREACHABLE = failed_result(error="UnreachableError", code="unreachable", what="the API server did not answer")
TAKEN = {"held": False, "held_by": {"holder": "bob@ctl-2/4711"}}
WENT = success(contract(), written=[an_object("a", "created")])
BROKE = failure(contract(), UNREACHABLE, "Restore the release")
LOST = {**BROKE, "code": "lock_lost"}


@pytest.mark.parametrize(
    ("outcome", "released", "said", "next_step"),
    [
        (WENT, {"held": False, "changed": True}, "", ""),
        (WENT, {"held": False, "held_by": {}}, "", ""),
        (WENT, UNREACHABLE, "its lock could not be released: the API server did not answer",
         "wait 120 s, when the lock is free by itself, or take it from this run: -e break_lock=alice@ctl-1/7f3"),
        (WENT, {"msg": "no such host."}, "its lock could not be released: no such host", "wait 120 s"),
        (WENT, {}, "its lock could not be released: it is not said why", "wait 120 s"),
        (WENT, TAKEN, "at its end its lock was in other hands: bob@ctl-2/4711", "look at what that run has done"),
        (BROKE, UNREACHABLE, "the API server did not answer; its lock could not be released: the API", "wait 120 s"),
        (BROKE, TAKEN, "the API server did not answer; at its end its lock was in other hands", "look at what"),
        (LOST, TAKEN, "the API server did not answer", ""),
    ],
)  # fmt: skip
def test_what_is_left_of_a_lock_is_part_of_the_outcome(
    outcome: dict[str, Any], released: dict[str, Any], said: str, next_step: str
) -> None:
    found = lock_left(outcome, LOCK, released)
    assert (found["result"], found["code"], found["written"]) == (
        outcome["result"], outcome["code"], outcome["written"])  # fmt: skip
    assert found["what"].startswith(said)
    assert found["next_step"].startswith(next_step)
    assert bool(found["what"]) is bool(said)
    assert found["owner"] == ("operator" if next_step else outcome["owner"])


def test_what_fails_after_the_steps_did_not_end_well() -> None:
    full = failed_result(error="RecordError", code="not_recorded", what="the disk is full")
    found = also_failed(WENT, contract(), full, "Record what was done")
    assert (found["result"], found["code"], found["written"]) == ("failed", "not_recorded", WENT["written"])
    assert (found["what"], found["owner"]) == ("Record what was done: the disk is full", full["owner"])
    broke = also_failed(BROKE, contract(), full, "Record what was done")
    assert (broke["result"], broke["code"], broke["owner"]) == ("failed", BROKE["code"], BROKE["owner"])
    assert broke["what"] == f"{BROKE['what']}; Record what was done: the disk is full"
    assert also_failed({**WENT, "result": "waiting"}, contract(), full, "Record what was done")["result"] == "failed"
    theirs = also_failed(WENT, contract(), {**full, "owner": "customer"}, "Record what was done")
    assert theirs["contact"] == contact(contract(), "account")
    assert theirs["contact"]["email"]
    untold = also_failed(WENT, contract(), {}, "Remove its credential")
    assert (untold["code"], untold["owner"]) == ("task_failed", "fireworks")
    assert untold["what"] == "Remove its credential: it failed and did not say why"
