# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is scaled on, and where that is read: the telemetry's Prometheus, or a metrics API of the cluster.

Every question is about one model only: an unfiltered one would keep every model awake for any request to any of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..contract.defaults import said
from ..contract.schema_model_life import KV_CACHE_USAGE, WAITING_REQUESTS
from ..contract.schema_models import MODEL
from ..contract.typed import Model
from ..model.engine import ENGINES
from ..model.engine_adapter import served_name
from ..names import SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT

PROMETHEUS = f"http://{TELEMETRY}.{SYSTEM_NAMESPACE}.svc:{TELEMETRY_PORT}"

_REQUESTS = "byoc:model:requests:increase2m"
"""Requests for a model in the last two minutes, those that no replica could answer included. A rule of the release
(recording-rules.yml): which router counts them, and how it calls that, is the release's business."""
_UNASKED = "byoc:model:requests:unasked"
"""0 where the router is one that has no counter of a model before its first request."""
ADAPTED_REQUESTS = "byoc_model_requests"
"""The same as a metric of external.metrics.k8s.io."""


@dataclass(frozen=True)
class Signal:
    """One signal of one model: its metric and the value for each replica above which there should be more."""

    name: str
    metric: str
    threshold: float

    @property
    def adapted(self) -> str:
        """The metric's name in the cluster's metrics APIs, where it has no colon."""
        return self.metric.replace(":", "_")

    @property
    def threshold_text(self) -> str:
        """The threshold as Kubernetes and KEDA write numbers."""
        return f"{self.threshold:g}"


ADAPTED_METRICS = frozenset(
    {
        ADAPTED_REQUESTS,
        *(
            metric.replace(":", "_")
            for engine in ENGINES.values()
            for metric in (engine.metrics.kv_cache_usage, engine.metrics.waiting)
        ),
    }
)
"""All metrics of the cluster's metrics APIs that any model is scaled on."""


def signals(model: Model) -> list[Signal]:
    """The signals that a model is scaled on; none for an engine whose metrics are not known."""
    engine = ENGINES.get(str(model["engine"]["name"]))
    if engine is None:
        return []
    metrics = {KV_CACHE_USAGE: engine.metrics.kv_cache_usage, WAITING_REQUESTS: engine.metrics.waiting}
    return [
        Signal(name, metric, float(said(model, MODEL, "scaling", "signals", name))) for name, metric in metrics.items()
    ]


def usage_query(model: Model, signal: Signal) -> str:
    """The sum over a model's replicas, in PromQL, by a rule of the stack release."""
    return f"byoc:model:{signal.name}{_of([str(model['name'])])}"


def wake_query(model: Model) -> str:
    """How many requests for a model reached the router lately, in PromQL; nothing where nobody knows."""
    return f"sum({_REQUESTS}{_of(asked_for_as(model))}) or {_UNASKED}"


def asked_for_as(model: Model) -> list[str]:
    """The names by which requests for it may be counted: its own, and those that clients ask for."""
    adapters = [str(adapter["name"]) for adapter in model.get("adapters") or ()]
    return list(dict.fromkeys([str(model["name"]), served_name(model), *adapters]))


def _of(models: list[str]) -> str:
    """A selector of PromQL. A string of it is one of JSON, and a name in it is never read as a pattern."""
    if len(models) == 1:
        return f"{{model={json.dumps(models[0])}}}"
    return f"{{model=~{json.dumps('|'.join(map(re.escape, models)))}}}"
