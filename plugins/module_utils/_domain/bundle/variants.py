# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts that between them reach every branch of a release's templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..contract.schema import PROVIDERS

_EVENTS = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "byoc-events", "key": "token"}}
_ALERTS = {
    "receivers": [{"name": "noc", "webhook": {"url_secret": {"name": "byoc-alerts", "key": "url"}}}],
    "default_receiver": "noc",
    "routes": [{"owner": "customer", "severity": "error", "receivers": ["noc"]}],
    "watchdog": "noc",
}
_PROMISED = {
    "name": "llama",
    "engine": {"name": "vllm"},
    "replicas": {"min": 1, "max": 2},
    "objectives": {"availability": 0.999, "time_to_first_token": {"within": "1s", "share": 0.95}},
}
_TOLD: dict[str, dict[str, Any]] = {
    "": {},
    ", health.events": {"health": {"events": _EVENTS}},
    ", alerts": {"alerts": _ALERTS, "models": [_PROMISED]},
}


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """A contract for each provider and access mode, with and without receivers of alerts; each also in words."""
    for provider in PROVIDERS:
        for mode in ("standard", "hardened"):
            for words, told in _TOLD.items():
                yield f"{provider}, {mode}{words}", {**_contract(provider, mode), **told}


def _contract(provider: str, mode: str) -> dict[str, Any]:
    # A customer that mirrors images is the strict one.
    registries = {"registries": ["registry.acme.example/fireworks"]} if mode == "hardened" else {}
    return {
        "identity": {"name": "acme-eu-1", "customer": "acme", "provider": provider},
        "access": {"mode": mode},
        "compliance": registries,
        "networking": {},
        "health": {},
        "models": [],
    }
