# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a model is reached, and how much of it may be away at once."""

from __future__ import annotations

import json
from typing import Any

from ..capacity import nodes_per_replica
from ..contract.typed import Contract, Gateway, Model
from ..entry_point import GATEWAY_GROUP, OPENSHIFT_ROUTE, ROUTE_GROUP, entry_point
from ..names import (
    GROUP_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    PREFIX,
    ROUTER,
    ROUTER_PORT,
    SERVES_ANNOTATION,
    SERVING_PORT,
    STACK_SET,
    SYSTEM_NAMESPACE,
    labels,
    model_set,
)
from .engine_adapter import names_of

Manifest = dict[str, Any]

RETIRED = {PREFIX + "retired": "true"}
"""What the service of a model selects that is on its way out: nothing."""


def service(model: Model) -> Manifest:
    """The addresses of a model's ready replicas, for the router to choose from; and by which names it is asked for."""
    name = str(model["name"])
    notes = {SERVES_ANNOTATION: json.dumps(names_of(model))}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**_metadata(name, name, MODELS_NAMESPACE), "annotations": notes},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": {MODEL_LABEL: name},
            "ports": [{"name": "http", "port": SERVING_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def budget(model: Model) -> Manifest:
    """At most one replica away at a time.

    Not "at least so many available": with a model of one replica that would block every drain. Of a replica that spans
    nodes it counts every pod, for with any of them the replica is away.
    """
    name = str(model["name"])
    label = MODEL_LABEL if nodes_per_replica(model) == 1 else GROUP_LABEL
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(name, name, MODELS_NAMESPACE),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {label: name}},
            # A replica that is not ready serves nobody; it must never hold up the drain of a sick node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def route(contract: Contract, model: Model) -> list[Manifest]:
    """The model's own host name, if there is an entry point.

    It leads to the router, as every request does: the router balances, and its counters are what wakes a model that
    went to zero. So the route lives beside the router and needs no grant across namespaces.
    """
    name = str(model["name"])
    return _routes(contract, f"{name}.", "model-" + name, model_set(name), model=name)


def front_door(contract: Contract) -> list[Manifest]:
    """The contract's domain itself, which leads to the router for every model."""
    return _routes(contract, "", ROUTER, STACK_SET)


def _routes(contract: Contract, prefix: str, name: str, part_of: str, **ours: str) -> list[Manifest]:
    networking = contract.get("networking") or {}
    domain, gateway = networking.get("domain"), networking.get("gateway")
    if not domain:
        return []
    metadata = {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels(part_of, name, **ours)}
    if gateway:
        return [_http_route(gateway, metadata, f"{prefix}{domain}")]
    is_route = entry_point(contract) == OPENSHIFT_ROUTE
    return [_openshift_route(metadata, f"{prefix}{domain}")] if is_route else []


def _http_route(gateway: Gateway, metadata: Manifest, host: str) -> Manifest:
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [
                {
                    "group": GATEWAY_GROUP,
                    "kind": "Gateway",
                    "name": gateway["name"],
                    "namespace": gateway["namespace"],
                }
            ],
            "hostnames": [host],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
                    "backendRefs": [{"group": "", "kind": "Service", "name": ROUTER, "port": ROUTER_PORT, "weight": 1}],
                }
            ],
        },
    }


def _openshift_route(metadata: Manifest, host: str) -> Manifest:
    """OpenShift's own kind of route. TLS ends at its ingress controller, with that one's certificate."""
    return {
        "apiVersion": f"{ROUTE_GROUP}/v1",
        "kind": "Route",
        "metadata": metadata,
        "spec": {
            "host": host,
            "path": "/v1",
            "to": {"kind": "Service", "name": ROUTER, "weight": 100},
            "port": {"targetPort": "http"},
            "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"},
            "wildcardPolicy": "None",
        },
    }


def _metadata(model: str, name: str, namespace: str) -> Manifest:
    return {"name": name, "namespace": namespace, "labels": labels(model_set(model), model, model=model)}
