# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move pods off nodes by the Eviction API, many at once, and track their replacements.

A drain is completed when exactly these pods (by UID: a StatefulSet's next pod has the same name) are gone and what
their controllers created instead is Ready, or is known to fit no node. On request, it is Ready before they leave.
What counts as gone on a node that cannot answer, :mod:`unended` decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .._vocabulary.selector import selects
from .errors import AnswerError, KubeError
from .evicted import (
    BLOCKED,
    FAILED,
    GONE,
    HELD,
    LEAVING,
    LONGEST_REST,
    Drained,
    Evicted,
    replacements,
    wanted_ready,
)
from .pod_watch import PodWatch
from .pods import Pod
from .replacing import Replacing, evict
from .session import Session
from .unended import ANSWERING, SILENT, fate, volume_lock

PARALLEL = 16
#: So many of what a drain waits for are named; of the others it is told how many.
_SHOWN = 5


class Drainer:
    """Drains nodes of one cluster.

    :param namespaces: whose pods leave; the pods of others stay where they are.
    :param seconds: the deadline of all of it.
    :param only: names (``namespace/name``) of the pods that leave; all of them where ``None``.
    :param first: those of them that leave once their replacements are Ready; held: those that stay otherwise.
    :param leave: asked before each eviction whether the node is still to be drained.
    :param silence: whether a node can end its pods, as :func:`unended.silence_of` says it.
    """

    def __init__(
        self,
        session: Session,
        nodes: Iterable[str],
        *,
        namespaces: Iterable[str],
        seconds: float,
        only: frozenset[str] | None = None,
        first: frozenset[str] = frozenset(),
        held: frozenset[str] = frozenset(),
        parallel: int = PARALLEL,
        leave: Callable[[str], bool] = lambda _node: True,
        silence: Callable[[str], str] = lambda _node: ANSWERING,
    ) -> None:
        self._session = session
        self._nodes = frozenset(nodes)
        self._seconds = seconds
        self._only = only
        self._parallel = parallel
        self._leave = leave
        self._silence = silence
        self._claims: dict[tuple[str, str], str] = {}
        self._watch = PodWatch(session, namespaces)
        self._replacing = Replacing(session, first, held, seconds)
        self._evicted: dict[str, Evicted] = {}
        self._before: dict[str, int] = {}
        self._left: dict[str, str] = {}
        self._given_up: set[str] = set()
        self._blind = ""

    def drain(self) -> Drained:
        """Evict, wait, and return the result, with the errors of single evictions.

        :raises KubeError: the pods could not even be listed.
        """
        started = time.monotonic()
        deadline = started + self._seconds
        self._watch.start()
        try:
            self._choose()
            going = [one.pod for one in self._evicted.values() if not one.asked]
            self._replacing.begin(going, self._watch.pods(), self._before, self._leave)
            with ThreadPoolExecutor(max(1, min(self._parallel, len(self._evicted)))) as workers:
                done = self._until_done(workers, deadline)
            staying = [one.pod for one in self._evicted.values() if one.state != GONE and not one.asked]
            result = self._result(done, time.monotonic() - started)
            result.not_undone = self._replacing.undo(staying)
            return result
        finally:
            self._watch.stop()
            self._session.waits.over()

    # --- evicting ------------------------------------------------------------------------------

    def _choose(self) -> None:
        for pod in self._watch.pods():
            if pod.node not in self._nodes:
                continue
            stays = pod.stays
            if self._only is not None and pod.key not in self._only:
                stays = stays or "is not on what is sick"
            if stays:
                self._left[pod.key] = stays
            else:
                self._evicted[pod.uid] = Evicted(pod, asked=pod.leaving, since=0.0 if pod.leaving else None)
        owners = {one.pod.owner for one in self._evicted.values() if one.pod.owner}
        pods = self._watch.pods()
        self._before = {owner: wanted_ready(owner, pods, self._evicted) for owner in owners}

    def _until_done(self, workers: ThreadPoolExecutor, deadline: float) -> bool:
        while True:
            now = time.monotonic()
            self._blind = self._watch.blind()
            self._session.waits.on(self._blind or self._waits_for())
            if self._blind:  # nothing is concluded, and nobody evicted, by what may be long past
                if now >= deadline:
                    return False
                self._watch.tick()
                continue
            self._see_what_is_gone()
            open_ones = [one for one in self._evicted.values() if one.state in (LEAVING, BLOCKED)]
            if not open_ones:
                waiting, _lost = self._replacements()
                if not waiting:
                    return all(one.state == GONE for one in self._evicted.values())
            if now >= deadline:
                return False
            due = self._free([one for one in open_ones if not one.asked and now >= one.again])
            if due:
                list(workers.map(self._evict, due))
            else:
                self._watch.tick()

    def _waits_for(self) -> str:
        """What is not over yet: how many pods, and of the first few which and why; then their replacements."""
        open_ones = [one for one in self._evicted.values() if one.state in (LEAVING, BLOCKED)]
        if not open_ones:
            waiting, _lost = self._replacements()
            return "; ".join(f"{owner}: {why}" for owner, why in sorted(waiting.items())[:_SHOWN])
        told = [
            f"{one.pod.key} on {one.pod.node}: {one.why or ('to end' if one.asked else 'to be evicted')}"
            for one in open_ones[:_SHOWN]
        ]
        return "; ".join([f"{len(open_ones)} of {len(self._evicted)} pods to leave", *told])

    def _free(self, due: list[Evicted]) -> list[Evicted]:
        """Those whose replacements are Ready, or that need none. Pods on an abandoned node are left out."""
        asked = frozenset(uid for uid, one in self._evicted.items() if one.asked)
        waits = self._replacing.free([one.pod for one in due], self._watch.pods(), asked)
        free = []
        for one in due:
            why = waits[one.pod.uid]
            if not why or not self._may_still(one):
                free.append(one)
            else:
                one.why = why
        return free

    def _may_still(self, one: Evicted) -> bool:
        """Whether the node of a pod is still to be drained; a node that was abandoned stays so."""
        node = one.pod.node
        if node not in self._given_up and not self._leave(node):
            self._given_up.add(node)
        return node not in self._given_up

    def _evict(self, one: Evicted) -> None:
        pod = one.pod
        if not self._may_still(one):
            one.state, one.why = FAILED, "the drain of its node was cancelled"
            return
        try:
            evict(self._session, pod)
        except AnswerError as error:
            self._refused(one, error)
        except KubeError as error:
            self._later(one, str(error))
        else:
            one.state, one.asked, one.why = LEAVING, True, ""

    def _refused(self, one: Evicted, error: AnswerError) -> None:
        causes = (error.body.get("details") or {}).get("causes") or []
        by_budget = [str(cause.get("message")) for cause in causes if cause.get("reason") == "DisruptionBudget"]
        if error.status == 429 and by_budget:
            one.state, one.budget = BLOCKED, self._budget_of(one.pod)
            self._later(one, by_budget[0])
        elif error.status in (404, 409, 429) or error.status >= 500:
            # That a pod is gone, or another has its name, is concluded from the list of pods, and from nothing else.
            # More than one budget on one pod is a 500 that waiting does not fix; the deadline ends it, with its reason.
            self._later(one, error.what)
        else:
            one.state, one.why, one.forbidden = FAILED, error.what, error.status == 403

    def _later(self, one: Evicted, why: str) -> None:
        one.why, one.again = why, time.monotonic() + one.rest
        one.rest = min(one.rest * 2, LONGEST_REST)

    def _budget_of(self, pod: Pod) -> str:
        """The budget that holds this pod: the API server names it only in its message."""
        path = f"/apis/policy/v1/namespaces/{pod.namespace}/poddisruptionbudgets"
        try:
            budgets = self._session.get(path).get("items") or []
        except KubeError:
            return ""
        named = [
            one["metadata"]["name"] for one in budgets if selects((one.get("spec") or {}).get("selector"), pod.labels)
        ]
        return ", ".join(f"{pod.namespace}/{name}" for name in sorted(named))

    # --- what became of them -------------------------------------------------------------------

    def _see_what_is_gone(self) -> None:
        pods = self._watch.pods()
        there = {pod.uid: pod for pod in pods}
        for uid, one in self._evicted.items():
            if one.state == FAILED:
                continue
            if uid not in there:
                one.state, one.counted = GONE, False
            elif there[uid].leaving:
                self._judge(one, there[uid], pods)

    def _judge(self, one: Evicted, pod: Pod, pods: Sequence[Pod]) -> None:
        """What a pod is that leaves and is still there, whoever asked it to."""
        now = time.time()
        one.asked = True
        one.since = now if one.since is None else one.since
        silence = self._silence(pod.node)
        locked = self._locked(pod) if silence == SILENT else ""
        others = replacements(one.pod.owner, self._before.get(one.pod.owner, 0), pods)
        one.state, one.why = fate(pod, silence, now, one.since, locked, others.waiting, others.nowhere)
        one.counted = one.state == GONE

    def _locked(self, pod: Pod) -> str:
        """Why a volume of it may be used on one node only. A claim that cannot be read counts as one of those."""
        for name in pod.claims:
            key = (pod.namespace, name)
            if key not in self._claims:
                path = f"/api/v1/namespaces/{pod.namespace}/persistentvolumeclaims/{name}"
                try:
                    self._claims[key] = volume_lock(self._session.get(path))
                except KubeError as error:
                    self._claims[key] = f"its volume claim {name} cannot be read ({error.what})"
        return next((why for name in pod.claims if (why := self._claims[pod.namespace, name])), pod.locked)

    def _replacements(self) -> tuple[dict[str, str], list[str]]:
        """Controllers whose pods are not as many as before and Ready; and pods of theirs that find no node.

        For a pod that is held, no replacement is awaited.
        """
        waiting: dict[str, str] = {}
        unschedulable: list[str] = []
        pods = self._watch.pods()
        held = [one.pod.owner for one in self._evicted.values() if one.state == HELD]
        for owner, before in self._before.items():
            others = replacements(owner, before - held.count(owner), pods)
            unschedulable += [f"{pod.key}: {pod.unschedulable}" for pod in others.lost]
            if others.waiting:
                waiting[owner] = others.waiting
        return waiting, unschedulable

    def _result(self, done: bool, seconds: float) -> Drained:
        waiting, unschedulable = self._replacements()
        for one in self._evicted.values():
            if one.state == LEAVING and not one.why:
                asked = "was evicted" if one.since != 0.0 else "was leaving already"
                one.why = f"{asked} and has not ended" if one.asked else "was not evicted in time"
            if self._blind and one.state in (LEAVING, BLOCKED):
                one.why = "; ".join(filter(None, [one.why, self._blind]))
        return Drained(done, list(self._evicted.values()), self._left, waiting, unschedulable, seconds=seconds)
