# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alertmanager's configuration: who is called, about what together, and what is only the echo of something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.schema_alerts import ALERT_SEVERITIES
from ..contract.typed import Contract, Route
from .receivers import EVENTS, NOBODY, WATCHDOG, receivers

Data = Mapping[str, Any]
Config = dict[str, Any]

WATCHDOG_ALERT = "Watchdog"
# One message about one thing that is wrong, however many nodes or replicas have it.
_TOGETHER = {
    "group_by": ["cluster", "alertname", "model", "objective"],
    "group_wait": "10s",
    "group_interval": "5m",
    "repeat_interval": "4h",
}
# Of a repeat that falls between two intervals nothing is sent before the next: every 10 to 20 s.
_ALIVE = {"group_by": ["cluster"], "group_wait": "0s", "group_interval": "10s", "repeat_interval": "10s"}
# One post for each node, at once: what else is found of it a moment later is seen there anyway.
_EVENTS = {"group_by": ["cluster", "node"], "group_wait": "1s", "group_interval": "1m", "repeat_interval": "15m"}

ECHOES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    # Without a router nothing of any model arrives.
    ("RouterDown", ("ModelNotWoken", "ObjectiveBurnsFast", "ObjectiveBurnsSlowly", "ObjectiveNotMeasured"), ()),
    # What a node that is down does not tell any more.
    ("GpuNodeNotReady", ("GpuExporterSilent", "GpuExporterMissing", "GpuNotAllocatable"), ("node",)),
    ("ObjectiveBurnsFast", ("ObjectiveBurnsSlowly",), ("model", "objective")),
)
"""While the first fires, the others say nothing, of the same cluster and these labels. The event path waits for none of
them."""


def alertmanager(contract: Contract) -> Config:
    """The configuration for a contract where somebody is told."""
    alerts = contract.get("alerts", {})
    otherwise = {"receiver": alerts.get("default_receiver") or NOBODY}
    routes = [*_own_routes(contract), *map(_route, alerts.get("routes") or ())]
    return {
        # The receiver at the root is for what fits no route at all, and what the event path takes has fit one.
        "route": {**otherwise, **_TOGETHER, "routes": [*routes, otherwise]},
        "inhibit_rules": [_echo(*each) for each in ECHOES],
        "receivers": receivers(contract),
    }


def _own_routes(contract: Contract) -> list[Config]:
    watched = bool(contract.get("alerts", {}).get("watchdog"))
    made: list[Config] = [
        {"receiver": WATCHDOG if watched else NOBODY, "matchers": [_is("alertname", WATCHDOG_ALERT)], **_ALIVE}
    ]
    if (contract.get("health") or {}).get("events"):
        # Whoever has to act hears of it too.
        made.append({"receiver": EVENTS, "matchers": [_is("remediate", "true")], **_EVENTS, "continue": True})
    return made


def _route(route: Route) -> Config:
    """One of the contract's routes. Alertmanager's have one receiver: of several, each gets a branch."""
    narrowed = {"owner": route.get("owner"), "contact": route.get("contact")}
    matchers = [_is(key, value) for key, value in narrowed.items() if value]
    least = ALERT_SEVERITIES.index(route.get("severity") or ALERT_SEVERITIES[0])
    if least:
        matchers.append(f'severity=~"{"|".join(ALERT_SEVERITIES[least:])}"')
    names = [str(name) for name in route["receivers"]]
    branches = [{"receiver": name, "continue": True} for name in names] if len(names) > 1 else []
    return {"receiver": names[0], **({"matchers": matchers} if matchers else {}),
            **({"routes": branches} if branches else {})}  # fmt: skip


def _echo(source: str, targets: tuple[str, ...], same: tuple[str, ...]) -> Config:
    return {
        "source_matchers": [_is("alertname", source)],
        "target_matchers": [f'alertname=~"{"|".join(targets)}"'],
        "equal": ["cluster", *same],
    }


def _is(label: str, value: str) -> str:
    return f'{label}="{value}"'
