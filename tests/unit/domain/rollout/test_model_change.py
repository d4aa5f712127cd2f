# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the models of a cluster may be changed: by the same decision as a stack upgrade."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import Emergency
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_change import (
    Wanted,
    approval_request,
    decision_reports,
    decision_rows,
    model_turn,
    request_state,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.onboarding import (
    contract_line,
    onboarding_turn,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import planned
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from tests.unit.domain.agreed import RELEASE, model
from tests.unit.domain.rollout.fleets import NOW, OPEN, OPERATOR, SATURDAY, agreed, alive

NEW = {"name": "llama", "from": 3, "change": "new_revision"}
FIRST = {"name": "qwen", "from": 0, "change": "new_revision"}
GONE = {"name": "llama", "from": 3, "change": "retired"}
WANTED = Wanted([NEW], RELEASE, OPERATOR)
BOSS = Emergency("boss@acme.example", "a leak")
FREEZE = {"from": "2026-11-20", "until": "2026-11-27", "time_zone": "UTC", "reason": "audit"}
FREE = {"approvals": {"model_change": "none"}}
REQUIRED = {"approvals": {"model_change": "required", "approvers": ["ops@acme.example"]}}
LLAMA, QWEN = model("llama"), model("qwen")


def model_change_digest(contract: dict[str, Any], wanted: Wanted = WANTED) -> str:
    """As the turn shows it, for whoever approves."""
    return str(model_turn(contract, alive(), wanted, NOW)["digest"])


def approval(contract: dict[str, Any], wanted: Wanted = WANTED, **more: Any) -> dict[str, Any]:
    given = {"by": "ops@acme.example", "given_at": NOW.isoformat()}
    return {**given, "digest": model_change_digest(contract, wanted), **more}


def turn(contract: dict[str, Any], wanted: Wanted = WANTED, **live: Any) -> dict[str, Any]:
    return model_turn(contract, alive(**live), wanted, NOW)


@pytest.mark.parametrize("model", [NEW, FIRST, GONE], ids=["a new revision", "a new model", "a model that goes"])
@pytest.mark.parametrize(
    ("change", "live", "decision", "code", "owner", "next_at"),
    [
        pytest.param(FREE, {}, "go", "go", "", "11-25T12:00", id="no approval, no window"),
        pytest.param(FREE | {"windows": [OPEN]}, {}, "go", "go", "", "11-25T12:00", id="inside its window"),
        pytest.param(FREE | {"windows": [SATURDAY]}, {}, "wait", "outside_window", "", "11-28T01:00", id="outside"),
        pytest.param(FREE | {"freezes": [FREEZE]}, {}, "wait", "frozen", "", "11-27T00:00", id="frozen"),
        pytest.param(FREE, {"frozen": {"reason": "audit"}}, "wait", "frozen", "customer", "", id="frozen by hand"),
        pytest.param(REQUIRED, {}, "wait", "approval", "customer", "11-25T12:00", id="not approved"),
        pytest.param({"approvals": {}}, {}, "wait", "approval", "customer", "11-25T12:00", id="unsaid: required"),
        pytest.param(
            REQUIRED | {"windows": [SATURDAY]}, {}, "wait", "approval", "customer", "11-28T01:00", id="neither"
        ),
        pytest.param(FREE, {"reachable": False, "error": "EOF"}, "skip", "offline", "customer", "", id="offline"),
        pytest.param(
            FREE, {"lock": {"holder": "bob@ctl/7", "purpose": "", "expires_at": "2026-11-25T12:20:00+00:00"}}, "go",
            "go", "", "11-25T12:00", id="its lock is waited for, not decided by",
        ),
    ],
)  # fmt: skip
def test_what_is_new_waits_as_an_upgrade_does(
    model: dict[str, Any], change: Any, live: Any, decision: str, code: str, owner: str, next_at: str
) -> None:
    found = turn(agreed(**change), replace(WANTED, models=[model]), **live)
    assert (found["decision"], found["code"], found["owner"]) == (decision, code, owner)
    assert (found["next_at"] or "").removeprefix("2026-")[: len(next_at) or None] == next_at
    assert len(found["digest"]) == 64


@pytest.mark.parametrize("change", ["drift", "resumed", "bounds", "none"])
def test_what_was_approved_already_waits_for_nothing(change: str) -> None:
    contract = agreed(**REQUIRED, windows=[SATURDAY], freezes=[FREEZE])
    found = turn(contract, replace(WANTED, models=[{**NEW, "change": change}]))
    assert (found["decision"], found["code"], found["digest"]) == ("go", "as_approved", "")
    beside = turn(contract, replace(WANTED, models=[{**NEW, "change": change}, FIRST]))
    assert (beside["decision"], beside["code"]) == ("wait", "approval")


SPENT = {"llama": "availability: spent, 2.0 times in 3d"}


@pytest.mark.parametrize(
    ("model", "change", "emergency", "spent", "code"),
    [
        pytest.param(NEW, FREE, None, {}, "go", id="nothing is measured, or some is left"),
        pytest.param(NEW, FREE, None, {"qwen": "x"}, "go", id="the budget of another model"),
        pytest.param(NEW, FREE, None, SPENT, "error_budget", id="spent"),
        pytest.param({**NEW, "change": "drift"}, FREE, None, SPENT, "as_approved", id="what was approved already"),
        pytest.param(GONE, FREE, None, SPENT, "go", id="what goes needs none"),
        pytest.param(
            NEW, FREE | {"emergency": {"approvers": [BOSS.approver]}}, BOSS, SPENT, "emergency", id="emergency"
        ),
        pytest.param(NEW, FREE, BOSS, SPENT, "error_budget", id="an emergency that the contract does not know"),
        pytest.param(NEW, REQUIRED, None, SPENT, "approval", id="and what else is in its way"),
    ],
)
def test_a_new_revision_waits_while_the_models_error_budget_is_spent(
    model: Any, change: Any, emergency: Emergency | None, spent: Any, code: str
) -> None:
    contract = agreed(**{**change, "approvals": {**change["approvals"], "sources": ["cluster", "file"]}})
    found = turn(contract, replace(WANTED, models=[model], emergency=emergency), spent=spent)
    assert found["code"] == code, found["reason"]
    if code == "error_budget":
        assert (found["decision"], found["owner"]) == ("wait", "fireworks")
        assert found["reason"].startswith("the error budget is spent of llama (availability: spent, 2.0 times in 3d)")
        assert "a rollback never waits" in found["next_step"]
    if code == "approval":
        assert [one["code"] for one in found["blockers"]] == ["approval", "error_budget"]


def test_an_approval_is_for_this_change_from_what_is_there() -> None:
    contract = agreed(**REQUIRED) | {"models": [LLAMA]}
    good = approval(contract)
    assert turn(contract, replace(WANTED, approvals=[good]))["decision"] == "go"
    assert turn(contract, approvals=[{**good, "source": "annotation"}])["decision"] == "go"
    assert turn(contract, replace(WANTED, approvals=[{**good, "digest": good["digest"][:12]}]))["decision"] == "go"
    others = [
        replace(WANTED, models=[{**NEW, "from": 4}]),
        replace(WANTED, models=[GONE]),
        replace(WANTED, models=[NEW, FIRST]),
    ]
    for other in others:
        found = turn(contract, replace(other, approvals=[good]))
        assert (found["decision"], found["code"]) == ("wait", "approval")
        assert f"it names {good['digest'][:12]}" in found["reason"]
        assert "an approval covers the contract's bounds, the change itself" in found["reason"]
    # What is put right beside it needs none, so it is no part of what is approved.
    assert turn(contract, replace(WANTED, models=[NEW, {**FIRST, "change": "drift"}], approvals=[good]))["code"] == "go"


def test_editing_one_thing_voids_nothing_else() -> None:
    contract = agreed(**REQUIRED) | {"models": [LLAMA, QWEN]}
    other = {**RELEASE, "version": "2099.1.0"}
    asked = replace(WANTED, approvals=[approval(contract)])
    for content in ({"models": [LLAMA, {**QWEN, "context_length": 1}]}, {"stack": {"release": "2099.1.0"}}):
        assert turn(contract | content, asked)["decision"] == "go"
    assert turn(contract, replace(asked, release=other))["decision"] == "go"
    edited = ({"models": [{**LLAMA, "context_length": 1}, QWEN]}, {"scaling": {}}, {"capacity": {"gpus": []}})
    for sections in edited:
        found = turn({**contract, **sections}, asked)
        assert (found["decision"], found["code"]) == ("wait", "approval")


def test_several_models_are_approved_together_or_each_by_itself() -> None:
    contract = agreed(**REQUIRED) | {"models": [LLAMA, QWEN, model("phi")]}
    both = replace(WANTED, models=[NEW, FIRST])
    each = [approval(contract, replace(WANTED, models=[one])) for one in (NEW, FIRST)]
    assert turn(contract, replace(both, approvals=each))["decision"] == "go"
    assert turn(contract, replace(both, approvals=each[:1]))["code"] == "approval"
    assert (
        turn(contract, replace(both, approvals=[each[0], {**each[1], "by": "eve@acme.example"}]))["code"] == "approval"
    )
    together = approval(contract, both)
    assert turn(contract, replace(both, approvals=[together]))["decision"] == "go"
    # As `approve` keeps it, with what it covers: another model that changes too, or one that is done, voids nothing.
    kept = {**together, "units": turn(contract, both)["units"]}
    assert turn(contract, replace(WANTED, approvals=[kept]))["decision"] == "go"
    third = replace(both, models=[NEW, FIRST, {"name": "phi", "from": 1, "change": "new_revision"}])
    assert turn(contract, replace(third, approvals=[kept]))["code"] == "approval"
    alone = approval(contract, replace(WANTED, models=[third.models[2]]))
    assert turn(contract, replace(third, approvals=[kept, alone]))["decision"] == "go"
    assert turn(contract, replace(WANTED, approvals=[{**together, "units": "none"}]))["code"] == "approval"


@pytest.mark.parametrize("wanted", [WANTED, replace(WANTED, models=[{**NEW, "change": "drift"}])])
def test_under_other_bounds_nothing_is_changed(wanted: Wanted) -> None:
    live = alive(other_bounds="actions.drain approve -> auto")
    found = model_turn(agreed(**FREE), live, wanted, NOW)
    assert (found["decision"], found["code"], found["owner"]) == ("refuse", "other_bounds", "customer")
    assert found["reason"] == "actions.drain approve -> auto"
    assert "fireworks.byoc.presetup" in found["next_step"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"by": OPERATOR}, "somebody else approves it"),
        ({"by": "eve@acme.example"}, "not by one of those who may"),
        ({"given_at": "2026-11-01T12:00:00+00:00"}, "expired"),
        ({"expires_at": "2026-11-25T11:59:00+00:00"}, "expired"),
        ({"given_at": None}, "no time that can be read"),
    ],
)
def test_an_approval_that_does_not_count_is_told(given: dict[str, Any], reason: str) -> None:
    contract = agreed(**REQUIRED)
    found = turn(contract, replace(WANTED, approvals=[approval(contract, **given)]))
    assert (found["decision"], found["code"]) == ("wait", "approval")
    assert reason in found["reason"]


