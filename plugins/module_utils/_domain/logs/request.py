# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks of logs, before any cluster is asked."""

from __future__ import annotations

import re

from ..contract.durations import parse_duration

MOST_LINES = 20_000


def log_doubts(since: object, grep: object, lines: object) -> list[str]:
    """Why it cannot be asked so; empty where it can."""
    doubts = []
    try:
        parse_duration(str(since))
    except ValueError as error:
        doubts.append(f"since: '{since}' {error}")
    try:
        re.compile(str(grep))
    except re.error as error:
        doubts.append(f"grep: '{grep}' is no regular expression: {error}")
    if not str(lines).isdecimal() or not 1 <= int(str(lines)) <= MOST_LINES:
        doubts.append(f"lines: '{lines}' is not a number from 1 to {MOST_LINES}")
    return doubts


def seconds_of(since: str) -> int:
    """The span in whole seconds, as the API takes it."""
    return max(1, int(parse_duration(since).total_seconds()))
