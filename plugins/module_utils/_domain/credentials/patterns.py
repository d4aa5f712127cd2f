# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of names. A contract writes the name, so a pattern matches no more than its author sees in it.

A ``*`` stands for letters, digits, dots, dashes and underscores. So it stays within one part of a path, and what some
lookups split a term at (spaces, ``=``, ``:``) or decode (``%``) is never in it. Nothing else has a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_STAR = "[A-Za-z0-9._-]*"


def matches(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns is the text, or matches all of it; none matches a path that goes up."""
    goes_up = any(part in (".", "..") for part in text.split("/"))
    return any(pattern == text or (not goes_up and bool(_compiled(pattern).fullmatch(text))) for pattern in patterns)


def is_too_wide(pattern: str) -> bool:
    """Whether a pattern names nothing: it would match what is everybody's."""
    return not any(character.isalnum() for character in pattern)


@lru_cache(maxsize=10_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_STAR.join(re.escape(part) for part in re.split(r"\*+", pattern)))
