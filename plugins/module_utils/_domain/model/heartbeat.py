# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat of an engine: whether tokens come while there are requests, read from its own metrics.

An engine that hangs still answers its health path with 200; its count of iterations stands still while requests wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..health.engines import read_engine
from .engine import ENGINES


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
    found = read_engine(text, **ENGINES[engine].metrics.pulse)
    return Sample(found["heartbeat"], found["running"] + found["waiting"]) if found else None


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
