# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat of an engine: whether tokens come while there are requests, read from its own metrics.

An engine that hangs still answers its health path with 200; its count of iterations stands still while requests wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .engine import ENGINES

_LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{[^}]*\})?\s+(\S+)")


@dataclass(frozen=True)
class Sample:
    """What an engine said at one moment."""

    iterations: float
    requests: float


@dataclass(frozen=True)
class Pulse:
    """What is known of one replica's heartbeat.

    :param since: when it was first seen to stand still with requests to work on (seconds of any clock).
    """

    iterations: float
    since: float | None = None


def read_sample(engine: str, text: str) -> Sample | None:
    """The sample in an answer of an engine's metrics path; ``None`` where it does not say, or the engine is unknown."""
    if engine not in ENGINES:
        return None
    names = ENGINES[engine].metrics
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match and match.group(1) in (names.heartbeat, names.running, names.waiting):
            found[match.group(1)] = found.get(match.group(1), 0.0) + _number(match.group(2))
    if len(found) < 3:
        return None
    return Sample(found[names.heartbeat], found[names.running] + found[names.waiting])


def pulse(before: Pulse | None, sample: Sample, now: float) -> Pulse:
    """The heartbeat after another sample."""
    stands = before is not None and sample.requests > 0 and sample.iterations == before.iterations
    if not stands or before is None:
        return Pulse(sample.iterations)
    return Pulse(sample.iterations, now if before.since is None else before.since)


def standstill(known: Mapping[str, Pulse], replica: str, now: float) -> float:
    """For how many seconds a replica has had requests and made no iteration."""
    since = known[replica].since if replica in known else None
    return 0.0 if since is None else now - since


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
