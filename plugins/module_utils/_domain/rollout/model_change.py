# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a cluster's models, decided as every other change is.

Only what brings something new waits for windows and an approval: a new revision, or a model that goes. What makes the
cluster what was approved already does not: drift put right, what a killed run had begun, bounds of an agreed schedule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..contract.digest import contract_digest as digest
from ..people import contact
from .approval import SHORTEST, Change, approvers
from .digests import release_digest
from .emergency import Emergency
from .permission import GO, SKIP, Decision, asked_of, permit
from .policy import Policy, estimate

Data = Mapping[str, Any]

MODEL_CHANGE = "model_change"
NEW_REVISION, RETIRED = "new_revision", "retired"
_NEXT = {
    "approval": "have it approved, as the report shows, and run this again",
    "offline": "run this again when the cluster answers",
}
_SHOWN = ("name", "from", "change", "strategy", "why", "what")
_WAITING = frozenset((NEW_REVISION, RETIRED))


@dataclass(frozen=True)
class Wanted:
    """What is asked of a cluster's models.

    :param models: each with ``name``, ``from`` (the revision that is there, 0 for none) and ``change``: what sort of
        change a dry run found, or ``retired``.
    :param release: the description of the stack release whose templates make the models.
    """

    models: Sequence[Data]
    release: Data
    requested_by: str
    reason: str = ""
    approvals: Sequence[Data] = ()
    emergency: Emergency | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def waiting(self) -> list[Data]:
        """Those whose change needs a window, and an approval where the contract asks for one."""
        return sorted((one for one in self.models if one["change"] in _WAITING), key=lambda one: str(one["name"]))


def model_turn(contract: Data, live: Data, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """Whether the models of a cluster may be changed ``now`` (with a time zone), as data that JSON can hold.

    Who holds its lock is not asked: whoever goes acquires it, and waits for a run that has ended or died.

    :param live: see ``case``.
    :returns: ``cluster``, ``decision`` (go, skip, wait), ``code``, ``reason``, ``next_step``, ``owner``, ``contact``,
        ``next_at``, ``digest`` (empty where there is nothing to approve), ``approvers``, ``models`` and ``now``.
    :raises ValueError: a moment in how the cluster is cannot be read.
    """
    own = model_change_digest(contract, wanted) if wanted.waiting else ""
    decision = _decide(contract, live, wanted, own, now)
    return {
        "cluster": str(contract["identity"]["name"]),
        "decision": decision.action,
        "code": decision.code,
        "reason": decision.reason,
        "owner": decision.owner.value,
        "contact": contact(contract, "support") if decision.owner == Owner.CUSTOMER else dict(NO_CONTACT),
        "next_at": decision.at.astimezone(UTC).isoformat(timespec="seconds") if decision.at else None,
        "digest": own,
        "approvers": approvers(contract),
        "next_step": _NEXT.get(decision.code, ""),
        "models": [{key: one.get(key, "") for key in _SHOWN} for one in wanted.models],
        "now": now.astimezone(UTC).isoformat(timespec="seconds"),
    }


def model_change_digest(contract: Data, wanted: Wanted) -> str:
    """What an approval is given for: these models as this contract and release make them, from what is there.

    :returns: the same for the same change, whenever it is asked; another one when a word of the contract or of the
        release differs, or when the models have another revision meanwhile.
    """
    return digest(
        {
            "kind": MODEL_CHANGE,
            "cluster": str(contract["identity"]["uid"]),
            "contract": digest(contract),
            "release": release_digest(wanted.release),
            "models": [[str(one["name"]), one["change"], one["from"]] for one in wanted.waiting],
        }
    )


def decision_rows(turn: Data, *, whole: bool = False) -> list[dict[str, Any]]:
    """A row for each model whose change waits as upgrades do, with what was decided; ``whole`` for every model."""
    return [_decision_row(turn, one) for one in turn["models"] if whole or one["change"] in _WAITING]


def _decision_row(turn: Data, model: Data) -> dict[str, Any]:
    new = model["change"] in _WAITING
    before = f", from {model['from'] or 'nothing'}" if new else ""
    return {
        "cluster": turn["cluster"],
        "model": model["name"],
        "change": f"{model['change'].replace('_', ' ')}{before}",
        "fit": model["what"] or model["why"],
        "strategy": model["strategy"] or "-",
        "decision": turn["decision"] if new else "go",
        "reason": turn["reason"] if new else "-",
        "next": str(turn["next_at"] or "-")[:16].replace("T", " ") if new else "-",
        "digest": turn["digest"][:SHORTEST] if new else "-",
    }


def approval_request(turn: Data) -> str:
    """What to paste so that a change is approved; empty where it does not wait for that."""
    if turn["code"] != "approval" or not turn["digest"]:
        return ""
    given = {
        "by": next(iter(turn["approvers"]), "<an approver>"),
        "digest": turn["digest"][:SHORTEST],
        "given_at": turn["now"],
    }
    people = ", ".join(turn["approvers"])
    return (
        f"{turn['cluster']}: one of {people} approves it, with their own address and time, by this option:\n"
        f"  -e '{json.dumps({'approvals': [given]})}'"
    )


def _decide(contract: Data, live: Data, wanted: Wanted, own: str, now: datetime) -> Decision:
    if not live.get("reachable"):
        owner = Owner(str(live.get("owner") or Owner.CUSTOMER))
        return Decision(SKIP, "offline", f"offline: {live.get('error') or 'no answer'}", owner)
    if not wanted.waiting:
        return Decision(GO, "as_approved", "nothing new: it is what was approved already", at=now)
    asked = asked_of(
        contract,
        {**live, "lock": None},
        Change(MODEL_CHANGE, frozenset({own}), wanted.requested_by),
        approvals=wanted.approvals,
        emergency=wanted.emergency,
        estimate=estimate(live.get("durations") or (), None, wanted.policy),
    )
    return permit(asked, now)
