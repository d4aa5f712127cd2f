# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scales a model in a cluster: KEDA where there is KEDA, else the cluster's own autoscaler if it has metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Model
from ..release import kubernetes_version
from .bounds import Bounds
from .signals import asked_for_as, signals
from .timing import cooldown_seconds

KEDA, HPA, NONE = "KEDA", "HPA", ""
KEDA_API, KEDA_KIND = "keda.sh/v1alpha1", "ScaledObject"
HPA_API, HPA_KIND = "autoscaling/v2", "HorizontalPodAutoscaler"
_CUSTOM, _EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"

_HPA_TO_ZERO = (1, 37)
"""The first version whose HPA goes to zero without further ado: HPAScaleToZero is alpha and off until 1.36, beta and on
since 1.37 (https://kubernetes.io/blog/2026/09/02/kubernetes-v1-37-hpa-scale-to-zero-beta/, KEP-2021)."""

_HPA_REMEMBERS = 3600
"""Seconds: the longest stabilizationWindowSeconds that autoscaling/v2 takes."""

# A selector of metrics is one of labels, and takes only what a label takes.
_LABEL_VALUE = re.compile(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


@dataclass(frozen=True)
class Autoscaler:
    """What scales one model.

    kind: :data:`KEDA`, :data:`HPA` or :data:`NONE`.
    to_zero: it also takes the last replica away when nobody asks, and brings it back.
    by_pods: an HPA reads the metrics of the pods (custom.metrics.k8s.io), else those of external.metrics.k8s.io.
    reason: why there is none, or why this one does not go to zero although the model may.
    remedy: what would change that.
    """

    kind: str
    to_zero: bool = False
    by_pods: bool = True
    reason: str = ""
    remedy: str = ""


def autoscaler_for(model: Model, bounds: Bounds, facts: Mapping[str, Any]) -> Autoscaler:
    """What scales a model on a cluster of these facts; without facts nothing does."""
    if bounds.floor == bounds.ceiling and not bounds.sleeps:
        return Autoscaler(NONE, reason=f"its floor is its ceiling, {bounds.ceiling}")
    if not signals(model):
        return Autoscaler(NONE, reason=f"no metrics are known of the engine {model['engine']['name']}")
    apis: Mapping[str, Any] = facts.get("apis") or {}
    if KEDA_KIND in (apis.get(KEDA_API) or ()):
        return Autoscaler(KEDA, to_zero=bounds.sleeps)
    custom, external = _served(apis, _CUSTOM), _served(apis, _EXTERNAL)
    if not custom and not external:
        return Autoscaler(
            NONE,
            reason=f"the cluster serves neither {KEDA_API} nor {_CUSTOM} nor {_EXTERNAL}, so nothing can see its load",
            remedy="the customer installs KEDA",
        )
    reason, remedy = _not_to_zero(model, facts, external) if bounds.sleeps else ("", "")
    if bounds.floor == bounds.ceiling and reason:
        return Autoscaler(NONE, reason=reason, remedy=remedy)
    return Autoscaler(HPA, bounds.sleeps and not reason, custom, reason, remedy)


def _served(apis: Mapping[str, Any], group: str) -> bool:
    return any(version.startswith(f"{group}/") for version in apis)


def _not_to_zero(model: Model, facts: Mapping[str, Any], external: bool) -> tuple[str, str]:
    """Why an HPA cannot take this model to zero and back, and the remedy; nothing when it can."""
    version = kubernetes_version((facts.get("version") or {}).get("git", ""))
    cooldown = cooldown_seconds(model)
    unusable = next((name for name in asked_for_as(model) if not _LABEL_VALUE.match(name)), "")
    reasons = (
        (
            version < _HPA_TO_ZERO,
            f"the HPA of Kubernetes {_spoken(version)} keeps a replica; to zero it goes since {_spoken(_HPA_TO_ZERO)}",
            "the customer installs KEDA, or upgrades Kubernetes",
        ),
        (
            not external,
            f"at zero there is no pod to read metrics of, and the cluster does not serve {_EXTERNAL}",
            "the customer installs KEDA",
        ),
        (
            cooldown > _HPA_REMEMBERS,
            f"an HPA waits {_HPA_REMEMBERS} s at most before it goes to zero, and {cooldown} s are needed",
            "the customer installs KEDA, or load_timeout and scaling.idle_to_zero get shorter",
        ),
        (
            bool(unusable),
            f"an HPA cannot ask for the requests of '{unusable}' alone: such a name is no label value",
            "the customer installs KEDA, or the model is served under a name without slashes",
        ),
    )
    return next(((reason, remedy) for holds, reason, remedy in reasons if holds), ("", ""))


def _spoken(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
