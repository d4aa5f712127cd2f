# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a cluster's models, decided as every other change is.

Only what brings something new waits for windows and an approval: a new revision, or a model that goes. What makes the
cluster what was approved already does not: drift put right, what a killed run had begun, bounds of an agreed schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.times import upcoming
from ..contract.bounds import bounds_digest
from ..contract.digest import contract_digest as digest
from ..contract.typed import Contract, Model
from ..model.objects import pods_mark
from ..objectives.budget import spent_of
from ..release import UnknownReleaseError
from .approval import SHORTEST, Change, Verdict, approved, approvers, sources_of
from .approval_words import approval_word, request_text
from .blockers import ERROR_BUDGET, Blocker, blocker_data, waits_for_approval
from .bounds import NEXT_STEP, OTHER_BOUNDS, under_other_bounds
from .emergency import Emergency
from .permission import GO, REFUSE, SKIP, WAIT, Asked, Decision, asked_of, held, permit
from .policy import Policy, estimate

Data = Mapping[str, Any]

MODEL_CHANGE = "model_change"
NEW_REVISION, RETIRED, NOTHING = "new_revision", "retired", "none"
_NEXT = {
    "approval": "have it approved, as the report shows, and run this again",
    "offline": "run this again when the cluster answers",
    ERROR_BUDGET: "find out why it fails first; an emergency goes through, and a rollback never waits",
    OTHER_BOUNDS: NEXT_STEP,
}
_SHOWN = ("name", "from", "change", "strategy", "why", "what")
_OPERATIONS = {NEW_REVISION: "deploy_models", RETIRED: "retire_model"}
WAITING = frozenset(_OPERATIONS)
"""The sorts of changes that wait for windows and approvals."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a cluster's models.

    :param models: each with ``name``, ``from`` (the revision that is there, 0 for none), ``tried`` (the newest that is
        recorded, one that failed included) and ``change``: what sort of change a dry run found, or ``retired``.
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
        return sorted((one for one in self.models if one["change"] in WAITING), key=lambda one: str(one["name"]))


def model_turn(contract: Contract, live: Data, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """Whether the models of a cluster may be changed ``now`` (with a time zone), as data that JSON can hold.

    Who holds its lock is not asked: whoever goes acquires it, and waits for a run that has ended or died.

    :param live: see ``case``.
    :returns: ``cluster``, ``decision`` (go, skip, wait, refuse), ``code``, ``reason``, ``next_step``, ``owner``,
        ``contact``, ``blockers`` (all that is in the way, see ``blocker_data``), ``next_at``, ``digest`` (empty where
        there is nothing to approve), ``units`` (the digest of each model that waits), ``approval`` (whether there is
        one, see ``Verdict.data``), ``approvers``, ``sources`` (from where approvals count), ``chosen`` (the names of
        the models, where they are not all of the contract's), ``models``, ``versions`` (what the pods of new revisions
        are marked with) and ``now``.
    :raises ValueError: a moment in how the cluster is cannot be read.
    """
    units = unit_digests(contract, wanted)
    own = _whole(units) if units else ""
    asked = _asked(contract, live, wanted, units) if own and live.get("reachable") else None
    decision = _decide(live, asked, wanted.waiting, now)
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
        "units": units,
        "approval": verdict.data(),
        "approvers": approvers(contract),
        "sources": sources_of(contract),
        "next_step": "; ".join(_NEXT[one["code"]] for one in blockers if one["code"] in _NEXT),
        "chosen": _chosen(contract, wanted),
        "models": [{key: one.get(key, "") for key in _SHOWN} for one in wanted.models],
        "versions": new_versions(contract, wanted, live.get("presetup_version")),
        "now": now.astimezone(UTC).isoformat(timespec="seconds"),
    }


def new_versions(contract: Contract, wanted: Wanted, presetup_version: int | None = None) -> list[str]:
    """What the pods of each new revision are marked with; of an engine that the release lacks nothing is known."""
    marks = (_mark(contract, _entry(contract, one), wanted.release, presetup_version) for one in wanted.waiting)
    return sorted({mark for mark in marks if mark})


def _entry(contract: Contract, change: Data) -> Model | None:
    """What the contract says of a model that is new; nothing of one that goes."""
    models = contract.get("models") or () if change["change"] == NEW_REVISION else ()
    return next((model for model in models if model["name"] == change["name"]), None)


def _mark(contract: Contract, model: Model | None, release: Data, presetup_version: int | None = None) -> str:
    with suppress(UnknownReleaseError):
        return pods_mark(contract, model, release, presetup_version) if model else ""
    return ""


def _whole(units: Sequence[str]) -> str:
    """What an approval is given for: these models, and no other; of one model its own digest."""
    return units[0] if len(units) == 1 else digest({"kind": MODEL_CHANGE, "units": list(units)})


def unit_digests(contract: Contract, wanted: Wanted) -> list[str]:
    """Of each model that waits: what an approval of its change alone is given for.

    Another one when a word of the bounds or of the model's own entry differs, when the release makes other pods of it,
    when it has another revision meanwhile, or one was tried and rolled back.
    """
    cluster = {"kind": MODEL_CHANGE, "cluster": str(contract["identity"]["uid"]), "bounds": bounds_digest(contract)}
    return [
        digest(
            {
                **cluster,
                "model": [str(one["name"]), one["change"], one["from"], one.get("tried", one["from"])],
                "entry": _entry(contract, one) or {},
                "pods": _mark(contract, _entry(contract, one), wanted.release),
            }
        )
        for one in wanted.waiting
    ]


def decision_reports(turns: Iterable[Data], *, whole: bool = False) -> list[dict[str, Any]]:
    """What was decided, and what to paste for those that wait for an approval, as reports of a playbook.

    :param turns: of the clusters. :param whole: with every model, and whether it fits.
    """
    found = list(turns)
    columns = ["cluster", "model", "change", "state", "reason", "digest"]
    return [
        {
            "title": "Decisions",
            "rows": [row for turn in found for row in decision_rows(turn, whole=whole)],
            "columns": [*columns, *(["strategy", "fit"] if whole else [])],
        },
        {"title": "Approvals", "text": "\n".join(filter(None, map(approval_request, found)))},
    ]


def decision_rows(turn: Data, *, whole: bool = False) -> list[dict[str, Any]]:
    """A row for each model whose change waits as upgrades do, with what was decided; ``whole`` for every model."""
    return [_decision_row(turn, one) for one in turn["models"] if whole or one["change"] in WAITING]


def _decision_row(turn: Data, model: Data) -> dict[str, Any]:
    new = model["change"] in WAITING
    before = f", from {model['from'] or 'nothing'}" if new else ""
    return {
        "cluster": turn["cluster"],
        "model": model["name"],
        "change": f"{model['change'].replace('_', ' ')}{before}",
        "fit": model["what"] or model["why"],
        "strategy": model["strategy"] or "-",
        "state": request_state(turn, model),
        "reason": turn["reason"] if new else "-",
        "digest": turn["digest"][:SHORTEST] if new else "-",
    }


def request_state(turn: Data, model: Data) -> str:
    """How far a customer's request for a model has come, in words; whoever asks computes the same."""
    if model["what"]:
        return "refused"
    if model["change"] not in WAITING:
        return "done" if model["change"] == NOTHING else "approved before"
    if turn["decision"] == REFUSE:
        return "refused"
    if turn["approval"]["state"] == "missing":
        return "planned, not approved"
    approved_by = [f"approved by {approval_word(turn['approval'])}"] if turn["approval"]["by"] else ["planned"]
    until = upcoming(turn["next_at"], turn["now"])
    waiting = "waiting" if until in ("-", "now") else f"waiting until {until}"
    return ", ".join([*approved_by, "may go now" if turn["decision"] == GO else waiting])