def test_an_emergency_lifts_windows_and_no_approval() -> None:
    knows = {"emergency": {"approvers": ["boss@acme.example"]}}
    outside = FREE | knows | {"windows": [SATURDAY]}
    assert turn(agreed(**outside), replace(WANTED, emergency=BOSS))["code"] == "emergency"
    refused = turn(agreed(**FREE, windows=[SATURDAY]), replace(WANTED, emergency=BOSS))
    assert (refused["code"], "emergency refused" in refused["reason"]) == ("outside_window", True)
    assert turn(agreed(**REQUIRED, **knows, windows=[SATURDAY]), replace(WANTED, emergency=BOSS))["code"] == "approval"


def test_nobody_requests_it_and_so_nobody_can_approve_it() -> None:
    contract = agreed(**REQUIRED)
    found = turn(contract, replace(WANTED, requested_by="", approvals=[approval(contract)]))
    assert (found["code"], found["owner"]) == ("approval", "operator")
    assert turn(agreed(**FREE), replace(WANTED, requested_by=""))["decision"] == "go"


def test_it_shows_what_to_paste_and_that_approves_it() -> None:
    contract = agreed(**REQUIRED)
    waits = turn(contract)
    text = approval_request(waits)
    given = json.loads(text.partition("-e '")[2].partition("'")[0])["approvals"]
    assert (given[0]["by"], len(given[0]["digest"])) == ("ops@acme.example", 12)
    assert turn(contract, replace(WANTED, approvals=given))["decision"] == "go"
    assert approval_request(turn(agreed(**FREE))) == ""
    assert approval_request(turn(contract, replace(WANTED, models=[]))) == ""
    assert "model_names" not in text
    some = agreed(**REQUIRED) | {"models": [{"name": "phi"}]}
    assert """-e '{"model_names": ["llama"]}' -e digest=""" in approval_request(turn(some))
    assert "-e operation=retire_model -e model=llama -e digest=" in approval_request(
        turn(contract, replace(WANTED, models=[GONE]))
    )


