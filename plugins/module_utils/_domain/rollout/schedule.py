# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When each wave begins, and what its clusters can do then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .blockers import Blocker
from .case import Case
from .permission import GO, WAIT, Decision, held, held_by, timing


@dataclass(frozen=True)
class Turn:
    """One cluster's turn in its wave; it ends when it is expected to, or nobody knows."""

    case: Case
    decision: Decision

    @property
    def ends(self) -> datetime | None:
        return self.decision.at + self.case.estimate.duration if self.decision.at else None


@dataclass(frozen=True)
class Wave:
    """A wave: when it begins (None: nobody knows) and the turns in it."""

    number: int
    starts: datetime | None
    turns: tuple[Turn, ...]

    @property
    def ends(self) -> datetime | None:
        """When the last of it that has a time is expected to be done."""
        return max((turn.ends for turn in self.turns if turn.ends), default=None)


def schedule(waves: Sequence[Sequence[Case]], now: datetime, soak: timedelta) -> list[Wave]:
    """Wave after wave: each begins when those before it have proved the release, and soaked.

    A wave proves it by the clusters that can go when it begins; those of it that wait for a window come later and hold
    nobody up. When none of them can, the first of them that can has to be waited for.
    """
    scheduled = []
    starts: datetime | None = now
    reason = ""
    for number, cases in enumerate(waves, start=1):
        turns = tuple(Turn(case, _in_turn(case, now, starts, reason)) for case in cases)
        scheduled.append(Wave(number, starts, turns))
        if starts is None:
            continue
        proves = _proves(turns, starts)
        starts = proves + soak if proves else None
        if not reason and not any(turn.decision.action == GO for turn in turns):
            reason = f"wave {number} goes first, and none of its clusters can go now"
    return scheduled


def _in_turn(case: Case, now: datetime, starts: datetime | None, reason: str) -> Decision:
    decision = _then(case, starts, reason)
    holder = held_by(case.asked, now)
    # Who holds the lock now may be done by then; whoever reads the plan wants to know all the same.
    return (
        replace(decision, reason=f"{decision.reason}; now {holder}")
        if holder and all(one.code != "locked" for one in decision.blockers)
        else decision
    )


def _then(case: Case, starts: datetime | None, reason: str) -> Decision:
    """:param reason: why an earlier wave holds it up; empty where none does."""
    if starts is None:
        return held(WAIT, [Blocker("earlier_wave", f"{reason}; nobody knows when")])
    decision = timing(case.asked, starts)
    return held(WAIT, [*decision.blockers, Blocker("earlier_wave", reason)], decision.at) if reason else decision


def _proves(turns: Sequence[Turn], starts: datetime) -> datetime | None:
    at_once = [turn.ends for turn in turns if turn.ends and turn.decision.at and turn.decision.at <= starts]
    later = [turn.ends for turn in turns if turn.ends]
    return max(at_once) if at_once else min(later, default=None)