def approval_request(turn: Data) -> str:
    """What to paste so that a change is approved; empty where it does not wait for that."""
    if not waits_for_approval(turn["blockers"]):
        return ""
    [operation] = {_OPERATIONS[one["change"]] for one in turn["models"] if one["change"] in WAITING}
    if operation == "retire_model":
        return request_text(turn, operation, f" -e model={turn['models'][0]['name']}")
    chosen = json.dumps({"model_names": turn["chosen"]})
    return request_text(turn, operation, f" -e '{chosen}'" if turn["chosen"] else "")


def _chosen(contract: Contract, wanted: Wanted) -> list[str]:
    asked = [str(one["name"]) for one in wanted.models]
    return [] if {str(one["name"]) for one in contract.get("models") or ()} <= set(asked) else asked


def _asked(contract: Contract, live: Data, wanted: Wanted, units: Sequence[str]) -> Asked:
    return asked_of(
        contract,
        {**live, "lock": None},
        Change(MODEL_CHANGE, frozenset({_whole(units)}), wanted.requested_by, units=tuple(units)),
        approvals=wanted.approvals,
        emergency=wanted.emergency,
        estimate=estimate(live.get("durations") or (), None, wanted.policy),
    )


def _decide(live: Data, asked: Asked | None, models: Iterable[Data], now: datetime) -> Decision:
    if not live.get("reachable"):
        owner = Owner(str(live.get("owner") or Owner.CUSTOMER))
        return held(SKIP, [Blocker("offline", f"offline: {live.get('error') or 'no answer'}", owner)])
    if refused := under_other_bounds(live):
        return held(REFUSE, refused)
    if asked is None:
        return Decision(GO, "as_approved", "nothing new: it is what was approved already", at=now)
    decision = permit(asked, now)
    new = [str(one["name"]) for one in models if one["change"] == NEW_REVISION]  # what goes needs no budget
    if asked.override.windows or not (why := spent_of(live.get("spent") or {}, new)):
        return decision
    waits = Blocker(ERROR_BUDGET, why, Owner.FIREWORKS)
    return held(WAIT, [*decision.blockers, waits], decision.at if decision.action != GO else None)
