# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an RFC 5545 recurrence rule, each checked here: what a library ignores opens a window on another day.

Source: RFC 5545, section 3.3.10, "Recurrence Rule".
"""

from __future__ import annotations

import re

Parts = dict[str, str]

_WEEKDAYS = "MO|TU|WE|TH|FR|SA|SU"
_WEEKDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({_WEEKDAYS})")
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3})")
_INTERVAL = re.compile(r"[1-9][0-9]{0,2}")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
#: The least and the most that each part may hold, and whether it may count from the end, as -1.
_NUMBERS = {
    "BYMONTHDAY": (1, 31, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
}
_PARTS = ("FREQ", "INTERVAL", "BYDAY", *_NUMBERS, "WKST")
_ENDLESS = "a window has no end: remove it from the contract when it is over"
_NO_EXCEPTIONS = "a window has no exceptions: write those days as change.freezes"
_BY_HOURS = "write FREQ=DAILY and the hours as BYHOUR"
#: What calendars know beside these parts, and what a contract has instead.
_INSTEAD = {
    "UNTIL": _ENDLESS,
    "COUNT": _ENDLESS,
    "DTSTART": "write the first day as `from`, beside the rule",
    "DTEND": "write `duration`, beside the rule",
    "DURATION": "write `duration`, beside the rule",
    "TZID": "write `time_zone`, beside the rule",
    "EXDATE": _NO_EXCEPTIONS,
    "EXRULE": _NO_EXCEPTIONS,
    "RDATE": "a window recurs: single days cannot be added",
    "BYSECOND": "a window opens at a full minute",
    "BYWEEKNO": "write BYMONTH with BYDAY, or FREQ=WEEKLY with an INTERVAL",
    "BYYEARDAY": "write BYMONTH with BYMONTHDAY",
}
_FOREIGN = re.compile(rf"(?:^|[;:\s])({'|'.join(_INSTEAD)})\s*[=;:]")
MOST_A_DAY = 48
"""With more openings a day a window is a list of moments, which neither people nor the API server's policy can read."""
#: How many of one weekday a month and a year have at most.
_MOST_WEEKDAYS = {"MONTHLY": 5, "YEARLY": 53}
_UNREADABLE = "is not a rule that can be read: write it like FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22"
#: What says on which days a rule opens that comes less often than daily, and how to say it.
_DAYS = {
    "WEEKLY": (("BYDAY",), "BYDAY=SA"),
    "MONTHLY": (("BYDAY", "BYMONTHDAY"), "BYDAY=1SA or BYMONTHDAY=1"),
    "YEARLY": (("BYDAY", "BYMONTHDAY"), "BYMONTH=3;BYDAY=1SA"),
}


def rule_parts(text: str, *, has_first: bool) -> Parts:
    """The parts of a rule by name, all in capitals.

    :param has_first: whether it is said from which day on the rule counts.
    :raises ValueError: with what was meant, when a part is unknown, out of its range or not of this FREQ, or when the
        rule leaves open on which day or at which hour the window opens.
    """
    parts = _split(text)
    if parts.get("FREQ") not in _FREQUENCIES:
        meant = f": {_BY_HOURS}" if parts.get("FREQ") in ("SECONDLY", "MINUTELY", "HOURLY") else ""
        raise ValueError(f"must have a FREQ of {', '.join(_FREQUENCIES)}{meant}")
    _check_interval(parts, has_first)
    for name, bounds in _NUMBERS.items():
        if name in parts:
            _check_numbers(name, parts[name], *bounds)
    _check_days(parts)
    _require_day_and_hour(parts, has_first)
    _check_times(parts)
    return {**parts, "BYDAY": _as_one_kind(parts)} if "BYDAY" in parts else parts


def _split(text: str) -> Parts:
    if not text.isascii():
        # Some of them are capitals of A to Z in Python: with a long s, U+017F, it would be a Saturday.
        raise ValueError("has a letter that no rule has: write only letters of A to Z, digits and ; = , + -")
    rule = re.sub(r"\s*([;=,])\s*", r"\1", text.strip().upper())
    if foreign := _FOREIGN.search(rule):
        raise ValueError(f"uses {foreign[1]}, which a window cannot: {_INSTEAD[foreign[1]]}")
    parts: Parts = {}
    for item in re.sub(r"^RRULE\s*:\s*", "", rule).split(";"):
        key, equals, value = item.partition("=")
        if not item:
            raise ValueError("has an empty part: remove the ; that is one too many")
        if not equals or not value:
            raise ValueError(_UNREADABLE)
        if key not in _PARTS:
            raise ValueError(f"uses {key[:20]}, which a window cannot: it may use {', '.join(_PARTS)}")
        if key in parts:
            raise ValueError(f"says {key} twice")
        parts[key] = value
    return parts


