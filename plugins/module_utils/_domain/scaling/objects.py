# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The object that scales a model: a ScaledObject of KEDA's, or a HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from ..capacity import nodes_per_replica
from ..contract.typed import Model
from ..names import LWS_API, LWS_KIND, MODELS_NAMESPACE, labels, model_set
from .autoscaler import HPA, HPA_API, HPA_KIND, KEDA, KEDA_API, KEDA_KIND, Autoscaler
from .bounds import Bounds
from .signals import ADAPTED_REQUESTS, PROMETHEUS, Signal, asked_for_as, signals, usage_query, wake_query
from .timing import POLLING_SECONDS, behavior, cooldown_seconds

Manifest = dict[str, Any]

# Of a metric whose threshold is this, any number of requests asks for one replica: it wakes, and does not count.
_ANY_NUMBER = "1000000000"


def scaler(model: Model, bounds: Bounds, autoscaler: Autoscaler) -> list[Manifest]:
    """The object that scales a model between its bounds; none where nothing scales it."""
    make = {KEDA: _scaled_object, HPA: _horizontal_pod_autoscaler}.get(autoscaler.kind)
    return [make(model, bounds, autoscaler)] if make else []


def _scaled_object(model: Model, bounds: Bounds, autoscaler: Autoscaler) -> Manifest:
    """KEDA's, with no fallback: when Prometheus is away, its HPA leaves the replicas as they are.

    A fallback would be a number of replicas, and any number is wrong for a model that was scaled up.
    """
    triggers = [_trigger(s.name, usage_query(model, s), s.threshold_text) for s in signals(model)]
    spec: Manifest = {
        "scaleTargetRef": _target(model),
        "pollingInterval": POLLING_SECONDS,
        "minReplicaCount": bounds.floor,
        "maxReplicaCount": bounds.ceiling,
        "advanced": {
            # A deleted ScaledObject leaves the replicas that serve.
            "restoreToOriginalReplicaCount": False,
            "horizontalPodAutoscalerConfig": {"behavior": behavior(model)},
        },
        "triggers": triggers,
    }
    if autoscaler.to_zero:
        cooldown = cooldown_seconds(model)
        spec.update({"idleReplicaCount": 0, "cooldownPeriod": cooldown, "initialCooldownPeriod": cooldown})
        requests = _trigger("requests", wake_query(model), _ANY_NUMBER)
        # Where nobody counts its requests, KEDA is told so: to it nothing would be a zero, and a router that cannot be
        # seen would put the model to sleep.
        requests["metadata"]["ignoreNullValues"] = "false"
        triggers.append(requests)
    return _object(KEDA_API, KEDA_KIND, model, spec)


def _trigger(name: str, query: str, threshold: str) -> Manifest:
    return {
        "type": "prometheus",
        "name": name.replace("_", "-"),
        "metricType": "AverageValue",
        "metadata": {"serverAddress": PROMETHEUS, "query": query, "threshold": threshold},
    }


def _horizontal_pod_autoscaler(model: Model, bounds: Bounds, autoscaler: Autoscaler) -> Manifest:
    metric = _of_pods if autoscaler.by_pods else _of_the_model
    metrics = [metric(model, signal) for signal in signals(model)]
    if autoscaler.to_zero:
        metrics.append(_external(ADAPTED_REQUESTS, asked_for_as(model), _ANY_NUMBER))
    scaling = behavior(model)
    if autoscaler.to_zero:
        # An HPA has no cooldown of its own for the last step: it waits as long as it remembers what it wanted.
        waits = {"stabilizationWindowSeconds": cooldown_seconds(model)}
        scaling = {**scaling, "scaleDown": {**scaling["scaleDown"], **waits}}
    spec = {
        "scaleTargetRef": _target(model),
        "minReplicas": 0 if autoscaler.to_zero else bounds.floor,
        "maxReplicas": bounds.ceiling,
        "behavior": scaling,
        "metrics": metrics,
    }
    made = _object(HPA_API, HPA_KIND, model, spec)
    # When KEDA comes to the cluster, both are there for a moment, and KEDA would refuse its own beside this one.
    made["metadata"]["annotations"] = {"validations.keda.sh/hpa-ownership": "false"}
    return made


def _of_pods(_model: Model, signal: Signal) -> Manifest:
    target = {"type": "AverageValue", "averageValue": signal.threshold_text}
    return {"type": "Pods", "pods": {"metric": {"name": signal.adapted}, "target": target}}


def _of_the_model(model: Model, signal: Signal) -> Manifest:
    return _external(signal.adapted, [str(model["name"])], signal.threshold_text)


def _external(name: str, models: list[str], threshold: str) -> Manifest:
    named = {"key": "model", "operator": "In", "values": models}
    metric = {"name": name, "selector": {"matchExpressions": [named]}}
    target = {"type": "AverageValue", "averageValue": threshold}
    return {"type": "External", "external": {"metric": metric, "target": target}}


def _target(model: Model) -> Manifest:
    """What has the replicas. A LeaderWorkerSet is scaled in groups, and shows an HPA the leaders' metrics."""
    api, kind = ("apps/v1", "Deployment") if nodes_per_replica(model) == 1 else (LWS_API, LWS_KIND)
    return {"apiVersion": api, "kind": kind, "name": str(model["name"])}


def _object(api_version: str, kind: str, model: Model, spec: Manifest) -> Manifest:
    name = str(model["name"])
    metadata = {"name": name, "namespace": MODELS_NAMESPACE, "labels": labels(model_set(name), name, model=name)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
