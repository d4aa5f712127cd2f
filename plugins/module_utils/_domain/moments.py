# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments, as Kubernetes and our annotations say them: RFC 3339 to seconds and back."""

from __future__ import annotations

from datetime import UTC, datetime

from .._vocabulary.times import rfc3339

_YEAR_10000 = 253_402_300_800


def seconds_at(text: object) -> float | None:
    """The seconds since 1970 at a moment in RFC 3339 (or given as seconds); None where it cannot be read."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text) if 0 <= text < _YEAR_10000 else None
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def shown_moment(seconds: float | None) -> str:
    """The moment in RFC 3339 and UTC, to the second; empty where there is none that a calendar has."""
    try:
        return "" if seconds is None else rfc3339(datetime.fromtimestamp(int(seconds), UTC))
    except (ValueError, OverflowError, OSError):
        return ""
