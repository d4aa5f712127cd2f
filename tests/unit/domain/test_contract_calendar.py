# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What contract_calendar prints, and what an author is told of windows that are hardly what was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.calendar_doubts import calendar_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract_calendar import (
    coming_openings,
    next_change,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.calendar import calendar_of, open_spans
from tests.unit.domain.agreed import contract, model

BERLIN = "Europe/Berlin"
TUESDAYS = {"weekly": ["tue"], "start": "02:00", "duration": "3h", "time_zone": BERLIN}
MONTHLY = {"rrule": "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22", "duration": "26h", "time_zone": "UTC"}
YEAR_END = {"from": "2026-12-18", "until": "2027-01-04T06:00", "time_zone": BERLIN, "reason": "year-end trading"}
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EACH_HOUR = ",".join(map(str, range(24)))


def agreed(*windows: Any, freezes: Any = ()) -> dict[str, Any]:
    return {**contract(), "change": {"windows": list(windows), "freezes": list(freezes)}}


def rule(text: str, duration: str = "3h", **more: str) -> dict[str, str]:
    return {"rrule": text, "duration": duration, "time_zone": "UTC", **more}


def test_each_window_has_twelve_openings_in_its_own_zone_and_in_utc() -> None:
    rows = coming_openings(agreed(TUESDAYS, MONTHLY), NOW)
    assert [row["window"] for row in rows] == ["tue 02:00 for 3h Europe/Berlin"] * 12 + [
        "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22 for 26h UTC"
    ] * 12
    assert rows[0] == {
        "cluster": "acme-eu-1",
        "window": "tue 02:00 for 3h Europe/Berlin",
        "opens": "2026-12-01 02:00 Europe/Berlin",
        "opens_utc": "2026-12-01 01:00 UTC",
        "closes": "2026-12-01 05:00 Europe/Berlin",
        "lasts": "3h",
        "frozen": "no",
        "opens_at": "2026-12-01T01:00:00Z",
        "closes_at": "2026-12-01T04:00:00Z",
    }
    assert (rows[12]["opens"], rows[12]["closes"], rows[12]["lasts"]) == (
        "2026-12-05 22:00 UTC",
        "2026-12-07 00:00 UTC",
        "26h",
    )


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (TUESDAYS, "2026-12-01T03:59", "2026-12-01 02:00 Europe/Berlin"),  # it is open
        (TUESDAYS, "2026-12-01T04:00", "2026-12-08 02:00 Europe/Berlin"),  # it has just closed
        (rule("FREQ=WEEKLY;BYDAY=SA;BYHOUR=2", "8d"), "2026-12-12T03:00", "2026-12-05 02:00 UTC"),
        # The night in which clocks change skips it, and repeats it.
        ({**TUESDAYS, "weekly": ["sun"], "start": "02:30"}, "2027-03-27T12:00", "2027-03-28 03:30 Europe/Berlin"),
        ({**TUESDAYS, "weekly": ["sun"], "start": "02:30"}, "2026-10-24T12:00", "2026-10-25 02:30 Europe/Berlin"),
        (rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2"), "2026-12-01", "2028-02-29 02:00 UTC"),
        (rule("FREQ=WEEKLY;INTERVAL=2;BYHOUR=2", **{"from": "2031-05-05"}), "2026-12-01", "2031-05-05 02:00 UTC"),
    ],
)
def test_the_first_is_the_one_that_is_open_or_comes_next(window: Any, now: str, opens: str) -> None:
    rows = coming_openings(agreed(window), datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert rows[0]["opens"] == opens
    assert len(rows) == (12 if "2028" not in opens else 7)  # so many 29ths of February within 28 years


def test_what_is_printed_is_when_the_calendar_is_open() -> None:
    made = agreed(TUESDAYS)
    rows = coming_openings(made, NOW)
    spans = open_spans(calendar_of(made), NOW, NOW + timedelta(days=12 * 7))
    assert [(row["opens_at"], row["closes_at"]) for row in rows] == [
        tuple(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (span.start, span.end)) for span in spans
    ]


@pytest.mark.parametrize(
    ("first", "until", "said"),
    [
        ("2026-12-01", "2026-12-02", "all of it (audit)"),
        ("2026-12-01T02:00", "2026-12-01T05:00", "all of it (audit)"),
        ("2026-11-30", "2026-12-01T04:00", "until 2026-12-01 04:00 Europe/Berlin (audit)"),
        ("2026-12-01T03:00", "2026-12-05", "from 2026-12-01 03:00 Europe/Berlin (audit)"),
        (
            "2026-12-01T03:00",
            "2026-12-01T04:00",
            "from 2026-12-01 03:00 Europe/Berlin to 2026-12-01 04:00 Europe/Berlin (audit)",
        ),
        ("2026-12-01T05:00", "2026-12-05", "no"),
        ("2026-11-01", "2026-12-01T02:00", "no"),
    ],
)
def test_a_freeze_is_shown_by_what_it_leaves_of_an_opening(first: str, until: str, said: str) -> None:
    freeze = {"from": first, "until": until, "time_zone": BERLIN, "reason": "audit"}
    assert coming_openings(agreed(TUESDAYS, freezes=[freeze]), NOW)[0]["frozen"] == said


@pytest.mark.parametrize(
    ("made", "now", "when", "until", "frozen"),
    [
        (agreed(TUESDAYS), NOW, "2026-12-01 02:00 Europe/Berlin", "2026-12-01 05:00 Europe/Berlin", "no"),
        (agreed(TUESDAYS), NOW.replace(month=12, day=1, hour=2), "now", "2026-12-01 05:00 Europe/Berlin", "no"),
        (
            agreed(TUESDAYS, freezes=[YEAR_END]),
            NOW.replace(month=12, day=20),
            "2027-01-05 02:00 Europe/Berlin",
            "2027-01-05 05:00 Europe/Berlin",
            "until 2027-01-04 06:00 Europe/Berlin (year-end trading)",
        ),
        (agreed(), NOW, "now", "further notice", "no"),
        (agreed(freezes=[YEAR_END]), NOW, "now", "2026-12-17 23:00 UTC", "no"),
        (agreed(rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2")), NOW, "not within 400 days", "-", "no"),
    ],
)
def test_the_next_change_is_the_first_moment_that_no_freeze_takes(
    made: Any, now: datetime, when: str, until: str, frozen: str
) -> None:
    row = next_change(made, now)
    assert (row["next_change"], row["until"], row["frozen_now"]) == (when, until, frozen)


@pytest.mark.parametrize(
    "windows",
    [
        [TUESDAYS],
        [MONTHLY],
        [{**TUESDAYS, "weekly": ALL_DAYS, "duration": "22h"}],
        [rule("FREQ=DAILY;BYHOUR=0", "22h")],
        [rule("FREQ=YEARLY;BYMONTH=3;BYDAY=1SA;BYHOUR=2")],
        [],
    ],
)
def test_windows_as_most_are_raise_no_doubt(windows: Any) -> None:
    assert calendar_doubts(agreed(*windows)) == []


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([{**TUESDAYS, "weekly": ALL_DAYS, "start": "00:00", "duration": "24h"}], "change.windows: open 100% of"),
        ([{**TUESDAYS, "duration": "7d"}], "open 100% of the time"),
        ([{**TUESDAYS, "duration": "366d"}], "open 100% of the time"),
        ([rule("FREQ=DAILY;BYHOUR=0", "23h")], "open 96% of the time, so hardly any change ever waits for them"),
        ([rule("FREQ=DAILY;BYHOUR=0", "12h"), rule("FREQ=DAILY;BYHOUR=12", "12h")], "open 100% of the time"),
        ([rule(f"FREQ=DAILY;BYHOUR={EACH_HOUR}", "1h")], "open 100% of the time"),
        (
            [TUESDAYS, rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2")],
            "change.windows[1].rrule: does not open within 400 days after 2028-02-29: plans look no further ahead",
        ),
        (
            [rule("FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=1;BYHOUR=2", **{"from": "2026-01-01"})],
            "does not open within 400 days",
        ),
        ([rule("FREQ=WEEKLY;BYHOUR=2", **{"from": "2062-01-05"})], "opens only after 2032-01-01"),
        (
            [rule(f"FREQ=DAILY;BYHOUR={EACH_HOUR}", "30m")],
            "opens so often that fireworks-changes lists its openings until 2026-05-06 only",
        ),
    ],
)
def test_windows_that_were_hardly_meant_are_told(windows: Any, said: str) -> None:
    doubts = calendar_doubts(agreed(*windows))
    assert len(doubts) == 1 and said in doubts[0], doubts


def test_windows_that_overlap_are_counted_once() -> None:
    night = rule("FREQ=DAILY;BYHOUR=0", "12h")
    assert calendar_doubts(agreed(night, {**night}, {**night, "time_zone": "Etc/GMT"})) == []


def scheduled(*schedules: Any) -> dict[str, Any]:
    bounds = [{"min": 1, "max": 2, **one} for one in schedules]
    return contract(models=[model("plain"), model(scaling={"schedules": bounds})])


NEVER_FOR_LONG = rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2")
DAY, NIGHT = rule("FREQ=DAILY;BYHOUR=8", "12h"), rule("FREQ=DAILY;BYHOUR=20", "12h")


@pytest.mark.parametrize(
    "schedules", [[], [TUESDAYS], [MONTHLY], [DAY, NIGHT], [rule(f"FREQ=DAILY;BYHOUR={EACH_HOUR}", "30m")]]
)
def test_schedules_as_most_are_raise_no_doubt(schedules: Any) -> None:
    assert calendar_doubts(scheduled(*schedules)) == []


@pytest.mark.parametrize(
    ("schedules", "said"),
    [
        ([TUESDAYS, NEVER_FOR_LONG], "models[1].scaling.schedules[1].rrule: does not open within 400 days after 2028-"),
        ([rule("FREQ=WEEKLY;BYHOUR=2", **{"from": "2062-01-05"})], "schedules[0].rrule: opens only after 2032-01-01"),
        ([{**TUESDAYS, "weekly": ALL_DAYS, "duration": "24h"}], "schedules[0]: open 100% of the time, so the model"),
        ([TUESDAYS, rule("FREQ=DAILY;BYHOUR=0", "23h")], "schedules[1]: open 96% of the time"),
        ([rule(f"FREQ=DAILY;BYHOUR={EACH_HOUR}", "1h")], "schedules[0]: open 100% of the time"),
    ],
)
def test_schedules_that_were_hardly_meant_are_told(schedules: Any, said: str) -> None:
    doubts = calendar_doubts(scheduled(*schedules))
    assert len(doubts) == 1 and said in doubts[0], doubts
    assert "bounds in its replicas" in doubts[0]
