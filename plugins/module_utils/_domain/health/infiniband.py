# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""InfiniBand ports, as node_exporter has them (``node_infiniband_state_id``): how many are up, and should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite

from .signs import NODE, Sign

METRIC = "node_infiniband_state_id"
_ACTIVE = 4


def active_ports(values: Iterable[float]) -> int | None:
    """How many ports of a node may be up, out of the states of all: one whose state cannot be read is not called down.

    None where it tells of none.
    """
    states = list(values)
    return sum(state == _ACTIVE or not isfinite(state) for state in states) if states else None


def port_signs(node: str, up: int | None, expected: int | None, now: float) -> Iterator[Sign]:
    """A sign where fewer ports are up than agreed. Where nothing is agreed, ports may be down on purpose."""
    if up is not None and expected is not None and up < expected:
        yield Sign("infiniband_ports", NODE, node, f"{up} InfiniBand ports are up, {expected} are agreed", None, now)
