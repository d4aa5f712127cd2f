# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action on a node, decided as every other change is.

``actions`` that say ``auto`` are a standing approval for faults, which no window delays. A freeze does, unless an
emergency lifts it. What waits for an approval waits for a window too. A quarantine waits for neither window nor freeze.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import spoken
from ..access.eviction_grant import Evictions
from ..contract.actions import AUTO, NEVER, QUARANTINE, permission
from ..contract.bounds import bounds_digest
from ..contract.digest import contract_digest as digest
from ..contract.typed import Contract
from .approval import Change, Verdict, approved, approvers, names_one_of, sources_of
from .approval_words import request_text
from .blockers import ERROR_BUDGET, Blocker, waits_for_approval
from .calendar import Calendar
from .emergency import Emergency
from .permission import SKIP, WAIT, Decision, asked_of, held, permit
from .policy import Estimate

Data = Mapping[str, Any]

NODE_ACTION = "node_action"
NOT_GRANTED = "eviction_not_granted"
_EVICTING = "drain"
_QUARANTINE, _QUARANTINED, _HAND_OVER = "quarantine", "quarantined", "hand_over"


@dataclass(frozen=True)
class Given:
    """What was given for a cluster's nodes.

    :param approvals: wherever they come from. :param frozen: a freeze that is set in the cluster (see ``case``), and
    ``declared``, whether an emergency is. :param evictions: what may be evicted, where the contract asks for a grant of
    the customer's.
    """

    requested_by: str = ""
    approvals: Sequence[Data] = ()
    emergency: Emergency | None = None
    frozen: Data | None = None
    declared: bool = False
    evictions: Evictions | None = None


@dataclass(frozen=True)
class Target:
    """What an approval is given for.

    :param session: empty for a node that is in service.
    :param occasion: what else tells this time from another, where there is no session.
    """

    node: str
    goal: str
    session: str = ""
    occasion: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, str]:
        """By the words of an approval."""
        said = {"node": self.node, "goal": self.goal, "session": self.session}
        return {word: value for word, value in said.items() if value}


def decide_action(
    contract: Contract, action: str, target: Target, given: Given, needed: Estimate, now: datetime
) -> Decision:
    """Whether an action of the contract's ``actions`` may be taken ``now`` (with a time zone).

    :param needed: how long it may take, so that it ends before a window closes or a freeze begins.
    """
    allowed = permission(contract, action)
    if allowed == NEVER:
        return held(SKIP, [Blocker("never", f"the contract's actions.{action} is never", Owner.CUSTOMER)])
    change = _change(contract, target, given, f"actions.{action} is auto" if allowed == AUTO else "")
    live = {"frozen": given.frozen, "emergency": given.declared}
    asked = asked_of(contract, live, change, approvals=given.approvals, emergency=given.emergency, estimate=needed)
    decided = permit(replace(asked, calendar=Calendar()) if action == QUARANTINE else asked, now)
    missing = given.evictions.missing(target.node, now.timestamp()) if given.evictions and action == _EVICTING else ""
    if not missing:
        return decided
    return held(WAIT, [*decided.blockers, Blocker(NOT_GRANTED, missing, Owner.CUSTOMER)], decided.at)


def approved_by_person(contract: Contract, target: Target, given: Given, now: datetime) -> Verdict:
    """Whether somebody has approved this very target, whatever the contract's ``actions`` say."""
    return approved(contract, _change(contract, target, given), given.approvals, now)


def target_digest(contract: Contract, target: Target) -> str:
    """What an approval is given for: this repair of this node, in this session and under these bounds."""
    named = [target.node, target.goal, target.session, *target.occasion]
    return digest({"kind": NODE_ACTION, "bounds": bounds_digest(contract), "target": named})


def approvals_request(contract: Contract, steps: Sequence[Data], now: str, operation: str, more: str = "") -> str:
    """What to paste so that the steps that an approval lets go are approved; empty where none is.

    :param operation: the playbook that takes these steps. :param more: options that it was given and that decide which
        steps there are, as a command line has them.
    """
    waiting = [one for one in steps if waits_for_approval(one["blockers"]) or one["code"] == ERROR_BUDGET]
    if not waiting:
        return ""
    asked = {
        "cluster": str(contract["identity"]["name"]),
        "approvers": approvers(contract),
        "sources": sources_of(contract),
        "now": now,
    }
    parts = [
        {"digest": one["digest"], "what": approved_of(contract, one), "about": _target(one).about} for one in waiting
    ]
    return request_text(asked, operation, f" {more}" if more else "", parts)


def approvable(contract: Contract, steps: Iterable[Data], digest: str) -> dict[str, Any]:
    """The planned steps that an approval may be of, as ``approving_turn`` takes what is planned.

    :param digest: of one of them, or its beginning. Where it is of none, all of them are told.
    """
    asking = [one for one in steps if one["digest"] and one["code"] != NEVER]
    named = [one for one in asking if names_one_of(digest, frozenset({str(one["digest"])}))] or asking
    return {
        "decision": WAIT,
        "digest": str(named[0]["digest"]) if named else "",
        "does": [approved_of(contract, one) for one in named],
        "versions": [],
    }


def approved_of(contract: Contract, step: Data) -> str:
    """What an approval of a step, or of its digest, lets be done."""
    node, goal = str(step["node"]), str(step["goal"])
    if step.get("do") == _QUARANTINE:
        return f"quarantine of {node}"
    if goal == _HAND_OVER:
        return f"drain of {node}, to hand it over"
    if step["state"] != _QUARANTINED:
        return f"{spoken(goal)} of {node}"
    repair = "" if permission(contract, goal) == NEVER else f" and its {spoken(goal)}"
    return f"drain of {node}{repair}"


def _target(step: Data) -> Target:
    return Target(step["node"], step["goal"], step["session"])


def _change(contract: Contract, target: Target, given: Given, standing: str = "") -> Change:
    own = frozenset() if standing else frozenset({target_digest(contract, target)})
    return Change(NODE_ACTION, own, given.requested_by, target.about, standing)
