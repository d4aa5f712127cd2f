# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that are written into a cluster: for what is planned now, by somebody who may, and kept as a list."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.scope import scope_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approval_words import approval_word
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approving import Given, approving_turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.kept_approvals import (
    UnreadableApprovalsError,
    as_annotation,
    kept_approvals,
    with_approval,
    without_approval,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_change import Wanted, model_turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.outcome import in_no_wave
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.timeline import (
    approval_requests,
    plan_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import held
from tests.unit.domain.agreed import RELEASE
from tests.unit.domain.rollout.fleets import NOW, OPERATOR, SOURCE, TARGET, agreed, alive, request

OPS = "ops@acme.example"
BOTH = {"approvals": {"model_change": "required", "stack_upgrade": "required", "approvers": [OPS]}}
NEW = {"name": "llama", "from": 3, "change": "new_revision"}
DRIFT = {"name": "phi", "from": 1, "change": "drift"}
GONE = {"name": "qwen", "from": 0, "change": "retired"}


def of_models(contract: dict[str, Any], models: Any = (NEW, DRIFT), **live: Any) -> dict[str, Any]:
    return model_turn(contract, alive(**live), Wanted(list(models), RELEASE, OPERATOR), NOW)


def of_upgrade(contract: dict[str, Any], **live: Any) -> dict[str, Any]:
    [row] = plan([(contract, alive(**live))], request(requested_by=""), NOW)["clusters"]
    return {**row, "to": TARGET}


def approve(planned: dict[str, Any], contract: dict[str, Any], **given: str) -> dict[str, Any]:
    said = {"operation": "deploy_models", "digest": planned["digest"][:12], "by": OPS, **given}
    return approving_turn(contract, planned, Given(**said), NOW)


@pytest.mark.parametrize(
    ("planned", "operation", "what"),
    [
        (of_models, "deploy_models", "llama: new revision, from 3"),
        (lambda contract: of_models(contract, [GONE]), "retire_model", "qwen: retired, from nothing"),
        (of_upgrade, "upgrade", f"stack: {SOURCE} to {TARGET}"),
    ],
)
def test_what_is_approved_is_what_is_planned_and_then_it_goes(planned: Any, operation: str, what: str) -> None:
    contract = agreed(**BOTH)
    found = approve(planned(contract), contract, operation=operation)
    assert (found["decision"], found["what"]) == ("go", what)
    assert found["approval"] == {
        "by": OPS,
        "digest": planned(contract)["digest"],
        "given_at": "2026-11-25T12:00:00+00:00",
        "expires_at": "2026-12-02T12:00:00+00:00",
        "versions": ["stack_upgrade/2026.11.0"] if operation == "upgrade" else [],
    }
    if operation == "deploy_models":
        turn = of_models(contract, approvals=[{**found["approval"], "source": "annotation"}])
        assert (turn["decision"], approval_word(turn["approval"])) == ("go", f"{OPS} until 2026-12-02 12:00")


@pytest.mark.parametrize(
    ("given", "change", "code", "said"),
    [
        ({"digest": "f" * 64}, BOTH, "other_digest", "ffffffffffff was to be approved"),
        ({"digest": "f" * 11}, BOTH, "other_digest", "look at fireworks.byoc.plan_models again"),
        ({"by": "eve@acme.example"}, BOTH, "not_approved", "is not by one of those who may: ops@acme.example"),
        ({"requested_by": OPS}, BOTH, "not_approved", "by who asks for the change"),
        ({"until": "2026-11-25T11:59:00+00:00"}, BOTH, "not_approved", "expired"),
        ({"until": "soon"}, BOTH, "not_approved", "no time that can be read"),
        ({}, {"approvals": {"model_change": "none"}}, "no_approval_needed", "asks for no approval"),
    ],
)
def test_nothing_else_is_approved(given: dict[str, str], change: Any, code: str, said: str) -> None:
    contract = agreed(**change)
    found = approve(of_models(contract), contract, **given)
    assert (found["decision"], found["code"], found["approval"]) == ("refuse", code, {})
    assert said in f"{found['reason']} {found['next_step']}"
    assert "nothing was approved" in found["reason"]
    outcome = held(contract, found)
    assert (outcome["result"], [one["code"] for one in outcome["blockers"]]) == ("refused", [code])


def test_where_nothing_changes_or_nobody_answers_there_is_nothing_to_approve() -> None:
    contract = agreed(**BOTH)
    assert approve(of_models(contract, [DRIFT]), contract, digest="f" * 64)["code"] == "nothing_to_approve"
    offline = approve(of_models(contract, reachable=False, error="EOF"), contract)
    assert (offline["decision"], offline["code"], offline["approval"]) == ("skip", "offline", {})
    assert [one["code"] for one in held(contract, offline)["blockers"]] == ["offline"]
    there = approve(of_upgrade(contract, release=TARGET), contract, operation="upgrade")
    assert (there["decision"], there["code"]) == ("skip", "already_there")


def test_under_other_bounds_nothing_is_approved_and_no_upgrade_goes() -> None:
    contract, differs = agreed(**BOTH), "scaling.x 1 -> 2"
    for planned, operation in (
        (of_models(contract, other_bounds=differs), "deploy_models"),
        (of_upgrade(contract, other_bounds=differs), "upgrade"),
    ):
        found = approve(planned, contract, operation=operation)
        assert (found["decision"], found["code"], found["approval"]) == ("refuse", "other_bounds", {})
        assert held(contract, found)["result"] == "refused"
    [outcome] = in_no_wave(plan([(contract, alive(other_bounds=differs))], request(), NOW))
    assert (outcome["result"], outcome["code"], outcome["owner"]) == ("refused", "other_bounds", "customer")
    assert "fireworks.byoc.presetup" in outcome["next_step"]


def test_a_plan_of_upgrades_says_what_is_approved_and_what_to_paste() -> None:
    contract = agreed(**BOTH)
    planned = plan([(contract, alive()), (agreed("birch-eu-1"), alive())], request(), NOW)
    text = approval_requests(planned)
    digest = planned["clusters"][0]["digest"][:12]
    assert (
        f"fireworks.byoc.approve -i <inventory> -e clusters=acme-eu-1 -e operation=upgrade -e release={TARGET}" in text
    )
    assert f"-e digest={digest} -e approved_by={OPS}" in text
    assert "birch-eu-1" not in text
    words = {row["cluster"]: (row["approval"], row["digest"]) for row in plan_rows(planned)}
    assert words["acme-eu-1"] == ("missing", digest)
    assert words["birch-eu-1"][0] == "not needed"


FIRST = {"by": OPS, "digest": "a" * 64, "given_at": "2026-11-25T11:00:00+00:00", "expires_at": "2026-11-26T00:00:00Z"}


def test_a_list_is_added_to_and_what_has_expired_goes() -> None:
    assert with_approval([], FIRST, NOW) == [FIRST]
    again = {**FIRST, "by": " OPS@acme.example", "expires_at": "2026-11-27T00:00:00Z"}
    assert with_approval([FIRST], again, NOW) == [FIRST]
    other = {**FIRST, "by": "boss@acme.example"}
    assert with_approval([FIRST], other, NOW) == [FIRST, other]
    by_hand = {"by": OPS, "digest": "b" * 64, "given_at": "2020-01-01T00:00:00Z"}
    assert with_approval([FIRST, by_hand], other, NOW + timedelta(days=1)) == [by_hand, other]


@pytest.mark.parametrize(
    ("digest", "by", "left"),
    [
        ("a" * 64, "", 0),
        ("a" * 12, "", 0),
        ("a" * 11, "", 1),
        ("b" * 64, "", 1),
        ("a" * 12, "OPS@acme.example", 0),
        ("a" * 12, "boss@acme.example", 1),
    ],
)
def test_one_is_taken_back_by_its_digest(digest: str, by: str, left: int) -> None:
    assert len(without_approval([FIRST], digest, by)) == left


def test_one_that_was_written_by_hand_with_a_short_digest_is_taken_back_too() -> None:
    assert without_approval([{**FIRST, "digest": "a" * 12}], "a" * 64) == []


def test_what_was_written_is_read_and_what_is_no_list_is_told() -> None:
    assert kept_approvals("") == []
    assert as_annotation([]) is None
    assert kept_approvals(as_annotation([FIRST]) or "") == [FIRST]
    assert kept_approvals(json.dumps(FIRST)) == [FIRST]
    for text in ("yes", "5"):
        with pytest.raises(UnreadableApprovalsError):
            kept_approvals(text)


def test_nobody_of_ours_may_write_where_approvals_are() -> None:
    for identity in IDENTITIES:
        written = {resource for need in identity.needs for resource in need.resources if set(need.verbs) - {"get"}}
        assert not {name for name in written if name.startswith("namespaces")}, identity.name
    assert "UPDATE namespaces" not in scope_policy(agreed()).variables["writes"]
