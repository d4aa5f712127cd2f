# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What onboarding may do to a cluster that is onboarded already: put right what was approved, and nothing new.

It runs on a schedule, so it never moves a stack to another release, in either direction, nor a model to another
revision; those are changes with playbooks of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..contract.typed import Contract
from ..drift import named_release
from .blockers import Blocker, blocker_data
from .model_change import NEW_REVISION
from .permission import GO, REFUSE, Decision, held

Data = Mapping[str, Any]


def onboarding_turn(contract: Contract, stack: Data | None, models: Sequence[Data] = ()) -> dict[str, Any]:
    """Whether a cluster may be onboarded, or what differs that another playbook has to change.

    :param stack: what ``cluster_info`` found of the stack; None where none is installed.
    :param models: what a dry run found of each (see ``model_change``).
    :returns: ``cluster``, ``decision`` (go, refuse), ``code``, ``reason``, ``next_step``, ``owner``, ``contact`` and
        ``blockers``: all that differs (see ``blocker_data``).
    """
    found = [*_of_stack(contract, stack), *_of_models(models)]
    told = [Blocker(code, reason, Owner.OPERATOR) for code, reason, _next in found]
    decision = held(REFUSE, told) if told else Decision(GO, GO, "")
    return {
        "cluster": str(contract["identity"]["name"]),
        "decision": decision.action,
        "code": decision.code,
        "reason": decision.reason,
        "next_step": "; then ".join(step for _code, _reason, step in found),
        "owner": decision.owner.value,
        "contact": dict(NO_CONTACT),
        "blockers": [blocker_data(contract, one) for one in decision.blockers],
    }


def contract_line(contract: Contract, release: str) -> str:
    """What a contract that names a release has to say once another is there; empty where it says that already."""
    named = named_release(contract)
    return "" if named in ("", release) else f'{contract["identity"]["name"]}: stack: {{release: "{release}"}}'


def _of_stack(contract: Contract, stack: Data | None) -> list[tuple[str, str, str]]:
    if not stack:
        return []
    installed = str(stack["release"])
    release = named_release(contract) or installed
    if unfinished := stack.get("unfinished"):
        what = f"an upgrade from {installed} to {unfinished} was interrupted here"
        next_step = f"run fireworks.byoc.upgrade -e release={unfinished} again, or rollback_stack -e to={installed}"
        return [("unfinished_upgrade", what, next_step)]
    if installed == release:
        return []
    what = f"the stack is at {installed} and the contract says {release}; onboarding moves no stack that is installed"
    next_step = (
        f"run fireworks.byoc.upgrade -e release={release}, or let the contract say what is there: "
        f'stack: {{release: "{installed}"}}'
    )
    return [("other_release", what, next_step)]


def _of_models(models: Sequence[Data]) -> list[tuple[str, str, str]]:
    """Where no model is there yet, all are installed: they are part of what onboarding is."""
    new = [one for one in models if one["change"] == NEW_REVISION]
    if not new or (all(not one["from"] for one in new) and len(new) == len(models)):
        return []
    told = [
        f"{one['name']} is at revision {one['from']}, which is not what the contract says"
        if one["from"]
        else f"{one['name']} is not there"
        for one in new
    ]
    next_step = "run fireworks.byoc.deploy_models, which asks for the approval that the contract requires"
    return [("other_models", f"{'; '.join(told)}; onboarding changes no model that is installed", next_step)]
