# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans of time as people write them: ``30m``, ``3h``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

# At most six digits each: enough for two years in minutes.
PATTERN = r"^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"

_DURATION = re.compile(PATTERN)
# Further than that from today is no date that can be calculated with.
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """The span that ``text`` says; days, hours, minutes and seconds, in this order.

    Raises ValueError, with what was meant, when it is no span or is zero.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("is not a duration: write it like 30m, 3h, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in match.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not span:
        raise ValueError("is a duration of zero: it must be longer, like 30m")
    if span > _LONGEST:
        raise ValueError(f"is a duration of {span.days} days: write {_LONGEST.days}d at most")
    return span
