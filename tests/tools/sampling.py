# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the long tests a run takes: a seeded sample, or a shard. Pure: names and seconds in, names out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

#: What a test takes that nobody has measured yet.
UNKNOWN = 8.0


def function_of(name: str) -> str:
    """A test without its parameters."""
    return name.partition("[")[0]


def file_of(name: str) -> str:
    return name.partition("::")[0]


@dataclass(frozen=True)
class Seconds:
    """How long each test took when it was measured, and under the name of a file the mean of those that took a moment.

    One that has new parameters takes as long as its siblings, and one that is not named as long as others of its file.
    """

    measured: Mapping[str, float]

    def of(self, name: str) -> float:
        if name in self.measured:
            return self.measured[name]
        return self._means.get(function_of(name), self.measured.get(file_of(name), UNKNOWN))

    @cached_property
    def _means(self) -> dict[str, float]:
        """Of each function's cases."""
        found: dict[str, list[float]] = {}
        for name, took in self.measured.items():
            found.setdefault(function_of(name), []).append(took)
        return {function: sum(each) / len(each) for function, each in found.items()}

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


def units(names: Iterable[str], together: Mapping[str, int]) -> dict[str, str]:
    """What each test is not taken apart from, by shards and by workers.

    That is its file, whose tests share what they start. Of a function that says so, only so many cases in a row share
    something.

    :param names: all tests that there are, in their order. :param together: of such cases, how many stay together.
    """
    counted: Counter[str] = Counter()
    found: dict[str, str] = {}
    for name in names:
        function = function_of(name)
        found[name] = f"{function}#{counted[function] // together[name]}" if name in together else file_of(name)
        counted[function] += name in together
    return found


def shard(unit_of: Mapping[str, str], seconds: Seconds, number: int, of: int) -> set[str]:
    """One of so many shards, equally long.

    :param unit_of: each case with its unit, which is in one shard as a whole.
    """
    totals = _totals(unit_of, seconds)
    filled = [0.0] * of
    chosen = set()
    for unit in longest_first(unit_of, seconds):
        emptiest = filled.index(min(filled))
        filled[emptiest] += totals[unit]
        if emptiest == number - 1:
            chosen.add(unit)
    return {name for name, unit in unit_of.items() if unit in chosen}


def longest_first(unit_of: Mapping[str, str], seconds: Seconds) -> list[str]:
    """The units in the order in which workers take them: so that none ends alone, the longest first."""
    totals = _totals(unit_of, seconds)
    return sorted(totals, key=lambda unit: (-totals[unit], unit))


def _totals(unit_of: Mapping[str, str], seconds: Seconds) -> dict[str, float]:
    totals: dict[str, float] = {}
    for name, unit in unit_of.items():
        totals[unit] = totals.get(unit, 0.0) + seconds.of(name)
    return totals
