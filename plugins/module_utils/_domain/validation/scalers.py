# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what scales a model works, by what its own controllers say in the conditions of its objects.

Of a model that KEDA scales there are two: its ScaledObject, and the HorizontalPodAutoscaler that KEDA makes of it.
One that is away takes back nothing that it said. But it serves the metrics too, and that they are missing the
HorizontalPodAutoscaler says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..scaling.autoscaler import KEDA_KIND
from .verdict import FAILED, PASSED, UNPROVEN

Data = Mapping[str, Any]
_LONGEST = 200


def judged(models: Sequence[str], scalers: Sequence[Data] | None) -> tuple[str, str]:
    """A result for all of these models, and the evidence in words. :param scalers: as the facts have them."""
    if scalers is None:
        return UNPROVEN, "no autoscaler was looked at"
    found = [_of_model(model, [one for one in scalers if one["model"] == model]) for model in models]
    for result in (FAILED, UNPROVEN):
        if worst := [words for each, words in found if each == result]:
            return result, "; ".join(worst)
    return PASSED, "; ".join(words for _result, words in found)


def _of_model(model: str, scalers: Sequence[Data]) -> tuple[str, str]:
    """What all objects that scale one model come to: one that fails is enough, and so is one that works."""
    if not scalers:
        return UNPROVEN, f"nothing that scales {model} was found"
    said = [(*(_scaled_object if one["kind"] == KEDA_KIND else _autoscaler)(one["conditions"]), one) for one in scalers]
    result = min((each for each, _words, _one in said), key=(FAILED, PASSED, UNPROVEN).index)
    return result, "; ".join(f"{one['kind']} {one['name']} {words}" for each, words, one in said if each == result)


def _scaled_object(conditions: Data) -> tuple[str, str]:
    if _is("True", conditions.get("Paused")):
        return UNPROVEN, "is paused"
    ready = conditions.get("Ready")
    if _is("True", ready):
        return PASSED, "is ready"
    return (FAILED, f"is not ready: {_why(ready)}") if _is("False", ready) else (UNPROVEN, "has no word of KEDA yet")


def _autoscaler(conditions: Data) -> tuple[str, str]:
    able, active = conditions.get("AbleToScale"), conditions.get("ScalingActive")
    if _is("False", able):
        return FAILED, f"cannot scale: {_why(able)}"
    if _is("False", active):
        # Of what has no replicas nothing is measured.
        asleep = active is not None and active["reason"] == "ScalingDisabled"
        return (UNPROVEN, "sleeps with its model") if asleep else (FAILED, f"has no metrics: {_why(active)}")
    return (
        (PASSED, "is active") if _is("True", able) and _is("True", active) else (UNPROVEN, "has not been acted on yet")
    )


def _is(status: str, condition: Data | None) -> bool:
    return condition is not None and condition["status"] == status


def _why(condition: Data | None) -> str:
    said = condition or {}
    return f"{said.get('reason', '')}: {said.get('message', '')}".strip(": ")[:_LONGEST]
