# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a customer lets changes happen: weekly and RRULE windows, and freezes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .durations import parse_duration
from .libraries import library
from .rule_parts import rule_parts
from .time_zones import time_zone

if TYPE_CHECKING:
    from .typed import AgreedFreeze, AgreedWindow, Schedule

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
MOMENT_PATTERN = r"^[0-9]{4}-[0-9][0-9]-[0-9][0-9]([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?$"

_CLOCK = re.compile(CLOCK_PATTERN)
_MOMENT = re.compile(MOMENT_PATTERN)
# Rules without a first day count from a Monday long before any contract.
_EPOCH = datetime(2024, 1, 1)  # noqa: DTZ001  (a local time, in each window's own zone)
# dateutil looks for an opening until the year 9999. Years repeat every 28, days of the week included, while one in four
# is a leap year. So a rule that is moved to where that many are left opens alike, and the answer "never" is quick.
_CALENDAR_YEARS = 28
_LAST_YEAR = 9999
_FIRST_YEARS = range(2000, 2100)


@dataclass(frozen=True)
class Window:
    """A recurring span in which changes may happen.

    rule: a ``dateutil.rrule`` giving the local times (naive) at which it opens.
    duration: how long it stays open.
    zone: the ``tzinfo`` of those times.
    """

    rule: Any
    duration: timedelta
    zone: Any


@dataclass(frozen=True)
class Freeze:
    """A span in which no change happens: from ``start`` until before ``end``, both with a time zone."""

    start: datetime
    end: datetime


def parse_window(window: AgreedWindow | Schedule) -> Window:
    """The window that one entry of ``change.windows`` describes. Raises ValueError when it does not."""
    if "rrule" in window:
        rule = parse_rrule(window["rrule"], first=window.get("from"))
    else:
        rule = _weekly(window["weekly"], window["start"])
    return Window(rule, parse_duration(window["duration"]), time_zone(window["time_zone"]))


def parse_freeze(freeze: AgreedFreeze) -> Freeze:
    """The span that one entry of ``change.freezes`` describes. Raises ValueError when it does not."""
    zone = time_zone(freeze["time_zone"])
    start = parse_moment(freeze["from"]).replace(tzinfo=zone)
    end = parse_moment(freeze["until"]).replace(tzinfo=zone)
    if end <= start:
        raise ValueError(
            f"the freeze ends ({freeze['until']}) before it begins ({freeze['from']}): swap them or correct the year"
        )
    return Freeze(start, end)


def parse_clock(text: str) -> tuple[int, int]:
    """Hour and minute of a time of day like ``02:00``. Raises ValueError."""
    if not _CLOCK.fullmatch(text):
        raise ValueError('is not a time of day: write it with two digits each and in quotes, like "02:00"')
    return int(text[:2]), int(text[3:])


def parse_moment(text: str) -> datetime:
    """A local date, or date and time, without an offset. A date alone is its first minute. Raises ValueError."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(
            'is not a local date and time: write it like "2026-12-18T06:00", without an offset, since time_zone says it'
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not in the calendar: there is no such day or time of day") from None


def parse_rrule(text: str, *, first: str | None = None) -> Any:
    """The ``dateutil.rrule`` of an RFC 5545 rule; ``first`` is the first day on which it counts.

    Raises ValueError, with what was meant, when the rule cannot be read, never opens, or leaves open when it opens.
    """
    rrules = library("dateutil.rrule", "python-dateutil")
    parts = rule_parts(text, has_first=first is not None)
    start = parse_moment(first) if first else _EPOCH
    _check_first(start, parts)
    try:
        parsed = rrules.rrulestr(_written(parts), dtstart=start)
        opens = next(iter(rrules.rrulestr(_written(_days_of(parts)), dtstart=_moved(start))), None)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"is not a rule that can be read ({error}): write it like FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22"
        ) from None
    if opens is None:
        raise ValueError(f"never opens: no date of {_CALENDAR_YEARS} years fits this rule")
    return parsed


def _check_first(start: datetime, parts: Mapping[str, str]) -> None:
    """The first day says no time of its own: RFC 5545 would take the minute from there, and the rule says none."""
    if start.year not in _FIRST_YEARS:
        first, last = _FIRST_YEARS[0], _FIRST_YEARS[-1]
        raise ValueError(f"counts `from` the year {start.year}: write a day of the years {first} to {last}")
    if start.minute and "BYMINUTE" not in parts:
        raise ValueError(
            f"does not say whether it opens at the minute {start.minute} of its `from`: "
            f"add BYMINUTE={start.minute}, or write `from` as a day only"
        )


def _written(parts: Mapping[str, str]) -> str:
    return ";".join(f"{key}={value}" for key, value in {"BYMINUTE": "0", **parts, "BYSECOND": "0"}.items())


def _days_of(parts: Mapping[str, str]) -> Mapping[str, str]:
    """What decides whether there is a day at all: which openings of a day are taken was checked before, and is slow."""
    return {key: value for key, value in parts.items() if key != "BYSETPOS"} if parts["FREQ"] == "DAILY" else parts


def _moved(start: datetime) -> datetime:
    """The same day in the last years of the calendar that have at least so many after them."""
    latest = _LAST_YEAR - _CALENDAR_YEARS
    # After 8000 years every day is as it was: 400 years of the calendar are whole weeks.
    return start.replace(year=latest - (latest - start.year - 8000) % _CALENDAR_YEARS)


def _weekly(days: Sequence[str], start: str) -> Any:
    hour, minute = parse_clock(start)
    by_day = ",".join(day[:2].upper() for day in days)
    return parse_rrule(f"FREQ=WEEKLY;BYDAY={by_day};BYHOUR={hour};BYMINUTE={minute}")
