# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract's windows and freezes come to, in days and hours, for whoever wrote or has to keep them.

Only the contract is read. A freeze that the customer set in the cluster is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile
from typing import Any

from .._vocabulary.times import local_time, rfc3339
from .contract.time_zones import time_zone
from .contract.typed import Contract
from .contract.windows import Window
from .guardrails.clock import windows_in_words
from .rollout.calendar import AHEAD, Calendar, Frozen, Span, calendar_of, frozen_at, next_opening, open_until

Row = dict[str, Any]

OPENINGS = 12
_A_DAY = timedelta(days=1)
# A valid rule opens once in so many years.
_FAR = timedelta(days=28 * 366)
_SHORTEST = timedelta(minutes=1)


def coming_openings(contract: Contract, now: datetime) -> list[Row]:
    """A row for each of the coming openings of each window, the one that is open now included.

    :param now: with a time zone.
    """
    calendar = calendar_of(contract)
    named = zip(windows_in_words(contract), calendar.windows, strict=True)
    return [
        {"cluster": str(contract["identity"]["name"]), "window": words, **_opening(span, window, calendar)}
        for words, window in named
        for span in islice(_spans(window, now), OPENINGS)
    ]


def next_change(contract: Contract, now: datetime) -> Row:
    """When a change may be made next, and until when: now, later, or never as far as is looked.

    :param now: with a time zone.
    """
    calendar, zone = calendar_of(contract), _zone(contract)
    at = next_opening(calendar, now, _SHORTEST)
    until = open_until(calendar, at) if at else None
    ends = until if at and until and until < at + AHEAD else None
    frozen = frozen_at(calendar, now)
    return {
        "cluster": str(contract["identity"]["name"]),
        "next_change": _when(at, now, zone),
        "next_change_utc": local_time(at) if at else "-",
        "until": local_time(ends, zone) if ends else "further notice" if at else "-",
        "frozen_now": _reason(frozen, zone) if frozen else "no",
        "windows": len(calendar.windows) or "none: at any time outside the freezes",
        "next_change_at": rfc3339(at) if at else None,
        "until_at": rfc3339(ends) if ends else None,
    }


def _spans(window: Window, now: datetime) -> Iterator[Span]:
    """The openings of a window that are not over, in order."""
    now = now.astimezone(UTC)
    # A day more than the clock says: it may have been changed in between.
    first = now.astimezone(window.zone).replace(tzinfo=None) - window.duration - _A_DAY
    starts = (one.replace(tzinfo=window.zone).astimezone(UTC) for one in window.rule.xafter(first, inc=True))
    near = takewhile(lambda start: start < now + _FAR, starts)
    return (Span(start, start + window.duration) for start in near if start + window.duration > now)


def _opening(span: Span, window: Window, calendar: Calendar) -> Row:
    frozen = sorted(
        (one for one in calendar.freezes if one.start < span.end and span.start < one.end), key=lambda one: one.start
    )
    return {
        "opens": local_time(span.start, window.zone),
        "opens_utc": local_time(span.start),
        "closes": local_time(span.end, window.zone),
        "lasts": _lasts(window.duration),
        "frozen": "; ".join(_swallows(one, span, window.zone) for one in frozen) or "no",
        "opens_at": rfc3339(span.start),
        "closes_at": rfc3339(span.end),
    }


def _swallows(freeze: Frozen, span: Span, zone: tzinfo) -> str:
    """What a freeze leaves of an opening, in words."""
    if freeze.start <= span.start and span.end <= freeze.end:
        part = "all of it"
    elif freeze.start <= span.start:
        part = f"until {local_time(freeze.end, zone)}"
    elif span.end <= freeze.end:
        part = f"from {local_time(freeze.start, zone)}"
    else:
        part = f"from {local_time(freeze.start, zone)} to {local_time(freeze.end, zone)}"
    return f"{part} ({freeze.reason})" if freeze.reason else part


def _reason(freeze: Frozen, zone: tzinfo) -> str:
    return f"until {local_time(freeze.end, zone)}" + (f" ({freeze.reason})" if freeze.reason else "")


def _when(at: datetime | None, now: datetime, zone: tzinfo) -> str:
    if at is None:
        return f"not within {AHEAD.days} days"
    return "now" if at <= now else local_time(at, zone)


def _lasts(duration: timedelta) -> str:
    """As a contract writes it."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts: Sequence[tuple[int, str]] = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def _zone(contract: Contract) -> tzinfo:
    """That of the first window, where the cluster's people look at a clock."""
    windows = (contract.get("change") or {}).get("windows") or ()
    return time_zone(str(windows[0]["time_zone"])) if windows else UTC
