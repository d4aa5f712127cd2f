# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that prove a cluster serves, as data: the role sends them, the checks read the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..names import MODELS_NAMESPACE, ROUTER, ROUTER_PORT, SERVING_PORT, SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT


def probe_requests(contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One request to every model, one through the router, one to the telemetry."""
    models = [
        _request(MODELS_NAMESPACE, str(model["name"]), SERVING_PORT, "/v1/models")
        for model in contract.get("models") or ()
    ]
    return [
        *models,
        _request(SYSTEM_NAMESPACE, ROUTER, ROUTER_PORT, "/v1/models" if models else "/health"),
        _request(SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT, "/-/ready"),
    ]


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
