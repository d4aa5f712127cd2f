# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who approved what, and why an approval does not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approval import (
    Change,
    approved,
    approvers,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.digests import change_digest, plan_digest
from tests.unit.domain.agreed import RELEASE
from tests.unit.domain.rollout.fleets import NOW, OPERATOR, SOURCE, agreed

CONTRACT = agreed(approvals={"approvers": ["Ops@acme.example"]})
DIGEST = change_digest("stack_upgrade", CONTRACT, SOURCE, RELEASE)
CHANGE = Change("stack_upgrade", frozenset({DIGEST, "the-plans"}), OPERATOR)
GOOD = {"by": "ops@acme.example", "digest": DIGEST, "given_at": "2026-11-25T11:00:00+00:00", "source": "git"}


@pytest.mark.parametrize(
    ("approval", "approved_", "reason", "owner"),
    [
        (GOOD, True, f"approved by ops@acme.example (git) until 2026-12-02 11:00 UTC, digest {DIGEST}", ""),
        ({**GOOD, "by": " OPS@acme.example"}, True, "", ""),
        ({**GOOD, "digest": "the-plans"}, True, "", ""),
        (
            {**GOOD, "expires_at": "2026-11-25T13:00:00+01:00"},
            False,
            "expired at 2026-11-25 12:00 UTC",
            "customer",
        ),
        ({**GOOD, "expires_at": "2027-11-25T13:00:00+01:00"}, True, "until 2026-12-02", ""),
        ({**GOOD, "given_at": "2026-11-18T12:00:00+00:00"}, False, "expired", "customer"),
        ({**GOOD, "given_at": "2026-11-25T12:05:00+00:00"}, True, "", ""),
        ({**GOOD, "given_at": "2026-11-25T12:06:00+00:00"}, False, "is to come: check the clock", "fireworks"),
        ({**GOOD, "given_at": "2026-11-25T11:00:00"}, False, "has no offset", "customer"),
        ({**GOOD, "given_at": "now"}, False, "no time that can be read", "customer"),
        ({**GOOD, "given_at": None}, False, "no time that can be read", "customer"),
        (
            {**GOOD, "digest": "x"},
            False,
            "the one approval that was given is for something else (it names x): ops@",
            "customer",
        ),
        ({**GOOD, "digest": f" {DIGEST[:12]} "}, True, "", ""),
        ({**GOOD, "digest": DIGEST[:11]}, False, "the one approval that was given is for something else", "customer"),
        ({**GOOD, "digest": ""}, False, "it names nothing", "customer"),
        ({**GOOD, "by": ""}, False, "does not say who gave it", "customer"),
        ({**GOOD, "by": OPERATOR}, False, "somebody else approves it", "customer"),
        ({**GOOD, "by": "eve@acme.example"}, False, "not by one of those who may: ops@acme.example", "customer"),
    ],
)
def test_an_approval(approval: dict[str, Any], approved_: bool, reason: str, owner: str) -> None:
    verdict = approved(CONTRACT, CHANGE, [approval], NOW)
    assert (verdict.approved, verdict.owner) == (approved_, owner)
    assert reason in verdict.reason


@pytest.mark.parametrize("found", ["annotation", "awx", "file", "git", ""])
@pytest.mark.parametrize(
    "listed", [None, ["cluster"], ["file"], ["awx"], ["cluster", "file"], ["cluster", "file", "awx"]]
)
def test_an_approval_counts_only_where_the_contract_says_that_it_may_be_found(listed: Any, found: str) -> None:
    said = {"approvers": ["ops@acme.example"], **({"sources": listed} if listed else {})}
    contract = {**CONTRACT, "change": {"approvals": said}}
    digest = change_digest("stack_upgrade", contract, SOURCE, RELEASE)
    change = Change("stack_upgrade", frozenset({digest}), OPERATOR)
    verdict = approved(contract, change, [{**GOOD, "digest": digest, "source": found}], NOW)
    place = {"annotation": "cluster", "awx": "awx"}.get(found, "file")
    counts = place in (listed or ["cluster"])
    assert (verdict.approved, verdict.owner) == (counts, "" if counts else "customer")
    told = {"awx": "was given to the run, by AWX", "file": "was given to the run, by a file or a variable"}
    if not counts:
        assert told.get(place, "was cluster") in verdict.reason
        assert f"counts only {', '.join(listed or ['cluster'])} (change.approvals.sources)" in verdict.reason


def test_nobody_approves_their_own_change_even_if_they_may_approve_others() -> None:
    own = Change("stack_upgrade", CHANGE.digests, "OPS@acme.example")
    assert "by who asks for the change" in approved(CONTRACT, own, [GOOD], NOW).reason


