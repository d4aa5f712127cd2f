# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why each model has the bounds that it has, and what would have to change for more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..._vocabulary.listing import amount
from ..capacity import approved
from ..contract.typed import Contract, Model
from ..names import PRIORITIES
from .autoscaler import NONE, Autoscaler, autoscaler_for
from .bounds import Bounds, BoundsError, bounds_of
from .idle import lent_by, not_borrowed
from .schedule import asked_at
from .timing import agreed_idle_seconds, coming_up_seconds, cooldown_seconds

Data = Mapping[str, Any]
Row = dict[str, str]
NOTHING = "-"


def explain(
    contract: Contract, facts: Data | None = None, moment: datetime | None = None, error: str = ""
) -> list[Row]:
    """Four rows for each model: its floor, its ceiling, whether it goes to zero, and what scales it. A fifth tells what
    it cannot borrow of others, where it would.

    :param facts: of ``cluster_info``; without them nothing is said of what scales the models, but why: ``error``.
    :param moment: with a time zone; schedules that are open then count.
    """
    cluster = str(contract["identity"]["name"])
    models = contract.get("models") or ()
    if not models:
        return [_row(cluster, NOTHING, "models", "0", "the contract has no models", "a model in models")]
    try:
        bounds = bounds_of(contract, moment)
    except BoundsError as refused:
        return [_row(cluster, NOTHING, "floors", NOTHING, str(refused), "less in the floors, or more GPUs approved")]
    found = []
    for model in models:
        name = str(model["name"])
        scales = autoscaler_for(model, bounds[name], facts or {})
        found.append(_row(cluster, name, "floor", *_floor(bounds[name])))
        found.append(_row(cluster, name, "ceiling", *_ceiling(contract, bounds[name], bounds)))
        found += [_row(cluster, name, "not borrowed", *said) for said in _not_borrowed(bounds[name], bounds)]
        fewest = asked_at(model, moment).fewest
        found.append(_row(cluster, name, "to zero", *_to_zero(contract, model, bounds[name], fewest, scales, facts)))
        found.append(_row(cluster, name, "scaled by", *_scaled_by(bounds[name], scales, facts, error)))
    return found


def _row(cluster: str, model: str, what: str, value: str, because: str, for_more: str) -> Row:
    return {"cluster": cluster, "model": model, "bound": what, "value": value, "because": because, "for_more": for_more}


def _floor(one: Bounds) -> tuple[str, str, str]:
    says = "one replica is kept for it, to come back with" if one.sleeps else f"{one.key}.min"
    return _replicas(one.floor, one), says, f"a higher {one.key}.min"


def _ceiling(contract: Contract, one: Bounds, all_bounds: Mapping[str, Bounds]) -> tuple[str, str, str]:
    value = _replicas(one.ceiling, one)
    if one.ceiling == one.limit.replicas:
        return value, f"{one.limit.clause} {one.limit.says}", f"a higher {one.limit.clause}"
    others = [each for each in all_bounds.values() if each.product == one.product and each.model != one.model]
    others.sort(key=lambda each: (PRIORITIES.index(each.priority), each.model))
    total = approved(contract)[one.product]
    left = total - one.gpus - sum(each.gpus for each in others)
    taken = ", ".join(f"{each.gpus} {each.model} ({each.priority})" for each in others) or "none"
    because = f"{total} {one.product} are approved: {taken} for others, {left} left, and a replica takes {one.each}"
    ahead = [each for each in others if PRIORITIES.index(each.priority) <= PRIORITIES.index(one.priority)]
    later = [each for each in others if each not in ahead]
    asked = sum((each.limit.replicas - each.ceiling) * each.each for each in (one, *ahead))
    missing = asked - left - sum((each.ceiling - each.floor) * each.each for each in later)
    lower = [each.model for each in ahead if each.ceiling > each.floor]
    less = f", or a lower replicas.max of {' or '.join(lower)}" if lower else ""
    return value, because, f"{missing} more in capacity.gpus, for all that its priority and higher ones ask for{less}"


def _not_borrowed(one: Bounds, all_bounds: Mapping[str, Bounds]) -> list[tuple[str, str, str]]:
    """What all ceilings fitting at once costs this model; nothing where it costs nothing."""
    gpus = not_borrowed(one, all_bounds)
    if not gpus:
        return []
    idle = ", ".join(f"{count} {model}" for model, count in lent_by(one, all_bounds).items())
    because = f"others leave GPUs idle when nobody asks for them ({idle}), and each model keeps what its ceiling is"
    return [(amount(gpus, "GPU"), because, "scaling.schedules, for when others need less")]


def _to_zero(
    contract: Contract, model: Model, one: Bounds, fewest: int, scales: Autoscaler, facts: Data | None
) -> tuple[str, str, str]:
    if not contract["scaling"].get("scale_to_zero"):
        return "no", "scaling.scale_to_zero is false", "scaling.scale_to_zero: true"
    if fewest:
        return "no", f"{one.key}.min is {fewest}", f"{one.key}.min: 0"
    if not one.sleeps:
        return "no", "it has no scaling.idle_to_zero", "scaling.idle_to_zero, like 15m"
    if facts is None:
        return NOTHING, "the cluster was not read", NOTHING
    if not scales.to_zero:
        return "no", scales.reason, scales.remedy or NOTHING
    seconds, agreed = cooldown_seconds(model), agreed_idle_seconds(model)
    longer = f"scaling.idle_to_zero is {agreed} s, and it may take {coming_up_seconds(model)} s to come up"
    return f"after {seconds} s", "scaling.idle_to_zero" if seconds == agreed else longer, NOTHING


def _scaled_by(one: Bounds, scales: Autoscaler, facts: Data | None, error: str) -> tuple[str, str, str]:
    if facts is None:
        return NOTHING, error or "the cluster was not read", NOTHING
    if scales.kind == NONE:
        return f"nothing: stays at {one.floor}", scales.reason, scales.remedy or NOTHING
    return scales.kind, "the cluster serves it", NOTHING


def _replicas(count: int, one: Bounds) -> str:
    return f"{count} x {amount(one.each, 'GPU')}"
