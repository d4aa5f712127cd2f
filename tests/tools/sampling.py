# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the long tests a run takes: a seeded sample, or a shard. Pure: names and seconds in, names out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: What a test takes that nobody has measured yet.
UNKNOWN = 8.0


def function_of(name: str) -> str:
    """A test without its parameters."""
    return name.partition("[")[0]


def file_of(name: str) -> str:
    return name.partition("::")[0]


@dataclass(frozen=True)
class Seconds:
    """How long each test took when it was measured; one that has new parameters takes as long as its siblings."""

    measured: Mapping[str, float]
    _siblings: dict[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float:
        if name in self.measured:
            return self.measured[name]
        function = function_of(name)
        if function not in self._siblings:
            found = [took for other, took in self.measured.items() if function_of(other) == function]
            self._siblings[function] = sum(found) / len(found) if found else UNKNOWN
        return self._siblings[function]

    def all_of(self, names: Iterable[str]) -> float:
        return sum(map(self.of, names))


def sample(cases: Mapping[str, int], seconds: Seconds, seed: str, most: float) -> set[str]:
    """Cases that a seed chooses.

    Of each function the number that it asks for is always taken. Then whole functions' cases are drawn until so many
    seconds are full: whatever never asks for a place gets one by and by, since the seed differs from commit to commit.

    :param cases: each case with how many of its function's cases every sample has.
    """
    chance = random.Random(seed)  # noqa: S311
    drawn = chance.sample(sorted(cases), len(cases))
    chosen: set[str] = set()
    taken: dict[str, int] = {}
    for name in drawn:
        function = function_of(name)
        if taken.get(function, 0) < cases[name]:
            chosen.add(name)
            taken[function] = taken.get(function, 0) + 1
    left = most - seconds.all_of(chosen)
    for name in drawn:
        if name not in chosen and seconds.of(name) <= left:
            chosen.add(name)
            left -= seconds.of(name)
    return chosen


def shard(cases: Iterable[str], seconds: Seconds, number: int, of: int) -> set[str]:
    """One of so many shards, equally long. A function's cases stay together: they share what they start."""
    functions: dict[str, list[str]] = {}
    for name in cases:
        functions.setdefault(function_of(name), []).append(name)
    filled = [0.0] * of
    chosen: set[str] = set()
    for names in sorted(functions.values(), key=lambda names: (-seconds.all_of(names), names[0])):
        emptiest = filled.index(min(filled))
        filled[emptiest] += seconds.all_of(names)
        if emptiest == number - 1:
            chosen.update(names)
    return chosen


def longest_first(names: Sequence[str], seconds: Seconds) -> list[str]:
    """The files of tests in the order in which workers take them: so that none ends alone, the longest first."""
    totals: dict[str, float] = {}
    for name in names:
        totals[file_of(name)] = totals.get(file_of(name), 0.0) + seconds.of(name)
    return sorted(totals, key=lambda file: -totals[file])
