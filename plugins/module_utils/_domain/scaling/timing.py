# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How quickly a model is scaled: never so that a replica is taken away while it still loads."""

from __future__ import annotations

from typing import Any

from ..contract.defaults import said
from ..contract.durations import parse_duration
from ..contract.schema_models import MODEL
from ..contract.typed import Model
from ..loading import load_deadline

_PROVISION_SECONDS = 600
"""What a new GPU node may take to join a cluster that adds nodes by itself, its drivers included."""
_MARGIN_SECONDS = 60
POLLING_SECONDS = 10
"""How often KEDA looks whether a model is asked for. Telemetry evaluates its rules every 5 s; the load of a model that
sleeps begins with the next look."""
INTERACTIVE, BATCH = "interactive", "batch"

# Replicas take minutes to load, so what was just asked for is waited for: at least 2 minutes before more is asked.
_BEHAVIOR: dict[str, dict[str, Any]] = {
    # People wait: as many again each minute, and back one by one, long after the load went.
    INTERACTIVE: {
        "scaleUp": {
            "stabilizationWindowSeconds": 120,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 60},
                {"type": "Pods", "value": 1, "periodSeconds": 60},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 600,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        },
    },
    # Nobody waits: one by one, only for load that lasts, and GPUs are released quickly.
    BATCH: {
        "scaleUp": {
            "stabilizationWindowSeconds": 300,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
        },
    },
}


def behavior(model: Model) -> dict[str, Any]:
    """The ``behavior`` of autoscaling/v2 for a model's class of traffic."""
    return _BEHAVIOR[str(said(model, MODEL, "traffic_class"))]


def coming_up_seconds(model: Model) -> int:
    """Seconds from the wish for a replica to its first token: a node, the image, the weights."""
    return _PROVISION_SECONDS + load_deadline(model)


def agreed_idle_seconds(model: Model) -> int:
    """Seconds without a request after which the contract lets a model go to zero; only of one that may."""
    idle = (model.get("scaling") or {}).get("idle_to_zero") or ""
    return int(parse_duration(idle).total_seconds())


def cooldown_seconds(model: Model) -> int:
    """Seconds without a request after which a model goes to zero.

    Always longer than a replica may take to come up: KEDA counts from the last request, and would else take away the
    replica that this very request woke.
    """
    return max(agreed_idle_seconds(model), coming_up_seconds(model) + _MARGIN_SECONDS)
