# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot: everything that a judgement of one cluster's health rests on, as plain data that can be kept as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..form import Either, Row, misfit
from .events import not_ready

VERSION = 1

Snapshot = Mapping[str, Any]

_MOMENT = Either(float, None)
_EVENT = Row(str, str, str, float, float, int)
_GPU = {
    **dict.fromkeys(("uuid", "index", "pci"), str),
    "pods": [str],
    "xids?": {str: int},
    "slowdowns?": {str: int},
    "window?": float,
    **dict.fromkeys(("recovery?", "last_xid?", "double_bit?", "single_bit?", "remap_failure?", "remap_pending?"), int),
    **dict.fromkeys(("remapped?", "sram?", "fabric?", "throttle?"), int),
}
_NODE = {
    **dict.fromkeys(("name", "product", "kind"), str),
    **dict.fromkeys(("gpu", "plugin_off", "cut", "cordoned", "leaving"), bool),
    **dict.fromkeys(("capacity", "allocatable", "labelled"), int),
    "created": _MOMENT,
    "conditions": [Row(str, str, str, str, _MOMENT, _MOMENT)],
    "history": [{"fault": str, "gpu": str, "at": _MOMENT, "action": str, "state": str}],
}
_POD = {
    **dict.fromkeys(("namespace", "name", "uid", "node", "model", "part", "failing"), str),
    **dict.fromkeys(("ready", "over"), bool),
    "gpus": int,
}
_SAMPLE = dict.fromkeys(("at", "running", "waiting", "heartbeat"), float)
_FORM = {
    "taken": float,
    "nodes": [_NODE],
    "pods": [_POD],
    "events": [_EVENT],
    "leases": {str: _MOMENT},
    "metrics": {str: {"at?": float, "error?": str, "lacking?": [str], "gpus?": [_GPU]}},
    "engines": [{**dict.fromkeys(("pod", "node", "model", "error"), str), "samples": [_SAMPLE]}],
    "engines_error": str,
    "infiniband": {str: Either(int, None)},
    "unreadable": [str],
    "last_xids": {str: int},
    "not_ready_before?": {"taken?": float, "events?": [_EVENT]},
}


class SnapshotError(ValueError):
    """A recorded snapshot has a form that this version does not read."""


def check_snapshot(recorded: Snapshot) -> None:
    """:raises SnapshotError: it was recorded by another version, or edited since."""
    if (version := recorded.get("version")) != VERSION:
        raise SnapshotError(
            f"The snapshot has version {version!r}, and this collection reads version {VERSION}. "
            "Whoever recorded it records it anew, or judges it with the collection that did."
        )
    if wrong := misfit(recorded, _FORM) or _half_read(recorded["metrics"]):
        raise SnapshotError(f"The snapshot is not as it was recorded: {wrong}. Whoever edited it records it anew.")


def _half_read(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """What a node's report lacks that has neither an error nor all that is read together."""
    read = {node: one for node, one in metrics.items() if not one.get("error")}
    lacks = [f"{node}.{key}" for node, one in read.items() for key in ("at", "lacking", "gpus") if key not in one]
    return f"metrics.{lacks[0]} is missing" if lacks else ""


def snapshot(
    *,
    taken: float,
    nodes: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any] | None],
    events: Iterable[list[Any] | None] = (),
    leases: Mapping[str, float | None] | None = None,
    metrics: Mapping[str, Mapping[str, Any]] | None = None,
    engines: Iterable[Mapping[str, Any]] = (),
    engines_error: str = "",
    infiniband: Mapping[str, int | None] | None = None,
    unreadable: Iterable[str] = (),
    earlier: Snapshot | None = None,
) -> dict[str, Any]:
    """Put together what the readers kept.

    taken: when it was read, in seconds since 1970. nodes, pods, events, engines: the records of ``node_record``,
    ``pod_record``, ``event_record`` and ``engine_record``. leases: by node, when it was last renewed. metrics: by node,
    what ``read_metrics`` made, with ``at``, or ``error`` where they could not be read. infiniband: by node,
    ``ports_up``. engines_error: why no engine could be looked at. unreadable: the kinds that the identity may not
    read. earlier: the snapshot before this one, against which gauges of a last value and counts of events are held.
    """
    return {
        "version": VERSION,
        "taken": taken,
        "nodes": list(nodes),
        "pods": [pod for pod in pods if pod],
        "events": [event for event in events if event],
        "leases": dict(leases or {}),
        "metrics": {node: dict(report) for node, report in (metrics or {}).items()},
        "engines": list(engines),
        "engines_error": engines_error,
        "infiniband": dict(infiniband or {}),
        "unreadable": sorted(unreadable),
        "last_xids": _last_xids(earlier) if earlier else {},
        "not_ready_before": {"taken": earlier["taken"], "events": not_ready(earlier["events"])} if earlier else {},
    }


def _last_xids(earlier: Snapshot) -> dict[str, int]:
    """By GPU, the last code that an earlier snapshot saw, 0 where there was none; not where it was not read."""
    return {
        gpu["uuid"]: gpu["last_xid"]
        for report in earlier["metrics"].values()
        for gpu in report.get("gpus", ())
        if "last_xid" in gpu
    }
