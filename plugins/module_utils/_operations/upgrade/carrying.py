# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack of one cluster brought to another release, component by component, or rolled back whole.

Whatever this must know lives in the cluster: the entries, and what the set's parent says. So a run that was killed
anywhere is gone on with by the next one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..._domain.moments import shown_moment
from ..._domain.upgrade.entry import ENDS, FAILING, GOOD, WITHDRAWING, Entry, expendable
from ..._domain.upgrade.gate import Trouble
from ..._domain.upgrade.marks import Marks, as_annotations
from ..._kube.apply import SetApplier
from ..._kube.discovery import Discovery
from ..._kube.errors import (
    AnswerError,
    CredentialError,
    DeadlineError,
    KubeError,
    TlsError,
    UnauthorizedError,
    UnreachableError,
    WrongClusterError,
)
from ..._kube.objects import Manifest, Ref
from ..._kube.over import ChangedError, delete_over
from ..._kube.plan import DELETE, Plan
from ..._kube.refusals import HeldByPolicyError
from ..._kube.removal import awaited, require_gone
from ..._kube.session import Session
from ..._kube.set_options import SetOptions
from ..._kube.wait import Awaited, wait_ready
from ..._vocabulary.listing import amount
from .reading import ENTRIES, PARENT, Surroundings, decide, read_entries

Component = tuple[str, Sequence[Manifest]]
"""A name, and the objects that are applied and waited for together."""

_SLICE_SECONDS = 2.0
_REST_SECONDS = 0.5
_GRACE_SECONDS = 15.0
"""How long recovery may take: a replica that moves while the release bakes, a router that finds its models."""
_NOT_OURS_TO_FIX = (
    ChangedError,
    UnreachableError,
    CredentialError,
    TlsError,
    WrongClusterError,
    UnauthorizedError,
)


class UpgradeError(KubeError):
    """A release that did not pass, and was rolled back."""

    code = "rolled_back"


class UnfinishedError(KubeError):
    """An upgrade that has not come to an end; the next run goes on."""

    code = "unfinished"


class _NotPassedError(KubeError):
    """What the gate says."""

    code = "not_passed"


@dataclass(frozen=True)
class Terms:
    """How an upgrade is carried out. Times are in seconds.

    :param bake: how long it must hold. :param deadline: when one that has not passed has failed.
    :param component: how long one component may take to become ready, and the old release to be there again.
    :param history: how many entries are kept. :param asks: whether requests are sent through the router.
    """

    bake: float
    deadline: float
    component: float
    history: int
    asks: bool


