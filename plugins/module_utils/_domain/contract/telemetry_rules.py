# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of a contract's ``telemetry``. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import shown
from .views import mapping, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]

_LEAST = "2Gi"
"""What three days of metrics take, twice."""
_SUFFIXES = {
    "": 1.0,
    "m": 0.001,
    **{letter: 1000.0**power for power, letter in enumerate("kMGTP", 1)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTP", 1)},
}


def telemetry_fits(data: Data) -> Found:
    """The volume holds what the longest window needs, and the quota of storage, which counts it, leaves room for it."""
    size = word(mapping(mapping(data, "telemetry"), "volume"), "size")
    worth, place = _worth(size), ("telemetry", "volume", "size")
    if worth is None:
        return
    if worth < (_worth(_LEAST) or 0):
        yield place, f"{shown(size)} is too small for days of metrics: write at least {_LEAST}"
    agreed = word(mapping(mapping(mapping(data, "capacity"), "quotas"), "stack"), "storage")
    most = _worth(agreed)
    if most is not None and worth > most:
        why = f"{shown(size)} is more than capacity.quotas.stack.storage, {shown(agreed)}, which counts it"
        yield place, f"{why}: lower this, or raise that"


def _worth(text: str | None) -> float | None:
    """A quantity in bytes, as the schema lets one be written."""
    said = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]{0,2})", text or "")
    return float(said[1]) * _SUFFIXES[said[2]] if said and said[2] in _SUFFIXES else None


TELEMETRY_RULES: tuple[Callable[[Data], Found], ...] = (telemetry_fits,)
