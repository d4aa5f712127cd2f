# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go, skip or wait: a stack upgrade of one cluster, at one moment, with the reason and who has to act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..._vocabulary.owner import Owner
from ..release import kubernetes_version
from .case import Case
from .permission import SKIP, WAIT, Decision, blocked, possible_at, timing


def decide(case: Case, now: datetime) -> Decision:
    """What happens to a cluster if its turn is ``now`` (with a time zone)."""
    return standing(case, now) or timing(case.asked, now)


def standing(case: Case, now: datetime) -> Decision | None:
    """What stands in the way that passes with no hour, only when somebody acts; None when nothing does."""
    skipped = _skipped(case)
    if skipped:
        return skipped
    if case.request.rollback:
        return None
    at = possible_at(case.asked, now)
    missing = case.live.get("missing_permissions") or ()
    if missing:
        return _not_allowed(case, missing, at)
    failed = case.live.get("failed") or {}
    if has_failed(case) and not case.request.retry:
        reason = f"{failed['release']} failed here at {failed.get('at')}: {failed.get('reason')}"
        return Decision(WAIT, "failed_before", reason, Owner.FIREWORKS)
    problem = _unfit(case)
    if problem:
        return Decision(WAIT, "unhealthy", problem, Owner(str(case.live.get("owner") or Owner.FIREWORKS)), at)
    return blocked(case.asked, now)


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
