# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of containers whose logs are not there, or not whole: of a thousand of them no more than a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..._vocabulary.listing import few

#: Names shown of many containers with the same note, and notes that are told of each.
_NAMES, _KINDS = 3, 8


def told(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Notes about places, each kind of note once: ``3 containers (a, b, c): what``. Of very many kinds only some."""
    kinds: dict[str, list[str]] = {}
    for place, what in notes:
        kinds.setdefault(what, []).append(place)
    found = [f"{_places(places)}: {what}" for what, places in kinds.items()]
    more = sum(map(len, list(kinds.values())[_KINDS:]))
    return [*found[:_KINDS], *([f"{more} more containers, each for a reason of its own"] if more else [])]


def _places(places: Sequence[str]) -> str:
    return places[0] if len(places) == 1 else f"{len(places)} containers ({few(places, _NAMES, ', ')})"