class Carrier:
    """Brings a release to a cluster, or puts one back.

    :param marks: what the set's parent says now.
    """

    def __init__(self, session: Session, discovery: Discovery, terms: Terms, marks: Marks) -> None:
        self._session = session
        self._discovery = discovery
        self._terms = terms
        self._marks = marks
        self._surroundings = Surroundings(session, discovery, asks=terms.asks)
        self._until = time.monotonic() + terms.deadline

    def applier(self, marks: Marks, *, force: bool = False) -> SetApplier:
        """What applies the set, with these marks on its parent."""
        options = SetOptions(as_annotations(marks), force_conflicts=force)
        return SetApplier(self._session, self._discovery, PARENT, options)

    def standing(self) -> dict[str, Any]:
        """How what runs is now, to be compared with while a release is brought."""
        return self._surroundings.standing()

    def bring(self, entry: Entry, components: Sequence[Component]) -> str:
        """Bring a recorded entry's release, and say by what it is known to be good.

        :raises UpgradeError: it did not pass; the release before is there again, whole.
        :raises HeldByPolicyError: the API server let it not begin, so the same.
        :raises UnfinishedError: neither is there whole yet; a rerun goes on.
        """
        try:
            evidence = self._bring(entry, components)
        except HeldByPolicyError as error:
            raise HeldByPolicyError(self.roll_back(entry, WITHDRAWING, error.what).what, where=error.where) from None
        except KubeError as error:
            if _is_out_of_reach(error):
                raise self._unfinished(f"{error.what}", entry) from error
            raise self.roll_back(entry, FAILING, error.what) from None
        self._finish(entry, [manifest for _name, part in components for manifest in part])
        return evidence

    def roll_back(self, entry: Entry, state: str, why: str) -> UpgradeError:
        """Put the release before back, object for object; the error that says so.

        :param state: ``failing``, or ``withdrawing`` where nothing was wrong.
        :raises UnfinishedError: it is not there whole yet; a rerun goes on.
        """
        try:
            entry = decide(self._session, entry, state, why)
            plan = self._apply(self._under_way(entry), entry.objects, force=True)
            self._await("the release before", _awaited(plan), time.monotonic() + self._terms.component, None)
            ended = _now()
            failed = {"release": entry.target, "digest": entry.digest, "at": ended, "reason": why}
            # It is there anew, so what was approved of it before was approved of another state.
            marks = Marks(entry.source, ended, failed=failed if state == FAILING else self._marks.failed)
            self._apply(marks, entry.objects, force=True)
            decide(self._session, entry, ENDS[state], why, ended)
        except KubeError as error:
            what = f"{entry.target} is being rolled back ({why}), and that has not come to its end: {error.what}"
            raise self._unfinished(what, entry) from error
        return UpgradeError(
            f"{entry.target} did not pass its gate: {why}. {entry.source} was restored whole, and is ready",
            where=self._session.where,
            next_step="correct it, and publish it anew; as it is, it is tried again here only with -e retry=true",
        )

    # --- the way there -------------------------------------------------------------------------

    def _bring(self, entry: Entry, components: Sequence[Component]) -> str:
        whole = [manifest for _name, part in components for manifest in part]
        applier = self.applier(self._under_way(entry))
        plan = applier.plan_present(whole)
        applier.apply_present(plan.part(()))  # before anything else, the parent says what is coming
        for name, manifests in components:
            part = plan.part({Ref.of(manifest) for manifest in manifests})
            if part.changed:
                applier.apply_present(part)
            self._await(name, _awaited(part), self._component_until(), entry)
        plan = applier.plan_present(whole)
        applier.apply_present(plan)
        require_gone(self._session, plan.of(DELETE), self._until)
        whole_stack = _awaited(plan)
        self._await("the whole stack", whole_stack, self._component_until(), entry, serving=True)
        with self._session.waits.lasting() as say:
            self._bake(whole_stack, entry, say)
        ready = f"{amount(len(whole_stack), 'object')} ready"
        held = f"{ready}, nothing restarted, models as before, for {self._terms.bake:.0f} s"
        return f"{held}; {self._surroundings.answers(entry.before)}"

    def _await(
        self, what: str, objects: Sequence[Awaited], until: float, entry: Entry | None, *, serving: bool = False
    ) -> None:
        """Until all is ready; with an ``entry`` what restarts fails at once, and with ``serving`` models count too.

        What is ready and does not answer as before is harm that goes on: it has a moment, and not until the deadline.
        """
        with self._session.waits.lasting() as say:
            for waits, left in self._not_ready(what, objects, until, entry, serving=serving):
                say(f"{what}: {'; '.join(waits)} (timeout in {left:.0f} s)")
                time.sleep(_REST_SECONDS)

    def _not_ready(
        self, what: str, objects: Sequence[Awaited], until: float, entry: Entry | None, *, serving: bool
    ) -> Iterator[tuple[list[str], float]]:
        """Until all is ready: what is not, and how many seconds are left."""
        harmed = math.inf
        while True:
            left = until - time.monotonic()
            late, hopeless = self._late(objects, max(0.0, min(_SLICE_SECONDS, left)))
            trouble = self._surroundings.troubles(entry.before, asking=not late) if entry else Trouble()
            waits = [*late, *(trouble.passing if serving else ()), *trouble.unanswered]
            harmed = min(harmed, time.monotonic()) if trouble.unanswered else math.inf
            if time.monotonic() - harmed > _GRACE_SECONDS:
                hopeless = list(trouble.unanswered)
            if trouble.lasting or hopeless:
                raise _NotPassedError(f"{what}: {'; '.join([*trouble.lasting, *hopeless])}")
            if not waits:
                return
            if left <= 0:
                raise DeadlineError(f"{what} was not ready in time: {'; '.join(waits)}")
            yield waits, left

    def _bake(self, objects: Sequence[Awaited], entry: Entry, say: Callable[[str], None]) -> None:
        ends = time.monotonic() + self._terms.bake
        well = time.monotonic()
        while True:
            late, hopeless = self._late(objects, 0.0)
            trouble = self._surroundings.troubles(entry.before, asking=True, lately=True)
            passing = [*late, *trouble.passing, *trouble.unanswered]
            now = time.monotonic()
            if not passing:
                well = now
            if trouble.lasting or hopeless or now - well > _GRACE_SECONDS:
                raise _NotPassedError(
                    f"while it baked: {'; '.join(dict.fromkeys([*trouble.lasting, *hopeless, *passing]))}"
                )
            if now >= ends and not passing:
                return
            say("; ".join([f"the bake, {max(0.0, ends - now):.0f} s left", *passing]))
            time.sleep(min(_REST_SECONDS, max(0.05, ends - now)))

    def _late(self, objects: Sequence[Awaited], seconds: float) -> tuple[list[str], list[str]]:
        """What is not ready, and of that what says itself that it will not be."""
        states = sorted(wait_ready(self._session, objects, seconds=seconds).items())
        late = [f"{ref}: {state.reason}" for ref, state in states if not state.ready]
        if any(state.failed and state.refusal for _ref, state in states):
            raise HeldByPolicyError("; ".join(late), where=self._session.where)
        return late, [f"{ref}: {state.reason}" for ref, state in states if state.failed]

    # --- what is written -----------------------------------------------------------------------

    def _finish(self, entry: Entry, whole: Sequence[Manifest]) -> None:
        try:
            self._apply(Marks(entry.target, _now()), whole)
            decide(self._session, entry, GOOD, "", _now())
            gone = expendable(read_entries(self._session), self._terms.history)
            self._session.in_parallel(lambda one: delete_over(self._session, f"{ENTRIES}/{one.name}", one.seen), gone)
        except KubeError as error:
            raise self._unfinished(f"it has passed, and that could not be written: {error.what}", entry) from error

    def _apply(self, marks: Marks, whole: Iterable[Manifest], *, force: bool = False) -> Plan:
        applier = self.applier(marks, force=force)
        plan = applier.plan_present(whole)
        if plan.changed:
            applier.apply_present(plan)
        return plan

    def _under_way(self, entry: Entry) -> Marks:
        return Marks(entry.source, self._marks.since, entry.target, self._marks.failed)

    def _component_until(self) -> float:
        return min(self._until, time.monotonic() + self._terms.component)

    def _unfinished(self, what: str, entry: Entry) -> UnfinishedError:
        return UnfinishedError(
            f"the way from {entry.source} to {entry.target} has not come to its end: {what}",
            where=self._session.where,
            next_step="resolve that and run again: a rerun continues from here",
        )


def _awaited(plan: Plan) -> list[Awaited]:
    return awaited(change for change in plan.changes if change.action != DELETE)


def _is_out_of_reach(error: KubeError) -> bool:
    """Whether it is the way to the cluster that fails, or somebody else works there, and not what was brought there."""
    busy = isinstance(error, AnswerError) and (error.status >= 500 or error.status == 429)
    return isinstance(error, _NOT_OURS_TO_FIX) or busy


def _now() -> str:
    return shown_moment(datetime.now(UTC).timestamp())
