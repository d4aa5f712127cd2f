# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the models' part, in Envoy's own format.

Each file is JSON, with one line for each model or name and the same lines around them. So admission can tell what a
line says without parsing it: it is this line, with a name in it (``guardrails.router``).

Names are the keys of one table, in which Envoy looks a request's up: a thousand of them cost it no more than one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..names import MODELS_NAMESPACE, SERVING_PORT

CLUSTERS, ROUTES = "clusters.json", "routes.json"
"""The keys of the ConfigMap, and the files that Envoy reads."""
_LONGEST_LIST = 1 << 20
_TYPE = "type.googleapis.com/envoy"
_KNOWN_PATHS = "/v1/((chat/)?completions|embeddings|responses|messages|score|rerank|classify|pooling)"
"""What a client may ask of an engine. The rest is the operator's, such as loading an adapter."""
_LIST_PATH = "/v1/models"
# 10 minutes is how long a stock OpenAI client waits for the first byte; the router's part ends what is silent for so
# long. A retry goes to another replica, before the first byte of an answer only. 404 is an engine's word for a name
# that it does not serve: then a replica's address has become another's.
_RETRIES: Mapping[str, Any] = {
    "retry_on": "connect-failure,refused-stream,reset-before-request,retriable-status-codes",
    "retriable_status_codes": [404, 503],
    "num_retries": 3,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
    "host_selection_retry_max_attempts": "32",
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.250s"},
}
# A key keeps its replica; what has none goes by the request's own ID, which is to any. Either way no replica gets more
# than twice the average of what is in flight. Not less: of two of which one is dead, the other has twice the average.
_AFFINITY = [
    {"filter_state": {"key": "byoc.prefix"}, "terminal": True},
    {"header": {"header_name": "x-request-id"}},
]
_CLUSTER: Mapping[str, Any] = {
    "@type": f"{_TYPE}.config.cluster.v3.Cluster",
    # STRICT_DNS, in its new words: an address that is not in the answer any more is none of the model's.
    "cluster_type": {
        "name": "envoy.clusters.dns",
        "typed_config": {
            "@type": f"{_TYPE}.extensions.clusters.dns.v3.DnsCluster",
            "dns_lookup_family": "V4_PREFERRED",
            "dns_refresh_rate": "1s",
            "dns_failure_refresh_rate": {"base_interval": "1s", "max_interval": "2s"},
        },
    },
    "connect_timeout": "2s",
    "lb_policy": "RING_HASH",
    "ring_hash_lb_config": {"minimum_ring_size": "512"},
    "common_lb_config": {"consistent_hashing_lb_config": {"hash_balance_factor": 200}},
    # An engine's own 500 says something of the request; that nothing answers says something of the replica.
    "outlier_detection": {
        "interval": "1s",
        "consecutive_gateway_failure": 3,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "base_ejection_time": "10s",
        "max_ejection_time": "60s",
        "max_ejection_percent": 50,
    },
    "circuit_breakers": {
        "thresholds": [
            {"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096, "max_retries": 1024}
        ]
    },
    # A connection is never used again: the engine may be closing it, as it stops or dies, and what is lost with it
    # cannot be told from what the engine has begun. One that is refused is tried elsewhere.
    "typed_extension_protocol_options": {
        f"{_TYPE.partition('/')[2]}.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {"max_requests_per_connection": 1},
            "explicit_http_config": {"http_protocol_options": {}},
        }
    },
}


_ROUTE = f"{_TYPE}.config.route.v3.Route"
_XDS = f"{_TYPE}.type.matcher.v3."
# What the router's own part read in the body. It is no header: a client cannot say it in any other way.
_ASKED_FOR = {
    "name": "asked-for",
    "typed_config": {
        "@type": f"{_TYPE}.extensions.matching.common_inputs.network.v3.FilterStateInput",
        "key": "byoc.model",
    },
}
_MARK = "(here)"


