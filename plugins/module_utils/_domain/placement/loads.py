# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What past loads took, read of the replicas that run; and whether what they predict comes true on this cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..moments import seconds_at
from .economy import ENOUGH_LOADS, percentile
from .scene import Model, Raw

WITHIN = 0.25
"""How far what a load took may be from what was predicted."""
_CLOCK = 1.0
"""Seconds by which a load that the API server times may be wrong: its conditions have whole seconds."""


def load_of(pod: Raw) -> tuple[float, float] | None:
    """When a replica was placed (seconds since 1970), and the seconds until it was Ready.

    None where it is not Ready, or where a container was started anew: then the time of its condition is of something
    else. One that was not ready for a while counts as one that loaded longer, which makes nothing look cheaper.
    """
    status = pod.get("status") or {}
    conditions = {str(one.get("type")): one for one in status.get("conditions") or ()}
    if (conditions.get("Ready") or {}).get("status") != "True":
        return None
    if any(one.get("restartCount") for one in status.get("containerStatuses") or ()):
        return None
    began, ready = (seconds_at((conditions.get(kind) or {}).get("lastTransitionTime")) for kind in _MOMENTS)
    return None if began is None or ready is None or ready < began else (began, ready - began)


_MOMENTS = ("PodScheduled", "Ready")


def past_loads(pods: Iterable[tuple[str, Raw]]) -> dict[str, tuple[float, ...]]:
    """By model, what its loads took, the oldest first.

    :param pods: each with its model.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for model, pod in pods:
        if load := load_of(pod):
            found.setdefault(model, []).append(load)
    return {model: tuple(seconds for _began, seconds in sorted(loads)) for model, loads in found.items()}


def not_calibrated(models: Mapping[str, Model], moved: Sequence[str]) -> list[str]:
    """Why predictions for the models of a plan are not known to come true on this cluster; nothing where they are.

    What the last load of a model took is held against the price's own prediction by the loads before it.
    """
    return [doubt for name in sorted(set(moved)) if (doubt := _doubt(models[name]))]


def _doubt(model: Model) -> str:
    *before, actual = model.loads or (0.0,)
    if len(before) < ENOUGH_LOADS:
        return (
            f"{model.name}: {len(model.loads)} loads are known, and {ENOUGH_LOADS + 1} are needed to hold one against a"
            " prediction by the others"
        )
    predicted = percentile(before, 0.95)
    if abs(actual - predicted) <= max(WITHIN * predicted, _CLOCK):
        return ""
    return f"{model.name}: its last load took {actual:.0f} s, and {predicted:.0f} s were predicted"