def test_without_a_requester_nothing_is_approved() -> None:
    verdict = approved(CONTRACT, Change("stack_upgrade", CHANGE.digests, " "), [GOOD], NOW)
    assert (verdict.approved, verdict.owner) == (False, "operator")
    assert "-e requested_by=" in verdict.reason


def test_approvals_of_other_changes_are_not_told() -> None:
    another = [{**GOOD, "digest": "x" * 64, **more} for more in ({"versions": ["model_change/a"]}, {"node": "gpu-7"})]
    of_a_node = Change("node_action", frozenset({DIGEST}), OPERATOR, {"node": "gpu-8", "goal": "reboot"})
    for change in (CHANGE, of_a_node):
        assert approved(CONTRACT, change, another, NOW).reason.startswith("no approval yet: ops@acme.example approves")
    of_this_node = Change("node_action", frozenset({DIGEST}), OPERATOR, {"node": "gpu-7", "goal": "reboot"})
    assert "it names xxxxxxxxxxxx, for node gpu-7" in approved(CONTRACT, of_this_node, another, NOW).reason


def test_one_good_approval_is_enough() -> None:
    assert approved(CONTRACT, CHANGE, [{**GOOD, "by": "eve@x"}, GOOD, {**GOOD, "digest": "x"}], NOW).approved


def test_without_any_it_says_who_approves_what() -> None:
    reason = approved(CONTRACT, CHANGE, [], NOW).reason
    assert "ops@acme.example approves digest" in reason
    assert DIGEST[:12] in reason


def test_the_contract_may_ask_for_none_and_may_shorten_them() -> None:
    assert approved(agreed(), CHANGE, [], NOW).approved
    short = agreed(approvals={"approvers": ["ops@acme.example"], "valid_for": "30m"})
    verdict = approved(short, CHANGE, [GOOD], NOW)
    assert "expired at 2026-11-25 11:30" in verdict.reason
    assert approved(short, CHANGE, [GOOD], NOW - timedelta(minutes=31)).approved


@pytest.mark.parametrize(
    ("since", "digest", "approved_"),
    [
        (None, "the-plans", True),
        (NOW - timedelta(minutes=61), "the-plans", True),
        (NOW - timedelta(minutes=60), "the-plans", False),
        (NOW - timedelta(minutes=1), "the-plans", False),
        (NOW - timedelta(minutes=1), DIGEST, True),  # a cluster's own digest says since when
    ],
)
def test_an_approval_of_the_whole_plan_counts_for_no_second_move(since: Any, digest: str, approved_: bool) -> None:
    change = replace(CHANGE, of_plan="the-plans", since=since)
    verdict = approved(CONTRACT, change, [{**GOOD, "digest": digest}], NOW)
    assert (verdict.approved, verdict.owner) == (approved_, "" if approved_ else "customer")
    assert ("it counts for one move" in verdict.reason) == (not approved_)


def test_without_named_approvers_the_contacts_approve() -> None:
    contract = agreed(approvals={})
    contract["contacts"]["escalation"] = [{"email": "late@acme.example"}]
    assert approvers(contract) == sorted(f"{one}@acme.example" for one in
                                         ("networking", "account", "capacity", "security", "support"))  # fmt: skip
    assert "or another approves" in approved(contract, CHANGE, [], NOW).reason


def test_a_digest_is_the_same_for_the_same_and_another_for_anything_else() -> None:
    again = change_digest("stack_upgrade", dict(reversed(CONTRACT.items())), SOURCE, {**RELEASE, "templates": ["/x"]})
    assert again == DIGEST
    content = {"models": [{"name": "new"}], "stack": {"channel": "other"}}
    assert change_digest("stack_upgrade", CONTRACT | content, SOURCE, RELEASE) == DIGEST
    others = {
        change_digest("model_change", CONTRACT, SOURCE, RELEASE),
        change_digest("stack_upgrade", agreed(), SOURCE, RELEASE),
        change_digest("stack_upgrade", CONTRACT, "2026.9.0", RELEASE),
        change_digest("stack_upgrade", CONTRACT, SOURCE, {**RELEASE, "registry": "elsewhere"}),
        change_digest("stack_upgrade", CONTRACT, SOURCE, RELEASE, "2026-11-25T11:00:00Z"),
    }
    assert len(others | {DIGEST}) == 6
    one, two = agreed("a"), agreed("b")
    plans = [
        plan_digest("stack_upgrade", [one, two], RELEASE, {"soak": 1}),
        plan_digest("stack_upgrade", [two, one], RELEASE, {"soak": 1}),
        plan_digest("stack_upgrade", [one], RELEASE, {"soak": 1}),
        plan_digest("stack_upgrade", [one, two], RELEASE, {"soak": 2}),
    ]
    assert plans[0] == plans[1]
    assert len(set(plans)) == 3
