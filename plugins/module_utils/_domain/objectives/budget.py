# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the error budget of each objective is left, as far as our telemetry has measured it.

The budget is that of the longest recorded window for which telemetry has measured: one that keeps three days of metrics
knows of three, and one that has begun anew of none until it has seen a day.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Contract
from ..moments import shown_moment
from .indicators import promises
from .rules import MINIMUM
from .windows import seconds

Data = Mapping[str, Any]

NOT_MEASURED, NO_REQUESTS, SPENT = "not measured", "no requests", "spent"
RECORDED = '{__name__=~"byoc:objective:(budget|(bad|ratio):rate.+)"}'
"""In PromQL: all that is recorded of objectives, some numbers for each."""
SINCE = "min by (model, objective) (min_over_time(timestamp(byoc:objective:budget)[3d:10m]))"
"""When the oldest of what is kept was measured, to ten minutes."""

LEAST = "1d"
"""What was measured for less than this tells nothing of a budget of days, where longer windows are recorded."""
COARSE = 900.0
"""Seconds by which what was asked for in steps of ten minutes may be late: a step of its own, and what a rule takes
to be evaluated first."""
_RECORD = re.compile("byoc:objective:(?P<what>budget|bad|ratio)(?::rate(?P<window>.+))?")


@dataclass(frozen=True)
class Budget:
    """Of one objective. spent: how many times its budget of ``window`` is used up; None where nothing is measured.

    bad: events in that window that missed the objective. since: the oldest of what is measured, in RFC 3339.
    lacks: for how long it would have to be measured, where it is not yet.
    """

    model: str
    objective: str
    share: float
    window: str = ""
    spent: float | None = None
    bad: float = 0.0
    since: str = ""
    lacks: str = ""

    @property
    def is_spent(self) -> bool:
        """Whether more failed than may. A few bad events prove nothing, and what is not measured neither."""
        return self.spent is not None and self.spent >= 1 and self.bad >= MINIMUM

    @property
    def text(self) -> str:
        """What is left, for people."""
        if self.lacks:
            return f"{NOT_MEASURED} for {self.lacks} yet"
        if self.spent is None:
            return f"{NO_REQUESTS} in {self.window}" if self.window else NOT_MEASURED
        if self.is_spent:
            return f"spent, {self.spent:.1f} times in {self.window}"
        return f"{max(0.0, 1 - self.spent):.0%} left of {self.window}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "model": self.model,
            "objective": self.objective,
            "promised": self.share,
            "window": self.window,
            "spent": None if self.spent is None else round(self.spent, 4),
            "bad": round(self.bad),
            "since": self.since,
            "state": SPENT if self.is_spent else NOT_MEASURED if self.spent is None else "left",
            "left": self.text,
        }


def budgets(contract: Contract, recorded: Data | None, since: Data | None = None) -> list[Budget]:
    """A row for each objective of the contract.

    :param recorded: the answer to ``RECORDED``, :param since: and to ``SINCE``; None where there was none.
    """
    known, begun = _by_objective(recorded), _begun(since)
    return [
        _budget(promise.model, promise.objective, promise.share, known, begun.get((promise.model, promise.objective)))
        for promise in promises(contract)
    ]


def spent(rows: Iterable[Data]) -> dict[str, str]:
    """The models of which a budget is spent, each with why. :param rows: as ``Budget.to_dict`` makes them."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["state"] == SPENT:
            found.setdefault(str(row["model"]), []).append(f"{row['objective']}: {row['left']}")
    return {model: "; ".join(each) for model, each in found.items()}


def spent_of(gone: Mapping[str, str], models: Iterable[str]) -> str:
    """Which of these models have no error budget left, as a sentence; empty where each has one, or none is known.

    :param gone: as ``spent`` tells them.
    """
    found = [f"{model} ({gone[model]})" for model in models if model in gone]
    return f"the error budget is spent of {'; '.join(found)}" if found else ""


def summary(rows: Iterable[Data] | None) -> str:
    """All budgets of a cluster in a few words: which are spent, else the least that is left of any."""
    found = list(rows or ())
    if not found:
        return "-"
    if gone := spent(found):
        return f"spent: {', '.join(sorted(gone))}"
    measured = [row for row in found if row["spent"] is not None]
    lacking = f"{len(found) - len(measured)} {NOT_MEASURED}" if len(measured) < len(found) else ""
    least = max(measured, key=lambda row: float(row["spent"]), default=None)
    return ", ".join(filter(None, (str(least["left"]) if least else "", lacking if least else NOT_MEASURED)))


_Known = dict[tuple[str, str], dict[tuple[str, str], float]]


def _budget(model: str, objective: str, share: float, known: _Known, begun: tuple[float, float] | None) -> Budget:
    found = known.get((model, objective), {})
    allowed = found.get(("budget", ""))
    windows = sorted((window for what, window in found if what == "bad"), key=seconds)
    if not windows or not allowed:
        return Budget(model, objective, share)
    oldest, asked = begun or (None, 0.0)
    least = min(LEAST, windows[-1], key=seconds)
    measured = 0.0 if oldest is None else asked - oldest + COARSE
    whole = [window for window in windows if seconds(least) <= seconds(window) <= measured]
    if not whole:
        return Budget(model, objective, share, since=shown_moment(oldest), lacks=least)
    window = whole[-1]
    bad, ratio = found["bad", window] * seconds(window), found.get(("ratio", window), math.nan)
    used = None if math.isnan(ratio) else ratio / allowed
    return Budget(model, objective, share, window, used, 0.0 if math.isnan(bad) else bad, shown_moment(oldest))


def _by_objective(answer: Data | None) -> _Known:
    found: _Known = {}
    for labels, value, _ in _series(answer):
        if match := _RECORD.fullmatch(str(labels.get("__name__"))):
            found.setdefault(_promised(labels), {})[match["what"], match["window"] or ""] = value
    return found


def _begun(answer: Data | None) -> dict[tuple[str, str], tuple[float, float]]:
    """By objective, since when it is measured, and when that was asked, by telemetry's own clock."""
    return {_promised(labels): (value, asked) for labels, value, asked in _series(answer)}


def _promised(labels: Data) -> tuple[str, str]:
    return str(labels.get("model")), str(labels.get("objective"))


def _series(answer: Data | None) -> Iterable[tuple[Data, float, float]]:
    """Each series of an instant query's answer: its labels, its value, and when that was."""
    for one in ((answer or {}).get("data") or {}).get("result") or ():
        asked, value = one["value"]
        yield one["metric"], float(value), float(asked)
