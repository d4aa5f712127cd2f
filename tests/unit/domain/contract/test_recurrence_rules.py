# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules beside a reading of RFC 5545 of its own: which days, by what the standard says of each part, and no library."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_rrule
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.clock import listed_until, open_at
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.calendar import calendar_of, open_spans

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FROM, UNTIL = date(2026, 1, 1), date(2028, 1, 1)


def numbers(least: int, most: int, signed: bool = False) -> Any:
    one = st.integers(least, most)
    return st.lists(one | one.map(lambda n: -n) if signed else one, min_size=1, max_size=3, unique=True)


def joined(values: list[Any]) -> str:
    return ",".join(map(str, values))


@st.composite
def rules(draw: Any) -> tuple[str, date]:
    """A rule that a contract may have, and its first day."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": frequency, "BYHOUR": joined(draw(numbers(0, 23)))}
    if draw(st.booleans()):
        parts["BYMINUTE"] = joined(draw(numbers(0, 59)))
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.integers(1, 5)))
    if draw(st.booleans()):
        parts["BYMONTH"] = joined(draw(numbers(1, 12)))
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = joined(draw(numbers(1, 31, signed=True)))
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True))
        if frequency in ("MONTHLY", "YEARLY"):
            rare = [] if frequency == "MONTHLY" or "BYMONTH" in parts else ["27", "52", "+53", "-53"]
            places = st.sampled_from(["", "", "1", "+2", "04", "5", "-1", "-2", *rare])
            days = [draw(places) + day for day in days]
        parts["BYDAY"] = joined(days)
    if frequency != "WEEKLY" and draw(st.integers(0, 3)) == 0:
        parts["BYSETPOS"] = joined(draw(numbers(1, 3, signed=True)))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    return ";".join(f"{key}={value}" for key, value in parts.items()), draw(st.dates(FROM, date(2026, 12, 31)))


class Standard:
    """When a rule opens, by the standard's own words."""

    def __init__(self, rule: str, first: date) -> None:
        self.parts = dict(part.split("=") for part in rule.split(";"))
        self.first = first

    def openings(self) -> set[datetime]:
        found: dict[Any, list[datetime]] = {}
        day = date(FROM.year, 1, 1) - timedelta(days=7)
        while day < date(UNTIL.year + 1, 1, 7):
            if self.is_in(day):
                found.setdefault(self.period(day), []).extend(self.times(day))
            day += timedelta(days=1)
        chosen = (self.at_positions(sorted(times)) for times in found.values())
        first = datetime(self.first.year, self.first.month, self.first.day)  # noqa: DTZ001
        last = datetime(UNTIL.year, 1, 1)  # noqa: DTZ001
        return {one for times in chosen for one in times if first <= one < last}

    def numbers(self, name: str) -> list[int]:
        return [int(one) for one in self.parts[name].split(",")] if name in self.parts else []

    def period(self, day: date) -> Any:
        """How many days, weeks, months or years of INTERVAL=1 lie between a day's and that of the first."""
        if self.parts["FREQ"] == "DAILY":
            return (day - self.first).days
        if self.parts["FREQ"] == "WEEKLY":
            start = WEEKDAYS.index(self.parts.get("WKST", "MO"))
            begin = [one - timedelta(days=(one.weekday() - start) % 7) for one in (day, self.first)]
            return (begin[0] - begin[1]).days // 7
        years = day.year - self.first.year
        return years if self.parts["FREQ"] == "YEARLY" else years * 12 + day.month - self.first.month

    def is_in(self, day: date) -> bool:
        if self.period(day) % int(self.parts.get("INTERVAL", "1")):
            return False
        if "BYMONTH" in self.parts and day.month not in self.numbers("BYMONTH"):
            return False
        length = calendar.monthrange(day.year, day.month)[1]
        if "BYMONTHDAY" in self.parts and not {day.day, day.day - length - 1} & set(self.numbers("BYMONTHDAY")):
            return False
        if "BYDAY" in self.parts:
            return any(self.is_weekday(day, one) for one in self.parts["BYDAY"].split(","))
        return "BYMONTHDAY" in self.parts or self.is_as_the_first(day)

    def is_as_the_first(self, day: date) -> bool:
        same_day = day.day == self.first.day
        same = {
            "DAILY": True,
            "WEEKLY": day.weekday() == self.first.weekday(),
            "MONTHLY": same_day,
            "YEARLY": same_day and ("BYMONTH" in self.parts or day.month == self.first.month),
        }
        return same[self.parts["FREQ"]]

    def is_weekday(self, day: date, said: str) -> bool:
        number, weekday = re.fullmatch(r"([+-]?\d*)(..)", said).groups()  # type: ignore[union-attr]
        if WEEKDAYS[day.weekday()] != weekday or not number:
            return WEEKDAYS[day.weekday()] == weekday
        in_month = self.parts["FREQ"] == "MONTHLY" or "BYMONTH" in self.parts
        begin, end = (day.replace(day=1), calendar.monthrange(day.year, day.month)[1]) if in_month else (
            day.replace(month=1, day=1), 365 + calendar.isleap(day.year))  # fmt: skip
        place = (day - begin).days
        return int(number) in (place // 7 + 1, -((end - 1 - place) // 7 + 1))

    def times(self, day: date) -> Iterator[datetime]:
        for hour in self.numbers("BYHOUR"):
            for minute in self.numbers("BYMINUTE") or [0]:
                yield datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001

    def at_positions(self, times: list[datetime]) -> set[datetime]:
        if "BYSETPOS" not in self.parts:
            return set(times)
        places = (number - 1 if number > 0 else len(times) + number for number in self.numbers("BYSETPOS"))
        return {times[place] for place in places if 0 <= place < len(times)}


@st.composite
def windows(draw: Any) -> dict[str, str]:
    """A window with such a rule, also in zones whose clocks are changed, at half hours and at midnight too."""
    rule, first = draw(rules())
    zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"]
    duration = draw(st.sampled_from(["1m", "45m", "3h", "24h", "25h", "8d"]))
    return {"rrule": rule, "from": first.isoformat(), "duration": duration, "time_zone": draw(st.sampled_from(zones))}


MINUTES = {"1m": 1, "45m": 45, "3h": 180, "24h": 1440, "25h": 1500, "8d": 11520}
BEGIN, END = datetime(FROM.year, 2, 1, tzinfo=UTC), datetime(UNTIL.year - 1, 12, 1, tzinfo=UTC)


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """By RFC 5545, 3.3.5: of a time that comes twice the first, and one that is skipped by the offset before it."""
    day = timedelta(days=1)
    around = [(local + shift).replace(tzinfo=zone) for shift in (-day, day)]
    meant = [local.replace(tzinfo=UTC) - (one.utcoffset() or timedelta()) for one in around]
    return next((one for one in sorted(meant) if one.astimezone(zone).replace(tzinfo=None) == local), meant[0])


def minutes(spans: Iterable[tuple[datetime, datetime]], until: datetime = END) -> bytes:
    """A byte for each minute between ``BEGIN`` and ``END``: whether a span holds it."""
    found = bytearray(_place(END))
    for start, end in spans:
        first, last = _place(start), _place(min(end, until))
        found[first:last] = b"\1" * max(0, last - first)
    return bytes(found)


def _place(at: datetime) -> int:
    return int((min(max(at, BEGIN), END) - BEGIN) / timedelta(minutes=1))


def listed(window: dict[str, str]) -> list[tuple[datetime, datetime]]:
    """What the API server's policy is given of a window."""
    found = re.match(r"\((\[.*\])\.exists\(span", open_at({"change": {"windows": [window]}}, "now"))
    spans = json.loads(found[1]) if found else []
    return [(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)) for start, end in spans]


# The acceptance asks for 200, wherever the profile has fewer.
@pytest.mark.soak
@settings(max_examples=max(200, settings.default.max_examples))
@given(windows())
def test_a_window_is_open_in_each_minute_in_which_the_standard_says_and_in_no_other(window: dict[str, str]) -> None:
    openings = Standard(window["rrule"], date.fromisoformat(window["from"])).openings()
    try:
        read = parse_rrule(window["rrule"], first=window["from"])
    except ValueError as error:
        assert not openings, f"{window} is refused: {error}"
        return
    first, last = datetime(FROM.year, 1, 1), datetime(UNTIL.year, 1, 1) - timedelta(minutes=1)  # noqa: DTZ001
    assert set(read.between(first, last, inc=True)) == openings
    zone, lasts = ZoneInfo(window["time_zone"]), timedelta(minutes=MINUTES[window["duration"]])
    expected = [(begins, begins + lasts) for begins in (moment(one, zone) for one in openings)]
    found = open_spans(calendar_of({"change": {"windows": [window]}}), BEGIN, END)
    assert minutes((span.start, span.end) for span in found) == minutes(expected)
    known = listed_until({"change": {"windows": [window]}}) or END
    assert minutes(listed(window)) == minutes(expected, known)
