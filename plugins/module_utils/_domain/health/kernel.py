# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the kernel's log about GPUs, as node-problem-detector, NVSentinel and others carry them.

Forms: docs.nvidia.com/deploy/xid-errors ("NVRM: Xid (PCI:0000:0f:00): 79, pid=…"), SXid of NVSwitches
("nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 28 …"), and a GPU that fell off the bus without a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .signs import Gpu, Sign, pci_address

_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)([^\n]*)")
_SXID = re.compile(r"SXid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)([^\n]*)", re.IGNORECASE)
_FALLEN = re.compile(
    r"NVRM: (?:The NVIDIA )?GPU (?:at )?(?:PCI:)?([0-9a-fA-F:.]+)[^;]{0,160}?fallen off the bus", re.DOTALL
)
_SEVERITY = re.compile(r"\b(Non-?fatal|Fatal)\b", re.IGNORECASE)
_UNIT = re.compile(r"\((GPC \d+, TPC \d+(?:, SM \d+)?)\)")
_FOLLOWS = re.compile(r"caused by previous Xid (\d+)")
_ASKS = re.compile(r"recovery action changed from \S+ \([^)]*\) to (0x[0-9a-fA-F]+)")
_LONGEST = 300


def kernel_signs(text: str, *, node: str, source: str, at: float | None, seen: float, times: int = 1) -> Iterator[Sign]:
    """The signs in lines of the kernel's log, which ``source`` says were written at ``at``."""
    found = False
    for match in _XID.finditer(text):
        found = True
        yield _sign(f"xid {match[2]}", match, node, source, at, seen, times)
    if not found and (fallen := _FALLEN.search(text)):
        yield _sign("fallen_off_the_bus", fallen, node, source, at, seen, times)
    for match in _SXID.finditer(text):
        rest = _SEVERITY.search(match[3])
        says = rest[1].lower().replace("-", "") if rest else ""
        # The place on the bus is the switch's.
        yield Sign(
            f"sxid {says}".strip(), source, node, match[0][:_LONGEST], at, seen, max_age="moment_max_age", times=times
        )


def _sign(signal: str, match: re.Match[str], node: str, source: str, at: float | None, seen: float, times: int) -> Sign:
    rest = match[3] if signal.startswith("xid") else ""
    severity, unit, follows, asks = (pattern.search(rest) for pattern in (_SEVERITY, _UNIT, _FOLLOWS, _ASKS))
    return Sign(
        signal,
        source,
        node,
        " ".join(match[0].split())[:_LONGEST],
        at,
        seen,
        gpu=Gpu(pci=pci_address(match[1])),
        says=severity[1].lower().replace("-", "") if severity else "",
        max_age="moment_max_age",
        times=times,
        unit=unit[1] if unit else "",
        follows=int(follows[1]) if follows else 0,
        asks=int(asks[1], 16) if asks else None,
    )