def text(value: Any) -> str:
    """Plain data as one line of ASCII."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def cluster_line(model: str, domain: str) -> str:
    """Where a model's replicas are: behind its headless Service in fireworks-models, and nowhere else."""
    address = {"address": f"{model}.{MODELS_NAMESPACE}.svc.{domain}.", "port_value": SERVING_PORT}
    endpoint = {"endpoint": {"address": {"socket_address": address}}}
    load = {"cluster_name": model, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return text({"name": model, **_CLUSTER, "load_assignment": load})


def route_line(model: str, asked_for: str) -> str:
    """That requests for a name go to a model: an entry of the table, and the comma behind it."""
    route = {"match": {"prefix": "/v1/"}, "route": {"timeout": "0s", "hash_policy": _AFFINITY, "cluster": model}}
    return f"{text(asked_for)}:{text(_by(route))},"


def list_line(owners: Mapping[str, str]) -> str:
    """The answer to ``/v1/models``: every name that is routed, asleep or not, with its model."""
    entry = {"object": "model", "created": 0, "owned_by": "fireworks"}
    data = [{"id": name, **entry, "root": model} for name, model in owners.items()]
    return text({"predicate": _IS_LIST, "on_match": _by(_answer(200, {"object": "list", "data": data}))})


def beginning(key: str, version: str) -> str:
    """The first line of a file."""
    if key == CLUSTERS:
        return f'{{"version_info":"{version}","resources":['
    return _around_the_names()[0].replace(_MARK, version)


def table() -> str:
    """The line in ``routes.json`` between the list of models and the names."""
    return _around_the_names()[1]


def end(key: str) -> str:
    """The last line of a file."""
    return "]}" if key == CLUSTERS else _around_the_names()[2]


@cache
def _around_the_names() -> tuple[str, str, str]:
    """What is before the list of models, between that and the names, and behind them, whatever these are.

    Envoy takes no table that is empty: so an empty name is in it, to which no model answers.
    """
    names = {"input": _ASKED_FOR, "exact_match_map": {"map": {_MARK: 0, "": _by(_NO_MODEL)}}}
    lists = {"matchers": [{"predicate": {"not_matcher": _IS_KNOWN}, "on_match": _by(_NO_PATH)}, _MARK]}
    by_name = {"matcher": {"matcher_tree": names, "on_no_match": _by(_NO_MODEL)}}
    host: dict[str, Any] = {"name": "models", "domains": ["*"], "retry_policy": _RETRIES}
    host["matcher"] = {"matcher_list": lists, "on_no_match": by_name}
    routing: dict[str, Any] = {"@type": f"{_ROUTE}Configuration", "name": "models", "virtual_hosts": [host]}
    routing["max_direct_response_body_size_bytes"] = _LONGEST_LIST
    whole = text({"version_info": _MARK, "resources": [routing]})
    before, rest = whole.split(f',"{_MARK}"]')
    between, behind = rest.split(f'"{_MARK}":0,')
    return f"{before},", f"]{between}", behind


def _answer(status: int, body: Any) -> dict[str, Any]:
    kind = {"header": {"key": "content-type", "value": "application/json"}}
    kind["append_action"] = "OVERWRITE_IF_EXISTS_OR_ADD"  # type: ignore[assignment]
    direct = {"status": status, "body": {"inline_string": text(body)}}
    return {"match": {"prefix": "/"}, "direct_response": direct, "response_headers_to_add": [kind]}


def _problem(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": "model", "code": code}}


def _by(route: Mapping[str, Any]) -> dict[str, Any]:
    """What matches goes by this route."""
    return {"action": {"name": "route", "typed_config": {"@type": _ROUTE, **route}}}


def _is(header: str, value: Mapping[str, Any]) -> dict[str, Any]:
    kind = {"@type": f"{_XDS}HttpRequestHeaderMatchInput", "header_name": header}
    return {"single_predicate": {"input": {"name": header, "typed_config": kind}, "value_match": value}}


def _path(pattern: str) -> dict[str, Any]:
    """Whether that is the path, whatever the query."""
    return _is(":path", {"safe_regex": {"google_re2": {}, "regex": f"{pattern}(\\?.*)?"}})


_IS_LIST = {"and_matcher": {"predicate": [_path(_LIST_PATH), _is(":method", {"exact": "GET"})]}}
_IS_KNOWN = {"or_matcher": {"predicate": [_path(_KNOWN_PATHS), _IS_LIST]}}
_NO_PATH = _answer(404, _problem("there is no such path", "not_found"))
_NO_MODEL = _answer(
    404,
    _problem(
        "the model does not exist, or the body is no JSON object with its name: GET /v1/models lists the names",
        "model_not_found",
    ),
)
