# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_window
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import bounds_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.schedule import asked_at, is_open
from tests.unit.domain.agreed import contract, model


def weekly(days: str, start: str, duration: str, **more: Any) -> dict[str, Any]:
    window = {"weekly": days.split(), "start": start, "duration": duration, "time_zone": "Europe/Berlin"}
    return {**window, **more}


@pytest.mark.parametrize(
    ("window", "moment", "open_"),
    [
        # A Wednesday in winter: Berlin is one hour ahead of UTC.
        (weekly("wed", "08:00", "10h"), "2026-11-25T07:00:00+00:00", True),
        (weekly("wed", "08:00", "10h"), "2026-11-25T06:59:59+00:00", False),
        (weekly("wed", "08:00", "10h"), "2026-11-25T16:59:59+00:00", True),
        (weekly("wed", "08:00", "10h"), "2026-11-25T17:00:00+00:00", False),
        # In summer, two.
        (weekly("wed", "08:00", "10h"), "2026-07-01T06:00:00+00:00", True),
        (weekly("wed", "08:00", "10h"), "2026-07-01T16:00:00+00:00", False),
        # Over midnight, and over several days.
        (weekly("tue", "22:00", "4h"), "2026-11-25T00:30:00+00:00", True),
        (weekly("fri", "18:00", "2d12h"), "2026-11-29T23:00:00+01:00", True),
        # The night of 2026-03-29 skips the hour from 2:00 to 3:00: three hours are three hours.
        (weekly("sun", "01:00", "3h"), "2026-03-29T02:59:00+00:00", True),
        (weekly("sun", "01:00", "3h"), "2026-03-29T03:00:00+00:00", False),
        # A start in the skipped hour counts as if clocks had not changed: 2:30 is 1:30 UTC.
        (weekly("sun", "02:30", "30m"), "2026-03-29T01:30:00+00:00", True),
        (weekly("sun", "02:30", "30m"), "2026-03-29T01:29:00+00:00", False),
        # The night of 2026-10-25 has it twice: the first 2:30 opens, for an hour that lasts until the second.
        (weekly("sun", "02:30", "1h"), "2026-10-25T00:30:00+00:00", True),
        (weekly("sun", "02:30", "1h"), "2026-10-25T01:10:00+00:00", True),
        (weekly("sun", "02:30", "1h"), "2026-10-25T01:30:00+00:00", False),
        (
            {"rrule": "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22", "duration": "3h", "time_zone": "Asia/Tokyo"},
            "2026-12-05T14:00:00+00:00",
            True,
        ),
        (
            {"rrule": "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22", "duration": "3h", "time_zone": "Asia/Tokyo"},
            "2026-12-12T14:00:00+00:00",
            False,
        ),
    ],
)
def test_a_window_is_open_in_its_own_zone_for_as_long_as_it_says(
    window: dict[str, Any], moment: str, open_: bool
) -> None:
    assert is_open(parse_window(window), datetime.fromisoformat(moment)) is open_


SCHEDULED = model(
    replicas={"min": 1, "max": 2},
    scaling={
        "schedules": [
            weekly("wed", "08:00", "2h", min=3, max=6),
            weekly("mon tue wed thu fri", "08:00", "10h", min=2, max=4),
        ]
    },
)


@pytest.mark.parametrize(
    ("moment", "bounds"),
    [
        ("2026-11-25T09:00:00+01:00", (3, 6, "scaling.schedules[0]")),
        ("2026-11-25T11:00:00+01:00", (2, 4, "scaling.schedules[1]")),
        ("2026-11-25T20:00:00+01:00", (1, 2, "replicas")),
        ("", (1, 2, "replicas")),
    ],
)
def test_the_first_schedule_that_is_open_says_the_bounds(moment: str, bounds: tuple[int, int, str]) -> None:
    at = datetime.fromisoformat(moment) if moment else None
    asked = asked_at(SCHEDULED, at)
    assert (asked.fewest, asked.most, asked.key) == bounds
    [one] = bounds_of(contract(models=[SCHEDULED]), at).values()
    assert (one.floor, one.ceiling, one.key) == bounds


def test_a_schedule_decides_whether_a_model_may_sleep_while_it_is_open() -> None:
    by_night = model(
        replicas={"min": 2, "max": 2},
        scaling={"idle_to_zero": "1h", "schedules": [weekly("wed", "20:00", "10h", min=0, max=1)]},
    )
    agreed = contract(models=[by_night])
    [day] = bounds_of(agreed, datetime.fromisoformat("2026-11-25T12:00:00+01:00")).values()
    [night] = bounds_of(agreed, datetime.fromisoformat("2026-11-25T22:00:00+01:00")).values()
    assert (day.sleeps, day.floor) == (False, 2)
    assert (night.sleeps, night.floor, night.ceiling) == (True, 1, 1)
