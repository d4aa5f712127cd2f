# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jobs of a unit, which fetch its weights: they end before any replica starts, so no GPU waits for a download."""

from __future__ import annotations

from collections.abc import Callable

from ..._domain.model.gate import FAILED, PASSED, Verdict
from ..._domain.model.unit import Unit, jobs_of, with_jobs
from ..._kube.objects import Ref
from ..._kube.plan import DELETE, Plan
from ..._kube.readiness import readiness
from ..._kube.session import Session
from ..._kube.wait import Awaited, wait_ready

_SLACK_SECONDS = 60


def broken_jobs(plan: Plan | None) -> set[Ref]:
    """The Jobs of a plan that have failed. Nothing starts such a Job again: it has to be made anew."""
    there = [c for c in plan.changes if c.action != DELETE and c.before] if plan else []
    return {c.ref for c in there if c.ref.group_kind == "Job.batch" and readiness(c.before).failed}


def stage(session: Session, apply: Callable[[Unit], Plan], serving: Unit, target: Unit) -> Verdict:
    """Run the Jobs of the target beside what serves, and wait for their end.

    :param apply: applies a whole unit, and gives the plan that it did.
    """
    jobs = {Ref.of(job): job for job in jobs_of(target)}
    if not jobs:
        return Verdict(PASSED)
    unit = with_jobs(serving, target)
    plan = apply(unit)
    if failed := broken_jobs(plan):
        apply([manifest for manifest in unit if Ref.of(manifest) not in failed])
        plan = apply(unit)
    awaited = [Awaited(c.ref, c.resource) for c in plan.changes if c.ref in jobs]
    seconds = max(int(job["spec"]["activeDeadlineSeconds"]) for job in jobs.values()) + _SLACK_SECONDS
    states = wait_ready(session, awaited, seconds=seconds)
    late = [f"{ref} {state.reason}" for ref, state in sorted(states.items()) if not state.ready]
    return Verdict(FAILED, f"its weights are not staged: {'; '.join(late)}") if late else Verdict(PASSED)
