# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How remediation ended for a cluster, by the steps that were taken on its nodes and those that come next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.wording import spoken
from ..access.eviction_grant import grant_command
from ..clause import clause
from ..contract.typed import Contract
from ..names import QUARANTINE_TAINT
from ..outcome import Outcome, Result
from ..people import contact
from ..placement.handover import MAKE_ROOM, NOT_SAFE
from ..rollout.blockers import ERROR_BUDGET, waits_for_approval
from ..rollout.node_action import NOT_GRANTED, approved_of
from .step import OBSERVE, REPAIR

Data = Mapping[str, Any]

STEP_FAILED, REPAIR_FAILED = "step_failed", "repair_failed"
CAUSES = {"not_granted": NOT_GRANTED, "held_by_node": "node_unreachable", "blocked_by": "drain_blocked"}
"""Codes of a failed step, by what it says of itself."""
_APPROVE = "have it approved, as the report shows, and run this again"
_BUDGET = "find out why requests fail first, or have the drain approved all the same, as the report shows"
_CODES = ("approval", NOT_GRANTED, ERROR_BUDGET, "frozen", "would_not_finish", "outside_window", NOT_SAFE)
"""Where several nodes wait, what only a person can end is told first."""


def remediation_outcome(
    contract: Contract, taken: Sequence[Data], steps: Sequence[Data], *, check_mode: bool = False
) -> dict[str, Any]:
    """The outcome of a cluster, with ``next_at`` where a node waits for a time. What was written is told elsewhere.

    :param taken: the steps that were taken or tried, in order. :param steps: the next one of each node.
    """
    latest = {(one["node"], one["do"]): one for one in taken}.values()
    failed = [one for one in latest if one.get("failed")]
    held = sorted((one for one in steps if one["code"]), key=lambda one: (*_CODES, one["code"]).index(one["code"]))
    left = [one for one in latest if one.get("conflict")]
    if failed:
        why = f"{spoken(failed[0]['do'])}: {failed[0]['result']}"
        code = _failure(failed[0])
        refused = [one["node"] for one in failed if one.get("not_granted")]
        after = _granted(contract, refused) if refused else "look at the step, then run this again"
        return _told(contract, Result.FAILED, code, failed, why, after)
    if held:
        code = str(held[0]["code"])
        blockers = [blocker for one in held for blocker in one["blockers"]]
        waiting = [one["object"] for one in blockers if one["code"] == NOT_GRANTED]
        steps_to_take = [_APPROVE] * waits_for_approval(blockers) + ([_granted(contract, waiting)] if waiting else [])
        steps_to_take += [_BUDGET] * any(one["code"] == ERROR_BUDGET for one in held)
        steps_to_take += [MAKE_ROOM] * (code == NOT_SAFE)
        next_step = "; and ".join(steps_to_take)
        found = _told(contract, Result.WAITING, code, held, held[0]["why"], next_step)
        return {**found, "blockers": blockers, "next_at": held[0]["next_at"] or None}
    if left:
        why = f"{spoken(left[0]['do'])}: {left[0]['result']}"
        return _told(contract, Result.WAITING, "changed_meanwhile", left, why, "run this again")
    changed = any(one["changed"] for one in taken)
    under_way = [one for one in steps if one["do"] != OBSERVE]
    result = Result.UNCHANGED if steps else Result.PASSED
    if changed:
        result = Result.WOULD_CHANGE if check_mode else Result.DONE
    what = "; ".join(f"{one['node']}: {spoken(one['do'])}, {one['why']}" for one in under_way)
    return _outcome(contract, result, code=result.value, what=what, **_left_to_the_customer(contract, under_way))


def _left_to_the_customer(contract: Contract, steps: Sequence[Data]) -> dict[str, Any]:
    """Who has to act where all went well, and a node is in somebody else's hands all the same."""
    nodes = " ".join(str(one["node"]) for one in steps if one["owner"] == Owner.CUSTOMER)
    if not nodes:
        return {}
    commands = f"kubectl uncordon {nodes} && kubectl taint node {nodes} {QUARANTINE_TAINT}-"
    next_step = f"replace or repair what was handed over, then return it: {commands}"
    return {"owner": Owner.CUSTOMER, "contact": contact(contract, "support"), "next_step": next_step}


def _granted(contract: Contract, nodes: Sequence[str]) -> str:
    command = grant_command(str(contract["identity"]["name"]), nodes)
    return f"have the customer's administrator grant it for at most an hour, then run this again: {command}"


def _failure(step: Data) -> str:
    cause = next((code for word, code in CAUSES.items() if step.get(word)), STEP_FAILED)
    return REPAIR_FAILED if step["do"] == REPAIR else cause


def remediation_clause(contract: Contract, taken: Sequence[Data]) -> str:
    """What of the contract let it be done, and who approved which step by which digest, for the record."""
    approved = {
        one["digest"]: f"{approved_of(contract, one)} approved by {one['approved_by']} (digest {one['digest']})"
        for one in reversed(taken)  # the first step of an approval says all of it
        if one.get("approved_by")
    }
    return "; ".join([clause(contract, "remediate"), *reversed(approved.values())])


def _told(
    contract: Contract, result: Result, code: str, steps: Sequence[Data], why: str, next_step: str
) -> dict[str, Any]:
    owner = Owner(steps[0]["owner"])
    more = f" (and {amount(len(steps) - 1, 'more node')})" if len(steps) > 1 else ""
    return _outcome(
        contract,
        result,
        code=code,
        owner=owner,
        contact=contact(contract, "support") if owner == Owner.CUSTOMER else dict(NO_CONTACT),
        what=f"{steps[0]['node']}: {why}{more}",
        next_step=next_step,
    )


def _outcome(contract: Contract, result: Result, code: str, **said: Any) -> dict[str, Any]:
    cluster, customer = (str(contract["identity"][key]) for key in ("name", "customer"))
    return Outcome(cluster=cluster, customer=customer, result=result, code=code, **said).to_dict()
