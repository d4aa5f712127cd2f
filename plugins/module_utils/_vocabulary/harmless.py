# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of others, made so that they cannot speak to a terminal, or turn around what a person reads.

Pods, exporters, alerts and contracts are written by people whom the reader of a run does not know. Terminals obey
control characters (ECMA-48), and readers are deceived by characters that reorder or hide others (Unicode TR 36).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: All controls but the line break and the tab; what joins, hides and reorders; line breaks that only some know; what
#: is only half of a character.
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

_BREAK = re.compile(r"[ \t]*\n\s*")


def harmless(text: str) -> str:
    """The text with each such character as its escape in JSON, ``\\u001b``: in JSON it still means the same."""
    return STEERING.sub(_escape, text)


def one_line(text: str) -> str:
    """The same on one line: with a line break others could write lines of their own, as if we had."""
    if text.isprintable():  # so it has none of these
        return text
    return _BREAK.sub(" ", harmless(text))


def harmless_data(value: Any) -> Any:
    """The same of all texts in data, keys included."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {harmless_data(key): harmless_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [harmless_data(each) for each in value]
    return value


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
