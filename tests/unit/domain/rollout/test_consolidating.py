# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan of consolidation may be carried out: what its contract agreed, calibration, windows and approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import Move, Package, Plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.consolidating import (
    consolidation_reports,
    consolidation_turn,
    goes_on,
    plan_digest,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Given
from tests.unit.domain.agreed import contract

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
MOVE = Move("fireworks-models/one", "llama", "a", "b", 1, 100.0, 100.0, True)
PLAN = Plan((Package("a block of free GPUs", "a", (MOVE,), 1000.0),))
ALLOWED = {"cordon": "auto", "drain": "auto"}
APPROVERS = {"approvals": {"approvers": ["change@acme.example"], "sources": ["cluster", "file"]}}


def agreed(mode: str = "execute", actions: Any = None, **change: Any) -> dict[str, Any]:
    return contract(efficiency={"mode": mode}, actions=actions or ALLOWED, change={**APPROVERS, **change})


def approval(digest: str, **more: Any) -> dict[str, Any]:
    return {"by": "change@acme.example", "digest": digest, "given_at": NOW.isoformat(), "source": "annotation", **more}


def turn(made: dict[str, Any], plan: Plan = PLAN, doubts: Any = (), begun: str = "", **given: Any) -> dict[str, Any]:
    return consolidation_turn(made, plan, doubts, Given(**{"requested_by": "sre@x.example", **given}), NOW, begun)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("it recommends", agreed("recommend")),
    ("it says never", agreed("never")),
    ("it says nothing", contract(actions=ALLOWED)),
    ("it lets nobody drain", agreed(actions={"cordon": "auto", "drain": "never"})),
    ("it lets nobody cordon", agreed(actions={"cordon": "never", "drain": "auto"})),
]


@pytest.mark.parametrize("made", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_contract_that_does_not_agree_is_refused(made: dict[str, Any]) -> None:
    found = turn(made)
    assert (found["decision"], found["code"], found["owner"]) == ("refuse", "not_agreed", "customer")


def test_a_plan_waits_for_its_approval_and_goes_with_it() -> None:
    waits = turn(agreed())
    assert (waits["decision"], waits["code"], waits["moves"]) == (
        "wait",
        "approval",
        ["fireworks-models/one from a to b"],
    )
    [_decisions, approvals] = consolidation_reports([waits])
    assert waits["digest"][:12] in approvals["text"]
    goes = turn(agreed(), approvals=[approval(waits["digest"][:12])])
    assert (goes["decision"], goes["approval"]["by"]) == ("go", "change@acme.example")


def test_an_approval_of_other_moves_counts_for_nothing() -> None:
    other = Plan((Package("a block of free GPUs", "a", (replace(MOVE, destination="c"),), 1000.0),))
    assert turn(agreed(), approvals=[approval(plan_digest(agreed(), other))])["code"] == "approval"


def test_a_contract_may_ask_for_no_approval() -> None:
    assert turn(agreed(approvals={"consolidation": "none"}))["decision"] == "go"


def test_a_freeze_holds_it() -> None:
    found = turn(agreed(approvals={"consolidation": "none"}), frozen={"reason": "Black Friday"})
    assert (found["decision"], found["code"]) == ("wait", "frozen")


def test_what_is_not_known_to_come_true_holds_it() -> None:
    found = turn(agreed(approvals={"consolidation": "none"}), doubts=["llama: 2 loads are known"])
    assert (found["decision"], found["code"], found["reason"]) == ("wait", "not_calibrated", "llama: 2 loads are known")


def test_nothing_to_move_is_no_change() -> None:
    found = turn(agreed(), Plan(why="no move is worth its price"))
    assert (found["decision"], found["code"], found["digest"]) == ("go", "nothing_to_move", "")


def test_what_is_left_of_a_plan_goes_by_the_approval_of_the_whole() -> None:
    whole = "ab" * 32
    assert turn(agreed(), begun=whole)["code"] == "approval"
    assert turn(agreed(), begun=whole, approvals=[approval(whole[:12])])["decision"] == "go"
    old = approval(whole, given_at=(NOW - timedelta(days=60)).isoformat())
    assert turn(agreed(), begun=whole, approvals=[old])["code"] == "approval"


def test_what_a_run_left_is_settled_whatever_else_waits() -> None:
    held = turn(agreed("recommend"))
    assert goes_on(held, []) == held
    found = goes_on(held, ["the move of fireworks-models/one had begun"])
    assert (found["decision"], found["code"]) == ("go", "goes_on")
    assert found["reason"].startswith("the move of fireworks-models/one had begun. Then: the contract")