def test_a_version_that_was_tried_and_rolled_back_is_approved_anew() -> None:
    contract, tried = agreed(**REQUIRED), replace(WANTED, models=[{**NEW, "tried": 4}])
    given = [approval(contract, replace(WANTED, models=[{**NEW, "tried": 3}]))]
    assert turn(contract, replace(tried, approvals=given))["code"] == "approval"
    assert turn(contract, replace(tried, approvals=[approval(contract, tried)]))["decision"] == "go"


def test_a_freeze_hides_no_missing_approval() -> None:
    found = turn(agreed(**REQUIRED), frozen={"reason": "an audit"})
    assert [(one["code"], one["owner"]) for one in found["blockers"]] == [
        ("frozen", "customer"),
        ("approval", "customer"),
    ]
    assert (found["code"], found["next_at"]) == ("frozen", None)
    assert found["reason"].startswith("frozen until further notice: an audit; also: no approval yet")
    assert found["next_step"].startswith("have it approved")
    assert found["digest"][:12] in approval_request(found)


def test_a_row_for_each_model_that_is_new_or_for_all() -> None:
    put_right = {"name": "phi", "from": 2, "change": "drift", "strategy": "apply", "why": "the same pods"}
    found = turn(agreed(**REQUIRED), replace(WANTED, models=[NEW, put_right]))
    [row] = decision_rows(found)
    decisions, approvals = decision_reports([found])
    assert decisions["rows"] == [row]
    assert approvals["text"] == approval_request(found)
    assert (row["model"], row["change"], row["state"]) == ("llama", "new revision, from 3", "planned, not approved")
    assert row["digest"] == found["digest"][:12]
    rows = decision_rows(found, whole=True)
    assert [(one["change"], one["state"], one["digest"]) for one in rows[1:]] == [("drift", "approved before", "-")]


