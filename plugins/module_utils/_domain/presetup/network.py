# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may open a connection to whom: nothing by default, then one policy for each sentence of the agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..alerting import somebody_is_told
from ..alerting.receivers import receiver_ports
from ..capacity import may_span_nodes
from ..contract.typed import Contract, Model, ScrapedService
from ..entry_point import OPENSHIFT_ROUTE, entry_point
from ..identities.conditions import may_scale
from ..model.staged import staged_models
from ..names import (
    ALERTS,
    ALERTS_PORT,
    COMPONENT_LABEL,
    GROUP_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    NAMESPACES,
    PART_OF_LABEL,
    PRESETUP_SET,
    ROUTER,
    ROUTER_PORT,
    ROUTER_STATUS_PORT,
    SERVING_PORT,
    STAGES_LABEL,
    SYSTEM_NAMESPACE,
    TELEMETRY,
    TELEMETRY_PORT,
    labels,
    model_set,
)
from ..presetup_version import NEWEST

Manifest = dict[str, Any]

_EVERY_MODEL = {"matchExpressions": [{"key": MODEL_LABEL, "operator": "Exists"}]}
_EVERY_STAGING = {"matchExpressions": [{"key": STAGES_LABEL, "operator": "Exists"}]}
_EVERY_GROUP = {"matchExpressions": [{"key": GROUP_LABEL, "operator": "Exists"}]}
# The label by which network policies know OpenShift's ingress controller (its documentation, "Creating a network
# policy").
_OPENSHIFT_INGRESS = {"matchLabels": {"policy-group.network.openshift.io/ingress": ""}}
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
# Where KEDA's documentation and OpenShift's Custom Metrics Autoscaler install it. Anywhere else the contract would have
# to say: a label alone would let in whoever gives it to a pod.
_KEDA_NAMESPACES = ["keda", "openshift-keda"]
_KEDA = {
    "namespaceSelector": {"matchExpressions": [{"key": _NAMESPACE_NAME, "operator": "In", "values": _KEDA_NAMESPACES}]},
    "podSelector": {"matchLabels": {"app": "keda-operator"}},
}


def network_policies(
    contract: Contract, api_server: Sequence[Mapping[str, Any]] = (), version: int = NEWEST
) -> list[Manifest]:
    """The policies of both namespaces, by prerequisites of this version.

    ``api_server`` is where the API server answers (address and port), read from the cluster; the telemetry watches
    pods there. Without it that reaches it only where the contract's egress covers it.
    """
    found = [policy for namespace in NAMESPACES for policy in _closed(namespace)]
    found += _between_our_pods(ROUTER_STATUS_PORT if version >= 2 else ROUTER_PORT)
    egress = [str(cidr) for cidr in (contract.get("compliance") or {}).get("egress") or ()]
    if egress:
        ways = {"egress": [{"to": [{"ipBlock": {"cidr": c}} for c in egress]}]}
        staged = staged_models(contract) if version >= 2 else []
        found += [_policy(SYSTEM_NAMESPACE, "approved-egress", {}, **ways)]
        found += [_policy(MODELS_NAMESPACE, "approved-egress", _less(staged), **ways)]
        if staged:
            found.append(_policy(MODELS_NAMESPACE, "staging-egress", _EVERY_STAGING, **ways))
    if api_server:
        found.append(_policy(SYSTEM_NAMESPACE, "api-server", {}, egress=[_endpoint(entry) for entry in api_server]))
    gateway = (contract.get("networking") or {}).get("gateway")
    if gateway:
        source = {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: str(gateway["namespace"])}}}
        rule = {"from": [source], "ports": [_tcp(ROUTER_PORT)]}
        found.append(_policy(SYSTEM_NAMESPACE, "gateway-to-router", _component(ROUTER), ingress=[rule]))
    if may_scale(contract):
        rule = {"from": [_KEDA], "ports": [_tcp(TELEMETRY_PORT)]}
        found.append(_policy(SYSTEM_NAMESPACE, "keda-to-telemetry", _component(TELEMETRY), ingress=[rule]))
    if version >= 2 and (scraped := (contract.get("health") or {}).get("scrape")):
        scraping = [_scraped(source) for source in scraped]
        found.append(_policy(SYSTEM_NAMESPACE, "telemetry-to-your-metrics", _component(TELEMETRY), egress=scraping))
    if somebody_is_told(contract):
        # What is sent from there leaves through the contract's egress, like all else, and through its own.
        ways = {"egress": [{"to": [{"podSelector": _component(ALERTS)}], "ports": [_tcp(ALERTS_PORT)]}]}
        found.append(_policy(SYSTEM_NAMESPACE, "telemetry-to-alerts", _component(TELEMETRY), **ways))
        rule = {"from": [{"podSelector": _component(TELEMETRY)}], "ports": [_tcp(ALERTS_PORT)]}
        found.append(_policy(SYSTEM_NAMESPACE, "alerts-from-telemetry", _component(ALERTS), ingress=[rule]))
    if networks := contract.get("alerts", {}).get("egress"):
        ports = [_tcp(port) for port in receiver_ports(contract)]
        rule = {"to": [{"ipBlock": {"cidr": str(cidr)}} for cidr in networks], "ports": ports}
        found.append(_policy(SYSTEM_NAMESPACE, "alerts-to-receivers", _component(ALERTS), egress=[rule]))
    if may_span_nodes(contract):
        # They agree on ports as they go (Ray, NCCL), so none can be named; nor can "of the same model".
        peers = [{"podSelector": _EVERY_GROUP}]
        rules = {"ingress": [{"from": peers}], "egress": [{"to": peers}]}
        found.append(_policy(MODELS_NAMESPACE, "between-the-nodes-of-a-replica", _EVERY_GROUP, **rules))
    if entry_point(contract) == OPENSHIFT_ROUTE:
        rule = {"from": [{"namespaceSelector": _OPENSHIFT_INGRESS}], "ports": [_tcp(ROUTER_PORT)]}
        found.append(_policy(SYSTEM_NAMESPACE, "ingress-to-router", _component(ROUTER), ingress=[rule]))
    return found


