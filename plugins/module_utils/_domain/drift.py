# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what a cluster differs from its contract, and which playbook brings them together.

Told from what is read anyway: the release that the stack's set names, and what the pods of each model are marked with.
So a change that leaves the pods as they are is not seen here; a dry run (``plan_models``) compares every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .contract.typed import Contract, Model
from .model.objects import pods_mark
from .release import UnknownReleaseError
from .rollout.bounds import NEXT_STEP, other_bounds

Data = Mapping[str, Any]
_PUT_BACK = "fireworks.byoc.verify_release; then install the collection on this controller anew"


def installed(facts: Data | None) -> dict[str, Any]:
    """What is installed, of the facts of ``cluster_info``; nothing without them.

    :returns: the stack's ``release``, ``since`` when it is there, one that is ``unfinished`` or has ``failed``, the
        ``presetup_version``, the ``models`` by name, each with the mark of its pods, and the ``bounds`` in force.
    """
    if not facts:
        return {}
    stack = facts["stack"] or {}
    return {
        "release": str(stack.get("release") or ""),
        "unfinished": str(stack.get("unfinished") or ""),
        "since": str(stack.get("since") or ""),
        "failed": dict(stack.get("failed") or {}),
        "presetup_version": facts["presetup_version"],
        "models": {str(one["name"]): str(one["revision"]) for one in facts["models"]},
        "bounds": facts["bounds"],
    }


def named_release(contract: Contract) -> str:
    """The release that a contract names; empty where it follows a channel, which moves nothing that is installed."""
    return str(contract["stack"].get("release") or "")


def drift(contract: Contract, there: Data, releases: Sequence[Data]) -> list[dict[str, str]]:
    """Each difference: ``cluster``, ``what`` and ``next``. Nothing of a cluster that has nothing of ours, or no answer.

    :param there: what is installed. :param releases: the descriptions of stack releases; of a release that is not among
        them, or ``unusable``, the models' revisions are not compared.
    """
    if not there or not (there["release"] or there["models"]):
        return []
    release = next((one for one in releases if str(one["version"]) == there["release"]), None)
    unusable = str((release or {}).get("unusable") or "")
    wanted = {str(model["name"]): model for model in contract.get("models") or ()}
    bounds = other_bounds(contract, there.get("bounds"))
    found = [
        *([(bounds, NEXT_STEP)] if bounds else ()),
        *_of_stack(contract, there["release"]),
        *([(f"the models cannot be compared: {unusable}", _PUT_BACK)] if unusable else ()),
        *_of_models(contract, wanted, there, None if unusable else release),
        *(
            (f"{name} is there and not in the contract", f"fireworks.byoc.retire_model -e model={name}")
            for name in sorted(set(there["models"]) - set(wanted))
        ),
    ]
    return [{"cluster": str(contract["identity"]["name"]), "what": what, "next": step} for what, step in found]


def _of_stack(contract: Contract, release: str) -> list[tuple[str, str]]:
    named = named_release(contract)
    if not named or named == release:
        return []
    step = f'fireworks.byoc.upgrade -e release={named}, or let the contract say stack: {{release: "{release}"}}'
    return [(f"the stack is {release or 'not there'} and the contract says {named}", step)]


def _of_models(
    contract: Contract, wanted: Mapping[str, Model], there: Data, release: Data | None
) -> list[tuple[str, str]]:
    found, version = [], there.get("presetup_version")
    for name, model in wanted.items():
        if name not in there["models"]:
            found.append((f"{name} is not there", "fireworks.byoc.deploy_models"))
        elif release and _mark(contract, model, release, version) != there["models"][name]:
            step = "fireworks.byoc.deploy_models, or let the contract say what is there"
            found.append((f"{name} is another revision than the contract's", step))
    return found


def _mark(contract: Contract, model: Model, release: Data, version: int | None) -> str:
    """What its pods would be marked with; of an engine that the release does not have, nothing."""
    try:
        return pods_mark(contract, model, release, version)
    except UnknownReleaseError:
        return ""