@pytest.mark.parametrize(
    ("model", "change", "approvals", "state"),
    [
        ({**NEW, "change": "none"}, REQUIRED, False, "done"),
        ({**NEW, "change": "bounds"}, REQUIRED, False, "approved before"),
        ({**NEW, "what": "no room"}, REQUIRED, False, "refused"),
        (NEW, REQUIRED | {"windows": [SATURDAY]}, False, "planned, not approved"),
        (NEW, FREE, False, "planned, may go now"),
        (NEW, FREE | {"windows": [SATURDAY]}, False, "planned, waiting until 2026-11-28 01:00 UTC"),
        (NEW, REQUIRED, True, "approved by ops@acme.example until 2026-12-02 12:00, may go now"),
        (
            NEW, REQUIRED | {"windows": [SATURDAY]}, True,
            "approved by ops@acme.example until 2026-12-02 12:00, waiting until 2026-11-28 01:00 UTC",
        ),
        (GONE, FREE | {"freezes": [FREEZE]}, False, "planned, waiting until 2026-11-27 00:00 UTC"),
    ],
)  # fmt: skip
def test_how_far_a_request_has_come(model: Any, change: Any, approvals: bool, state: str) -> None:
    contract, wanted = agreed(**change), replace(WANTED, models=[model])
    given = [approval(contract, wanted)] if approvals else []
    found = turn(contract, replace(wanted, approvals=given))
    assert request_state(found, found["models"][0]) == state


