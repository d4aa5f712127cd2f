# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes quantities ("8", "500m", "80Gi") as numbers."""

from __future__ import annotations

import re

_SUFFIXES = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    **{letter: 10.0 ** (3 * power) for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGTPE", 1)},
}
# A suffix or an exponent, never both: `1E` is a suffix, `1E3` an exponent.
_QUANTITY = re.compile(r"\A([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+(?=\Z))?)([A-Za-z]{0,2})\Z")


def quantity(value: object) -> float:
    """What a quantity is worth, in its base unit. ``None`` and the empty string are 0; nonsense raises ValueError."""
    if value is None or value == "":
        return 0.0
    match = _QUANTITY.match(str(value))
    if match is None or match.group(2) not in _SUFFIXES:
        raise ValueError(f"{value!r} is not a Kubernetes quantity (such as 8, 500m or 80Gi)")
    return float(match.group(1)) * _SUFFIXES[match.group(2)]


def count(value: object) -> int:
    """A whole number of things (GPUs, pods); a node that reports nonsense has none."""
    try:
        return int(quantity(value))
    except (ValueError, OverflowError):
        return 0
