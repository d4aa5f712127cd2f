# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas the traffic of the past day needed, by what models are scaled on, as our telemetry measured it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..capacity import replicas
from ..contract.schema_model_life import KV_CACHE_USAGE, WAITING_REQUESTS
from ..contract.typed import Contract, Model
from ..health.prometheus_text import query_samples
from ..objectives.budget import COARSE, LEAST
from ..objectives.windows import seconds
from ..scaling.signals import signals

Answer = Mapping[str, Any]

PEAKS = {name: f"max_over_time(byoc:model:{name}[1d])" for name in (KV_CACHE_USAGE, WAITING_REQUESTS)}
"""In PromQL: of each signal, the most that all replicas of a model together came to."""
MEASURED = "600 * max by (model) (count_over_time(byoc:model:requests:increase2m[1d:10m]))"
"""For how many seconds of the past day requests were counted, to ten minutes. A time without telemetry is not among
them, wherever in the day it was."""


def needed(contract: Contract, peaks: Mapping[str, Answer], measured: Answer) -> dict[str, int]:
    """Replicas by model, no fewer than the contract's least at any hour.

    A model that was not measured for a day is left out, and so is one of which a signal is silent: that may be the one
    which asked for most.

    :param peaks: the answers to ``PEAKS``, :param measured: and to ``MEASURED``.
    :raises NoResultError: one of them is no answer of Prometheus.
    """
    whole = {model for model, total in _by_model(measured).items() if total >= seconds(LEAST) - COARSE}
    most = {name: _by_model(answer) for name, answer in peaks.items()}
    found = {}
    for model in contract.get("models") or ():
        name, asked = model["name"], signals(model)
        shares = [most[each.name][name] / each.threshold for each in asked if name in most[each.name]]
        if name in whole and asked and len(shares) == len(asked):
            found[name] = max(_floor(model), *(math.ceil(share) for share in shares))
    return found


def _floor(model: Model) -> int:
    """The most that the contract asks for at any time of the day."""
    schedules = (model.get("scaling") or {}).get("schedules") or ()
    return max(replicas(model), *(schedule["min"] for schedule in schedules), 0)


def _by_model(answer: Answer) -> dict[str, float]:
    return {labels.get("model", ""): value for _, labels, value in query_samples(answer) if math.isfinite(value)}
