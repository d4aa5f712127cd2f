# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan of consolidation may be carried out now: the contract, what is known of loads, and what every change
waits for: windows, freezes and an approval of this very plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..contract.bounds import bounds_digest
from ..contract.digest import contract_digest as digest
from ..contract.typed import Contract
from ..identities.conditions import may_consolidate
from ..placement.plan import Move, Plan
from .approval import SHORTEST, Change, Verdict, approved, approvers, sources_of
from .approval_words import request_text
from .blockers import Blocker, blocker_data, waits_for_approval
from .node_action import Given
from .permission import GO, REFUSE, WAIT, Asked, Decision, asked_of, held, permit
from .policy import Estimate

Data = Mapping[str, Any]

CONSOLIDATION = "consolidation"
_EACH = 60
"""Seconds that a move takes beside the load: to be placed, to be evicted, and to end."""
_NEXT = {
    "approval": "have it approved, as the report shows, and run this again",
    "not_calibrated": "fireworks.byoc.plan_consolidation shows the moves; run this again when more loads are known",
    "not_agreed": "agree on efficiency.mode: execute, with actions.cordon and actions.drain, and apply the presetup",
}


def moves_estimate(moves: Sequence[Move]) -> Estimate:
    """How long moves take, one after the other."""
    return Estimate(timedelta(seconds=sum(move.load + _EACH for move in moves)), "the loads of its moves")


def plan_digest(contract: Contract, plan: Plan) -> str:
    """What an approval is given for: these moves in this order, and no others; empty where nothing moves."""
    moves = [[one.pod, one.source, one.destination] for one in plan.moves]
    about = {"kind": CONSOLIDATION, "cluster": str(contract["identity"]["uid"]), "bounds": bounds_digest(contract)}
    return digest({**about, "moves": moves}) if moves else ""


def consolidation_turn(
    contract: Contract, plan: Plan, doubts: Sequence[str], given: Given, now: datetime, begun: str = ""
) -> dict[str, Any]:
    """Whether the plan may be carried out ``now`` (with a time zone), as data that JSON can hold.

    :param doubts: why what the plan predicts is not known to come true. :param begun: the digest of a plan that an
        earlier run began, of which these moves are left.
    :returns: as ``model_turn`` does, with ``moves`` in words instead of models.
    """
    own = begun or plan_digest(contract, plan)
    asked = _asked(contract, plan, own, given) if own else None
    decision = _decide(contract, plan, doubts, asked, now)
    verdict = approved(contract, asked.change, asked.approvals, now) if asked else Verdict(True, "")
    blockers = [blocker_data(contract, one) for one in decision.blockers]
    return {
        "cluster": str(contract["identity"]["name"]),
        "decision": decision.action,
        "code": decision.code,
        "reason": decision.reason,
        "owner": decision.owner.value,
        "contact": blockers[0]["contact"] if blockers else dict(NO_CONTACT),
        "blockers": blockers,
        "next_at": decision.at.astimezone(UTC).isoformat(timespec="seconds") if decision.at else None,
        "digest": own,
        "moves": [f"{move.pod} from {move.source} to {move.destination}" for move in plan.moves],
        "versions": [],
        "approval": verdict.data(),
        "approvers": approvers(contract),
        "sources": sources_of(contract),
        "next_step": "; ".join(_NEXT[one["code"]] for one in blockers if one["code"] in _NEXT),
        "now": now.astimezone(UTC).isoformat(timespec="seconds"),
    }


def _decide(contract: Contract, plan: Plan, doubts: Sequence[str], asked: Asked | None, now: datetime) -> Decision:
    if not may_consolidate(contract):
        why = (
            "the contract does not agree to moves: efficiency.mode is not execute, or actions rule out cordon or drain"
        )
        return held(REFUSE, [Blocker("not_agreed", why, Owner.CUSTOMER)])
    if asked is None:
        return Decision(GO, "nothing_to_move", plan.why or "no move is worth its price", at=now)
    decided = permit(asked, now)
    if not doubts:
        return decided
    return held(WAIT, [Blocker("not_calibrated", "; ".join(doubts)), *decided.blockers], decided.at)


def _asked(contract: Contract, plan: Plan, own: str, given: Given) -> Asked:
    return asked_of(
        contract,
        {"frozen": given.frozen, "emergency": given.declared},
        Change(CONSOLIDATION, frozenset({own}), given.requested_by),
        approvals=given.approvals,
        emergency=given.emergency,
        estimate=moves_estimate(plan.moves),
    )


def goes_on(turn: Data, unfinished: Sequence[str]) -> Data:
    """The turn of a cluster in which an earlier run left something: that is finished or undone, whatever else waits."""
    if not unfinished or turn["decision"] == GO:
        return turn
    reason = f"{'; '.join(unfinished)}. Then: {turn['reason']}"
    return {**turn, "decision": GO, "code": "goes_on", "reason": reason}


def consolidation_reports(turns: Iterable[Data]) -> list[dict[str, Any]]:
    """What was decided, and what to paste for those that wait for an approval, as reports of a playbook."""
    found = list(turns)
    rows = [
        {
            "cluster": turn["cluster"],
            "moves": len(turn["moves"]),
            "decision": turn["decision"],
            "reason": turn["reason"],
            "digest": turn["digest"][:SHORTEST] or "-",
        }
        for turn in found
    ]
    asked = [request_text(turn, "consolidate", "") for turn in found if waits_for_approval(turn["blockers"])]
    return [
        {"title": "Decisions", "rows": rows, "columns": ["cluster", "moves", "decision", "reason", "digest"]},
        {"title": "Approvals", "text": "\n".join(asked)},
    ]
