# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of a node: Kubernetes' own, node-problem-detector's (AKS too), the EKS agent's and NVSentinel's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..._vocabulary.numbers import whole_number
from .kernel import UNREAD_XID, any_read, kernel_signs
from .signs import CONDITION, Gpu, Sign, pci_address

Condition = Sequence[Any]
"""Type, status, reason, message, since, heartbeat: the last two in seconds since 1970, or None."""

WELL_WHEN_TRUE = frozenset(
    ["AcceleratedHardwareReady", "KernelReady", "NetworkingReady", "StorageReady", "ContainerRuntimeReady"]
)
"""Conditions of the EKS node monitoring agent, which say what is well; all others say what is not."""

KERNEL_LOG_READERS = frozenset(["KernelDeadlock", "ReadonlyFilesystem", "XfsShutdown", "AcceleratedHardwareReady"])
"""Conditions that show that something reads the node's kernel log; NVSentinel's begin with SysLogs."""

_XID_ERRORS = re.compile(r"(?<!S)(?:XID|Xid|xid).*(?:[Ee]rr|ERR|[Ff]ail|[Ff]ault|[Ff]atal|[Pp]roblem)")
"""The conditions of detectors of XIDs, whatever each of them is called."""
_EKS_XID = re.compile(r"NvidiaXID(\d{1,9})(?:Error|Warning)")
# A long message ends anywhere: in an entry, or in its code.
_ENTRY = re.compile(r"ErrorCode:(\S+)(.*?)(?:Recommended Action=(\w+)|(?=ErrorCode:)|\Z)", re.DOTALL)
_ENTITY = re.compile(r"\b(GPU|PCI|GPU_UUID):(\S+)")
# One code or a list of them; never a part of a place on the bus, which may come first, nor how often it was seen.
_NUMBER = r"\d{1,4}\b(?!:[0-9a-f]{2}\b|\s*times)"
_SAID = re.compile(rf"\bxid\D{{0,12}}?({_NUMBER}(?:\s*(?:,|;|/|and)\s*{_NUMBER})*)", re.IGNORECASE)


def condition_signs(node: str, conditions: Sequence[Condition], known: frozenset[str]) -> Iterator[Sign]:
    """The signs in a node's conditions; Ready is judged elsewhere.

    known: the conditions that the policy has a class for. One that it has none for is told, and no more.
    """
    for kind, status, reason, message, since, heartbeat in conditions:
        if kind == "Ready" or status != ("False" if kind in WELL_WHEN_TRUE else "True"):
            continue
        seen = max(filter(None, (since, heartbeat)), default=0.0)
        if entries := list(nvsentinel_signs(node, message, CONDITION, since, seen)):
            # It sends no heartbeats: a condition stays until the detector takes it back.
            yield from (replace(sign, max_age="silent_condition_max_age") for sign in entries)
            continue
        base = Sign(f"condition {kind}", CONDITION, node, f"{kind}: {reason}: {message}"[:300], since, seen)
        base = replace(base, max_age="condition_max_age")
        yield from _more_exactly(base, kind, str(reason), str(message), known)


def reason_signs(base: Sign, reason: str) -> Iterator[Sign]:
    """The sign that a reason of the EKS agent names more exactly; nothing where it names none."""
    if match := _EKS_XID.fullmatch(reason):
        yield replace(base, signal=f"xid {int(match[1])}")


def nvsentinel_signs(node: str, message: str, source: str, at: float | None, seen: float) -> Iterator[Sign]:
    """The errors in a message of NVSentinel: ``ErrorCode:119 PCI:… GPU_UUID:… … Recommended Action=NONE;``."""
    for code, text, action in _ENTRY.findall(message) if "ErrorCode:" in message else ():
        named = dict(_ENTITY.findall(text))
        gpu = Gpu(named.get("GPU_UUID", ""), named.get("GPU", ""), pci_address(named.get("PCI", "")))
        said = f"ErrorCode:{code}{' '.join(text.split())[:240]} (it recommends {action or 'nothing that can be read'})"
        lines = list(kernel_signs(text, node=node, source=source, at=at, seen=seen))
        if any_read(lines):
            yield from (
                replace(sign, gpu=Gpu(gpu.uuid, gpu.index, sign.gpu.pci or gpu.pci), text=said) for sign in lines
            )
        elif not text:
            yield Sign(UNREAD_XID, source, node, said, at, seen, instead="unknown_xid")
        elif (number := whole_number(code)) is not None:
            signal = "sxid" if "NVSWITCH" in text else f"xid {number}"
            yield Sign(signal, source, node, said, at, seen, gpu)
        else:
            yield Sign(f"dcgm {code}", source, node, said, at, seen, gpu, instead="unknown_dcgm")


def _more_exactly(base: Sign, kind: str, reason: str, message: str, known: frozenset[str]) -> Iterator[Sign]:
    lines = kernel_signs(message, node=base.node, source=CONDITION, at=base.at, seen=base.seen)
    found = [replace(sign, max_age=base.max_age) for sign in lines]
    if not any_read(found):
        found = list(reason_signs(base, reason)) or found
    if not any_read(found) and "xid" in kind.lower():
        codes = re.findall(r"\d+", ",".join(_SAID.findall(message)))
        found += [replace(base, signal=f"xid {int(code)}") for code in dict.fromkeys(codes)]
    if not found and f"reason {reason}" in known:
        found = [replace(base, signal=f"reason {reason}")]
    if not found and base.signal not in known and _XID_ERRORS.search(kind):
        found = [replace(base, signal=UNREAD_XID, instead="unknown_xid")]
    if not found:
        found = [base if base.signal in known else replace(base, instead="unknown_condition")]
    yield from found
