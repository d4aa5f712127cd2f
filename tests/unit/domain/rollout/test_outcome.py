# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout while it is carried out: a turn decided again, whether a wave may begin, and what came of each cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout import outcome
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.gate import Gate, opening
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan, turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import every_outcome
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from tests.unit.domain.agreed import RELEASE
from tests.unit.domain.rollout.fleets import NOW, OPEN, SOURCE, TARGET, agreed, alive, request

FAILED = {"release": TARGET, "digest": "", "at": "2026-11-25T11:00:00Z", "reason": "ledger: it crashed"}
BROKE = failed_result(error="UpgradeError", code="rolled_back", what="it crashed")
HOUR = timedelta(hours=1)


def planned(*lives: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A plan of clusters c0, c1, … of which nobody goes with another."""
    fleet = [(agreed(f"c{number}", f"customer-{number}"), live) for number, live in enumerate(lives)]
    return plan(fleet, request(policy=Policy(wave_percent=1), **more), NOW)


def row(made: dict[str, Any], name: str = "c0") -> dict[str, Any]:
    return next(dict(one) for one in made["clusters"] if one["cluster"] == name)


def test_what_failed_here_is_not_tried_again_unless_it_is_another_or_somebody_asks() -> None:
    found = row(planned(alive(failed=FAILED)))
    assert (found["decision"], found["code"], found["owner"]) == ("wait", "failed_before", "fireworks")
    assert "ledger: it crashed" in found["reason"]
    assert row(planned(alive(failed=FAILED), retry=True))["code"] == "go"
    assert row(planned(alive(failed=FAILED), release={**RELEASE, "digest": "another"}))["code"] == "go"
    assert row(planned(alive(failed={**FAILED, "release": "2026.1.0"})))["code"] == "go"


def test_a_cluster_that_has_the_release_and_is_leaving_it_is_not_done() -> None:
    assert row(planned(alive(release=TARGET)))["code"] == "already_there"
    assert row(planned(alive(release=TARGET, unfinished=SOURCE)))["code"] == "wrong_source"


PLANNED: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"other_bounds": "scaling.x 1 -> 2"}, ("refused", "other_bounds", "customer")),
    ({"release": "2025.1.0"}, ("skipped", "wrong_source", "fireworks")),
    ({"kubernetes": "v1.20.0"}, ("skipped", "old_kubernetes", "customer")),
    ({"release": TARGET}, ("unchanged", "already_there", "")),
]


@pytest.mark.parametrize(("how", "came"), PLANNED, ids=[came[1] for _how, came in PLANNED])
def test_a_plan_says_of_a_cluster_what_the_upgrade_would(how: dict[str, Any], came: tuple[str, str, str]) -> None:
    made = planned(alive(), alive(**how))
    read = [{"cluster": name, "result": "passed", "started": "a", "ended": "b"} for name in ("c0", "c1")]
    kept, other = outcome.planned(made, read)
    assert kept == read[0]
    assert (other["result"], other["code"], other["owner"]) == came
    assert (other["started"], other["ended"]) == ("a", "b")


def test_a_reading_that_did_not_pass_says_more_than_the_plan() -> None:
    away = {"reachable": False, "error": "no answer"}
    read = [{"cluster": "c0", "result": "skipped", "code": "unreachable", "started": "a", "ended": "b"}]
    assert outcome.planned(planned(away), read) == read


def test_a_turn_is_decided_by_how_it_is_then_with_the_plans_estimate() -> None:
    contract = agreed("c0", "customer-0", windows=[OPEN])
    made = plan([(contract, alive(durations=[600.0]))], request(), NOW)
    again = turn(contract, alive(), request(digest=made["digest"]), row(made), NOW + HOUR)
    assert (again["decision"], again["wave"], again["estimated_seconds"]) == ("go", 1, 750)
    assert again["ends_at"] == "2026-11-25T13:12:30+00:00"
    held = alive(lock={"holder": "bob", "expires_at": "2026-11-25T20:00:00+00:00"})
    assert turn(contract, held, request(digest=made["digest"]), row(made), NOW)["decision"] == "go"
    late = turn(contract, alive(), request(digest=made["digest"]), row(made), NOW + 2 * HOUR)
    assert (late["decision"], late["code"]) == ("wait", "outside_window")
    gone = turn(contract, {"reachable": False}, request(digest=made["digest"]), row(made), NOW)
    assert (gone["decision"], gone["code"], gone["ends_at"]) == ("skip", "offline", None)


@pytest.mark.parametrize(
    ("lives", "policy", "is_open", "reason"),
    [
        ([alive()], {}, True, "first wave of this run"),
        ([alive(), alive(failed=FAILED)], {}, False, "the fleet has 1 failure (0 allowed): c1"),
        ([alive(), alive(failed=FAILED)], {"fleet_failures": 1}, True, ""),
        ([alive(), alive(release=TARGET, since="2026-11-25T11:50:00Z")], {}, False, "soaks until 2026-11-25 12:20 UTC"),
        ([alive(), alive(release=TARGET, since="2026-11-25T11:20:00Z")], {}, True, ""),
        ([alive(), alive(release=TARGET)], {}, True, ""),
    ],
)
def test_the_first_wave_of_a_run_begins_by_what_the_clusters_record(
    lives: list[dict[str, Any]], policy: dict[str, int], is_open: bool, reason: str
) -> None:
    found = opening(planned(*lives), [], 1, Policy(**policy), NOW)
    assert found.open is is_open
    assert reason in found.reason


def test_later_waves_begin_by_what_came_of_those_before_and_of_earlier_runs() -> None:
    made = planned(alive(), alive(), alive(failed=FAILED))
    done = [outcome.went(row(made), {"changed": True, "evidence": "all is ready"}, NOW)]
    assert not opening(made, done, 2, Policy(soak=0), NOW).open
    assert opening(made, done, 2, Policy(soak=0, fleet_failures=1), NOW).open
    assert opening(made, done, 2, Policy(fleet_failures=1), NOW).at == NOW + timedelta(minutes=30)


def broke(code: str = "", **more: Any) -> dict[str, Any]:
    made = planned(alive())
    said = {"what": "it is so", "next_step": "do that", "where": "c0", "code": code, "owner": "operator"}
    ours = said if code else {"msg": "it is so"}
    return outcome.broke(agreed("c0"), row(made), {**ours, **more}, "Do it", NOW)


@pytest.mark.parametrize(
    ("code", "result", "named"),
    [
        ("locked", "waiting", "locked"),
        ("unreachable", "skipped", "offline"),
        ("unhealthy", "waiting", "unhealthy"),
        ("no_room", "waiting", "no_room"),
        ("failed_before", "waiting", "failed_before"),
        ("rolled_back", "failed", "rolled_back"),
        ("unfinished", "failed", "unfinished"),
        ("lock_lost", "failed", "lock_lost"),
    ],
)
def test_what_a_failed_task_means_for_a_cluster(code: str, result: str, named: str) -> None:
    found = broke(code)
    assert (found["result"], found["code"], found["object"]) == (result, named, "")
    assert (found["what"], found["next_step"]) == ("it is so", "do that")


def test_who_has_to_act_after_a_failure() -> None:
    theirs = broke("rolled_back", owner="customer")
    assert (theirs["owner"], theirs["contact"]["email"]) == ("customer", "account@acme.example")
    assert (broke("rolled_back", owner="operator")["owner"]) == "operator"
    foreign = broke()
    assert (foreign["what"], foreign["code"], foreign["owner"]) == ("Do it: it is so", "task_failed", "fireworks")
    assert broke(msg="")["what"] == "Do it: it failed and did not say why"


def test_a_cluster_that_was_to_go_and_has_no_outcome_is_a_row_and_undone() -> None:
    made = planned(alive(), alive())
    missing = every_outcome([agreed("c0"), agreed("c1")], [{}, ""])
    rows = outcome.result_rows(made, missing)
    assert [(one["cluster"], one["result"], one["code"], one["next"]) for one in rows] == [
        ("c0", "failed", "no_outcome", "-"),
        ("c1", "not begun", "no_outcome", "-"),
    ]
    assert outcome.undone(made, missing) == ["c0", "c1"]


def test_the_report_has_every_cluster_in_the_plans_words() -> None:
    away = {"reachable": False, "error": "no answer"}
    made = planned(alive(), alive(), alive(), alive(release=TARGET, since="2026-11-25T11:00:00Z"), away)
    outcomes = [
        outcome.went(row(made, "c0"), {"changed": True, "evidence": "all is ready"}, NOW),
        outcome.broke(agreed("c1"), row(made, "c1"), BROKE, "", NOW),
        outcome.held(row(made, "c2"), Gate(False, "wave 2 has 1 failure", None)),
    ]
    rows = {one["cluster"]: one for one in outcome.result_rows(made, outcomes)}
    assert [(name, one["result"], one["code"]) for name, one in rows.items()] == [
        ("c0", "done", "go"),
        ("c1", "failed", "rolled_back"),
        ("c2", "waiting", "earlier_wave"),
        ("c3", "unchanged", "already_there"),
        ("c4", "skipped", "offline"),
    ]
    assert rows["c4"]["wave"] == "-"
    [offline] = [one for one in outcome.in_no_wave(made) if one["code"] == "offline"]
    assert "reachable" in offline["next_step"]
    assert outcome.undone(made, outcomes) == ["c1", "c2", "c4"]
    assert outcome.undone(planned(away), []) == ["c0"], "an upgrade of which no cluster answers is not completed"


def test_what_waits_is_not_failed_and_what_failed_before_is() -> None:
    made = planned(alive(), alive(failed=FAILED))
    soaks = outcome.held(row(made), Gate(False, "it soaks", NOW + HOUR))
    assert (soaks["next_at"], soaks["owner"]) == ("2026-11-25T13:00:00+00:00", "")
    assert outcome.undone(made, [soaks]) == ["c1"]
    assert outcome.undone(made, [soaks], "waiting") == ["c1", "c0"]
    unproven = outcome.held(row(made), Gate(False, "nothing is proven yet", None))
    assert outcome.undone(planned(alive()), [unproven]) == []
    assert outcome.stayed(row(made, "c1"))["code"] == "failed_before"


def test_one_in_no_wave_that_waits_for_an_approval_counts_where_waiting_is_failing() -> None:
    made = plan([(agreed("c0", approvals={"stack_upgrade": "required"}), alive())], request(), NOW)
    assert made["waves"] == []
    assert outcome.undone(made, []) == []
    assert [(one["cluster"], one["result"]) for one in outcome.in_no_wave(made)] == [("c0", "waiting")]
    assert outcome.undone(made, [], "waiting") == ["c0"]


def test_a_cluster_that_is_held_back_and_waits_for_its_window_says_so() -> None:
    made = plan([(agreed("c0"), alive(frozen={"reason": "an audit"}))], request(), NOW)
    held = outcome.held(row(made), Gate(False, "wave 2 has 1 failure", None))
    assert (held["code"], held["owner"]) == ("frozen", "customer")
    assert held["what"] == "frozen until further notice: an audit; also: wave 2 has 1 failure"
    assert [one["code"] for one in held["blockers"]] == ["frozen", "earlier_wave"]


def test_in_check_mode_it_would_change_and_where_another_run_was_faster_it_is_there() -> None:
    made = row(planned(alive()))
    assert outcome.went(made, {"changed": True}, NOW, check_mode=True)["result"] == "would_change"
    there = outcome.went(made, {"changed": False, "reason": "has it already"}, NOW)
    assert (there["result"], there["code"]) == ("unchanged", "already_there")
    stayed = outcome.stayed({**made, "code": "already_there", "decision": "skip", "since": "2026-11-25T11:00:00Z"})
    assert (stayed["result"], stayed["ended_at"]) == ("unchanged", "2026-11-25T11:00:00Z")
