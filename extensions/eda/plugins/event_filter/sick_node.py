# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a post of Alertmanager, or a plain one, into events with only a cluster's and a node's name.

Events become variables of a playbook, so no other text may pass: an alert that is resolved, that
is not marked for remediation, or whose names are not plain names, is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

DOCUMENTATION = r"""
short_description: Extract the cluster and the node from an alert.
description:
  - Takes a post of Alertmanager, with C(alerts), or a plain one, with C(cluster) and C(node).
  - Gives an event for each node, with C(cluster), C(node) and C(alert), the alert's name.
options:
  marked:
    description: Whether only alerts with the label C(remediate) of V(true) count. A plain post needs no label.
    type: bool
    default: true
"""

EXAMPLES = r"""
- eda.builtin.webhook:
    host: 127.0.0.1
    port: 5010
  filters:
    - fireworks.byoc.sick_node:
"""

# As Kubernetes has them; dots make a node's name a host name.
_CLUSTER = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Groups of every inventory of ours: a pattern would take them for all of their clusters.
_GROUPS = frozenset({"all", "byoc", "ungrouped"})
_NODE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ALERT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def main(event: dict[str, Any], marked: bool = True) -> list[dict[str, Any]]:
    """The events in a post; none if it names no node."""
    payload = event.get("payload")
    if not isinstance(payload, Mapping):
        return []
    found = _of_alerts(payload["alerts"], marked) if "alerts" in payload else iter([_event(payload, "posted")])
    named = {(one["cluster"], one["node"]): one for one in found if one}
    return list(named.values())


def _of_alerts(alerts: Any, marked: bool) -> Iterator[dict[str, Any] | None]:
    for alert in alerts if isinstance(alerts, list) else ():
        if not isinstance(alert, Mapping) or alert.get("status") != "firing":
            continue
        labels = alert.get("labels")
        if isinstance(labels, Mapping) and (labels.get("remediate") == "true" or not marked):
            yield _event(labels, labels.get("alertname"))


def _event(names: Mapping[str, Any], alert: Any) -> dict[str, Any] | None:
    cluster, node = names.get("cluster"), names.get("node")
    if not (_plain(cluster, _CLUSTER) and _plain(node, _NODE)) or cluster in _GROUPS:
        return None
    return {"cluster": cluster, "node": node, "alert": alert if _plain(alert, _ALERT) else "unnamed"}


def _plain(value: Any, shape: re.Pattern[str]) -> bool:
    return isinstance(value, str) and shape.fullmatch(value) is not None
