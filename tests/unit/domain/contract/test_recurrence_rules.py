# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules beside a reading of RFC 5545 of its own: which days, by what the standard says of each part, and no library."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_rrule

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
        if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
            days = [f"{draw(st.sampled_from([1, 2, 4, 5, -1, -2]))}{day}" for day in days]
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
        number, weekday = re.fullmatch(r"(-?\d*)(..)", said).groups()  # type: ignore[union-attr]
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


@settings(deadline=None)
@given(rules())
def test_a_rule_opens_when_the_standard_says_and_at_no_other_minute(rule_and_first: tuple[str, date]) -> None:
    rule, first = rule_and_first
    expected = Standard(rule, first).openings()
    try:
        read = parse_rrule(rule, first=first.isoformat())
    except ValueError as error:
        assert not expected, f"{rule} from {first} is refused: {error}"
        return
    last = datetime(UNTIL.year, 1, 1) - timedelta(minutes=1)  # noqa: DTZ001
    begin = datetime(FROM.year, 1, 1)  # noqa: DTZ001
    assert set(read.between(begin, last, inc=True)) == expected
