# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract permits Fireworks to do to nodes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .typed import Contract

NEVER, APPROVE, AUTO = "never", "approve", "auto"
QUARANTINE = "cordon"
"""The action that moves no pod. It never waits: a sick node that takes new work makes more of them fail."""


def permission(contract: Contract, action: str) -> str:
    """never, approve (after an approval) or auto: what the contract's ``actions`` says of an action.

    ``auto`` is a standing approval, which an explicit ``change.approvals.node_action: required`` takes back.
    """
    allowed = str((contract.get("actions") or {}).get(action, NEVER))
    asked = ((contract.get("change") or {}).get("approvals") or {}).get("node_action")
    return APPROVE if allowed == AUTO and asked == "required" and action != QUARANTINE else allowed
