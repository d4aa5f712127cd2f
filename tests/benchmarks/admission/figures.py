# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the admission benchmark calculates, without a cluster: shares, differences, and what an API server counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

#: The plugin that asks our policies, and the time that it took for a write, whatever else the server did meanwhile.
PLUGIN = re.compile(
    r"^apiserver_admission_controller_admission_duration_seconds_(sum|count)"
    r'\{name="ValidatingAdmissionPolicy",[^}]*type="validate"\} (\S+)$',
    re.MULTILINE,
)
#: What else the API server has for CEL. Whether it notes anything in them for policies, the benchmark says.
OTHERS = (
    "apiserver_cel_compilation_duration_seconds",
    "apiserver_cel_evaluation_duration_seconds",
    "apiserver_validating_admission_policy_check_duration_seconds",
)


@dataclass(frozen=True)
class Counted:
    """How often something happened, and how many seconds it took in all."""

    seconds: float = 0.0
    times: int = 0

    def __sub__(self, before: Counted) -> Counted:
        return Counted(self.seconds - before.seconds, self.times - before.times)

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.seconds + other.seconds, self.times + other.times)


def counted(metrics: str) -> Counted:
    """What the policies took of all writes so far, by the metrics of an API server."""
    found = PLUGIN.findall(metrics)
    seconds = sum(float(value) for what, value in found if what == "sum")
    return Counted(seconds, sum(int(value) for what, value in found if what == "count"))


def noted(name: str, metrics: str) -> int | None:
    """How often a histogram was fed; None where there is none of this name."""
    values = re.findall(rf"^{name}_count(?:\{{[^}}]*\}})? (\d+)$", metrics, re.MULTILINE)
    return sum(map(int, values)) if values or f"# TYPE {name} " in metrics else None


def at(share: float, seconds: Sequence[float]) -> float:
    """The milliseconds that this share of the writes did not exceed (the nearest rank)."""
    rank = -int(-share * len(seconds) // 1)
    return 1000 * sorted(seconds)[max(0, rank - 1)]


@dataclass
class Cell:
    """All writes of one kind under the same guardrails."""

    taken: list[float] = field(default_factory=list)
    processor: float = 0.0
    plugin: Counted = field(default_factory=Counted)

    def add(self, taken: Sequence[float], processor: float, plugin: Counted) -> None:
        """A block of writes: the seconds of each, and those of the API server's processor and its policies in all."""
        self.taken += taken
        self.processor += processor
        self.plugin += plugin

    @property
    def processor_each(self) -> float:
        """Milliseconds of processor time of a write."""
        return 1000 * self.processor / len(self.taken)

    @property
    def policies_each(self) -> float:
        """Milliseconds that the policies took of a write, by the API server's own clock."""
        return 1000 * self.plugin.seconds / len(self.taken)


HEAD = (
    "write", "guardrails", "p50 ms", "p99 ms", "p50 more", "p50 ratio", "p99 more", "processor ms", "more",
    "policies ms", "policies asked",
)  # fmt: skip


def row(write: str, guardrails: str, cell: Cell, bare: Cell, asked: str = "") -> tuple[str, ...]:
    """A line of the table, beside the same writes where there are no guardrails."""
    p50, p99, base50, base99 = at(0.5, cell.taken), at(0.99, cell.taken), at(0.5, bare.taken), at(0.99, bare.taken)
    return (
        write,
        guardrails,
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{p50 - base50:+.1f}",
        f"{p50 / base50:.2f}",
        f"{p99 - base99:+.1f}",
        f"{cell.processor_each:.1f}",
        f"{cell.processor_each - bare.processor_each:+.1f}",
        f"{cell.policies_each:.2f}",
        asked,
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# -- what CEL may cost ---------------------------------------------------------------------------------

#: What one policy may cost on one request, and one expression of it (k8s.io/apiserver/pkg/apis/cel/config.go).
BUDGET, EXPRESSION = 10_000_000, 1_000_000
#: What a large and a small coin cost, by the rule for ``contains``: a tenth of both lengths, multiplied.
LARGE, SMALL = 10_010, 100
MOST_LARGE, MOST_SMALL = 1000, 100
"""Coins of each size that can be spent at most: as many small ones as one large one is worth."""


@dataclass(frozen=True)
class Spent:
    """What a policy is made to spend beside its own work, in coins."""

    large: int = 0
    small: int = 0

    @property
    def units(self) -> int:
        return LARGE * self.large + SMALL * self.small


def left(fits: Callable[[Spent], bool]) -> int | None:
    """How much of its budget a policy leaves, in units, to a small coin; None where it is over it by itself."""
    if not fits(Spent()):
        return None
    large = _most(MOST_LARGE, lambda coins: fits(Spent(coins)))
    return Spent(large, _most(MOST_SMALL, lambda coins: fits(Spent(large, coins)))).units


def _most(there: int, fits: Callable[[int], bool]) -> int:
    """The most coins that still fit, of those that are there; none fit always."""
    good, bad = 0, there + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


@dataclass(frozen=True)
class Cost:
    """What one policy costs on one write, in units. None: more than its budget."""

    units: int | None

    @classmethod
    def of(cls, nothing: int, policy: int | None) -> Cost:
        """From what a policy without rules leaves of its budget, and what this one does."""
        return cls(None if policy is None else nothing - policy)

    @property
    def words(self) -> tuple[str, str, str]:
        """Units, their share of a policy's budget, and the most that they can be of one expression's."""
        if self.units is None:
            return f"over {BUDGET}", "over 100 %", ""
        share = 100 * self.units / EXPRESSION
        return str(self.units), f"{100 * self.units / BUDGET:.2f} %", f"{min(100.0, share):.1f} %"
