# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a recommendation, from the weakest to the strongest, and what the contract must allow for each."""

from __future__ import annotations

from collections.abc import Iterable

from ..contract.actions import APPROVE, AUTO, NEVER, permission
from ..contract.schema_health import FAULT_ACTIONS, SEVERITIES
from ..contract.typed import Contract

ACTIONS = tuple(FAULT_ACTIONS)
IGNORE, RECORD, REPORT = "ignore", "record", "report"
RESTART_POD, FABRIC_MANAGER = "restart_pod", "restart_fabric_manager"
QUARANTINE, DRAIN = "quarantine", "drain"

_STRENGTH = {word: strength for strength, word in enumerate(ACTIONS)}
_BADNESS = {word: badness for badness, word in enumerate(SEVERITIES)}

# What the contract's `actions` must allow. Restarting a pod of ours is evicting it.
_NEEDS = {
    "restart_pod": ("drain",),
    "restart_plugin": ("restart_plugin",),
    "quarantine": ("cordon",),
    "drain": ("cordon", "drain"),
    "diagnose": ("cordon", "drain"),
    "gpu_reset": ("cordon", "drain", "gpu_reset"),
    "reboot": ("cordon", "drain", "reboot"),
    "inspect": ("cordon", "drain"),
    "replace": ("cordon", "drain", "replace"),
}
# Nobody gave us the right to touch what runs the customer's nodes.
_NOT_OURS = (FABRIC_MANAGER,)
_PERMISSIONS = (NEVER, APPROVE, AUTO)


def strength(action: str) -> int:
    """How much an action takes away; they are ordered by it."""
    return _STRENGTH[action]


def badness(severity: str) -> int:
    """How bad a severity is: info 0, warning 1, error 2, critical 3."""
    return _BADNESS[severity]


def at_most(action: str, limit: str) -> str:
    """The weaker of the two."""
    return min(action, limit, key=strength)


def strongest(actions: Iterable[str]) -> str:
    """The strongest of some actions; of none, to ignore."""
    return max(actions, key=strength, default=IGNORE)


def empties_the_node(action: str) -> bool:
    """Whether pods have to leave the node for it."""
    return strength(action) >= strength(DRAIN)


def allowed(contract: Contract, action: str) -> str:
    """Whether the contract lets Fireworks do it: never, approve (after an approval) or auto.

    What writes nothing is always allowed. An action takes several steps, and the least allowed of them decides.
    """
    if action in _NOT_OURS:
        return "never"
    said = [permission(contract, need) for need in _NEEDS.get(action, ())]
    return min(said, key=_PERMISSIONS.index, default="auto")
