# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The windows and freezes of a contract as CEL, so that the API server and ``rollout/calendar`` give one answer.

Weekly windows never end: the API server's own time zones say when they open. What an ``rrule`` says, CEL cannot, so its
openings are listed, up to an end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..._vocabulary.times import day
from ..contract.durations import parse_duration
from ..contract.typed import AgreedWindow, Contract
from ..contract.windows import WEEKDAYS, parse_clock, parse_freeze, parse_window
from ..guardrail_names import CHANGES_GUARDRAIL
from ..rollout.calendar import Calendar, open_spans

Seconds = tuple[int, int]

LISTED_FROM, LISTED_UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
"""The years in which the openings of an ``rrule`` are listed: fixed, so that a contract compiles to the same bytes on
any day. A later version of the collection lists later years."""
MOST_LISTED = 3000
"""So many openings are listed at most: with more, a policy is too large for anybody to review."""
_DAY = 86400
# Clocks are changed once within so many seconds around an opening, wherever in the world it is.
_AROUND = 36 * 3600


def open_at(contract: Contract, now: str) -> str:
    """Whether a window is open at ``now``, an expression for seconds since 1970; always where there are no windows."""
    windows = _windows(contract)
    if not windows:
        return "true"
    listed = json.dumps(sorted(span for one in windows if "rrule" in one for span in _listed(one)[0]))
    parts = [_weekly(one, now) for one in windows if "rrule" not in one]
    if listed != "[]":
        parts.append(_within(listed, now))
    return " || ".join(f"({part})" for part in parts) or "false"


def freezes_of(contract: Contract) -> list[Seconds]:
    """The freezes of a contract, in seconds since 1970."""
    freezes = (contract.get("change") or {}).get("freezes") or ()
    return sorted((_seconds(found.start), _seconds(found.end)) for found in map(parse_freeze, freezes))


def listed_until(contract: Contract) -> datetime | None:
    """When the first list of openings ends; None where a contract needs no list."""
    return min((_listed(one)[1] for one in _windows(contract) if "rrule" in one), default=None)


def clock_ends(contract: Contract, now: datetime) -> str:
    """One line, from half a year ahead: the list of openings ends. Empty until then."""
    end = listed_until(contract)
    if end is None or now < end - timedelta(days=180):
        return ""
    return (
        f"{contract['identity']['name']}: the guardrail {CHANGES_GUARDRAIL} lists the windows of `rrule`"
        f" until {day(end)}, and none is open after that. Have the customer's administrator run"
        " fireworks.byoc.presetup of a newer version"
    )


def _windows(contract: Contract) -> list[AgreedWindow]:
    return list((contract.get("change") or {}).get("windows") or ())


def _listed(window: AgreedWindow) -> tuple[list[Seconds], datetime]:
    """The openings of a rule, and when their list ends: a rule has no end."""
    found = open_spans(Calendar((parse_window(window),)), LISTED_FROM, LISTED_UNTIL)
    spans = [(_seconds(span.start), _seconds(span.end)) for span in found[:MOST_LISTED]]
    if len(found) > MOST_LISTED:
        return spans, found[MOST_LISTED].start
    return spans, LISTED_UNTIL


def _within(spans: str, now: str) -> str:
    return f"{spans}.exists(span, span[0] <= {now} && {now} < span[1])"


def frozen_at(contract: Contract, now: str) -> str:
    """Whether a freeze of the contract holds at ``now``."""
    return _within(json.dumps(freezes_of(contract)), now) if freezes_of(contract) else "false"


def _weekly(window: AgreedWindow, now: str) -> str:
    """Whether a weekly window is open: the same rule as ``open_spans``, also in a night in which clocks change.

    Each day on which it may have opened is looked at. A local time is a moment by the offset before clocks change,
    unless only the one after it leads to that local time.
    """
    if "weekly" not in window or "start" not in window:
        return "false"
    hour, minute = parse_clock(window["start"])
    lasts, zone = int(parse_duration(window["duration"]).total_seconds()), json.dumps(window["time_zone"])
    days = json.dumps(sorted((WEEKDAYS.index(day) + 1) % 7 for day in window["weekly"]))
    back = json.dumps(list(range(-1, lasts // _DAY + 2)))
    local = f"{now} + {_offset(now, zone)}"
    before, after = _offset(f"(at - {_AROUND})", zone), _offset(f"(at + {_AROUND})", zone)
    early, late = _offset("(at - by[0])", zone), _offset("(at - by[1])", zone)
    opens = f"{early} == by[0] || {late} != by[1] ? at - by[0] : at - by[1]"
    return (
        f"[{local}].exists(here, {back}.map(day, here - here % {_DAY} - day * {_DAY} + {(hour * 60 + minute) * 60})"
        f".exists(at, timestamp(at).getDayOfWeek() in {days} && [[{before}, {after}]].exists(by,"
        f" [{opens}].exists(opened, opened <= {now} && {now} < opened + {lasts}))))"
    )


def _offset(moment: str, zone: str) -> str:
    """How many seconds a zone's clocks are ahead of UTC."""
    at = f"timestamp({moment})"
    return (
        f"((({at}.getDayOfWeek({zone}) - {at}.getDayOfWeek() + 8) % 7 - 1) * {_DAY}"
        f" + ({at}.getHours({zone}) - {at}.getHours()) * 3600 + ({at}.getMinutes({zone}) - {at}.getMinutes()) * 60)"
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def windows_in_words(contract: Contract) -> Sequence[str]:
    """Each window, for people."""
    found = []
    for one in _windows(contract):
        opens = one.get("rrule") or f"{', '.join(one['weekly'])} {one['start']}"
        found.append(f"{opens} for {one['duration']} {one['time_zone']}")
    return found
