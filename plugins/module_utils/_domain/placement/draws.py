# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that look drawn and are always the same: a search tries many things, and the same scene has one plan."""

from __future__ import annotations


class Draws:
    """A linear congruential sequence (the constants of ISO C), of which the upper bits are used."""

    def __init__(self) -> None:
        self._state = 12345

    def below(self, most: int) -> int:
        """One of 0 to ``most`` - 1."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % most
