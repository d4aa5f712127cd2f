# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a fleet's run is: clusters and stages, counts, an estimate, a summary. No clock: ``now`` is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from .._vocabulary.wording import spoken
from .outcome import GOOD, Result, fine_results
from .table import table


@dataclass
class _Cluster:
    stage: str = ""
    since: float = 0.0
    began: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    result: str = ""


class Progress:
    """One run over a fleet. Every event costs the same, whatever the number of clusters.

    :param now: seconds of any clock, the same for all events.
    """

    def __init__(self, title: str, clusters: Iterable[str], now: float) -> None:
        self._title = title
        self._clusters = {name: _Cluster() for name in clusters}
        self._began = now
        self._stages: dict[str, int] = {}
        self._ended = 0
        self._bad = 0
        self._waiting = 0

    def working(self, cluster: str, stage: str, now: float) -> None:
        """A cluster is at work on a stage; without a name, on the one it was at."""
        one = self._clusters.get(cluster)
        if one is None or one.result or (one.stage and stage in ("", one.stage)):
            return
        self._leave(one, now)
        one.began = one.began or now
        one.stage, one.since = stage or "begin", now
        self._stages[one.stage] = self._stages.get(one.stage, 0) + 1

    def ended(self, cluster: str, result: str, reason: str, now: float) -> str:
        """A cluster has ended. The line to show at once; none when it went well, or when that is known already."""
        one = self._clusters.get(cluster)
        if one is None or result == one.result or (one.result and one.result not in fine_results()):
            return ""
        if not one.result:
            self._leave(one, now)
            self._ended += 1
        self._waiting += (result == Result.WAITING) - (one.result == Result.WAITING)
        one.result = result
        if result in GOOD:
            return ""
        if result == Result.WAITING:  # decided, wherever it was
            return f"{cluster} waits: {' '.join(reason.split())}"
        self._bad += 1
        at = f" at {one.stage}" if one.stage else ""
        return f"{cluster} {spoken(result)}{at}: {' '.join(reason.split()) or 'it did not say why'}"

    def finish(self, now: float) -> None:
        """The run is over: a cluster that said nothing of its end has come through."""
        for name, one in self._clusters.items():
            if not one.result:
                self.ended(name, Result.DONE if one.began else Result.NOT_BEGUN, "the run ended before its turn", now)

    def line(self, now: float) -> str:
        """How far it is, in a line."""
        total = len(self._clusters)
        parts = [f"{self._title}: {self._ended} of {total} finished"]
        if self._bad:
            parts.append(f"{self._bad} with problems")
        if self._waiting:
            parts.append(f"{self._waiting} waiting")
        at_work = [f"{stage} {count}" for stage, count in self._stages.items() if count]
        if at_work:
            parts.append(f"at work: {', '.join(at_work)}")
        others = total - self._ended - sum(self._stages.values())
        if others:
            parts.append(f"{others} not begun")
        elapsed = now - self._began
        parts.append(f"{_span(elapsed)} elapsed")
        if 0 < self._ended < total:
            parts.append(f"about {_span(elapsed / self._ended * (total - self._ended))} left")
        return ", ".join(parts)

    def summary(self, now: float) -> str:
        """What each stage took. What came of each cluster is said by the run's own summary."""
        spent: dict[str, list[float]] = {}
        for one in self._clusters.values():
            for stage, seconds in one.seconds.items():
                spent.setdefault(stage, []).append(seconds)
        stages = [
            {"stage": stage, "clusters": len(all_of), "median": _span(median(all_of)), "longest": _span(max(all_of))}
            for stage, all_of in spent.items()
        ]
        return "\n\n".join([self.line(now), table(stages)] if stages else [self.line(now)])

    def _leave(self, one: _Cluster, now: float) -> None:
        if one.stage:
            one.seconds[one.stage] = one.seconds.get(one.stage, 0.0) + now - one.since
            self._stages[one.stage] -= 1


def _span(seconds: float) -> str:
    """A span of time as people say it: 8 s, 4:05 min, 2:10 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
