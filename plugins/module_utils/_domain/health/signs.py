# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs: what the readers of sources find, all in one form, before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Raw = Mapping[str, Any]

CONDITION = "node condition"
EVENT = "event"
METRICS = "dcgm exporter"
NODE = "node"
ENGINE = "engine metrics"
PODS = "pods"
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as far as a source names it: its UUID, its index on the node, its place on the bus (``0000:0f:00``)."""

    uuid: str = ""
    index: str = ""
    pci: str = ""

    def __bool__(self) -> bool:
        return bool(self.uuid or self.index or self.pci)

    @property
    def name(self) -> str:
        """The most lasting name that is known of it."""
        return self.uuid or self.pci or self.index


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that a source says about a node.

    signal: what it is, in the words of the fault policy (``xid 79``, ``condition DiskPressure``).
    instead: what it is where the policy has no class for ``signal``. says: fatal or nonfatal, where a line says so.
    at: when it happened or began, in seconds since 1970; None where the source does not know, as a last value's gauge.
    seen: when the source last said so; for what happened once, the same moment.
    max_age: the limit of the policy that ``seen`` is held against; empty for what was read just now.
    times: how often, as this source counts. unit: the part of the GPU. follows: the code that it comes from.
    asks: the driver's recovery action, where the line has it.
    """

    signal: str
    source: str
    node: str
    text: str
    at: float | None
    seen: float
    gpu: Gpu = Gpu()
    instead: str = ""
    says: str = ""
    max_age: str = ""
    times: int = 1
    unit: str = ""
    follows: int = 0
    asks: int | None = None
    pod: str = ""

    @property
    def xid(self) -> int:
        """The driver's code; 0 where it is none."""
        return int(self.signal[4:]) if self.signal.startswith("xid ") else 0


def pci_address(text: str) -> str:
    """A place on the bus in one form: ``00000000:0F:00.0`` is ``0000:0f:00``; empty if it is none."""
    parts = text.strip().lower().split(".")[0].split(":")
    if len(parts) == 2:
        parts.insert(0, "0")
    try:
        domain, bus, device = (int(part, 16) for part in parts)
    except ValueError:
        return ""
    return f"{domain:04x}:{bus:02x}:{device:02x}"
