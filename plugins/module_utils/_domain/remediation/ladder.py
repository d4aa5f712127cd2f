# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which repair comes next: no milder than the fault asks, none twice too often, and none without a rest between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..moments import seconds_at
from ..rollout.permission import GO, SKIP, Decision
from .faults import HUMAN, LADDER, RESTART_POD
from .journey import Journey
from .limits import Limits

WEEK = 7 * 86400.0
REPAIR, WAIT, HAND_OVER = "repair", "wait", "hand_over"


@dataclass(frozen=True)
class Rung:
    """What to do: ``repair`` with ``goal``, ``wait`` until ``until``, or ``hand_over``; and why.

    decided: whether the contract lets it be made now, where that was asked.
    """

    do: str
    goal: str
    why: str
    until: float = 0.0
    decided: Decision | None = None


def next_rung(journey: Journey, limits: Limits, decide: Callable[[str], Decision], now: float) -> Rung:
    """The next repair of a node whose fault asks for ``journey.goal``.

    :param decide: whether the contract lets a repair be made now.
    """
    if journey.goal == HUMAN or journey.goal not in LADDER:
        return Rung(HAND_OVER, HUMAN, "only a human can say what is wrong")
    recent = [one for one in journey.history if (seconds_at(one.get("at")) or 0.0) > now - WEEK]
    if len(recent) >= limits.repairs_per_week:
        return Rung(
            HAND_OVER, HUMAN, f"it was repaired {len(recent)} times in a week: the hardware has to be looked at"
        )
    latest = max((seconds_at(one.get("at")) or 0.0 for one in recent), default=0.0)
    # A repair that has just failed is followed by a stronger one at once; the rest is between journeys.
    own = any(one.get("session") == journey.session for one in recent)
    if not own and latest and now < latest + limits.cooldown:
        return Rung(WAIT, journey.goal, "it was repaired just now (remediation.cooldown)", latest + limits.cooldown)
    for goal in LADDER[LADDER.index(journey.goal) :]:
        tried = [one for one in recent if one.get("goal") == goal]
        failed_now = any(one.get("session") == journey.session for one in tried)
        if goal == RESTART_POD or failed_now or len(tried) >= limits.attempts:
            continue
        decided = decide(goal)
        do = {GO: REPAIR, SKIP: HAND_OVER}.get(decided.action, WAIT)
        return Rung(do, goal, decided.reason, decided=decided)
    return Rung(HAND_OVER, HUMAN, "every repair has been tried as often as it may be")
