# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a cluster may be changed: its windows less its freezes, as spans of real time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ..contract.typed import AgreedFreeze, Contract
from ..contract.windows import Freeze, Window, parse_freeze, parse_window

AHEAD = timedelta(days=400)
"""How far ahead a calendar is looked into: more than a year, so that every yearly window is seen."""

_A_DAY = timedelta(days=1)
# Most windows open within a week: the far future is only looked at when the near one has no answer.
_LOOKS = (timedelta(days=8), timedelta(days=70), AHEAD)


@dataclass(frozen=True)
class Span:
    """From ``start`` until before ``end``, both in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Frozen:
    """A span without changes, and why."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True)
class Calendar:
    """A cluster's windows (none: always) and freezes."""

    windows: tuple[Window, ...] = ()
    freezes: tuple[Frozen, ...] = ()

    def without_windows(self) -> Calendar:
        """Only the freezes count."""
        return replace(self, windows=())


def calendar_of(contract: Contract, frozen: Iterable[Frozen] = ()) -> Calendar:
    """The calendar of a valid contract, and of what is ``frozen`` besides."""
    change = contract.get("change") or {}
    return Calendar(
        tuple(_window(json.dumps(window, sort_keys=True)) for window in change.get("windows") or ()),
        (*(_frozen(freeze) for freeze in change.get("freezes") or ()), *frozen),
    )


def open_until(calendar: Calendar, now: datetime) -> datetime | None:
    """When the span closes that is open ``now``; at most ``AHEAD`` from now, and None when nothing is open.

    :param now: with a time zone.
    """
    until = now
    for look in _LOOKS:
        first = next(iter(open_spans(calendar, now, now + look)), None)
        if first is None or first.start > now:
            return None
        until = first.end
        if until < now + look:
            break
    return until


def next_opening(calendar: Calendar, now: datetime, needed: timedelta) -> datetime | None:
    """The first moment, from ``now`` on, at which work of ``needed`` time can begin and end; None within ``AHEAD``.

    It is ``now`` itself when enough is left of a span that is open.

    :param now: with a time zone.
    """
    for look in _LOOKS:
        for span in open_spans(calendar, now, now + look):
            if span.end - span.start >= needed:
                return span.start
    return None


def frozen_at(calendar: Calendar, now: datetime) -> Frozen | None:
    """The freeze that holds at a moment; of several, the one that ends last."""
    holding = [freeze for freeze in calendar.freezes if freeze.start <= now < freeze.end]
    return max(holding, key=lambda freeze: freeze.end, default=None)


def open_spans(calendar: Calendar, start: datetime, end: datetime) -> list[Span]:
    """The spans between two moments in which changes may be made, in order, none touching another.

    A window stays open for its duration in real time: the night in which clocks change makes it neither longer nor
    shorter. A start that this night skips counts as if clocks had not been changed yet, one that it repeats counts the
    first time. Windows that overlap or touch are one span; a freeze cuts every window.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if calendar.windows:
        found = [span for window in calendar.windows for span in _opened(window, start, end)]
    else:
        found = [Span(start, end)]
    spans = list(_joined(found))
    for freeze in calendar.freezes:
        spans = [rest for span in spans for rest in _cut(span, freeze)]
    return spans


def _opened(window: Window, start: datetime, end: datetime) -> Iterator[Span]:
    """When one window is open, clipped."""
    # A day more on both sides than the clock says: the clock may have been changed in between.
    first = start.astimezone(window.zone).replace(tzinfo=None) - window.duration - _A_DAY
    last = end.astimezone(window.zone).replace(tzinfo=None) + _A_DAY
    for opening in window.rule.between(first, last, inc=True):
        opened = opening.replace(tzinfo=window.zone).astimezone(UTC)
        span = Span(max(opened, start), min(opened + window.duration, end))
        if span.start < span.end:
            yield span


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    current: Span | None = None
    for span in sorted(spans, key=lambda one: one.start):
        if current is None:
            current = span
        elif span.start <= current.end:
            current = Span(current.start, max(current.end, span.end))
        else:
            yield current
            current = span
    if current is not None:
        yield current


def _cut(span: Span, freeze: Frozen) -> Iterator[Span]:
    if span.start < freeze.start:
        yield Span(span.start, min(span.end, freeze.start))
    if freeze.end < span.end:
        yield Span(max(span.start, freeze.end), span.end)


def _frozen(freeze: AgreedFreeze) -> Frozen:
    parsed: Freeze = parse_freeze(freeze)
    return Frozen(parsed.start.astimezone(UTC), parsed.end.astimezone(UTC), str(freeze.get("reason", "")))


@lru_cache(maxsize=4096)
def _window(text: str) -> Window:
    """Reading a rule takes longer than using it, and clusters of one customer have the same ones."""
    window = parse_window(json.loads(text))
    # dateutil then remembers the openings it has found, for the next question.
    return replace(window, rule=window.rule.replace(cache=True))
