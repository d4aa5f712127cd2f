# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go, skip or wait: one cluster, at one moment, with the reason and who has to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..._vocabulary.owner import Owner
from ..contract.time_zones import time_zone
from ..release import kubernetes_version
from .approval import approved, moment
from .calendar import AHEAD, frozen_at, next_opening, open_until
from .case import OPEN_END, Case

GO, SKIP, WAIT = "go", "skip", "wait"


@dataclass(frozen=True)
class Decision:
    """What happens to a cluster.

    :param code: the reason in one word, for programs; ``reason`` is for people.
    :param owner: who has to act; nobody when it only has to wait.
    :param at: when it goes, or could go as far as the clock is concerned; None when nobody knows.
    :param closes: when the span closes in which it goes; None when that is far away.
    """

    action: str
    code: str
    reason: str
    owner: Owner = Owner.NOBODY
    at: datetime | None = None
    closes: datetime | None = None


def decide(case: Case, now: datetime) -> Decision:
    """What happens to a cluster if its turn is ``now`` (with a time zone)."""
    return standing(case, now) or timing(case, now)


def standing(case: Case, now: datetime) -> Decision | None:
    """What stands in the way that passes with no hour, only when somebody acts; None when nothing does."""
    skipped = _skipped(case)
    if skipped:
        return skipped
    if case.request.rollback:
        return None
    at = _clock(case, now)
    missing = case.live.get("missing_permissions") or ()
    if missing:
        return _not_allowed(case, missing, at)
    failed = case.live.get("failed") or {}
    if has_failed(case) and not case.request.retry:
        reason = f"{failed['release']} failed here at {failed.get('at')}: {failed.get('reason')}"
        return Decision(WAIT, "failed_before", reason, Owner.FIREWORKS)
    problem = _unfit(case)
    if problem:
        return Decision(WAIT, "unhealthy", problem, Owner.FIREWORKS, at)
    if at is None:
        return _never(case, now)
    verdict = approved(case.contract, case.change, case.approvals, now)
    if not verdict.approved:
        return Decision(WAIT, "approval", verdict.reason, verdict.owner, at)
    return None


def _not_allowed(case: Case, missing: Sequence[str], at: datetime | None) -> Decision:
    what = f"{case.request.release['version']} needs rights that this credential lacks: {'; '.join(missing)}"
    if case.contract["access"]["mode"] == "hardened":
        reason = f"{what}; apply the presetup again (fireworks.byoc.presetup of this version)"
        return Decision(WAIT, "missing_permissions", reason, Owner.CUSTOMER, at)
    reason = f"{what}; run fireworks.byoc.onboard again, which gives them, or use a credential that has them"
    return Decision(WAIT, "missing_permissions", reason, Owner.FIREWORKS, at)


def has_failed(case: Case) -> bool:
    """Whether exactly this release failed in the cluster. One that was corrected since has another digest."""
    failed, release = case.live.get("failed") or {}, case.request.release
    known = (str(release["version"]), str(release.get("digest", "")))
    return (failed.get("release"), failed.get("digest")) == known


def held_by(case: Case, at: datetime) -> str:
    """Who works on the cluster at this moment, in words; empty where nobody does."""
    lock = case.live.get("lock")
    free = moment(lock["expires_at"]) if lock else at
    if not lock or free <= at:
        return ""
    purpose = f" for {lock['purpose']}" if lock.get("purpose") else ""
    return f"{lock['holder']} works on it{purpose}; the lock expires at {_shown(free)} unless it is renewed"


def timing(case: Case, at: datetime) -> Decision:
    """What the clock says to a cluster with nothing else in its way."""
    if reason := held_by(case, at):
        return Decision(WAIT, "locked", reason, at=_clock(case, at))
    if case.request.rollback:
        return Decision(GO, "go", "a rollback waits for no window", at=at)
    opening = next_opening(case.calendar, at, case.estimate.duration)
    until = open_until(case.calendar, at)
    if opening is not None and opening <= at:
        return _go(case, at, until if until and until < at + AHEAD else None)
    frozen = frozen_at(case.calendar, at)
    if frozen:
        because = f": {frozen.reason}" if frozen.reason else ""
        code, reason = "frozen", f"frozen until {_shown(frozen.end, case)}{because}"
    elif until is None:
        code, reason = "outside_window", "outside its change windows"
    else:
        needed = _minutes(case.estimate.duration)
        code = "would_not_finish"
        reason = f"needs {needed} ({case.estimate.basis}), and its window closes at {_shown(until, case)}"
    reason += f" (emergency refused: {case.override.refused})" if case.override.refused else ""
    return Decision(WAIT, code, reason, at=opening)