def _check_interval(parts: Parts, has_first: bool) -> None:
    interval = parts.get("INTERVAL", "1")
    if not _INTERVAL.fullmatch(interval):
        raise ValueError(f"has INTERVAL={interval[:20]}: write a whole number from 1 to 999")
    if interval != "1" and not has_first:
        raise ValueError('has an INTERVAL but no first day to count from: add `from`, like from: "2026-01-05"')


def _check_numbers(name: str, value: str, least: int, most: int, from_the_end: bool) -> None:
    for one in value.split(","):
        found = _NUMBER.fullmatch(one)
        fits = found is not None and least <= int(found[2]) <= most and (from_the_end or not found[1])
        if not fits:
            counted = f", or from -{most} to -1 to count from the end" if from_the_end else ""
            raise ValueError(f"has {name}={one[:20]}: write numbers from {least} to {most}{counted}")


def _check_days(parts: Parts) -> None:
    frequency = parts["FREQ"]
    if "WKST" in parts and not re.fullmatch(_WEEKDAYS, parts["WKST"]):
        raise ValueError(f"has WKST={parts['WKST'][:20]}: write a weekday like MO")
    for name in ("BYMONTHDAY", "BYSETPOS"):
        # By the standard BYSETPOS may be there; dateutil counts it from the first day in that day's week.
        if name in parts and frequency == "WEEKLY":
            raise ValueError(f"has {name} with FREQ=WEEKLY: name the weekdays with BYDAY, or write FREQ=MONTHLY")
    most = 5 if "BYMONTH" in parts else _MOST_WEEKDAYS.get(frequency, 0)
    for one in parts.get("BYDAY", "MO").split(","):
        found = _WEEKDAY.fullmatch(one)
        if not found:
            raise ValueError(f"has BYDAY={one[:20]}: write weekdays like MO,TH, or 1SA for the first Saturday")
        if found[1] is None:
            continue
        if frequency not in _MOST_WEEKDAYS:
            raise ValueError(f"has BYDAY={one} with FREQ={frequency}, which counts no weekdays: write FREQ=MONTHLY")
        if not 1 <= abs(int(found[1])) <= most:
            raise ValueError(f"has BYDAY={one}: there is no such day in any {frequency.removesuffix('LY').lower()}")


def _check_times(parts: Parts) -> None:
    """A day has as many openings as its positions ask for, and no more than anybody can oversee."""
    openings = len(set(parts["BYHOUR"].split(","))) * len(set(parts.get("BYMINUTE", "0").split(",")))
    if openings > MOST_A_DAY:
        raise ValueError(f"opens {openings} times a day, {MOST_A_DAY} at most: write fewer, and a longer `duration`")
    positions = [int(one) for one in parts.get("BYSETPOS", "1").split(",")]
    if parts["FREQ"] == "DAILY" and min(map(abs, positions)) > openings:
        raise ValueError(f"never opens: BYSETPOS chooses among the openings of a day, and there are {openings}")


def _as_one_kind(parts: Parts) -> str:
    """BYDAY with a number on each weekday or on none: of ``MO,1SA`` dateutil takes what is both, so no day."""
    days = parts["BYDAY"].split(",")
    plain = [one for one in days if one.isalpha()]
    if not plain or len(plain) == len(days):
        return parts["BYDAY"]
    most = 5 if "BYMONTH" in parts else _MOST_WEEKDAYS[parts["FREQ"]]
    numbered = [f"{number}{one}" for one in plain for number in range(1, most + 1)]
    return ",".join([*(one for one in days if one not in plain), *numbered])


def _require_day_and_hour(parts: Parts, has_first: bool) -> None:
    if "BYHOUR" not in parts:
        raise ValueError("does not say at which hour the window opens: add BYHOUR, like BYHOUR=22")
    names, example = _DAYS.get(parts["FREQ"], ((), ""))
    if names and not has_first and parts.keys().isdisjoint(names):
        raise ValueError(f"does not say on which day the window opens: add {example}, or the first day as `from`")
