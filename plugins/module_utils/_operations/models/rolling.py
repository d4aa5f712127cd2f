# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One model brought to a unit: recorded, applied as the room allows, gated, and made good or rolled back whole.

Whatever this must know lives in the cluster: the recorded revisions, each with what became of it, and the set itself.
So a run that was killed anywhere is gone on with by the next: a pending revision is rolled out, a failing one rolled
back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ..._domain.model.gate import FAILED as GATE_FAILED
from ..._domain.model.gate import PASSED, UNPROVEN, Gate, Verdict
from ..._domain.model.revision import (
    FAILED,
    FAILING,
    GOOD,
    PENDING,
    Revision,
    current,
    decided,
    expendable,
    last_good,
    next_number,
    parse,
    record,
    to_restore,
)
from ..._domain.model.room import Room
from ..._domain.model.strategy import APPLY, IDLE, REPLACE, ROLLING, SURGE, Now, Strategy, choose
from ..._domain.model.unit import (
    WORKLOADS,
    Unit,
    as_unit,
    available,
    digest,
    is_group,
    is_scaled,
    may_be_away,
    shape_of,
    template_of,
    wanted_shape,
    while_rolling,
    with_candidate,
    with_history,
    without_bounds,
    workload,
)
from ..._domain.names import SYSTEM_NAMESPACE, model_set
from ..._kube.apply import SetApplier
from ..._kube.create import create_once
from ..._kube.errors import ConflictError, ForbiddenError, InvalidError, KubeError
from ..._kube.manifests import ManifestError
from ..._kube.objects import Manifest, Ref
from ..._kube.over import delete_over, patch_over
from ..._kube.plan import DELETE, Change, Plan
from ..._kube.refusals import HeldByPolicyError, RefusedError
from ..._kube.wait import Awaited
from ..._vocabulary.times import rfc3339
from .reading import REVISIONS
from .staging import broken_jobs, stage
from .talk import Talk
from .watching import Gatekeeper, Replicas, awaited_of

NOTHING, DRIFT, RESUMED, BOUNDS, NEW_REVISION = KINDS = ("none", "drift", "resumed", "bounds", "new_revision")
"""Nothing; back to what is recorded as good; what a killed run began; other bounds of its autoscaler; all else."""
_SLACK_SECONDS = 60


class RolloutError(KubeError):
    """A rollout that did not end in the new revision; the message says in which one it ended, and why."""

    code = "rollout_failed"


