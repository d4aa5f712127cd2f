# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollout goes over a fleet, and how long one cluster is expected to take."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Policy:
    """The rules of one rollout. Times are in seconds.

    :param canaries: the most clusters of the first wave, while no cluster has the release.
    :param wave_percent: the most clusters of a later wave, in percent of its ring; never fewer than one.
        25 is what Rancher Fleet's autoPartition takes.
    :param wave_failures: how many clusters of a wave may fail and the next one still begins.
    :param fleet_failures: how many may fail in all waves so far.
    :param soak: how long the last cluster of a wave must have done well before the next wave.
    :param default_duration: how long a cluster is taken to need before any has been changed.
    :param margin_percent: what is added to past durations, so that a slow run still ends inside its window.
    """

    canaries: int = 1
    wave_percent: int = 25
    wave_failures: int = 0
    fleet_failures: int = 0
    soak: int = 1800
    default_duration: int = 1800
    margin_percent: int = 25

    def data(self) -> dict[str, int]:
        return asdict(self)


_LEAST = {"canaries": 1, "wave_percent": 1, "default_duration": 1}


def policy_from(data: Mapping[str, Any]) -> Policy:
    """The policy that a mapping says, the rest by default. Raises ValueError with what was meant."""
    known = [field.name for field in fields(Policy)]
    for key, value in data.items():
        if key not in known:
            raise ValueError(f"policy: there is no {key!r}; there are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < _LEAST.get(key, 0):
            raise ValueError(f"policy.{key}: {value!r} is not a whole number of at least {_LEAST.get(key, 0)}")
    if data.get("wave_percent", 1) > 100:
        raise ValueError(f"policy.wave_percent: {data['wave_percent']} is more than 100")
    return Policy(**data)


@dataclass(frozen=True)
class Estimate:
    """How long a change is expected to take, and by what."""

    duration: timedelta
    basis: str


# The slowest of a cluster's last runs: older ones were on other nodes and other releases.
_LAST_RUNS = 5


def estimate(own: Sequence[float], fleet: timedelta | None, policy: Policy) -> Estimate:
    """From the cluster's ``own`` past durations (seconds, oldest first), else the ``fleet``'s, else the default."""
    if own:
        slowest = max(own[-_LAST_RUNS:])
        return Estimate(_with_margin(slowest, policy), f"its last {min(len(own), _LAST_RUNS)} runs")
    if fleet is not None:
        return Estimate(_with_margin(fleet.total_seconds(), policy), "runs on other clusters")
    return Estimate(timedelta(seconds=policy.default_duration), "no run yet, the default")


def fleet_duration(runs: Iterable[Sequence[float]]) -> timedelta | None:
    """What nine of ten clusters with past runs stay below; None when there is none."""
    slowest = sorted(max(own[-_LAST_RUNS:]) for own in runs if own)
    if not slowest:
        return None
    if len(slowest) == 1:
        return timedelta(seconds=slowest[0])
    return timedelta(seconds=statistics.quantiles(slowest, n=10, method="inclusive")[-1])


def _with_margin(seconds: float, policy: Policy) -> timedelta:
    return timedelta(seconds=math.ceil(seconds * (100 + policy.margin_percent) / 100))
