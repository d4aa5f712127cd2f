# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of NVIDIA's DCGM exporter: what each GPU of a node reports, and the signs in it.

Fields: docs.nvidia.com/datacenter/dcgm, "Field Identifiers"; the exporter's own (``DCGM_EXP_…``):
github.com/NVIDIA/dcgm-exporter. ``DCGM_FI_DEV_XID_ERRORS`` is the last code, and stays after it is over, over a reset
too (dcgm-exporter issue 500): alone it proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.numbers import whole_number
from ..quantity import count
from .kernel import UNREAD_XID
from .prometheus_text import Sample, samples
from .signs import METRICS, Gpu, Sign, pci_address

_VALUES = {
    "DCGM_FI_DEV_GPU_RECOVERY_ACTION": "recovery",
    "DCGM_FI_DEV_XID_ERRORS": "last_xid",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "double_bit",
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": "single_bit",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": "remap_failure",
    "DCGM_FI_DEV_ROW_REMAP_PENDING": "remap_pending",
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": "remapped",
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": "remapped",
    "DCGM_FI_DEV_THRESHOLD_SRM": "sram",
    "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": "fabric",
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": "throttle",
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": "throttle",
}
_XIDS, _SLOWDOWNS = "DCGM_EXP_XID_ERRORS_COUNT", "DCGM_EXP_CLOCK_EVENTS_COUNT"
ALWAYS = ("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED")
"""What every exporter has, so that a GPU without any of the others is seen too."""

METRIC_NAMES = (*_VALUES, _XIDS, _SLOWDOWNS, *ALWAYS)
"""What is read; a query of Prometheus asks for these."""

NEEDED = (
    "DCGM_FI_DEV_GPU_RECOVERY_ACTION",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
    "DCGM_FI_DEV_ROW_REMAP_PENDING",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
    _XIDS,
)
"""Without these an exporter cannot tell a sick GPU from a well one; its default list lacks most of them."""

# DCGM's blanks: what a GPU does not support comes as a number at the end of the range, which a float rounds up to 2^63.
_BLANK = (0x7FFFFFF0, 0x7FFFFFFF), (2.0**63 - 1024, 2.0**63)
_THERMAL_BITS, _POWER_BITS = 0x20 | 0x40, 0x04
_SHORTEST_WINDOW = 300.0


def read_metrics(text: str) -> dict[str, Any]:
    """What the GPUs of one node report, out of the text of its exporter's ``/metrics``. See ``gather``."""
    return gather(samples(text, METRIC_NAMES))


def gather(read: Iterable[Sample]) -> dict[str, Any]:
    """What the GPUs of one node report, as plain data: ``gpus``, an entry for each, and ``lacking``, out of NEEDED.

    The slices of one GPU (MIG) are one entry, with the worst of each value. A sample that is no reading costs itself
    only: its GPU is there.
    """
    gpus: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for name, labels, value in read:
        uuid = labels.get("UUID") or labels.get("uuid") or ""
        if not uuid or any(least <= value <= most for least, most in _BLANK):
            continue
        gpu = gpus.setdefault(uuid, _gpu(uuid, labels))
        # None of these metrics can be below zero, nor beyond DCGM's integers.
        if not 0 <= value < 2**63:
            continue
        names.add(name)
        if pod := labels.get("exported_pod") or labels.get("pod"):
            namespace = labels.get("exported_namespace") or labels.get("namespace", "")
            gpu["pods"] = sorted({*gpu["pods"], f"{namespace}/{pod}"})
        if name in _VALUES:
            key = _VALUES[name]
            gpu[key] = max(int(value), gpu.get(key, 0))
        elif name in (_XIDS, _SLOWDOWNS) and value >= 1:
            _count(gpu, name, labels, int(value))
    found = sorted(gpus.values(), key=lambda gpu: (len(gpu["index"]), gpu["index"]))
    return {"gpus": found, "lacking": [name for name in NEEDED if name not in names] if gpus else []}


