# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That a contract is what its reader sees: none of its texts steers a terminal, hides something or reorders it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._vocabulary.harmless import STEERING, harmless
from .contract.typed import Contract

Place = tuple[Any, ...]


def texts_are_readable(contract: Contract) -> Iterator[tuple[Place, str]]:
    """A rule for ``load_contract``: every place whose text, or whose name, does."""
    for place, text in _texts((), contract):
        found = STEERING.search(text)
        if found:
            yield place, f"it holds the character {harmless(found[0])}, which terminals obey or hide: remove it"


def _texts(place: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        if isinstance(key, str):
            yield (*place, key), key
        yield from _texts((*place, key), each)
