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
from ..drift import named_release
from .model_change import NEW_REVISION
from .permission import GO

Data = Mapping[str, Any]

REFUSE = "refuse"


def onboarding_turn(contract: Data, stack: Data | None, models: Sequence[Data] = ()) -> dict[str, Any]:
    """Whether a cluster may be onboarded, or what differs that another playbook has to change.

    :param stack: what ``cluster_info`` found of the stack; None where none is installed.
    :param models: what a dry run found of each (see ``model_change``).
    :returns: ``cluster``, ``decision`` (go, refuse), ``code``, ``reason``, ``next_step``, ``owner`` and ``contact``.
    """
    return {
        "cluster": str(contract["identity"]["name"]),
        "contact": dict(NO_CONTACT),
        **(_of_stack(contract, stack) or _of_models(models) or _said(GO, "go", "", "", Owner.NOBODY)),
    }


def contract_line(contract: Data, release: str) -> str:
    """What a contract that names a release has to say once another is there; empty where it says that already."""
    named = named_release(contract)
    return "" if named in ("", release) else f'{contract["identity"]["name"]}: stack: {{release: "{release}"}}'


def _of_stack(contract: Data, stack: Data | None) -> dict[str, Any] | None:
    if not stack:
        return None
    installed = str(stack["release"])
    release = named_release(contract) or installed
    if unfinished := stack.get("unfinished"):
        what = f"an upgrade from {installed} to {unfinished} was interrupted here"
        next_step = f"run fireworks.byoc.upgrade -e release={unfinished} again, or rollback_stack -e to={installed}"
        return _said(REFUSE, "unfinished_upgrade", what, next_step)
    if installed == release:
        return None
    what = f"the stack is at {installed} and the contract says {release}; onboarding moves no stack that is installed"
    next_step = (
        f"run fireworks.byoc.upgrade -e release={release}, or let the contract say what is there: "
        f'stack: {{release: "{installed}"}}'
    )
    return _said(REFUSE, "other_release", what, next_step)


def _of_models(models: Sequence[Data]) -> dict[str, Any] | None:
    """Where no model is there yet, all are installed: they are part of what onboarding is."""
    new = [one for one in models if one["change"] == NEW_REVISION]
    if not new or (all(not one["from"] for one in new) and len(new) == len(models)):
        return None
    told = [
        f"{one['name']} is at revision {one['from']}, which is not what the contract says"
        if one["from"]
        else f"{one['name']} is not there"
        for one in new
    ]
    next_step = "run fireworks.byoc.deploy_models, which asks for the approval that the contract requires"
    return _said(REFUSE, "other_models", f"{'; '.join(told)}; onboarding changes no model that is installed", next_step)


def _said(decision: str, code: str, reason: str, next_step: str, owner: Owner = Owner.OPERATOR) -> dict[str, Any]:
    return {
        "decision": decision,
        "code": code,
        "reason": reason,
        "next_step": next_step,
        "owner": owner.value,
    }
