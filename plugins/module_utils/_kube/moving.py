# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves one replica: its replacement comes up first, on the one node that is open to it, and then it is evicted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .errors import AnswerError, ForbiddenError, KubeError
from .pod_watch import PodWatch
from .pods import Pod
from .replacing import evict, note, orphan, return_to_owner
from .session import Session

_GONE_SECONDS = 60.0
"""Beside its own time to end: how long an evicted pod may be there, and a surplus one after an undoing."""
_EVICT_SECONDS = 120.0
_REST_SECONDS = 2.0
_REPLICASET = "ReplicaSet "


class SurpriseError(KubeError):
    """What was seen is not what the plan was made for."""

    code = "surprise"


Judge = Callable[[Sequence[Pod], float], tuple[str, str]]
"""From the replacements that are seen, and the seconds so far: waits, landed or surprise; and why."""


class ReplicaMover:
    """Moves replicas of one namespace, one after the other, between :meth:`start` and :meth:`stop`.

    :param moved: the annotation that says of a replica when it was moved, and its value.
    """

    def __init__(self, session: Session, namespace: str, moved: Callable[[], dict[str, str]]) -> None:
        self._session = session
        self._moved = moved
        self._namespace = namespace
        self._watch = PodWatch(session, [namespace])

    def start(self) -> None:
        self._watch = PodWatch(self._session, [self._namespace])  # one that was stopped follows nothing any more
        self._watch.start()

    def stop(self) -> None:
        self._watch.stop()
        self._session.waits.over()

    def pod(self, uid: str) -> Pod | None:
        """A pod that is there."""
        return next((pod for pod in self._watch.pods() if pod.uid == uid), None)

    def begin(self, pod: Pod) -> frozenset[str]:
        """Orphan the pod. Returns the UIDs of the pods that were there before its replacement."""
        pods = self._watch.pods()
        if not pod.owner.startswith(_REPLICASET) or pod.replaced:
            raise SurpriseError(f"{pod.key} has no ReplicaSet any more that would make another one")
        serving = sum(one.owner == pod.owner and one.ready and not one.leaving for one in pods)
        orphan(self._session, pod, serving)
        return frozenset(one.uid for one in pods)

    def until(self, pod: Pod, known: frozenset[str], judge: Judge, what: str) -> list[Pod]:
        """Wait for what a judge looks for, in the replacements of a pod.

        :raises SurpriseError: the judge is surprised, or the pods have not been seen for a while.
        """
        began = time.monotonic()
        while True:
            seen = [one for one in self._watch.pods() if one.owner == pod.owner and one.uid not in known]
            blind = self._watch.blind()
            state, why = ("surprise", blind) if blind else judge(seen, time.monotonic() - began)
            if state == "surprise":
                raise SurpriseError(f"{pod.key}: {why}")
            if state == "landed":
                return seen
            self._session.waits.on(f"{pod.key}: {what}")
            self._watch.tick()

    def ready_beside(self, pod: Pod, node: str) -> Pod | None:
        """The newest replica on a node by which an orphaned one is one too many; None where it still counts."""
        own = [one for one in self._watch.pods() if one.owner == pod.owner and one.ready and not one.leaving]
        there = sorted((one for one in own if one.node == node and one.uid != pod.uid), key=lambda one: one.started)
        return there[-1] if there and len(own) > pod.replaced else None

    def end(self, pod: Pod, new: Pod | None) -> None:
        """Evict the pod, whose replacement is Ready, and wait until it is gone.

        :raises SurpriseError: its budget lets it not go, or its node does not end it.
        """
        if new:
            note(self._session, new, {"annotations": self._moved()})
        if not pod.leaving:
            self._evict(pod)
        self._gone(pod, f"{pod.key} was evicted and has not ended")

    def _evict(self, pod: Pod) -> None:
        deadline = time.monotonic() + _EVICT_SECONDS
        while True:
            try:
                evict(self._session, pod)
            except ForbiddenError as error:
                raise SurpriseError(f"{pod.key} may not be evicted: {error.what}", owner=error.owner) from None
            except AnswerError as error:
                if error.status == 404:
                    return
                if time.monotonic() > deadline:
                    raise SurpriseError(f"{pod.key} cannot be evicted: {error.what}") from None
                self._session.waits.on(f"{pod.key} to be evicted: {error.what}")
                time.sleep(_REST_SECONDS)
            else:
                return

    def take_back(self, pod: Pod) -> None:
        """Undo the move of a pod that an earlier run orphaned: of its owner's pods there are as many as before."""
        own = [one for one in self._watch.pods() if one.owner == pod.owner and not one.leaving and not one.finished]
        newest = sorted(own, key=lambda one: one.started)[pod.replaced :]
        self.undo(pod, frozenset(one.uid for one in own) - {one.uid for one in newest})

    def undo(self, pod: Pod, known: frozenset[str]) -> None:
        """Return the pod to its owner, which then deletes the surplus one, and wait until that is gone.

        :raises SurpriseError: it could not be returned, or the surplus one stays.
        """
        if why := return_to_owner(self._session, pod):
            raise SurpriseError(why, next_step="run this again: it returns the pod first")
        for new in [one for one in self._watch.pods() if one.owner == pod.owner and one.uid not in known]:
            self._gone(new, f"{new.key}, which replaced {pod.key}, is not deleted", unless=pod)

    def _gone(self, pod: Pod, otherwise: str, *, unless: Pod | None = None) -> None:
        deadline = time.monotonic() + _GONE_SECONDS + max(pod.grace, 30.0)
        while (there := self.pod(pod.uid)) and not (unless and self._leaves(unless)):
            if time.monotonic() > deadline:
                raise SurpriseError(f"{otherwise} on {there.node or 'no node'}")
            self._session.waits.on(f"{pod.key} to end")
            self._watch.tick()

    def _leaves(self, pod: Pod) -> bool:
        """Whether the owner has deleted this one, and not its replacement: either is one too many."""
        there = self.pod(pod.uid)
        return there is None or there.leaving
