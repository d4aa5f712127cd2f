# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events about nodes: what happened once, and how often. The API server forgets them after an hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..moments import seconds_at
from ..quantity import count
from .conditions import nvsentinel_signs, reason_signs
from .kernel import any_read, kernel_signs
from .signs import EVENT, Raw, Sign

Event = Sequence[Any]
"""Node, reason, message, first, last, times: the moments in seconds since 1970."""

NOT_READY = "NodeNotReady"
REBOOTED = "Rebooted"


def event_record(raw: Raw) -> list[Any] | None:
    """What is kept of an event; None where it is not about a node or has no moment.

    Both forms are read: the old one (``lastTimestamp``, ``count``), and the new one (``eventTime``, ``series``).
    """
    about = raw.get("involvedObject") or raw.get("regarding") or {}
    if about.get("kind") != "Node":
        return None
    series = raw.get("series") or {}
    first = seconds_at(raw.get("firstTimestamp")) or seconds_at(raw.get("eventTime"))
    last = seconds_at(series.get("lastObservedTime")) or seconds_at(raw.get("lastTimestamp")) or first
    if last is None:
        return None
    message, times = (
        str(raw.get("message") or raw.get("note") or ""),
        count(series.get("count")) or count(raw.get("count")),
    )
    return [str(about.get("name", "")), str(raw.get("reason", "")), message[:2000], first or last, last, max(1, times)]


def event_signs(events: Sequence[Event], known: frozenset[str]) -> Iterator[Sign]:
    """The signs in a node's events; reboots and flapping are judged elsewhere."""
    for node, reason, message, _first, last, times in events:
        found = list(nvsentinel_signs(node, message, EVENT, last, last))
        found = found or list(kernel_signs(message, node=node, source=EVENT, at=last, seen=last))
        base = Sign(f"event {reason}", EVENT, node, f"{reason}: {message}"[:300], last, last)
        found = found if any_read(found) else list(reason_signs(base, reason)) or found
        if not found:
            found = [replace(base, signal=s) for s in (f"event {reason}", f"reason {reason}") if s in known]
        yield from (replace(sign, times=times, max_age="moment_max_age") for sign in found)


def last_boot(events: Sequence[Event]) -> float | None:
    """When the kubelet last said that its machine had been rebooted."""
    return max((last for _node, reason, _message, _first, last, _times in events if reason == REBOOTED), default=None)


def times_not_ready(events: Iterable[Event], since: float, before: Iterable[Event] = ()) -> int:
    """How often a node is known to have become not ready since a moment.

    An event counts over its whole life, which its sender remembers for weeks, and says of two moments only when they
    were: the first and the last one. before: the events of an earlier look that was not before that moment; what one
    of them counts more now has happened since.
    """
    counted = {event[3]: event[5] for event in not_ready(before)}
    known = 0
    for _node, _reason, _text, first, last, times in not_ready(events):
        known += times if first >= since else max(int(last >= since), times - counted.get(first, times))
    return known


def not_ready(events: Iterable[Event]) -> list[Event]:
    """The events of some that say that a node became not ready."""
    return [event for event in events if event[1] == NOT_READY]
