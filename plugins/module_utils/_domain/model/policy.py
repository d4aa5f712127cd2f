# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says about changing a model, with what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..contract.defaults import said, with_defaults
from ..contract.durations import parse_duration
from ..contract.schema_model_life import HEALTH_GATE, ROLLOUT
from ..contract.schema_models import MODEL
from ..contract.typed import Contract, Model
from ..loading import load_deadline
from ..names import PRIORITIES
from . import find_model
from .objects import model_objects

Change = dict[str, Any]
"""A model as the module ``model_rollout`` takes it. Times in seconds."""


def model_changes(
    contract: Contract,
    names: Iterable[str],
    release: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
    moment: datetime | None = None,
    *,
    bake: int | None = None,
    deadline: int | None = None,
) -> list[Change]:
    """Models with their manifests, and how they may be rolled out.

    :param facts, moment: as for ``model_objects``.
    :param bake, deadline: instead of what the contract says.
    """
    changes = []
    for name in names:
        manifests = model_objects(contract, find_model(contract, name), release, facts, moment)
        changes.append({**_policy(contract, name, bake=bake, deadline=deadline), "definition": manifests})
    return changes


def model_rollback(
    contract: Contract, name: str, revision: str, *, bake: int | None = None, deadline: int | None = None
) -> Change:
    """A model that goes back to a recorded revision, as its contract lets it be rolled out."""
    return {**_policy(contract, name, bake=bake, deadline=deadline), "revision": str(revision)}


def by_priority(changes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The more important first; among equals by name."""
    return sorted(changes, key=lambda change: (PRIORITIES.index(change["priority"]), change["name"]))


def terms_of(model: Model) -> Change:
    """How a model may be rolled out; where it says nothing, as the contract's schema does."""
    rollout = with_defaults(model.get("rollout") or {}, ROLLOUT)
    gate = with_defaults(model.get("health_gate") or {}, HEALTH_GATE)
    return {
        "priority": str(said(model, MODEL, "priority")),
        "downtime": bool(rollout["downtime"]),
        "bake": _seconds(rollout["bake"]),
        "deadline": _seconds(rollout["deadline"]) if rollout.get("deadline") else None,
        "history": int(rollout["history"]),
        "load_seconds": load_deadline(model),
        "canary_request": bool(gate["canary_request"]),
        "heartbeat_grace": _seconds(gate["heartbeat_grace"]),
    }


def _policy(contract: Contract, name: str, **instead: int | None) -> Change:
    model = find_model(contract, name)
    return {
        "name": name,
        **terms_of(model),
        **{key: int(value) for key, value in instead.items() if value is not None},
        "engine": str(model["engine"]["name"]),
        "served_name": str(model.get("served_name") or name),
    }


def _seconds(text: object) -> int:
    return int(parse_duration(str(text)).total_seconds())