class ModelChange:
    """One model's way from what is there to what is wanted.

    :param entry: the model as the module takes it. :param revisions: what is recorded of it, oldest first.
    :raises UnknownRevisionError: it asks for a revision that is not there. :raises UnfitUnitError: no unit.
    """

    def __init__(
        self, talk: Talk, entry: Mapping[str, Any], manifests: Sequence[Any], revisions: Sequence[Revision]
    ) -> None:
        self._talk = talk
        self.entry = entry
        self.name = str(entry["name"])
        self._revisions = list(revisions)
        restored = to_restore(revisions, str(entry["revision"])) if entry.get("revision") else None
        self.unit: Unit = as_unit(restored.unit if restored else manifests)
        self.digest = digest(self.unit)
        self.applied = with_history(self.unit, int(entry["history"]))
        self._restores = restored.number if restored else 0
        self._now = current(revisions)
        parent = Ref("ConfigMap", "", SYSTEM_NAMESPACE, model_set(self.name))
        self._applier = SetApplier(talk.session, talk.discovery, parent, talk.options)
        self.plan: Plan | None = None
        self.newest_number = next_number(revisions) - 1
        self.next_revision = f"{self.name}-{self.newest_number + 1}"

    # --- read and plan -------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether what is wanted has been recorded as good already."""
        return bool(self._now and self._now.state == GOOD and self._now.digest == self.digest)

    @property
    def current_number(self) -> int:
        """The number of the revision that runs; 0 where none is recorded."""
        return self._now.number if self._now else 0

    @property
    def resumes(self) -> Revision | None:
        """The revision of this very unit that an earlier run was at."""
        under_way = self._now and self._now.state in (PENDING, FAILING) and self._now.digest == self.digest
        return self._now if under_way else None

    @property
    def kind(self) -> str:
        """What sort of change it is, one of ``KINDS``: an approval is needed for a new revision only."""
        if self.settled:
            return DRIFT
        if self.resumes:
            return RESUMED
        scaled = self._now and self._now.state == GOOD and is_scaled(self._now.unit) and is_scaled(self.unit)
        if scaled and self._now and without_bounds(self._now.unit) == without_bounds(self.unit):
            return BOUNDS
        return NEW_REVISION

    def look(self, coming: Sequence[Manifest] = ()) -> Plan:
        """Ask the server what applying the unit would change. Errors as for ``plan_present``."""
        if not self.unit:
            raise ManifestError(f"model {self.name} has no manifests", next_step="give its definition, or a revision")
        self.plan = self._applier.plan_present([*self.applied, *coming])
        return self.plan

    @property
    def drifted(self) -> bool:
        """Whether what is there is not as the unit says, or has a Job that has to run again."""
        return bool(self.plan and (self.plan.changed or broken_jobs(self.plan)))

    @property
    def product(self) -> str:
        deployment = workload(self.unit)
        return shape_of(deployment).product if deployment else ""

    def choose(self, room: Room) -> Strategy:
        """How to roll, given what is free; what an earlier run chose is kept to."""
        if self.resumes and self.resumes.strategy:
            return Strategy(**self.resumes.strategy)
        target, live, other = workload(self.unit), self._live_workload(), self._other_workload()
        if target is None:
            return Strategy(APPLY, "the unit has no workload, so there is nothing to replace step by step")
        now = None
        if serving := live or other:
            shape = shape_of(serving)
            becomes = "" if live else str(target["kind"])
            now = Now(shape, available(serving), may_be_away(self.unit, shape.replicas), becomes)
        wanted = wanted_shape(self.unit, live)
        same = bool(live) and self._same_pods()
        return choose(now, wanted, room, same_pods=same, downtime=bool(self.entry["downtime"]))

    def takes(self, strategy: Strategy) -> tuple[int, int]:
        """What a strategy takes of the room: the GPUs of a pod, and the pods."""
        deployment = workload(self.unit)
        shape = shape_of(deployment) if deployment else None
        return (shape.gpus, strategy.extra * shape.nodes) if shape else (0, 0)

    def _live_workload(self) -> Manifest:
        change = self._workload_change()
        return change.before if change else {}

    def _other_workload(self) -> Manifest:
        """What serves now and goes, where what is wanted runs as another kind."""
        changes = self.plan.changes if self.plan else ()
        return next((c.before for c in changes if c.action == DELETE and c.ref.kind in WORKLOADS), {})

    def _same_pods(self) -> bool:
        change = self._workload_change()
        return change is not None and template_of(change.before) == template_of(change.after)

    def _workload_change(self) -> Change | None:
        target = workload(self.unit)
        changes = self.plan.changes if self.plan else ()
        return next((c for c in changes if target and c.ref == Ref.of(target)), None)

    # --- apply ---------------------------------------------------------------------------------

    def carry_out(self, strategy: Strategy) -> dict[str, Any]:
        """Do it, and say what was done.

        :raises RolloutError: the new revision is not good, and what became of it.
        """
        if self.settled:
            return self._restore_fields(strategy)
        if self._now and self._now.state == FAILING and self.resumes:
            raise self._roll_back(self._now, f"{self._now.failure}; the run that found this was interrupted")
        revision = self.resumes or self._record(strategy)
        self._supersede(revision)
        try:
            verdict = self._stage()
            if verdict.state != GATE_FAILED:
                verdict = self._try_candidate(strategy)
            if verdict.state != GATE_FAILED:
                verdict = self._roll(strategy, bake=self._bake(strategy))
        except (RefusedError, InvalidError, ForbiddenError) as error:
            # What the dry-run let pass and the write did not would leave a mix of both versions.
            verdict = Verdict(GATE_FAILED, error.what)
        if verdict.state == GATE_FAILED:
            failed = self._roll_back(revision, verdict.why)
            raise HeldByPolicyError(failed.what, where=failed.where) if verdict.held else failed
        self._apply(self.unit)
        self._decide(revision, GOOD)
        self._prune()
        return self._result(strategy, revision.number, verdict, changed=True)

    def _restore_fields(self, strategy: Strategy) -> dict[str, Any]:
        """What is recorded as good is put right where it was changed since; that is no new revision."""
        changed = self.drifted
        if broken_jobs(self.plan):
            stage(self._talk.session, self._apply, self.unit, self.unit)
        verdict = self._roll(strategy if changed else Strategy(APPLY, "nothing to change"), bake=0)
        if verdict.state == GATE_FAILED:
            what = f"is as revision {self.current_number} says, but {verdict.why}"
            raise self._error(what, "settle what it waits for, then run again")
        if changed:
            self._apply(self.unit)
        return self._result(strategy, self.current_number, verdict, changed=changed)

    def _record(self, strategy: Strategy) -> Revision:
        revision = Revision(
            model=self.name,
            number=next_number(self._revisions),
            unit=self.unit,
            digest=self.digest,
            state=PENDING,
            requested_by=self._talk.requested_by,
            reason=self._talk.reason,
            when=rfc3339(datetime.now(UTC)),
            restores=self._restores,
            strategy=asdict(strategy),
        )
        try:
            revision = parse(create_once(self._talk.session, REVISIONS, record(revision)))
        except ConflictError:
            raise self._error(
                f"another run has just recorded revision {revision.number}; nothing was changed",
                "wait until that run has ended, then run again",
            ) from None
        self._revisions.append(revision)
        return revision

    def _supersede(self, revision: Revision) -> None:
        """What earlier runs were at, and did not come to the end of, is no more."""
        for older in [r for r in self._revisions if r.state in (PENDING, FAILING) and r.number < revision.number]:
            self._decide(older, FAILED, older.failure or f"superseded by revision {revision.number}")

    def _bake(self, strategy: Strategy) -> int:
        """A first version replaces nothing that serves, so nothing has to be held back for it.

        Nor is a group: nothing in Kubernetes would do that.
        """
        target = workload(self.unit)
        held_back = strategy.name in ROLLING and self._good() and target and not is_group(target)
        return int(self.entry["bake"]) if held_back else 0

    def _stage(self) -> Verdict:
        """Fetch weights while the good version serves; what is being rolled out already has them."""
        good, session = self._good(), self._talk.session
        serving = good.unit if good else []
        return Verdict(PASSED) if self._same_pods() else stage(session, self._apply, serving, self.unit)

    def _try_candidate(self, strategy: Strategy) -> Verdict:
        """Let one replica of the new version prove itself before any gets traffic.

        Not where no request may be sent (then it would prove nothing), where no good version serves meanwhile, where
        there is no room for it, or where the new version is being rolled out already. Nor where a replica spans nodes:
        one more would be as large as a replica that serves, and a LeaderWorkerSet rolls group by group anyway.
        """
        good, live = self._good(), self._live_workload()
        if self._talk.unsent or not self.entry["canary_request"] or not good or not live or self._same_pods():
            return Verdict(PASSED)
        serving, target = workload(good.unit), workload(self.unit)
        if any(each is None or is_group(each) for each in (serving, target)):
            return Verdict(PASSED)
        fewer = strategy.name == REPLACE
        ours = serving is not None and not is_scaled(good.unit) and shape_of(serving).replicas > 1
        if strategy.name != SURGE and not (fewer and ours):
            return Verdict(PASSED)
        unit = with_candidate(good.unit, self.unit, fewer=fewer)
        plan = self._apply(unit)
        candidate = unit[-1]
        awaited = [Awaited(c.ref, c.resource) for c in plan.changes if c.ref == Ref.of(candidate)]
        seconds = int(self.entry["load_seconds"]) + _SLACK_SECONDS
        verdict = self._gatekeeper().watch(awaited, Replicas(candidate, 1), seconds=seconds)
        return Verdict(
            verdict.state, f"the candidate, before it got traffic: {verdict.why}", verdict.replicas, verdict.held
        )

    def _roll(self, strategy: Strategy, *, bake: int) -> Verdict:
        manifest = strategy.manifest
        unit = self.unit if manifest is None else while_rolling(self.unit, manifest, bake)
        plan = self._apply(unit)
        awaited = awaited_of(plan)
        deployment = workload(unit)
        replicas = None
        if deployment and strategy.name != IDLE and not (strategy.name == APPLY and self._has_passed()):
            replicas = Replicas(deployment, wanted_shape(self.unit, self._live_workload()).replicas)
        seconds = self.entry["deadline"] or strategy.steps * (int(self.entry["load_seconds"]) + bake) + _SLACK_SECONDS
        verdict = self._gatekeeper().watch(awaited, replicas, seconds=float(seconds))
        if strategy.name == IDLE and verdict.state == PASSED:
            return Verdict(UNPROVEN, "it is scaled to zero; the next start will show")
        return verdict

    def _has_passed(self) -> bool:
        """Whether replicas of this very template have passed the gate: what runs already need not have."""
        good, target = self._good(), workload(self.unit)
        passed = workload(good.unit) if good else None
        return bool(passed and target and template_of(passed) == template_of(target))

    def _roll_back(self, revision: Revision, why: str) -> RolloutError:
        """Restore the last good revision whole; the error that says so."""
        self._decide(revision, FAILING, why)
        good = self._good()
        head = f"revision {revision.number} did not pass its gate: {why}"
        if good is None:
            self._decide(revision, FAILED, why)
            return self._error(
                f"{head}. There is no earlier good revision to go back to; what was applied is still there to inspect",
                "fix what keeps the replicas from passing, or correct the model, then run again",
            )
        plan = self._apply(good.unit)
        awaited = awaited_of(plan)
        deployment = workload(good.unit)
        steps = shape_of(deployment).replicas if deployment else 1
        seconds = float(steps * int(self.entry["load_seconds"]) + _SLACK_SECONDS)
        verdict = self._gatekeeper().watch(awaited, None, seconds=seconds)
        self._decide(revision, FAILED, why)
        serves = "and is ready" if verdict.state != GATE_FAILED else f"but is not ready: {verdict.why}"
        return self._error(
            f"{head}. Revision {good.number} was restored whole {serves}",
            "correct what kept it from passing; until then each run tries the same again",
        )

    def _apply(self, unit: Unit) -> Plan:
        plan = self._applier.plan_present(with_history(unit, int(self.entry["history"])))
        if plan.changed:
            self._applier.apply_present(plan)
        return plan

    def _good(self) -> Revision | None:
        return last_good(self._revisions)

    def _decide(self, revision: Revision, state: str, reason: str = "") -> None:
        seen = next(one for one in self._revisions if one.number == revision.number)
        live = patch_over(self._talk.session, f"{REVISIONS}/{seen.name}", decided(state, reason), seen.seen)
        self._revisions = [parse(live) if one is seen else one for one in self._revisions]

    def _prune(self) -> None:
        gone = expendable(self._revisions, int(self.entry["history"]))
        session = self._talk.session
        session.in_parallel(lambda one: delete_over(session, f"{REVISIONS}/{one.name}", one.seen), gone)

    def _gatekeeper(self) -> Gatekeeper:
        gate = Gate(bool(self.entry["canary_request"]), float(self.entry["heartbeat_grace"]))
        return Gatekeeper(
            self._talk.session,
            gate,
            engine=self.entry["engine"] or "",
            served_name=self.entry["served_name"] or self.name,
            unsent=self._talk.unsent,
        )

    def _error(self, what: str, next_step: str) -> RolloutError:
        return RolloutError(f"model {self.name} {what}", where=self._talk.session.where, next_step=next_step)

    def _result(self, strategy: Strategy, number: int, verdict: Verdict, *, changed: bool) -> dict[str, Any]:
        return {
            "name": self.name,
            "changed": changed,
            "from": self.current_number,
            "tried": self.newest_number,
            "change": self.kind if changed else NOTHING,
            "revision": number,
            "strategy": strategy.name,
            "why": strategy.why,
            "gate": verdict.state,
            "evidence": verdict.why,
            "replicas": [dict(replica) for replica in verdict.replicas],
        }
