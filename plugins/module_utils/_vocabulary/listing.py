# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists and amounts in messages: nobody reads more than a few entries, and how many there are is never left out."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 20
"""So many problems of one thing are shown."""


def few(entries: Sequence[str], most: int = MOST, separator: str = "; ") -> str:
    """The first entries of a list, and how many more there are."""
    more = [f"and {len(entries) - most} more"] if len(entries) > most else []
    return separator.join([*entries[:most], *more])


def amount(number: int, thing: str, things: str = "") -> str:
    """So many of a thing: ``1 replica``, ``2 replicas``. :param things: where several are not ``thing`` and an s."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