STACK = {"release": "2026.11.0", "unfinished": ""}


@pytest.mark.parametrize(
    ("stack", "models", "decision", "code", "said"),
    [
        (None, [], "go", "go", ""),
        (STACK, [], "go", "go", ""),
        (STACK, [{**NEW, "change": "drift"}, {**FIRST, "change": "none"}], "go", "go", ""),
        (STACK, [FIRST, {**FIRST, "name": "phi"}], "go", "go", ""),
        (STACK, [{**NEW, "change": "resumed"}], "go", "go", ""),
        ({**STACK, "release": "2026.12.0"}, [], "refuse", "other_release", "is at 2026.12.0 and the contract says"),
        ({**STACK, "release": "2026.10.0"}, [], "refuse", "other_release", "is at 2026.10.0 and the contract says"),
        ({**STACK, "unfinished": "2026.12.0"}, [], "refuse", "unfinished_upgrade", "to 2026.12.0 was interrupted"),
        (STACK, [NEW], "refuse", "other_models", "llama is at revision 3, which is not what the contract says"),
        (STACK, [FIRST, {**NEW, "change": "none"}], "refuse", "other_models", "qwen is not there"),
        (STACK, [FIRST, NEW], "refuse", "other_models", "qwen is not there; llama is at revision 3"),
    ],
)
def test_onboarding_puts_right_what_was_approved_and_moves_nothing(
    stack: Any, models: Any, decision: str, code: str, said: str
) -> None:
    found = onboarding_turn(agreed() | {"stack": {"release": "2026.11.0"}}, stack, models)
    assert (found["decision"], found["code"]) == (decision, code)
    assert said in found["reason"]
    assert bool(found["next_step"]) is (decision == "refuse")


def test_onboarding_tells_of_the_stack_and_of_the_models_at_once() -> None:
    found = onboarding_turn(agreed() | {"stack": {"release": "2026.11.0"}}, {**STACK, "release": "2026.12.0"}, [NEW])
    assert (found["code"], found["owner"]) == ("other_release", "operator")
    assert [one["code"] for one in found["blockers"]] == ["other_release", "other_models"]
    assert all(one["what"] in found["reason"] for one in found["blockers"])
    assert "fireworks.byoc.upgrade" in found["next_step"]
    assert "fireworks.byoc.deploy_models" in found["next_step"]


@pytest.mark.parametrize(
    ("stack", "line"),
    [
        ({"release": "2026.11.0"}, 'acme-eu-1: stack: {release: "2026.12.0"}'),
        ({"release": "2026.12.0"}, ""),
        ({"channel": "stable"}, ""),
    ],
)
def test_a_contract_that_names_a_release_has_to_name_the_new_one(stack: dict[str, str], line: str) -> None:
    assert contract_line(agreed() | {"stack": stack}, "2026.12.0") == line


NO_ROOM = failed_result(error="NoRoomError", code="no_room", what="llama: 8 GPUs are missing", owner="customer")


@pytest.mark.parametrize(
    ("what", "bounds", "result", "code", "owner"),
    [
        ("", "", "passed", "passed", ""),
        ("8 GPUs are missing", "", "refused", "no_room", "customer"),
        ("", "scaling.x 1 -> 2", "refused", "other_bounds", "customer"),
    ],
)
def test_a_plan_is_refused_where_the_change_would_be(
    what: str, bounds: str, result: str, code: str, owner: str
) -> None:
    contract = agreed(**REQUIRED)
    decided = turn(contract, replace(WANTED, models=[{**NEW, "what": what}]), other_bounds=bounds)
    found = planned(contract, decided, NO_ROOM if what else {})
    assert (found["result"], found["code"], found["owner"]) == (result, code, owner)


def test_a_plan_that_could_not_look_at_all_has_not_passed() -> None:
    contract = agreed(**REQUIRED)
    unread = failed_result(error="ForbiddenError", code="forbidden", what="may not read the routers")
    found = planned(contract, turn(contract, WANTED), unread)
    assert (found["result"], found["code"]) == ("failed", "forbidden")
