# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a post of Alertmanager into events for incidents: what pages, of which cluster, where, and who has to act.

Events become variables of a playbook, so only plain names, moments and the few words of routes may pass; all else is
dropped. Many nodes with one alert are one event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

DOCUMENTATION = r"""
short_description: Extract what pages from a post of Alertmanager
description:
  - Takes a post of Alertmanager. Alerts that fire with the severity C(critical) count.
  - Gives an event for each alert of a cluster, a model and a component, with C(cluster), C(nodes), C(model),
    C(component), and C(alert), its C(alertname), C(severity), C(owner), C(contact) and C(since).
"""

EXAMPLES = r"""
- eda.builtin.webhook:
    host: 127.0.0.1
    port: 5012
  filters:
    - fireworks.byoc.page:
"""

# As Kubernetes has them; dots make a node's name a host name.
_CLUSTER = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Groups of every inventory of ours: a pattern would take them for all of their clusters.
_GROUPS = frozenset({"all", "byoc", "ungrouped"})
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ALERT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_OWNERS = ("customer", "fireworks")
_CONTACTS = ("networking", "account", "capacity", "security", "support")
_PAGES = "critical"
_MOST_NODES = 5000


def main(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The events in a post; none if nothing in it pages."""
    payload = event.get("payload")
    alerts = payload.get("alerts") if isinstance(payload, Mapping) else None
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in _paging(alerts if isinstance(alerts, list) else ()):
        node, since = one.pop("node"), one["alert"]["since"]
        key = (one["cluster"], one["alert"]["alertname"], one["model"], one["component"])
        made = found.setdefault(key, {**one, "nodes": []})
        made["alert"]["since"] = min(filter(None, (made["alert"]["since"], since)), default="")
        if node and node not in made["nodes"] and len(made["nodes"]) < _MOST_NODES:
            made["nodes"].append(node)
    return list(found.values())


def _paging(alerts: Any) -> Iterator[dict[str, Any]]:
    for alert in alerts:
        if not isinstance(alert, Mapping) or alert.get("status") != "firing":
            continue
        labels = alert.get("labels")
        if isinstance(labels, Mapping) and labels.get("severity") == _PAGES and (one := _event(labels, alert)):
            yield one


def _event(labels: Mapping[str, Any], alert: Mapping[str, Any]) -> dict[str, Any] | None:
    cluster, name = labels.get("cluster"), labels.get("alertname")
    if not (_plain(cluster, _CLUSTER) and _plain(name, _ALERT)) or cluster in _GROUPS:
        return None
    owner, contact = labels.get("owner"), labels.get("contact")
    told = {
        "alertname": name,
        "severity": _PAGES,
        "owner": owner if owner in _OWNERS else "fireworks",
        "contact": contact if contact in _CONTACTS else "support",
        "since": _moment(alert.get("startsAt")),
    }
    places = {"node": "node", "model": "model", "component": "deployment"}
    named = {key: labels.get(label) if _plain(labels.get(label), _NAME) else "" for key, label in places.items()}
    return {"cluster": cluster, "alert": told, **named}


def _plain(value: Any, shape: re.Pattern[str]) -> bool:
    return isinstance(value, str) and shape.fullmatch(value) is not None


def _moment(value: Any) -> str:
    """A moment in RFC 3339 and UTC; empty where it is none."""
    try:
        return datetime.fromisoformat(str(value)[:64]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return ""
