# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents that are opened for several causes at once, one write each, and continued."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import INCIDENTS, PART_OF_LABEL
from tests.integration.ansible_runs import Forked
from tests.integration.interrupting import Operation, Site, complete, everything

PLACE = "/api/v1/namespaces/fireworks-system/configmaps"
_FAULTS = ("gpu_off_the_bus", "nvlink_error", "double_bit_error", "row_remap_failure")


def findings(*nodes: str) -> list[dict[str, Any]]:
    """A critical fault of each node, and of each another one: so many causes."""
    return [
        {"fault": fault, "node": node, "severity": "critical", "owner": "customer", "ask": "Replace the GPU.",
         "contact": {"name": "Acme capacity", "email": "capacity@acme.example"}, "since": "2026-11-29T21:00:00Z",
         "replicas": []}
        for node, fault in zip(nodes, _FAULTS, strict=False)
    ]  # fmt: skip


def _open(site: Site, _goal: str) -> Forked:
    found = findings("n1", "n2", "n3", "n4")
    return site.operation("incident", "incident", contract=site.contract, do="open", by="sre", findings=found)


def _close(site: Site, _goal: str) -> Forked:
    given = {"do": "close", "by": "sre", "number": 2, "note": "The GPU was replaced."}
    return site.operation("incident", "incident", contract=site.contract, **given)


def _none(site: Site, _goal: str) -> None:
    for item in kept_incidents(site.cluster):
        site.cluster.request("DELETE", f"{PLACE}/{item['metadata']['name']}")


def _opened(site: Site, goal: str) -> None:
    _none(site, goal)
    complete(site, OPEN, goal)


def kept_incidents(cluster: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", f"{PLACE}?labelSelector={PART_OF_LABEL}={INCIDENTS}")["items"]
    return items


def entries(cluster: Any) -> dict[str, list[dict[str, Any]]]:
    """Those of each incident, in their order, without their moments."""
    read = {
        one["metadata"]["name"]: sorted((int(key), text) for key, text in one["data"].items())
        for one in kept_incidents(cluster)
    }
    return {
        name: [{key: value for key, value in json.loads(text).items() if key != "at"} for _number, text in texts]
        for name, texts in read.items()
    }


def _without_moments(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "", text)


def _found(site: Site) -> dict[str, Any]:
    return {**everything(site, as_read=_without_moments), "incidents": entries(site.cluster)}


OPEN = Operation("incident", _none, _open, _found)
CLOSE = Operation("incident, closed", _opened, _close, _found)
