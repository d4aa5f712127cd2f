# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts that between them reach every branch of a release's templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from ..contract.typed import AccessMode, Alerts, Contact, Contract, HealthEvents, Model, Provider

_PERSON: Contact = {"name": "Acme", "email": "ops@acme.example"}
_EVENTS: HealthEvents = {
    "url": "https://events.byoc.example/alerts",
    "token_secret": {"name": "byoc-events", "key": "token"},
}
_ALERTS: Alerts = {
    "receivers": [{"name": "noc", "webhook": {"url_secret": {"name": "byoc-alerts", "key": "url"}}}],
    "default_receiver": "noc",
    "routes": [{"owner": "customer", "severity": "error", "receivers": ["noc"]}],
    "watchdog": "noc",
}
_PROMISED: Model = {
    "name": "llama",
    "source": {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659"},
    "engine": {"name": "vllm", "version": "0.11.0"},
    "gpu": {"product": "NVIDIA-H100-80GB-HBM3", "per_replica": 1},
    "replicas": {"min": 1, "max": 2},
    "objectives": {"availability": 0.999, "time_to_first_token": {"within": "1s", "share": 0.95}},
}


def variants() -> Iterator[tuple[str, Contract]]:
    """A contract for each provider and access mode, with and without receivers of alerts; each also in words."""
    for provider in get_args(Provider):
        for mode in get_args(AccessMode):
            words, plain = f"{provider}, {mode}", _contract(provider, mode)
            yield words, plain
            yield f"{words}, health.events", {**plain, "health": {"events": _EVENTS}}
            yield f"{words}, alerts", {**plain, "alerts": _ALERTS, "models": [_PROMISED]}


def _contract(provider: Provider, mode: AccessMode) -> Contract:
    return {
        "version": 1,
        "identity": {
            "name": "acme-eu-1",
            "customer": "acme",
            "provider": provider,
            "region": "eu-west-1",
            "uid": "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11",
        },
        "access": {"mode": mode, "credential": {"kubeconfig_file": "acme-eu-1.kubeconfig"}},
        "capacity": {"gpus": [{"product": "NVIDIA-H100-80GB-HBM3", "count": 2}]},
        "scaling": {"max_replicas_per_model": 2, "max_gpus_per_model": 2},
        "contacts": {
            "networking": _PERSON,
            "account": _PERSON,
            "capacity": _PERSON,
            "security": _PERSON,
            "support": _PERSON,
        },
        # A customer that mirrors images is the strict one.
        "compliance": {"registries": ["registry.acme.example/fireworks"]} if mode == "hardened" else {},
        "networking": {},
        "health": {},
        "stack": {"channel": "stable"},
        "models": [],
    }
