# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the kernel's log about GPUs, as node-problem-detector, NVSentinel and others carry them.

Forms: docs.nvidia.com/deploy/xid-errors ("NVRM: Xid (PCI:0000:0f:00): 79, pid=…"), with the slice where MIG has one
("NVRM: Xid (PCI:0000:0f:00 GPU-I:02 GPU-CI:00): 43, …": open-gpu-kernel-modules, kernel_rc.c), SXid of NVSwitches
("nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 28 …"), and a GPU that fell off the bus without a code.
A line that cannot be read is a sign too: what it says may be worse than anything that can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from .signs import Gpu, Sign, pci_address

UNREAD_XID = "unread_xid"

# Where a line begins: texts of several lines do not always keep them apart.
_BEGINS = re.compile(r"NVRM:\s*Xid\b|\bS?Xid\s*\(", re.IGNORECASE)
_CODE = re.compile(
    r"[\s:=]*(?:\((\d{1,3})\)(?!\s*:)|(?:\([^)\n]*\))?[\s:=]*(\d{1,9})\b(?!:[0-9a-f]{2}[:.]|\.\d))", re.IGNORECASE
)
_BUS = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}(?:\.[0-9a-f])?(?![0-9a-f]|:[0-9a-f])", re.IGNORECASE
)
_UUID = re.compile(r"\bGPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_FALLEN = re.compile(r"NVRM: (?:The NVIDIA )?GPU\b(?:(?!Xid)[^;]){0,200}?fallen off the bus", re.DOTALL)
_SEVERITY = re.compile(r"\b(Non-?fatal|Fatal)\b", re.IGNORECASE)
_UNIT = re.compile(r"\((GPC \d+, TPC \d+(?:, SM \d+)?)\)")
_FOLLOWS = re.compile(r"caused by previous Xid (\d{1,9})\b")
_ASKS = re.compile(r"recovery action changed from \S+ \([^)]*\) to (0x[0-9a-fA-F]+)")
_LONGEST = 300
# Events and conditions cut long texts, perhaps within a code: what is left of it would be another one.
_SHORTEST_CUT = 1000
_CUT_NUMBER = re.compile(r"\d+\Z")


def kernel_signs(text: str, *, node: str, source: str, at: float | None, seen: float, times: int = 1) -> Iterator[Sign]:
    """The signs in lines of the kernel's log, which ``source`` says were written at ``at``."""
    base = Sign("", source, node, "", at, seen, max_age="moment_max_age", times=times)
    whole = _CUT_NUMBER.sub("", text) if len(text) >= _SHORTEST_CUT else text
    for line in _lines(whole):
        yield _switch_sign(line, base) if line[:1] in "sS" else _gpu_sign(line, base)
    for fallen in _FALLEN.finditer(text):
        yield replace(base, signal="fallen_off_the_bus", text=_shown(fallen[0]), gpu=_gpu(fallen[0]))


def any_read(signs: Iterable[Sign]) -> bool:
    """Whether one of them at least says what it is."""
    return any(sign.signal != UNREAD_XID for sign in signs)


def _lines(text: str) -> Iterator[str]:
    """Each line about an XID or SXid, from where it begins to the next one."""
    # Most events are about something else, and that is told five times as fast.
    starts = [match.start() for match in _BEGINS.finditer(text)] if "xid" in text.lower() else []
    for start, end in pairwise([*starts, len(text)]):
        yield text[start:end].partition("\n")[0]


def _gpu_sign(line: str, base: Sign) -> Sign:
    code = _CODE.match(line, line.lower().index("xid") + len("xid"))
    if code is None:
        where = _gpu(line.partition(")")[0])
        return replace(base, signal=UNREAD_XID, instead="unknown_xid", text=_shown(line), gpu=where)
    rest = line[code.end() :]
    severity, unit, follows, asks = (pattern.search(rest) for pattern in (_SEVERITY, _UNIT, _FOLLOWS, _ASKS))
    return replace(
        base,
        signal=f"xid {int(code[1] or code[2])}",
        text=_shown(line),
        gpu=_gpu(line[: code.end()]),
        says=_said(severity),
        unit=unit[1] if unit else "",
        follows=int(follows[1]) if follows else 0,
        asks=int(asks[1], 16) if asks else None,
    )


def _switch_sign(line: str, base: Sign) -> Sign:
    # The place on the bus is the switch's.
    return replace(base, signal=f"sxid {_said(_SEVERITY.search(line))}".strip(), text=_shown(line))


def _gpu(text: str) -> Gpu:
    uuid, bus = _UUID.search(text), _BUS.search(text)
    return Gpu(uuid=uuid[0] if uuid else "", pci=pci_address(bus[0]) if bus else "")


def _said(severity: re.Match[str] | None) -> str:
    return severity[1].lower().replace("-", "") if severity else ""


def _shown(line: str) -> str:
    return " ".join(line.split())[:_LONGEST]
