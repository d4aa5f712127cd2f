# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emergency: a change outside the windows, by a named approver and for a reason, where the contract knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Contract
from .approval import CLUSTER, FILE, not_counted, sources_of

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Emergency:
    """What is claimed: who approved it, as an e-mail address, and why; and where that was found."""

    approver: str
    reason: str
    source: str = FILE


def emergency_from(said: Data) -> Emergency | None:
    """What was declared: ``approver``, ``reason`` and perhaps ``source``; None where nothing was."""
    given = {key: str(said[key]) for key in ("approver", "reason", "source") if key in said}
    return Emergency(**{"approver": "", "reason": "", **given}) if said else None


@dataclass(frozen=True)
class Override:
    """What an emergency lifts on one cluster, and if nothing, why."""

    windows: bool = False
    freezes: bool = False
    refused: str = ""


def override(contract: Contract, emergency: Emergency | None, requested_by: str, *, declared: bool = False) -> Override:
    """What the contract lets an emergency lift; without one, nothing. Approvals are asked for all the same.

    :param declared: whether the administrators have declared one in the cluster itself.
    """
    if emergency is None:
        return Override()
    agreed = (contract.get("change") or {}).get("emergency")
    approver = emergency.approver.strip().casefold()
    if not agreed:
        return Override(refused="the contract knows of no emergency (change.emergency)")
    source = CLUSTER if declared and CLUSTER in sources_of(contract) else emergency.source
    if doubt := not_counted(contract, source):
        return Override(refused=f"it {doubt}, and none is declared in the cluster")
    if not emergency.reason.strip():
        return Override(refused="an emergency needs a reason")
    if approver not in {one.casefold() for one in agreed["approvers"]}:
        return Override(refused=f"{approver or 'nobody'} is not in change.emergency.approvers")
    if approver == requested_by.strip().casefold():
        return Override(refused=f"{approver} asks for the change, so somebody else declares the emergency")
    return Override(windows=True, freezes=bool(agreed.get("over_freezes", False)))
