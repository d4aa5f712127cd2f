# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Over which spans of time an error budget is watched: those of Google's SRE workbook, chapter 5, for 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..contract.durations import parse_duration


@dataclass(frozen=True)
class Pair:
    """A long window and the short one that shows whether it still goes on, and how many times too fast is told.

    At ``factor`` 1 the budget of 30 days lasts for 30 days.
    """

    long: str
    short: str
    factor: float


FAST = (Pair("1h", "5m", 14.4), Pair("6h", "30m", 6))
"""2 % of the budget in an hour, 5 % in six: somebody is paged."""
SLOW = (Pair("1d", "2h", 3), Pair("3d", "6h", 1))
"""10 % in a day or in three: somebody looks on the next working day."""


def fitting(pairs: Sequence[Pair], retention: str) -> list[Pair]:
    """Those that can be measured where metrics are kept for so long: half a window proves nothing."""
    return [pair for pair in pairs if seconds(pair.long) <= seconds(retention)]


def spans(pairs: Sequence[Pair]) -> list[str]:
    """Each window once, the shortest first."""
    return sorted({window for pair in pairs for window in (pair.short, pair.long)}, key=seconds)


def seconds(span: str) -> int:
    """A span in seconds."""
    return int(parse_duration(span).total_seconds())
