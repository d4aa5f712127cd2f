# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what somebody wants to approve is what a plan, made anew, would do; and the approval of it, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.wording import spoken
from ..contract.typed import Contract
from .approval import SHORTEST, Change, asks_for_none, judge, names_one_of
from .model_change import WAITING
from .node_action import NODE_ACTION
from .permission import GO, REFUSE, SKIP

Data = Mapping[str, Any]

KINDS = {
    "deploy_models": "model_change", "retire_model": "model_change", "upgrade": "stack_upgrade",
    "consolidate": "consolidation", "remediate": NODE_ACTION, "hand_over_nodes": NODE_ACTION,
}  # fmt: skip
"""The operations that wait for an approval, and the key of ``change.approvals`` that each falls under."""
_PLANS = {
    "deploy_models": "plan_models", "retire_model": "retire_model --check", "upgrade": "plan_upgrade",
    "consolidate": "consolidate --check", "remediate": "remediate --check",
    "hand_over_nodes": "hand_over_nodes --check",
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What an approver says.

    :param operation: a key of :data:`KINDS`. :param digest: what the plan showed, or its beginning.
    :param by: the approver's e-mail address. :param until: ISO 8601 with an offset; empty for as long as the contract
        lets an approval last.
    :param requested_by: who asks for the change, where the approver knows.
    """

    operation: str
    digest: str
    by: str
    until: str = ""
    requested_by: str = ""


def approving_turn(contract: Contract, planned: Data, given: Given, now: datetime) -> dict[str, Any]:
    """Whether an approval may be written into a cluster.

    :param planned: what was decided about the change a moment ago: of ``model_turn``, of ``consolidation_turn``, of
        ``approvable`` steps of nodes, or a row of a plan of upgrades, with ``to``, the release.
    :param now: with a time zone.
    :returns: ``cluster``, ``decision`` (go, skip, refuse), ``code``, ``reason``, ``next_step``, ``owner``, ``contact``,
        ``blockers`` (see ``blocker_data``), ``what`` is approved, in words, and the ``approval``, which is empty
        unless it may.
    """
    found = _refusal(contract, planned, given) or _judged(contract, planned, given, now)
    what = what_changes(planned) if planned["digest"] else ""
    return {"cluster": str(contract["identity"]["name"]), "what": what, "approval": {}, **found}


def what_changes(planned: Data) -> str:
    """What a plan would do, in words."""
    if does := planned.get("does", planned.get("moves")):
        return "; ".join(does)
    if "models" not in planned:
        return f"stack: {planned['from']} to {planned['to']}"
    new = [one for one in planned["models"] if one["change"] in WAITING]
    return "; ".join(f"{one['name']}: {spoken(one['change'])}, from {one['from'] or 'nothing'}" for one in new)


def _refusal(contract: Contract, planned: Data, given: Given) -> dict[str, Any] | None:
    if planned["decision"] in (SKIP, REFUSE):
        said = {key: planned[key] for key in ("decision", "code", "reason", "owner", "contact", "blockers")}
        return {**said, "next_step": str(planned.get("next_step", ""))}
    if not planned["digest"]:
        return _refused("nothing_to_approve", "it would change nothing that waits for an approval", "")
    if asks_for_none(contract, KINDS[given.operation]):
        what = f"the contract asks for no approval of it (change.approvals.{KINDS[given.operation]}: none)"
        return _refused("no_approval_needed", what, f"run fireworks.byoc.{given.operation}")
    digest = str(planned["digest"])
    if not names_one_of(given.digest, frozenset({digest})):
        what = (
            f"the plan is {digest[:SHORTEST]} now ({what_changes(planned)}), and {given.digest[:SHORTEST]} was to be "
            "approved: the contract's bounds, what changes or what is installed differs from what was planned"
        )
        next_step = f"look at fireworks.byoc.{_PLANS[given.operation]} again, and approve what it shows"
        return _refused("other_digest", what, next_step)
    return None


def _judged(contract: Contract, planned: Data, given: Given, now: datetime) -> dict[str, Any]:
    digest, at = str(planned["digest"]), now.astimezone(UTC).isoformat(timespec="seconds")
    asked = {
        "by": given.by.strip(),
        "digest": digest,
        "given_at": at,
        "expires_at": given.until,
        "source": "annotation",
    }
    change = Change(KINDS[given.operation], frozenset({digest}), given.requested_by)
    verdict = judge(contract, change, asked, now)
    if not verdict.approved or verdict.until is None:
        return _refused("not_approved", verdict.reason, "have somebody approve it who may, until a time to come")
    end = verdict.until.astimezone(UTC).isoformat(timespec="seconds")
    new = planned["versions"] if "versions" in planned else [planned["to"]]
    versions = [f"{change.kind}/{one}" for one in new]
    approval = {"by": asked["by"], "digest": digest, "given_at": at, "expires_at": end, "versions": versions}
    if len(units := planned.get("units", [])) > 1:
        approval["units"] = units
    return {
        "decision": GO,
        "code": GO,
        "reason": verdict.reason,
        "next_step": "",
        "owner": Owner.NOBODY.value,
        "contact": dict(NO_CONTACT),
        "blockers": [],
        "approval": approval,
    }


def _refused(code: str, reason: str, next_step: str) -> dict[str, Any]:
    """Whoever approves runs this: the operator of it."""
    said = {"code": code, "owner": Owner.OPERATOR.value, "contact": dict(NO_CONTACT)}
    return {
        **said,
        "decision": REFUSE,
        "reason": f"{reason}; nothing was approved",
        "next_step": next_step,
        "blockers": [{**said, "object": "", "what": reason}],
    }
