# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan an upgrade of a large fleet, each customer with its own windows, where nothing was planned before.

python -m tests.benchmarks.planning
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.case import Request
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from tests.unit.domain.agreed import RELEASE, contract

CLUSTERS, CLUSTERS_EACH = 1000, 4
_NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def cluster(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A contract with two windows and a freeze, and how the cluster is: every fiftieth is offline."""
    identity = {
        "name": f"cluster-{number:04}",
        "customer": f"customer-{number // CLUSTERS_EACH}",
        "uid": str(number),
        "ring": ("canary", "early")[number % 2] if number < CLUSTERS // 10 else "general",
    }
    zone = _ZONES[number % len(_ZONES)]
    weekly = {
        "weekly": [_DAYS[number % 7], _DAYS[(number + 3) % 7]],
        "start": f"{number % 24:02}:{number % 60:02}",
        "duration": "3h",
        "time_zone": zone,
    }
    monthly = f"FREQ=MONTHLY;BYDAY=1SA;BYHOUR={number % 24};BYMINUTE={number % 59}"
    change = {
        "windows": [weekly, {"rrule": monthly, "duration": "6h", "time_zone": zone}],
        "freezes": [{"from": "2026-12-18", "until": "2027-01-04", "time_zone": zone}],
        "approvals": {"stack_upgrade": "none"},
    }
    live = {
        "reachable": number % 50 != 0,
        "release": RELEASE["upgrades_from"][0],
        "kubernetes": "v1.34.1",
        "health": "ready",
        "durations": [600 + number],
    }
    return {**contract(identity=identity), "change": change}, live


def main() -> None:
    fleet = [cluster(number) for number in range(CLUSTERS)]
    for turn in ("nothing known before", "once more"):
        started = time.process_time()
        made = plan(fleet, Request(release=RELEASE, requested_by="sre@fireworks.example"), _NOW)
        seconds = time.process_time() - started
        found = made["feasibility"]
        print(f"{CLUSTERS} clusters planned in {seconds:.2f} s of processor time, {turn}: {len(made['waves'])} waves, "
              f"{found['counts']}, all by {found['complete_at']}")  # fmt: skip


if __name__ == "__main__":
    main()