def _gpu(uuid: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"uuid": uuid, "index": labels.get("gpu", ""), "pci": pci_address(labels.get("pci_bus_id", "")), "pods": []}


def _count(gpu: dict[str, Any], name: str, labels: Mapping[str, str], times: int) -> None:
    key, what = ("xids", "xid") if name == _XIDS else ("slowdowns", "clock_event")
    said = labels.get(what, "")
    if said and said != "0":
        counts = gpu.setdefault(key, {})
        counts[said] = max(times, counts.get(said, 0))
        gpu["window"] = count(labels.get("window_size_in_ms")) / 1000 or _SHORTEST_WINDOW


def metrics_signs(
    node: str, report: Mapping[str, Any], at: float, limits: Mapping[str, float], bad_states: Mapping[int, str]
) -> Iterator[Sign]:
    """The signs in what the GPUs of a node reported at a moment; the last XID's gauge is judged elsewhere.

    bad_states: those of a fabric manager that are bad on this node.
    """
    for gpu in report["gpus"]:
        which = Gpu(gpu["uuid"], gpu["index"], gpu["pci"])
        base = Sign("", METRICS, node, "", at, at, which, max_age="metrics_max_age")
        yield from _counted_xids(gpu, base)
        for signal, text in _of_gpu(gpu, limits, bad_states):
            asks = gpu.get("recovery") if signal == "driver_asks" else None
            yield replace(base, signal=signal, text=text, asks=asks)


def _counted_xids(gpu: Mapping[str, Any], base: Sign) -> Iterator[Sign]:
    for code, times in gpu.get("xids", {}).items():
        text = f"DCGM_EXP_XID_ERRORS_COUNT counts XID {code} {amount(times, 'time')} in {gpu['window']:.0f} s"
        number = whole_number(code)
        signal = UNREAD_XID if number is None else f"xid {number}"
        yield replace(base, signal=signal, instead="unknown_xid", text=text, times=times)


def _of_gpu(
    gpu: Mapping[str, Any], limits: Mapping[str, float], bad_states: Mapping[int, str]
) -> Iterator[tuple[str, str]]:
    if gpu.get("recovery"):
        yield "driver_asks", f"DCGM_FI_DEV_GPU_RECOVERY_ACTION is {gpu['recovery']}"
    for key, signal, text in (
        ("double_bit", "double_bit_errors", "double-bit memory errors since the driver started"),
        ("single_bit", "single_bit_errors", "single-bit memory errors since the driver started"),
        ("remapped", "remapped_rows", "rows of memory remapped"),
        ("remap_pending", "row_remap_pending", "DCGM_FI_DEV_ROW_REMAP_PENDING"),
        ("remap_failure", "row_remap_failure", "DCGM_FI_DEV_ROW_REMAP_FAILURE"),
        ("sram", "sram_threshold", "DCGM_FI_DEV_THRESHOLD_SRM"),
    ):
        if gpu.get(key):
            yield signal, f"{text}: {gpu[key]}"
    if gpu.get("fabric") in bad_states:
        yield "fabric_failed", f"the fabric manager's status is {bad_states[gpu['fabric']]}"
    yield from _slowdowns(gpu, limits)


def _slowdowns(gpu: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    counts: Mapping[str, int] = gpu.get("slowdowns", {})
    bits = gpu.get("throttle", 0)
    hot = counts.get("hw_thermal", 0) + counts.get("sw_thermal", 0)
    if hot or bits & _THERMAL_BITS:
        yield "thermal_slowdown", f"slowed down by heat ({amount(hot, 'time')} counted, reasons 0x{bits:x})"
    if counts.get("power_cap") or bits & _POWER_BITS:
        yield "power_cap", "at its power limit"
    hard = counts.get("hw_slowdown", 0) + counts.get("hw_power_brake", 0)
    # A short window makes one slowdown look like many.
    if hard and hard / max(gpu["window"], _SHORTEST_WINDOW) * 60 >= limits["slowdowns_per_minute"]:
        yield "hardware_slowdowns", f"slowed down by the hardware {amount(hard, 'time')} in {gpu['window']:.0f} s"
