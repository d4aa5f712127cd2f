# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounds of remediation in a contract, in seconds and numbers, and what it permits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..contract import actions
from ..contract.durations import parse_duration
from ..contract.schema_remediation import REMEDIATION
from ..contract.typed import Contract
from ..rollout.policy import Estimate

CORDON, DRAIN = "cordon", "drain"

#: Restarting a pod is to evict it.
_PERMITTED_BY = {"restart_pod": DRAIN}


@dataclass(frozen=True)
class Limits:
    """``remediation`` of a contract; spans in seconds, shares from 0 to 1."""

    max_nodes: int
    max_share: float
    max_nodes_per_model: int
    breaker_share: float
    storm_nodes: int
    evidence_max_age: float
    cooldown: float
    attempts: int
    repairs_per_week: int
    drain_deadline: float
    repair_deadline: float
    healthy_for: float


def limits_of(contract: Contract) -> Limits:
    """The contract's bounds; what it does not say is as in its schema."""
    said = contract.get("remediation") or {}
    told: dict[str, Any] = {key: said.get(key, field["default"]) for key, field in REMEDIATION["properties"].items()}
    spans = {key: parse_duration(value).total_seconds() for key, value in told.items() if isinstance(value, str)}
    return Limits(**{**told, **spans})


def action_of(what: str) -> str:
    """The key of ``actions`` that permits ``cordon``, ``drain`` or a repair."""
    return _PERMITTED_BY.get(what, what)


def longest(limits: Limits, what: str) -> Estimate:
    """How long it may take, by which it is decided whether it ends in time."""
    if what == CORDON:
        return Estimate(timedelta(0), "one write")
    bound = "drain_deadline" if action_of(what) == DRAIN else "repair_deadline"
    return Estimate(timedelta(seconds=getattr(limits, bound)), f"remediation.{bound}")


def permission(contract: Contract, what: str) -> str:
    """never, approve or auto: what the contract says of ``cordon``, ``drain`` or a repair."""
    return actions.permission(contract, action_of(what))
