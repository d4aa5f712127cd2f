# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which waves clusters are changed: by ring, a canary first, and never all of a customer's at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from ..contract.schema import RINGS
from .policy import Policy


class Placed(Protocol):
    """A cluster as far as waves are concerned."""

    @property
    def name(self) -> str: ...

    @property
    def customer(self) -> str: ...

    @property
    def ring(self) -> str: ...


T = TypeVar("T", bound=Placed)


def waves_of(
    cases: Sequence[T], fleet: Mapping[str, int], policy: Policy, *, proven: bool, ready: Collection[str] = ()
) -> list[list[T]]:
    """The waves of the clusters that can go at some time.

    The first wave is at most ``canaries`` clusters of the first ring that has any, unless the release is proven. After
    that each ring is cut into waves of ``wave_percent``. A customer with several clusters has at most half of them,
    rounded up, in one wave. Of a ring, those that are ready come first, so that nobody waits for a canary's window who
    could be proved by another.

    :param fleet: how many clusters each customer has in all, those included that cannot go.
    :param proven: whether some cluster has this release already.
    :param ready: the names of those that could go at once.
    """
    waves: list[list[T]] = []
    for ring in RINGS:
        members = sorted((case for case in cases if case.ring == ring), key=lambda case: (case.customer, case.name))
        rest = sorted(_in_turns(members), key=lambda case: case.name not in ready)
        usual = max(1, math.ceil(len(members) * policy.wave_percent / 100))
        while rest:
            size = usual if waves or proven else min(usual, policy.canaries)
            wave, rest = _take(rest, size, fleet)
            waves.append(wave)
    return waves


def _in_turns(cases: Sequence[T]) -> list[T]:
    """One of each customer, then the next of each: so that a wave is spread over customers."""
    seen: Counter[str] = Counter()
    turns = []
    for case in cases:
        turns.append((seen[case.customer], case.customer, case.name, case))
        seen[case.customer] += 1
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:3])]


def _take(cases: Sequence[T], size: int, fleet: Mapping[str, int]) -> tuple[list[T], list[T]]:
    taken: list[T] = []
    rest: list[T] = []
    counts: Counter[str] = Counter()
    for case in cases:
        if len(taken) < size and counts[case.customer] < math.ceil(fleet[case.customer] / 2):
            taken.append(case)
            counts[case.customer] += 1
        else:
            rest.append(case)
    return taken, rest
