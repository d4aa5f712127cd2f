# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Window arithmetic: tables over the edges, and every minute of random calendars counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.calendar import (
    AHEAD,
    Frozen,
    calendar_of,
    frozen_at,
    next_opening,
    open_spans,
    open_until,
)

MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def weekly(days: str, start: str, duration: str, zone: str = "Europe/Berlin") -> dict[str, Any]:
    return {"weekly": days.split(), "start": start, "duration": duration, "time_zone": zone}


def rrule(rule: str, duration: str, zone: str = "UTC", **more: str) -> dict[str, Any]:
    return {"rrule": rule, "duration": duration, "time_zone": zone, **more}


def freeze(first: str, until: str, zone: str = "UTC", reason: str = "audit") -> dict[str, Any]:
    return {"from": first, "until": until, "time_zone": zone, "reason": reason}


def calendar(*windows: dict[str, Any], freezes: tuple[dict[str, Any], ...] = ()) -> Any:
    return calendar_of({"change": {"windows": list(windows), "freezes": list(freezes)}})


def shown(spans: Any) -> list[str]:
    return [f"{span.start:%m-%d %H:%M}..{span.end:%m-%d %H:%M}" for span in spans]


@pytest.mark.parametrize(
    ("days", "windows", "freezes", "spans"),
    [
        pytest.param(
            ("2026-11-23", "2026-11-30"), [weekly("tue thu", "02:00", "3h")], [],
            ["11-24 01:00..11-24 04:00", "11-26 01:00..11-26 04:00"], id="weekly, in winter",
        ),
        pytest.param(
            ("2026-07-06", "2026-07-08"), [weekly("tue", "02:00", "3h")], [],
            ["07-07 00:00..07-07 03:00"], id="weekly, in summer",
        ),
        pytest.param(
            ("2026-03-28", "2026-03-30"), [weekly("sun", "01:30", "2h")], [],
            ["03-29 00:30..03-29 02:30"], id="Berlin skips an hour inside the window: two hours are two hours",
        ),
        pytest.param(
            ("2026-03-28", "2026-03-30"), [weekly("sun", "02:30", "1h")], [],
            ["03-29 01:30..03-29 02:30"], id="Berlin skips the start itself",
        ),
        pytest.param(
            ("2026-10-24", "2026-10-26"), [weekly("sun", "01:30", "2h")], [],
            ["10-24 23:30..10-25 01:30"], id="Berlin repeats an hour inside the window",
        ),
        pytest.param(
            ("2026-10-24", "2026-10-26"), [weekly("sun", "02:30", "1h")], [],
            ["10-25 00:30..10-25 01:30"], id="Berlin repeats the start: it counts once, the first time",
        ),
        pytest.param(
            ("2026-03-07", "2026-03-09"), [weekly("sun", "02:15", "30m", "America/New_York")], [],
            ["03-08 07:15..03-08 07:45"], id="New York skips the start",
        ),
        pytest.param(
            ("2026-11-01", "2026-11-02"), [weekly("sun", "01:15", "30m", "America/New_York")], [],
            ["11-01 05:15..11-01 05:45"], id="New York repeats the start",
        ),
        pytest.param(
            ("2026-03-29", "2026-03-30"), [rrule("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30", "10m", "Europe/Berlin")], [],
            ["03-29 01:00..03-29 01:10", "03-29 01:30..03-29 01:40"],
            id="skipped starts fall together with later ones, and are one span",
        ),
        pytest.param(
            ("2026-04-04", "2026-04-05"), [weekly("sun", "01:45", "1h", "Australia/Lord_Howe")], [],
            ["04-04 14:45..04-04 15:45"], id="Lord Howe repeats half an hour",
        ),
        pytest.param(
            ("2026-11-23", "2026-11-25"), [weekly("tue", "02:00", "1h", "Asia/Kolkata")], [],
            ["11-23 20:30..11-23 21:30"], id="a zone of half hours",
        ),
        pytest.param(
            ("2026-11-23", "2026-11-25"), [weekly("tue", "02:00", "1h", "Asia/Kathmandu")], [],
            ["11-23 20:15..11-23 21:15"], id="a zone of quarter hours",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-26"), [weekly("tue", "23:00", "4h")], [],
            ["11-24 22:00..11-25 02:00"], id="over midnight",
        ),
        pytest.param(
            ("2026-11-25", "2026-11-26"), [weekly("tue", "23:00", "4h")], [],
            ["11-25 00:00..11-25 02:00"], id="over midnight, seen from the day after",
        ),
        pytest.param(
            ("2026-12-31", "2027-01-02"), [rrule("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=22", "4h", "Asia/Tokyo")], [],
            ["12-31 13:00..12-31 17:00"], id="over the end of a month and of a year",
        ),
        pytest.param(
            ("2026-02-27", "2026-03-02"), [rrule("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=22", "4h")], [],
            ["02-28 22:00..03-01 02:00"], id="the last day of a short month",
        ),
        pytest.param(
            ("2026-01-01", "2026-04-01"), [rrule("FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=0", "1h")], [],
            ["01-31 00:00..01-31 01:00", "03-31 00:00..03-31 01:00"], id="months without a 31st have no window",
        ),
        pytest.param(
            ("2026-01-04", "2026-02-01"),
            [rrule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=1", "1h", **{"from": "2026-01-05"})],
            [], ["01-05 01:00..01-05 02:00", "01-19 01:00..01-19 02:00"], id="every other week",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-25"), [weekly("tue", "02:00", "3h", "UTC"), weekly("tue", "04:00", "2h", "UTC")],
            [],
            ["11-24 02:00..11-24 06:00"], id="windows that overlap are one span",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-25"), [weekly("tue", "02:00", "2h", "UTC"), weekly("tue", "04:00", "2h", "UTC")],
            [],
            ["11-24 02:00..11-24 06:00"], id="so are those that touch",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-26"), [], [freeze("2026-11-24T06:00", "2026-11-25T06:00")],
            ["11-24 00:00..11-24 06:00", "11-25 06:00..11-26 00:00"], id="no windows: always, but for freezes",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-25"), [weekly("tue", "02:00", "4h", "UTC")],
            [freeze("2026-11-24T03:00", "2026-11-24T04:00")],
            ["11-24 02:00..11-24 03:00", "11-24 04:00..11-24 06:00"], id="a freeze inside a window cuts it in two",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-25"), [weekly("tue", "02:00", "4h", "UTC")],
            [freeze("2026-11-24T01:00", "2026-11-24T04:00"), freeze("2026-11-24T03:00", "2026-11-24T05:00")],
            ["11-24 05:00..11-24 06:00"], id="freezes that overlap",
        ),
        pytest.param(
            ("2026-11-24", "2026-11-25"), [weekly("tue", "02:00", "4h", "UTC")],
            [freeze("2026-11-20", "2026-12-01"), freeze("2026-11-24T03:00", "2026-11-24T04:00")],
            [], id="a freeze inside another, over all of a window",
        ),
        pytest.param(
            ("2026-10-25", "2026-10-26"), [],
            [freeze("2026-10-25T02:30", "2026-10-25T03:00", "Europe/Berlin")],
            ["10-25 00:00..10-25 00:30", "10-25 02:00..10-26 00:00"],
            id="a freeze over a repeated hour begins the first time and lasts through both",
        ),
    ],
)  # fmt: skip
def test_spans(days: tuple[str, str], windows: Any, freezes: Any, spans: list[str]) -> None:
    start, end = (at(day).replace(tzinfo=UTC) for day in days)
    assert shown(open_spans(calendar(*windows, freezes=freezes), start, end)) == spans


TUESDAYS = calendar(weekly("tue", "02:00", "3h", "UTC"))


@pytest.mark.parametrize(
    ("of", "now", "until"),
    [
        (TUESDAYS, "2026-11-24T02:00:00+00:00", "2026-11-24T05:00:00+00:00"),
        (TUESDAYS, "2026-11-24T05:59:59+01:00", "2026-11-24T05:00:00+00:00"),
        (TUESDAYS, "2026-11-24T05:00:00+00:00", None),
        (TUESDAYS, "2026-11-24T01:59:59+00:00", None),
        (calendar(freezes=(freeze("2026-12-18", "2027-01-04"),)), "2026-11-25T12:00:00+00:00",
         "2026-12-18T00:00:00+00:00"),
        (calendar(freezes=(freeze("2026-11-18", "2027-01-04"),)), "2026-11-25T12:00:00+00:00", None),
    ],
)  # fmt: skip
def test_open_until(of: Any, now: str, until: str | None) -> None:
    assert open_until(of, at(now)) == (at(until) if until else None)


def test_what_never_closes_is_open_as_far_as_is_looked() -> None:
    now = at("2026-11-25T12:00:00+00:00")
    assert open_until(calendar(), now) == now + AHEAD
    always = calendar(rrule("FREQ=DAILY;BYHOUR=0", "1d"))
    assert open_until(always, now) == now + AHEAD


@pytest.mark.parametrize(
    ("of", "now", "minutes", "start"),
    [
        pytest.param(TUESDAYS, "2026-11-24T03:00", 120, "2026-11-24T03:00", id="enough is left"),
        pytest.param(TUESDAYS, "2026-11-24T03:01", 120, "2026-12-01T02:00", id="would not finish: the next week"),
        pytest.param(TUESDAYS, "2026-11-24T06:00", 180, "2026-12-01T02:00", id="as long as the window"),
        pytest.param(TUESDAYS, "2026-11-24T06:00", 181, None, id="longer than every window"),
        pytest.param(
            calendar(weekly("tue", "02:00", "3h", "UTC"), freezes=(freeze("2026-11-30", "2026-12-07"),)),
            "2026-11-24T06:00", 60, "2026-12-08T02:00", id="the next one is frozen",
        ),
        pytest.param(
            calendar(rrule("FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=3;BYHOUR=5", "6h")),
            "2026-11-24T06:00", 60, "2027-10-03T05:00", id="once a year",
        ),
        pytest.param(
            calendar(rrule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=5", "6h")),
            "2026-11-24T06:00", 60, None, id="further ahead than is looked",
        ),
        pytest.param(
            calendar(freezes=(freeze("2026-11-20", "2026-11-28"),)), "2026-11-24T06:00", 60, "2026-11-28T00:00",
            id="no windows, frozen",
        ),
    ],
)  # fmt: skip
def test_the_next_opening_is_long_enough(of: Any, now: str, minutes: int, start: str | None) -> None:
    found = next_opening(of, at(now + "+00:00"), minutes * MINUTE)
    assert found == (at(start + "+00:00") if start else None)


def test_of_several_freezes_the_one_that_ends_last_is_told() -> None:
    both = calendar(freezes=(freeze("2026-11-20", "2026-11-30", reason="long"), freeze("2026-11-24", "2026-11-26")))
    told = frozen_at(both, at("2026-11-25T00:00:00+00:00"))
    assert told is not None
    assert told.reason == "long"
    assert frozen_at(both, at("2026-11-30T00:00:00+00:00")) is None


def test_a_freeze_of_the_clusters_own_counts_like_the_contracts() -> None:
    now = at("2026-11-25T00:00:00+00:00")
    own = Frozen(now - MINUTE, now + MINUTE, "incident")
    frozen = calendar_of({}, [own])
    assert frozen_at(frozen, now) == own
    assert open_until(frozen, now) is None
    assert open_until(TUESDAYS.without_windows(), now) == now + AHEAD


# Each minute counted by hand, with nothing but clocks: no rule is read, no span computed.

EDGES = {
    "Europe/Berlin": ("2026-03-29T00:00", "2026-10-25T00:00"),
    "America/New_York": ("2026-03-08T06:00", "2026-11-01T05:00"),
    "Australia/Lord_Howe": ("2026-04-04T14:00", "2026-10-03T15:00"),
    "America/St_Johns": ("2026-03-08T05:00", "2026-11-01T04:00"),
    "Asia/Kolkata": ("2026-11-30T18:00", "2026-12-31T18:00"),
    "UTC": ("2026-02-28T23:00", "2028-02-29T00:00"),
}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def opens_at(window: dict[str, Any], minute: datetime) -> bool:
    """Whether a weekly window opens exactly then."""
    zone = ZoneInfo(window["time_zone"])
    local = minute.astimezone(zone)
    readings = [local] if not local.fold else []
    # Clocks that were not changed yet: they show what the others skip.
    hours_ago = (minute - timedelta(hours=3)).astimezone(zone).utcoffset()
    assert hours_ago is not None
    unchanged = (minute + hours_ago).replace(tzinfo=None)
    there_and_back = unchanged.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if there_and_back != unchanged:
        readings.append(unchanged)
    return any(DAYS[one.weekday()] in window["weekly"] and f"{one:%H:%M}" == window["start"] for one in readings)


def counted(
    windows: list[dict[str, Any]], frozen: list[tuple[datetime, datetime]], first: datetime, last: datetime
) -> set[datetime]:
    open_minutes: set[datetime] = set()
    for window in windows:
        left = 0
        minute = first - timedelta(hours=31)
        while minute < last:
            left = max(left - 1, window["minutes"] if opens_at(window, minute) else 0)
            if left and minute >= first:
                open_minutes.add(minute)
            minute += MINUTE
    return {one for one in open_minutes if not any(start <= one < end for start, end in frozen)}


@st.composite
def calendars(draw: st.DrawFn) -> Any:
    zone = draw(st.sampled_from(sorted(EDGES)))
    edge = at(draw(st.sampled_from(EDGES[zone])) + "+00:00")
    windows = []
    for _ in range(draw(st.integers(1, 2))):
        minutes = draw(st.integers(1, 180) | st.integers(181, 1800))
        windows.append(
            {
                "weekly": draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True)),
                "start": f"{draw(st.integers(0, 23)):02}:{draw(st.sampled_from([0, 15, 30, 59])):02}",
                "duration": f"{minutes}m",
                "minutes": minutes,
                "time_zone": zone,
            }
        )
    frozen = []
    for _ in range(draw(st.integers(0, 2))):
        start = edge + draw(st.integers(-720, 720)) * MINUTE
        frozen.append((start, start + draw(st.integers(1, 400)) * MINUTE))
    return windows, frozen, edge


@given(calendars(), st.integers(-700, 500), st.integers(1, 200))
def test_every_minute_agrees_with_counting(made: Any, offset: int, needed: int) -> None:
    windows, frozen, edge = made
    first, last = edge - timedelta(hours=12), edge + timedelta(hours=12)
    minutes = counted(windows, frozen, first, last)
    of = calendar_of({"change": {"windows": windows}}, [Frozen(start, end, "") for start, end in frozen])
    spans = open_spans(of, first, last)
    told = {span.start + n * MINUTE for span in spans for n in range(int((span.end - span.start) / MINUTE))}
    assert told == minutes

    now = edge + offset * MINUTE
    until = open_until(of, now)
    assert (until is not None) == (now in minutes)
    if until is not None and until < last:
        assert until not in minutes
        assert all(now + n * MINUTE in minutes for n in range(int((until - now) / MINUTE)))

    opening = next_opening(of, now, needed * MINUTE)
    by_hand = next(
        (
            one
            for one in sorted(minutes)
            if now <= one <= last - needed * MINUTE and all(one + n * MINUTE in minutes for n in range(needed))
        ),
        None,
    )
    if by_hand is not None:
        assert opening == by_hand
    elif opening is not None:
        assert opening > last - needed * MINUTE
