# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the author of a contract should see of its windows and schedules: each is valid, and hardly what was meant.

A rule that never opens is refused where the contract is read: nobody can have meant it. These are told and kept: an
agreement that is open at nearly all times, or once in four years, is one that a customer may make.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from .._vocabulary.times import day
from .contract.durations import parse_duration
from .contract.typed import AgreedWindow, Contract
from .contract.windows import parse_window
from .guardrail_names import CHANGES_GUARDRAIL
from .guardrails.clock import LISTED_FROM, LISTED_UNTIL, MOST_LISTED
from .rollout.calendar import AHEAD, Calendar, Span, open_spans

NEARLY_ALWAYS = 0.95
# Years like any other, since nothing here may depend on the day on which it is read.
_YEAR = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
_WEEK = timedelta(days=7)


def calendar_doubts(contract: Contract) -> list[str]:
    """A sentence for each thing about the windows and schedules of a valid contract that its author should see."""
    windows = (contract.get("change") or {}).get("windows") or ()
    doubts = [f"change.windows[{place}].rrule: {doubt}" for place, one in enumerate(windows) for doubt in _of_one(one)]
    if _share_at_most(windows) >= NEARLY_ALWAYS and (share := _share(windows)) >= NEARLY_ALWAYS:
        doubts.append(
            f"change.windows: open {share:.0%} of the time, so hardly any change ever waits for them: shorten them, "
            "or leave change.windows out if changes may be made at any time"
        )
    return [*doubts, *_of_schedules(contract)]


def _of_schedules(contract: Contract) -> Iterator[str]:
    """A model's scheduled bounds: in force hardly ever, or nearly always. Several may take turns."""
    for number, model in enumerate(contract.get("models") or ()):
        for position, schedule in enumerate((model.get("scaling") or {}).get("schedules") or ()):
            place = f"models[{number}].scaling.schedules[{position}]"
            # The same period is looked at once, whatever its bounds are.
            window = {key: value for key, value in schedule.items() if key not in ("min", "max")}
            if "rrule" in window and (doubt := _seldom(window)):
                yield f"{place}.rrule: {doubt}"
            elif _share_at_most([window]) >= NEARLY_ALWAYS and (share := _share([window])) >= NEARLY_ALWAYS:
                yield (
                    f"{place}: open {share:.0%} of the time, so the model hardly ever has the bounds in its replicas: "
                    "write these there, or shorten it"
                )


def _seldom(schedule: Mapping[str, object]) -> str:
    """Why scheduled bounds are hardly ever in force; empty where they often are."""
    spans = _known(json.dumps(schedule, sort_keys=True))
    if not spans:
        return f"opens only after {day(LISTED_UNTIL)}: until then the model has the bounds in its replicas"
    if closed := _long_closed(spans):
        since = f"does not open within {AHEAD.days} days after {day(closed)}"
        return f"{since}: until then the model has the bounds in its replicas"
    return ""


def _of_one(window: AgreedWindow) -> Iterator[str]:
    if "rrule" not in window:
        return
    spans = _known(json.dumps(window, sort_keys=True))
    if not spans:
        yield (
            f"opens only after {day(LISTED_UNTIL)}, and {CHANGES_GUARDRAIL} lists no opening so late: "
            "until then it lets no change be made"
        )
        return
    if len(spans) > MOST_LISTED:
        yield (
            f"opens so often that {CHANGES_GUARDRAIL} lists its openings until {day(spans[MOST_LISTED].start)} only, "
            "and the API server lets none be used after that: write fewer and longer ones, or weekly with start"
        )
    if closed := _long_closed(spans):
        yield (
            f"does not open within {AHEAD.days} days after {day(closed)}: plans look no further ahead, "
            "and a change that waits for it has no date until then"
        )


def _long_closed(spans: tuple[Span, ...]) -> datetime | None:
    """When the first opening ends after which there is none for long."""
    starts = [*(span.start for span in spans[1:]), LISTED_UNTIL]
    return next((span.end for span, start in zip(spans, starts, strict=True) if start - span.end > AHEAD), None)


@lru_cache(maxsize=4096)
def _known(window: str) -> tuple[Span, ...]:
    """The openings that the API server is told of: customers give many clusters the same window."""
    return tuple(open_spans(Calendar((parse_window(json.loads(window)),)), LISTED_FROM, LISTED_UNTIL))


def _share_at_most(windows: Any) -> float:
    """How much of the time they are open, if none overlapped: most are weekly, and this costs nothing."""
    return sum(_at_most(one) for one in windows)


def _at_most(window: AgreedWindow) -> float:
    if "rrule" in window:
        return 1.0
    return len(window.get("weekly") or ()) * parse_duration(window["duration"]) / _WEEK


def _share(windows: Any) -> float:
    return _year_share(json.dumps(list(windows), sort_keys=True))


@lru_cache(maxsize=4096)
def _year_share(windows: str) -> float:
    calendar = Calendar(tuple(parse_window(one) for one in json.loads(windows)))
    return sum((span.end - span.start for span in open_spans(calendar, *_YEAR)), timedelta()) / (_YEAR[1] - _YEAR[0])
