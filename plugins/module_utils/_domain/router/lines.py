# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the models' part, in Envoy's own format.

Each file is JSON, with one line for each model or name and the same lines around them. So admission can tell what a
line says without parsing it: it is this line, with a name in it (``guardrails.router``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..names import MODELS_NAMESPACE, SERVING_PORT

CLUSTERS, ROUTES = "clusters.json", "routes.json"
"""The keys of the ConfigMap, and the files that Envoy reads."""
LISTED = "/v1/models"
_LONGEST_LIST = 1 << 20
_TYPE = "type.googleapis.com/envoy"
_KNOWN_PATHS = "(chat/)?completions|embeddings|responses|messages|score|rerank|classify|pooling"
"""What a client may ask of an engine. The rest is the operator's, such as loading an adapter."""
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
    """That requests for a name go to a model."""
    named = {"filter": "byoc", "path": [{"key": "model"}], "value": {"string_match": {"exact": asked_for}}}
    return text(
        {
            "name": model,
            "match": {"prefix": "/v1/", "dynamic_metadata": [named]},
            "route": {"cluster": model, "timeout": "0s", "hash_policy": _AFFINITY},
        }
    )


def list_line(owners: Mapping[str, str]) -> str:
    """The answer to ``/v1/models``: every name that is routed, asleep or not, with its model."""
    entry = {"object": "model", "created": 0, "owned_by": "fireworks"}
    data = [{"id": name, **entry, "root": model} for name, model in owners.items()]
    return _answer({"path": LISTED, "headers": [_is(":method", "GET")]}, 200, {"object": "list", "data": data})


def unknown_path_line() -> str:
    """What is none of the API."""
    known = {"name": ":path", "string_match": {"safe_regex": {"regex": f"/v1/({_KNOWN_PATHS})(\\?.*)?"}}}
    return _answer(
        {"prefix": "/", "headers": [{**known, "invert_match": True}]},
        404,
        _problem("there is no such path", "not_found"),
    )


def unknown_model_line() -> str:
    """What no model answers to."""
    why = "the model does not exist, or the body is no JSON object with its name: GET /v1/models lists the names"
    return _answer({"prefix": "/"}, 404, _problem(why, "model_not_found"))


def beginning(key: str, version: str) -> str:
    """The first line of a file."""
    head = f'{{"version_info":"{version}","resources":['
    if key == CLUSTERS:
        return head
    host = text({"name": "models", "domains": ["*"], "retry_policy": _RETRIES, "routes": []})
    routing = {"@type": f"{_TYPE}.config.route.v3.RouteConfiguration", "name": "models"}
    kind = text({**routing, "max_direct_response_body_size_bytes": _LONGEST_LIST, "virtual_hosts": []})
    return head + kind.removesuffix("]}") + host.removesuffix("]}")


def end(key: str) -> str:
    """The last line of a file."""
    return "]}" if key == CLUSTERS else "]}]}]}"


def _answer(match: Mapping[str, Any], status: int, body: Any) -> str:
    kind = {"header": {"key": "content-type", "value": "application/json"}}
    kind["append_action"] = "OVERWRITE_IF_EXISTS_OR_ADD"  # type: ignore[assignment]
    direct = {"status": status, "body": {"inline_string": text(body)}}
    return text({"match": match, "direct_response": direct, "response_headers_to_add": [kind]})


def _is(header: str, value: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"exact": value}}


def _problem(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": "model", "code": code}}
