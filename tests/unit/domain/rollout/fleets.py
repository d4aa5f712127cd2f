# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets for the tests of plans, each cluster with only what a test wants to say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.case import Request
from tests.unit.domain.agreed import RELEASE, contract

#: A Wednesday.
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TARGET, SOURCE = RELEASE["version"], RELEASE["upgrades_from"][0]
OPERATOR = "sre@fireworks.example"
FREELY: dict[str, Any] = {"approvals": {"stack_upgrade": "none"}}
EVERYWHERE = ["cluster", "file", "awx"]
OPEN = {"weekly": ["wed"], "start": "11:00", "duration": "3h", "time_zone": "UTC"}
SATURDAY = {"weekly": ["sat"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"}

Cluster = tuple[dict[str, Any], dict[str, Any]]


def agreed(name: str = "acme-eu-1", customer: str = "acme", ring: str = "general", **change: Any) -> dict[str, Any]:
    """A contract that asks for no approval, unless ``change`` says otherwise; approvals count from everywhere."""
    identity = {"name": name, "customer": customer, "ring": ring, "uid": f"uid-of-{name}"}
    said = {**FREELY, **change}
    approvals = {"sources": EVERYWHERE, **said["approvals"]}
    return contract(identity=identity) | {"change": {**said, "approvals": approvals}}


def alive(**more: Any) -> dict[str, Any]:
    """A cluster that is as it should be, with the release before."""
    return {"reachable": True, "release": SOURCE, "kubernetes": "v1.34.1", "health": "ready", **more}


def request(**more: Any) -> Request:
    return Request(**{"release": RELEASE, "requested_by": OPERATOR, **more})
