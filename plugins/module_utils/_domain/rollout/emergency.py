# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emergency: a change outside the windows, by a named approver and for a reason, where the contract knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Emergency:
    """What is claimed: who approved it, as an e-mail address, and why."""

    approver: str
    reason: str


@dataclass(frozen=True)
class Override:
    """What an emergency lifts on one cluster, and if nothing, why."""

    windows: bool = False
    freezes: bool = False
    refused: str = ""


def override(contract: Data, emergency: Emergency | None, requested_by: str) -> Override:
    """What the contract lets an emergency lift; without one, nothing. Approvals are asked for all the same."""
    if emergency is None:
        return Override()
    agreed = (contract.get("change") or {}).get("emergency") or {}
    allowed = {str(one).casefold() for one in agreed.get("approvers") or ()}
    approver = emergency.approver.strip().casefold()
    if not allowed:
        return Override(refused="the contract knows of no emergency (change.emergency)")
    if not emergency.reason.strip():
        return Override(refused="an emergency needs a reason")
    if approver not in allowed:
        return Override(refused=f"{approver or 'nobody'} is not in change.emergency.approvers")
    if approver == requested_by.strip().casefold():
        return Override(refused=f"{approver} asks for the change, so somebody else declares the emergency")
    return Override(windows=True, freezes=bool(agreed.get("over_freezes", False)))
