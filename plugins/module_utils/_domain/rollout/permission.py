# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change may be made to a cluster: windows, freezes, emergencies, approvals and the lock.

Every kind of change is decided here: stack upgrades, changes of models, actions on nodes. What only one kind has to
look at comes before (``decision`` for upgrades, ``model_change`` for models, ``node_action`` for nodes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.times import local_time
from ..contract.time_zones import time_zone
from ..contract.typed import Contract
from .approval import Change, approved, moment
from .blockers import Blocker, all_reasons, in_order
from .calendar import AHEAD, Calendar, Frozen, calendar_of, frozen_at, next_opening, open_until
from .emergency import Emergency, Override, override
from .policy import Estimate

Data = Mapping[str, Any]

GO, SKIP, WAIT, REFUSE = "go", "skip", "wait", "refuse"
OPEN_END = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Decision:
    """What happens to a cluster.

    :param code: the reason in one word, for programs; ``reason`` is for people, and says all that is in the way.
    :param owner: who has to act; nobody when it only has to wait.
    :param at: when it goes, or could go as far as the clock is concerned; None when nobody knows.
    :param closes: when the span closes in which it goes; None when that is far away.
    :param approved_by: who approved that it goes; empty where the contract asks for nobody.
    :param blockers: all that is in the way; ``code`` and ``owner`` are of the first.
    """

    action: str
    code: str
    reason: str
    owner: Owner = Owner.NOBODY
    at: datetime | None = None
    closes: datetime | None = None
    approved_by: str = ""
    blockers: tuple[Blocker, ...] = ()


def held(action: str, blockers: Sequence[Blocker], at: datetime | None = None) -> Decision:
    """The decision where one thing or more is in the way."""
    found = in_order(blockers)
    return Decision(action, found[0].code, all_reasons(found), found[0].owner, at, blockers=tuple(found))


@dataclass(frozen=True)
class Asked:
    """A change that asks to be made to one cluster.

    :param calendar: what of the contract's windows and freezes an emergency has left.
    :param lock: who works on the cluster (see ``case``); None where nobody does, or where it is not asked.
    :param rollback: whether it takes a change back: then it waits for nothing but the lock.
    """

    contract: Contract
    change: Change
    approvals: Sequence[Data]
    calendar: Calendar
    override: Override
    emergency: Emergency | None
    estimate: Estimate
    lock: Data | None = None
    rollback: bool = False


def asked_of(
    contract: Contract,
    live: Data,
    change: Change,
    *,
    approvals: Sequence[Data],
    emergency: Emergency | None,
    estimate: Estimate,
    rollback: bool = False,
) -> Asked:
    """What a change asks of a cluster, how the cluster is taken into account.

    :param live: see ``case``. :param approvals: those that did not come from the cluster itself.
    :raises ValueError: a moment in ``live`` cannot be read.
    """
    lifted = override(contract, emergency, change.requested_by, declared=bool(live.get("emergency")))
    calendar = calendar_of(contract, _own_freeze(live))
    if lifted.windows or change.standing:
        calendar = calendar.without_windows()
    if lifted.freezes:
        calendar = Calendar(calendar.windows)
    return Asked(
        contract=contract,
        change=change,
        approvals=[*approvals, *(live.get("approvals") or ())],
        calendar=calendar,
        override=lifted,
        emergency=emergency,
        estimate=estimate,
        lock=live.get("lock"),
        rollback=rollback,
    )


def permit(asked: Asked, at: datetime) -> Decision:
    """Whether the change may be made at this moment (with a time zone)."""
    found = blockers(asked, at)
    return held(WAIT, found, possible_at(asked, at)) if found else _go(asked, at)


def timing(asked: Asked, turn: datetime) -> Decision:
    """What happens to a change at its turn, that now waits for nothing but the clock; there is no time for it where an
    approval that it has ends before."""
    decision = permit(asked, turn)
    return replace(decision, at=None) if decision.owner else decision


def blockers(asked: Asked, at: datetime) -> list[Blocker]:
    """All that is in the way at this moment: who has to approve it, the lock, and the clock."""
    found = [Blocker("locked", holder)] if (holder := held_by(asked, at)) else []
    if asked.rollback:
        return found
    verdict = approved(asked.contract, asked.change, asked.approvals, at)
    if not verdict.approved:
        found.append(Blocker("approval", verdict.reason, verdict.owner))
    return [*found, *_of_the_clock(asked, at)]


def _of_the_clock(asked: Asked, at: datetime) -> list[Blocker]:
    opening = next_opening(asked.calendar, at, asked.estimate.duration)
    if opening is None:
        return [_never(asked, at)]
    if opening <= at:
        return []
    frozen, until = frozen_at(asked.calendar, at), open_until(asked.calendar, at)
    if frozen:
        because = f": {frozen.reason}" if frozen.reason else ""
        code, reason = "frozen", f"frozen until {_shown(frozen.end, asked)}{because}"
    elif until is None:
        code, reason = "outside_window", "outside its change windows"
    else:
        needed = _minutes(asked.estimate.duration)
        code = "would_not_finish"
        reason = f"needs {needed} ({asked.estimate.basis}), and its window closes at {_shown(until, asked)}"
    return [Blocker(code, reason + _refused_emergency(asked))]


def possible_at(asked: Asked, at: datetime) -> datetime | None:
    """The next moment at which neither the lock nor the calendar is in the way."""
    free = max(at, moment(asked.lock["expires_at"])) if asked.lock else at
    if asked.rollback:
        return free
    return next_opening(asked.calendar, free, asked.estimate.duration)


def held_by(asked: Asked, at: datetime) -> str:
    """Who works on the cluster at this moment, in words; empty where nobody does."""
    lock = asked.lock
    free = moment(lock["expires_at"]) if lock else at
    if not lock or free <= at:
        return ""
    purpose = f" for {lock['purpose']}" if lock.get("purpose") else ""
    return f"{lock['holder']} works on it{purpose}; the lock expires at {_shown(free)} unless it is renewed"


def _go(asked: Asked, at: datetime) -> Decision:
    if asked.rollback:
        return Decision(GO, "go", "a rollback waits for no window", at=at)
    until, verdict = open_until(asked.calendar, at), approved(asked.contract, asked.change, asked.approvals, at)
    closes = until if until and until < at + AHEAD else None
    emergency = asked.emergency
    if emergency and asked.override.windows:
        reason = f"emergency, {emergency.approver}: {emergency.reason}; {verdict.reason}"
        return Decision(GO, "emergency", reason, at=at, closes=closes, approved_by=verdict.by)
    return Decision(GO, "go", verdict.reason, at=at, closes=closes, approved_by=verdict.by)


def _never(asked: Asked, now: datetime) -> Blocker:
    """Why no time is found as far as is looked."""
    refused = _refused_emergency(asked)
    frozen = frozen_at(asked.calendar, now)
    if frozen:
        until = "further notice" if frozen.end == OPEN_END else _shown(frozen.end, asked)
        return Blocker("frozen", f"frozen until {until}: {frozen.reason}{refused}", Owner.CUSTOMER)
    needed = f"{_minutes(asked.estimate.duration)} ({asked.estimate.basis})"
    reason = f"no span of {needed} is open within {AHEAD.days} days"
    return Blocker("would_not_finish", reason + refused, Owner.CUSTOMER)


def _refused_emergency(asked: Asked) -> str:
    return f" (emergency refused: {asked.override.refused})" if asked.override.refused else ""


def _own_freeze(live: Data) -> list[Frozen]:
    frozen = live.get("frozen")
    if not frozen:
        return []
    until = moment(frozen["until"]) if frozen.get("until") else OPEN_END
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [Frozen(start, until.astimezone(UTC), str(frozen.get("reason") or "set in the cluster"))]


def _minutes(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{-(-seconds // 60)} min"


def _shown(moment_: datetime, asked: Asked | None = None) -> str:
    """A moment in the zone of the cluster's first window, where its people would look at a clock."""
    windows = ((asked.contract.get("change") or {}).get("windows") or ()) if asked else ()
    zone = str(windows[0]["time_zone"]) if windows else "UTC"
    return local_time(moment_, time_zone(zone))