def _scraped(source: ScrapedService) -> Manifest:
    where = {"namespaceSelector": _namespace(str(source["namespace"]))}
    return {"to": [where], "ports": [_tcp(int(source["port"]))]}


def _less(staged: Sequence[Model]) -> Manifest:
    """Every pod but those of models whose weights are fetched for them: these have nothing to connect to."""
    sets = sorted(model_set(str(model["name"])) for model in staged)
    return {"matchExpressions": [{"key": PART_OF_LABEL, "operator": "NotIn", "values": sets}]} if sets else {}


def _closed(namespace: str) -> list[Manifest]:
    # DNS lives in kube-system (port 53), in openshift-dns (port 5353), or on the node itself (link-local).
    dns = [
        {
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": _NAMESPACE_NAME, "operator": "In", "values": ["kube-system", "openshift-dns"]}
                ]
            }
        },
        {"ipBlock": {"cidr": "169.254.0.0/16"}},
    ]
    ports = [{"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")]
    return [
        _policy(namespace, "closed", {}, ingress=[], egress=[]),
        _policy(namespace, "dns", {}, egress=[{"to": dns, "ports": ports}]),
    ]


def _between_our_pods(router_metrics: int) -> list[Manifest]:
    models = {"namespaceSelector": _namespace(MODELS_NAMESPACE), "podSelector": _EVERY_MODEL}
    serving = [_tcp(SERVING_PORT)]

    def component(name: str) -> Manifest:
        return {"namespaceSelector": _namespace(SYSTEM_NAMESPACE), "podSelector": _component(name)}

    return [
        _policy(
            MODELS_NAMESPACE,
            "router-and-telemetry-to-models",
            _EVERY_MODEL,
            ingress=[{"from": [component(ROUTER), component(TELEMETRY)], "ports": serving}],
        ),
        _policy(SYSTEM_NAMESPACE, "router-to-models", _component(ROUTER), egress=[{"to": [models], "ports": serving}]),
        _policy(
            SYSTEM_NAMESPACE,
            "telemetry-to-what-it-scrapes",
            _component(TELEMETRY),
            egress=[
                {"to": [models], "ports": serving},
                {"to": [{"podSelector": _component(ROUTER)}], "ports": [_tcp(router_metrics)]},
            ],
        ),
        _policy(
            SYSTEM_NAMESPACE,
            "telemetry-to-router",
            _component(ROUTER),
            ingress=[{"from": [{"podSelector": _component(TELEMETRY)}], "ports": [_tcp(router_metrics)]}],
        ),
    ]


def _endpoint(entry: Mapping[str, Any]) -> Manifest:
    address = ip_address(str(entry["address"]))
    return {"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}], "ports": [_tcp(int(entry["port"]))]}


def _namespace(name: str) -> Manifest:
    return {"matchLabels": {_NAMESPACE_NAME: name}}


def _component(name: str) -> Manifest:
    return {"matchLabels": {COMPONENT_LABEL: name}}


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _policy(
    namespace: str,
    name: str,
    pods: Manifest,
    ingress: list[Manifest] | None = None,
    egress: list[Manifest] | None = None,
) -> Manifest:
    spec: Manifest = {"podSelector": pods, "policyTypes": []}
    for kind, rules in (("Ingress", ingress), ("Egress", egress)):
        if rules is not None:
            spec["policyTypes"].append(kind)
            # An empty list of rules is what "closed" means; the API server drops it, so it is not written.
            if rules:
                spec[kind.lower()] = rules
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": labels(PRESETUP_SET, name)},
        "spec": spec,
    }
