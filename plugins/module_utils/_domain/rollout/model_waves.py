# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models over a fleet: the waves of an upgrade, each begun only when those before it have done well.

A model has its own gate and bake time in each cluster, so between waves there is no further wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.defaults import said
from ..contract.schema import IDENTITY
from ..contract.typed import Contract
from ..summary import unfinished
from .policy import Policy
from .waves import waves_of

Data = Mapping[str, Any]
OFFLINE = "unreachable"
"""A cluster that does not answer is reported, and holds nobody up."""


@dataclass(frozen=True)
class _Place:
    name: str
    customer: str
    ring: str


def model_waves(contracts: Iterable[Contract], policy: Policy) -> list[list[str]]:
    """The names of the clusters, wave by wave: canaries first, and never all of a customer's at once."""
    places = [
        _Place(str(i["name"]), str(i["customer"]), str(said(i, IDENTITY, "ring")))
        for i in (contract["identity"] for contract in contracts)
    ]
    fleet = Counter(place.customer for place in places)
    return [[place.name for place in wave] for wave in waves_of(places, fleet, policy, proven=False)]


def held_back(cluster: str, waves: Sequence[Sequence[str]], outcomes: Sequence[Data], policy: Policy) -> str:
    """Why a cluster's wave may not begin; empty when it may.

    :param outcomes: what came of the clusters so far.
    """
    failed = unfinished([outcome for outcome in outcomes if outcome["code"] != OFFLINE])
    before: list[str] = []
    for number, wave in enumerate(waves, start=1):
        if cluster in wave:
            return ""
        here = [name for name in wave if name in failed]
        before += here
        if len(here) > policy.wave_failures:
            return f"in wave {number} {_failed(here, policy.wave_failures)}"
        if len(before) > policy.fleet_failures:
            return f"up to wave {number} {_failed(before, policy.fleet_failures)}"
    return ""


def _failed(names: Sequence[str], budget: int) -> str:
    return f"{len(names)} failed ({', '.join(names)}), and {budget} may"
