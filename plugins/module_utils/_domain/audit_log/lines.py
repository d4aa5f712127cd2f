# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of an audit log as JSON: one event, or a batch of them as a webhook is sent it.

At the levels Request and RequestResponse a line holds what a client sent, as it was sent: numbers, nesting and bytes
that the API server passes over and that Python refuses. A line that cannot be read would hide the call.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BATCH = "EventList"
_LONGEST = 4000
"""Digits of a number: Python reads no whole number of more than 4300."""
_DEEPEST = 100
"""Levels of nesting. What is deeper is no part of what an event says itself."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]')


def events_of(line: bytes) -> list[Any]:
    """The events of a line.

    :raises ValueError: it is no JSON. :raises AttributeError, KeyError, TypeError: it is no event.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = json.loads(_shallow(line.decode(errors="replace")), parse_int=_number)
    return list(found["items"]) if found.get("kind") == _BATCH else [found]


def _number(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST else float(digits)


def _shallow(text: str) -> str:
    """The text with null for whatever lies too deep."""
    kept, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token.group() in ("[", "{"):
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(text[start : token.start()] + "null")
        elif token.group() in ("]", "}"):
            if depth == _DEEPEST + 1:
                start = token.end()
            depth -= 1
    return "".join(kept) + text[start:]
