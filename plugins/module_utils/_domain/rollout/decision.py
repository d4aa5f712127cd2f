# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go, skip or wait: a stack upgrade of one cluster, at one moment, with the reason and who has to act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..._vocabulary.owner import Owner
from ..dropped_rights import entries_of
from ..identities.needs import OPERATOR, UPGRADER
from ..objectives.budget import spent_of
from ..release import kubernetes_version
from .blockers import ERROR_BUDGET, Blocker
from .bounds import under_other_bounds
from .case import Case
from .permission import REFUSE, SKIP, WAIT, Decision, blockers, held, permit, possible_at


def decide(case: Case, now: datetime) -> Decision:
    """What happens to a cluster if its turn is ``now`` (with a time zone)."""
    if skipped := _skipped(case):
        return held(SKIP, skipped)
    if not case.request.rollback and (refused := under_other_bounds(case.live)):
        return held(REFUSE, refused)
    found = [*_of_the_cluster(case), *blockers(case.asked, now)]
    return held(WAIT, found, possible_at(case.asked, now)) if found else permit(case.asked, now)


def standing(case: Case, now: datetime) -> Decision | None:
    """What stands in the way that passes with no hour, only when somebody acts; None when nothing does."""
    decision = decide(case, now)
    return decision if decision.action == SKIP or decision.owner else None


def _of_the_cluster(case: Case) -> list[Blocker]:
    """What is wrong with the cluster itself, which keeps nobody from a rollback."""
    if case.request.rollback:
        return []
    found = []
    if missing := case.live.get("missing_permissions") or ():
        found.append(_not_allowed(case, missing))
    if has_failed(case) and not case.request.retry:
        failed = case.live["failed"]
        reason = f"{failed['release']} failed here at {failed.get('at')}: {failed.get('reason')}"
        found.append(Blocker("failed_before", reason, Owner.FIREWORKS))
    if problem := _unfit(case):
        found.append(Blocker("unhealthy", problem, Owner(str(case.live.get("owner") or Owner.FIREWORKS))))
    if why := _without_budget(case):
        found.append(Blocker(ERROR_BUDGET, why, Owner.FIREWORKS))
    return found


def _without_budget(case: Case) -> str:
    """An upgrade may cost any model some of its budget. One that is half done costs less when it is finished."""
    if case.live.get("unfinished") or case.asked.override.windows:
        return ""
    gone = case.live.get("spent") or {}
    return spent_of(gone, sorted(gone))


def _not_allowed(case: Case, missing: Sequence[str]) -> Blocker:
    what = f"{case.request.release['version']} needs rights that this credential lacks: {'; '.join(missing)}"
    other = str(case.live.get("identity") or "")
    if other not in ("", UPGRADER, OPERATOR):
        reason = f"{what}, which is that of the identity {other}; run this with the {UPGRADER}'s"
        return Blocker("missing_permissions", reason, Owner.OPERATOR)
    if any(entry["identity"] == UPGRADER for entry in entries_of(case.contract)):
        reason = f"{what}; the contract drops rights of the {UPGRADER} (access.dropped_rights): take these out of it, "
        return Blocker("missing_permissions", f"{reason}and apply the presetup again", Owner.CUSTOMER)
    if case.contract["access"]["mode"] == "hardened":
        reason = f"{what}; apply the presetup again (fireworks.byoc.presetup of this version)"
        return Blocker("missing_permissions", reason, Owner.CUSTOMER)
    reason = f"{what}; run fireworks.byoc.onboard again as an administrator, or use a credential that has them"
    return Blocker("missing_permissions", reason, Owner.FIREWORKS)


def has_failed(case: Case) -> bool:
    """Whether exactly this release failed in the cluster. One that was corrected since has another digest."""
    failed, release = case.live.get("failed") or {}, case.request.release
    known = (str(release["version"]), str(release.get("digest", "")))
    return (failed.get("release"), failed.get("digest")) == known


def _skipped(case: Case) -> list[Blocker]:
    """Why this release cannot go there at all; what else would be in the way of it does not matter then."""
    live, release = case.live, case.request.release
    if not live.get("reachable"):
        owner = Owner(str(live.get("owner") or Owner.CUSTOMER))
        return [Blocker("offline", f"offline: {live.get('error') or 'no answer'}", owner)]
    source, target = live.get("release"), str(release["version"])
    if source is None:
        return [Blocker("not_onboarded", "there is no stack to upgrade: onboard it", Owner.FIREWORKS)]
    if source == target and not live.get("unfinished"):
        return [Blocker("already_there", f"has {target} already")]
    return [] if case.request.rollback else _of_the_release(case)


def _of_the_release(case: Case) -> list[Blocker]:
    live, release, found = case.live, case.request.release, []
    source, target, minimum = live["release"], str(release["version"]), str(release["kubernetes"]["minimum"])
    if source not in release["upgrades_from"]:
        sources = ", ".join(release["upgrades_from"]) or "none"
        reason = f"has {source}, and {target} may only follow {sources}"
        found.append(Blocker("wrong_source", reason, Owner.FIREWORKS))
    if kubernetes_version(live.get("kubernetes")) < kubernetes_version(minimum):
        reason = f"Kubernetes {live.get('kubernetes')} is older than {minimum}, which {target} needs"
        found.append(Blocker("old_kubernetes", reason, Owner.CUSTOMER))
    return found


def _unfit(case: Case) -> str:
    if case.live.get("health") == "ready" or case.live.get("unfinished"):
        return ""
    return f"unhealthy: {'; '.join(case.live.get('problems') or ()) or 'it does not say why'}"
