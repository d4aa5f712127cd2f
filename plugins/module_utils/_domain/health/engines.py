# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines: one that has requests and produces nothing is hung, though its health check answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .prometheus_text import samples

Sample = Mapping[str, float]
KEPT = 10


def read_engine(text: str, *, running: str, waiting: str, heartbeat: str) -> dict[str, float] | None:
    """How many requests an engine has (running, waiting), and its heartbeat; None where a metric is missing.

    The arguments are the metrics' names, as the engine calls them; ``heartbeat`` is a counter that stands still only
    while no token is produced. Series of several engine cores in one process are added up.
    """
    found = dict.fromkeys((running, waiting, heartbeat), 0.0)
    seen = set()
    for name, _labels, value in samples(text, found):
        found[name] += value
        seen.add(name)
    if len(seen) < len(found):
        return None
    return {"running": found[running], "waiting": found[waiting], "heartbeat": found[heartbeat]}


def merged(earlier: Sequence[Sample], sample: Sample | None) -> list[Sample]:
    """The samples of one engine, oldest first, with a new one; a few are kept."""
    return sorted([*earlier, *([sample] if sample else [])], key=lambda one: one["at"])[-KEPT:]


def stands_still_since(sampled: Sequence[Sample]) -> float | None:
    """Since when an engine that has requests has produced nothing; None where it is idle, or it works.

    One sample proves nothing: the heartbeat must have been seen twice at the same count, with requests at both moments
    and at each between them.
    """
    if not sampled or not _busy(sampled[-1]):
        return None
    last = sampled[-1]
    since = last["at"]
    for sample in reversed(sampled[:-1]):
        if not _busy(sample) or sample["heartbeat"] != last["heartbeat"]:
            break
        since = sample["at"]
    return since if since < last["at"] else None


def _busy(sample: Sample) -> bool:
    return sample["running"] + sample["waiting"] > 0


def engine_record(pod: str, node: str, model: str, sampled: Sequence[Sample], error: str = "") -> dict[str, Any]:
    """What a snapshot holds of one engine. ``error`` says why its metrics could not be read."""
    return {"pod": pod, "node": node, "model": model, "samples": list(sampled), "error": error}
