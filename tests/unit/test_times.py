# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How moments are written: for people with their zone, for machines in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.times import (
    day,
    local_time,
    rfc3339,
    rfc3339_micro,
    stamp,
    upcoming,
)

TOKYO, LORD_HOWE = ZoneInfo("Asia/Tokyo"), ZoneInfo("Australia/Lord_Howe")
LATE = datetime(2027, 1, 1, 8, 30, 15, 42, tzinfo=TOKYO)


def test_people_read_the_clock_of_a_zone_and_its_name() -> None:
    assert local_time(LATE, TOKYO) == "2027-01-01 08:30 Asia/Tokyo"
    assert local_time(LATE, LORD_HOWE) == "2027-01-01 10:30 Australia/Lord_Howe"
    assert local_time(LATE) == "2026-12-31 23:30 UTC"
    assert local_time(LATE, seconds=True) == "2026-12-31 23:30:15 UTC"
    assert local_time(LATE, ZoneInfo("UTC")) == local_time(LATE, UTC)
    assert day(LATE) == "2026-12-31"
    assert upcoming("2026-12-31T23:30:00+00:00", "2026-12-31T23:29:00Z") == "2026-12-31 23:30 UTC"
    assert [upcoming(one, "2026-12-31T23:30:00Z") for one in ("2026-12-31T23:30:00+00:00", None, "")] == [
        "now",
        "-",
        "-",
    ]


def test_machines_read_utc() -> None:
    assert rfc3339(LATE) == "2026-12-31T23:30:15Z"
    assert rfc3339_micro(LATE) == "2026-12-31T23:30:15.000042Z"
    assert stamp(LATE) == "20261231-2330"
    assert datetime.fromisoformat(rfc3339_micro(LATE)) == LATE
