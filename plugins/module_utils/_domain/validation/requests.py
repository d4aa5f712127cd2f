# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that prove a cluster serves, as data: the role sends them, the checks read the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..capacity import may_sleep
from ..contract.typed import Contract
from ..names import MODELS_NAMESPACE, ROUTER, ROUTER_PORT, SERVING_PORT, SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT

MAY_ASK: Mapping[str, str] = {
    "verb": "create",
    "resource": "services",
    "subresource": "proxy",
    "namespace": SYSTEM_NAMESPACE,
    "name": f"{ROUTER}:{ROUTER_PORT}",
}
"""The right that a request for a token through the router needs, as ``can_i`` of ``cluster_info`` asks for it."""


def probe_requests(
    contract: Contract, facts: Mapping[str, Any], rolled_out: Collection[str] = ()
) -> list[dict[str, Any]]:
    """One request to every model, one through the router, one to the telemetry.

    :param facts: of ``cluster_info``.
    :param rolled_out: the models that this run has changed.
    """
    models = [
        _request(MODELS_NAMESPACE, str(model["name"]), SERVING_PORT, "/v1/models")
        for model in contract.get("models") or ()
    ]
    return [
        *models,
        _through_router(contract, facts, rolled_out),
        _request(SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT, "/-/ready"),
    ]


def _through_router(contract: Contract, facts: Mapping[str, Any], rolled_out: Collection[str]) -> dict[str, Any]:
    """A token of a model. Where none may be asked for, the list of models, which the router answers by itself."""
    model, why = _to_ask(contract, facts, rolled_out)
    if why or model is None:
        return {**_request(SYSTEM_NAMESPACE, ROUTER, ROUTER_PORT, "/v1/models"), "proves_too_little": why}
    body = {"model": str(model.get("served_name") or model["name"]), "prompt": "Hi", "max_tokens": 1, "temperature": 0}
    return {
        **_request(SYSTEM_NAMESPACE, ROUTER, ROUTER_PORT, "/v1/completions"),
        "method": "POST",
        "body": body,
        "proves_too_little": "",
    }


def _to_ask(
    contract: Contract, facts: Mapping[str, Any], rolled_out: Collection[str]
) -> tuple[Mapping[str, Any] | None, str]:
    """The model to ask, or why there is none, although there are models.

    One that may sleep would be kept awake, by each run of a schedule anew: so it is asked once, after it was changed.
    """
    models = contract.get("models") or ()
    if not models:
        return None, ""
    asked = [each for each in facts["permissions"] if all(each.get(key) == value for key, value in MAY_ASK.items())]
    if not any(each["allowed"] for each in asked):
        return None, "this identity may not ask models through it"
    ready = {each["service"] for each in facts["endpoints"] if each["namespace"] == MODELS_NAMESPACE and each["ready"]}
    once = ready.intersection(rolled_out)
    awake = [model for model in models if not may_sleep(contract, model) or model["name"] in once]
    return (awake[0], "") if awake else (None, "every model may sleep, and being asked would keep it awake")


def _request(namespace: str, service: str, port: int, path: str) -> dict[str, Any]:
    return {"namespace": namespace, "service": service, "port": port, "path": path}


def probe_answers(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answers as evidence, each with the request it answers, from the results of a task that looped over those.

    A request that could not be sent at all is an answer too: that it did not arrive, and why.
    """
    return [
        {
            **result["item"],
            "ok": bool(result.get("ok")),
            "status": int(result.get("status") or 0),
            "elapsed_ms": int(result.get("elapsed_ms") or 0),
            "error": str(result.get("error") or result.get("msg") or ""),
        }
        for result in results
        if "item" in result and not result.get("skipped")
    ]