def _go(case: Case, at: datetime, closes: datetime | None) -> Decision:
    verdict = approved(case.contract, case.change, case.approvals, at)
    if not verdict.approved:  # it holds now, and no longer when it is this cluster's turn
        return Decision(WAIT, "approval", verdict.reason, verdict.owner)
    emergency = case.request.emergency
    if emergency and case.override.windows:
        return Decision(GO, "emergency", f"emergency, {emergency.approver}: {emergency.reason}", at=at, closes=closes)
    return Decision(GO, "go", verdict.reason, at=at, closes=closes)


def _skipped(case: Case) -> Decision | None:
    live, release = case.live, case.request.release
    if not live.get("reachable"):
        owner = Owner(str(live.get("owner") or Owner.CUSTOMER))
        return Decision(SKIP, "offline", f"offline: {live.get('error') or 'no answer'}", owner)
    source, target = live.get("release"), str(release["version"])
    if source is None:
        return Decision(SKIP, "not_onboarded", "there is no stack to upgrade: onboard it", Owner.FIREWORKS)
    if source == target and not live.get("unfinished"):
        return Decision(SKIP, "already_there", f"has {target} already")
    if case.request.rollback:
        return None
    if source not in release["upgrades_from"]:
        sources = ", ".join(release["upgrades_from"]) or "none"
        return Decision(SKIP, "wrong_source", f"has {source}, and {target} may only follow {sources}", Owner.FIREWORKS)
    minimum = str(release["kubernetes"]["minimum"])
    if kubernetes_version(live.get("kubernetes")) < kubernetes_version(minimum):
        reason = f"Kubernetes {live.get('kubernetes')} is older than {minimum}, which {target} needs"
        return Decision(SKIP, "old_kubernetes", reason, Owner.CUSTOMER)
    return None


def _unfit(case: Case) -> str:
    if case.live.get("health") == "ready" or case.live.get("unfinished"):
        return ""
    return f"unhealthy: {'; '.join(case.live.get('problems') or ()) or 'it does not say why'}"


def _never(case: Case, now: datetime) -> Decision:
    """Why no time is found as far as is looked."""
    refused = f" (emergency refused: {case.override.refused})" if case.override.refused else ""
    frozen = frozen_at(case.calendar, now)
    if frozen:
        until = "further notice" if frozen.end == OPEN_END else _shown(frozen.end, case)
        return Decision(WAIT, "frozen", f"frozen until {until}: {frozen.reason}{refused}", Owner.CUSTOMER)
    needed = f"{_minutes(case.estimate.duration)} ({case.estimate.basis})"
    reason = f"no span of {needed} is open within {AHEAD.days} days"
    return Decision(WAIT, "would_not_finish", reason + refused, Owner.CUSTOMER)


def _clock(case: Case, at: datetime) -> datetime | None:
    """The next moment at which neither the lock nor the calendar is in the way."""
    lock = case.live.get("lock")
    free = max(at, moment(lock["expires_at"])) if lock else at
    if case.request.rollback:
        return free
    return next_opening(case.calendar, free, case.estimate.duration)


def _minutes(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{-(-seconds // 60)} min"


def _shown(moment_: datetime, case: Case | None = None) -> str:
    """A moment in the zone of the cluster's first window, where its people would look at a clock."""
    windows = ((case.contract.get("change") or {}).get("windows") or ()) if case else ()
    zone = str(windows[0]["time_zone"]) if windows else "UTC"
    return f"{moment_.astimezone(time_zone(zone)):%Y-%m-%d %H:%M} {zone}"
