# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which taints of a node keep a pod away, by the pod's own tolerations, as the scheduler decides it.

kubernetes.io, "Taints and Tolerations"; k8s.io/component-helpers, ``ToleratesTaint``. No list of known taints could be
complete: autoscalers, clouds and customers add their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .names import GPU, QUARANTINE_TAINT

Taint = Mapping[str, Any]
Tolerations = Sequence[Mapping[str, Any]]

CORDON_TAINT = "node.kubernetes.io/unschedulable"
"""What a pod has to tolerate to be placed on a cordoned node."""
_KEEPS_AWAY = ("NoSchedule", "NoExecute")


def _whatever_its_value(*keys: str) -> tuple[Mapping[str, Any], ...]:
    return tuple({"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys)


OF_MODELS = _whatever_its_value(GPU)
"""The tolerations of each pod that serves a model."""
OF_CANARIES = _whatever_its_value(GPU, QUARANTINE_TAINT, CORDON_TAINT)


def tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    """Whether one toleration is for one taint. An empty key or effect is for all of them; so is Exists, of values.

    The operators Lt and Gt are behind a feature gate that is off; without it they are for nothing.
    """
    effect, key = toleration.get("effect"), toleration.get("key")
    if (effect and effect != taint.get("effect")) or (key and key != taint.get("key")):
        return False
    operator = toleration.get("operator") or "Equal"
    same_value = (toleration.get("value") or "") == (taint.get("value") or "")
    return bool(operator == "Exists" or (operator == "Equal" and same_value))


def repelling(taints: Iterable[Taint], cordoned: bool, tolerations: Tolerations) -> list[str]:
    """The taints of a node that keep a pod away, as kubectl writes them; ``cordoned`` where that does."""
    there = [taint for taint in taints if taint.get("effect") in _KEEPS_AWAY]
    if cordoned and all(taint.get("key") != CORDON_TAINT for taint in there):
        there.append({"key": CORDON_TAINT, "effect": "NoSchedule"})
    return [_shown(taint) for taint in there if not any(tolerates(one, taint) for one in tolerations)]


def _shown(taint: Taint) -> str:
    if taint.get("key") == CORDON_TAINT:
        return "cordoned"
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"taint {taint.get('key', '')}{value}:{taint.get('effect', '')}"
