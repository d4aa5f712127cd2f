# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX says of its jobs: who asks, and whose answer is an approval of which plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.awx import approval_answer, requester, starter
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approval import Change, approved, moment

DIGEST, OTHER = "0f3b1c2d4e5f", "aa" * 32
RESULT = {
    "playbook": "plan_upgrade",
    "reports": [
        {"title": "Plan", "rows": [{"cluster": "a", "digest": DIGEST}, {"cluster": "b", "digest": OTHER}]},
        {"title": "Again", "rows": [{"digest": DIGEST}, {"digest": "-"}, {"digest": ""}, {"digest": "<b>"}, {}]},
        {"title": "Timeline", "text": OTHER},
    ],
}
ANSWER = {
    "status": "successful",
    "finished": "2026-11-28T09:00:00.123456Z",
    "summary_fields": {"approved_or_denied_by": {"id": 7, "username": "bob"}},
}
BOB = {"id": 7, "username": "bob", "email": " Bob@acme.example"}
ALICE = {"awx_user_id": 3, "awx_user_name": "alice", "awx_user_email": "alice@fireworks.example"}


@pytest.mark.parametrize(
    ("variables", "who", "asks"),
    [
        ({}, "", ""),
        (ALICE, "alice", "alice@fireworks.example"),
        ({"awx_user_name": "alice", "awx_user_email": ""}, "alice", "alice"),
        ({"tower_user_name": "alice", "tower_user_email": "a@b.example"}, "alice", "a@b.example"),
        ({"awx_schedule_name": "byoc health  daily"}, "schedule:byoc-health-daily", "schedule:byoc-health-daily"),
        ({"awx_parent_job_schedule_name": "weekly"}, "schedule:weekly", "schedule:weekly"),
        ({**ALICE, "awx_schedule_name": "weekly"}, "alice", "alice@fireworks.example"),
    ],
)
def test_who_started_a_job_and_who_asks_for_what_it_does(variables: dict[str, Any], who: str, asks: str) -> None:
    assert (starter(variables), requester(variables)) == (who, asks)


def test_an_answer_approves_each_digest_that_the_plan_showed_and_no_other() -> None:
    read = approval_answer(RESULT, ANSWER, BOB, ALICE)
    given = {"by": "bob@acme.example", "given_at": "2026-11-28T09:00:00.123456Z"}
    assert read == {"approvals": [{**given, "digest": DIGEST}, {**given, "digest": OTHER}], "doubts": []}


@pytest.mark.parametrize(("sources", "counts"), [(["cluster", "awx"], True), (["cluster"], False), (None, False)])
def test_it_counts_where_the_contract_lists_awx(sources: list[str] | None, counts: bool) -> None:
    policy = {
        "stack_upgrade": "required",
        "approvers": ["bob@acme.example"],
        **({"sources": sources} if sources else {}),
    }
    [approval, _other] = approval_answer(RESULT, ANSWER, BOB, ALICE)["approvals"]
    change = Change("stack_upgrade", frozenset({DIGEST + "0" * 52}), "alice@fireworks.example")
    found = [{**approval, "source": "awx"}]
    verdict = approved({"change": {"approvals": policy}}, change, found, moment("2026-11-28T10:00:00+00:00"))
    assert verdict.approved is counts, verdict
    assert "awx" in verdict.reason


NOBODY = {**ANSWER, "summary_fields": {}}


@pytest.mark.parametrize(
    ("result", "answer", "user", "variables", "said"),
    [
        ({}, ANSWER, BOB, ALICE, "no plan before it"),
        (None, ANSWER, BOB, ALICE, "no plan before it"),
        ({"playbook": "status"}, ANSWER, BOB, ALICE, "no plan before it"),
        (RESULT, {}, {}, ALICE, "is not there, and not given"),
        (RESULT, {**ANSWER, "status": "failed"}, BOB, ALICE, "is failed, and not given"),
        (RESULT, {**ANSWER, "status": "pending"}, BOB, ALICE, "is pending, and not given"),
        (RESULT, {**ANSWER, "finished": None}, BOB, ALICE, "and not given"),
        (RESULT, NOBODY, BOB, ALICE, "does not say who gave it"),
        (RESULT, ANSWER, {"detail": "Not found."}, ALICE, "does not say who gave it"),
        (RESULT, ANSWER, {**BOB, "id": 8}, ALICE, "does not say who gave it"),
        (RESULT, ANSWER, {"id": 7}, ALICE, "bob has no e-mail address in AWX"),
        (RESULT, ANSWER, BOB, {"awx_user_id": 7}, "bob started the workflow, and nobody approves"),
        (RESULT, ANSWER, BOB, {**ALICE, "awx_user_email": "BOB@acme.example "}, "bob started the workflow"),
    ],
)
def test_what_is_nobodys_or_their_own_or_of_no_plan_approves_nothing(
    result: Any, answer: dict[str, Any], user: dict[str, Any], variables: dict[str, Any], said: str
) -> None:
    read = approval_answer(result, answer, user, variables)
    assert read["approvals"] == [] and said in read["doubts"][0], read


def test_nobody_is_told_apart_from_a_launcher_without_an_address() -> None:
    """Two who have none are not the same person."""
    assert approval_answer(RESULT, ANSWER, BOB, {"awx_user_id": 3})["doubts"] == []
    assert len(approval_answer(RESULT, ANSWER, {"id": 7}, {"awx_user_id": 3})["doubts"]) == 1
