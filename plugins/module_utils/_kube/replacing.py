# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts replacements of pods before these leave, by orphaning the pods; and evicts them.

Without the label that its ReplicaSet selects, a pod is orphaned. It keeps serving, since Services and budgets
use other labels, and its ReplicaSet creates another at once. No scale changes, so no autoscaler interferes.
A pod that gets the label back is adopted again, and its ReplicaSet deletes the surplus one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from .._vocabulary.annotations import REPLACED_ANNOTATION
from .errors import KubeError, NotFoundError
from .pods import Pod
from .session import Session

_TEMPLATE_LABEL = "pod-template-hash"
_MERGE_PATCH = "application/merge-patch+json"
#: How long a ReplicaSet may take to create a pod; one that a quota refuses is never created.
_NO_POD_SECONDS = 15.0


class Replacing:
    """The pods of one drain whose replacements come first.

    :param first: names of these pods. Those that an earlier run orphaned are always included.
    :param held: those of them that stay until their replacement is Ready. The others leave without one if it finds
        no node, is not created, or takes longer than half of the drain's time.
    :param seconds: the drain's time.
    """

    def __init__(self, session: Session, first: frozenset[str], held: frozenset[str], seconds: float) -> None:
        self._session = session
        self._first = first
        self._held = held
        self._patience = seconds / 2
        self._began = 0.0
        self._known: frozenset[str] = frozenset()
        self._wanted: dict[str, int] = {}
        self._orphaned: dict[str, Pod] = {}
        self._refused: dict[str, str] = {}

    def begin(
        self, leaving: Iterable[Pod], pods: Sequence[Pod], wanted: Mapping[str, int], may: Callable[[str], bool]
    ) -> None:
        """Orphan the pods.

        :param wanted: how many pods of each owner serve.
        :param may: whether a node is still to be drained.
        """
        self._began = time.monotonic()
        self._known = frozenset(pod.uid for pod in pods)
        going = [pod for pod in leaving if pod.replaced or (pod.key in self._first and pod.ready and may(pod.node))]
        for pod in going:
            self._wanted[pod.owner] = max(self._wanted.get(pod.owner, 0), pod.replaced, wanted.get(pod.owner, 0))
        self._session.in_parallel(self._release, going)

    def _release(self, pod: Pod) -> None:
        if not pod.replaced:
            try:
                orphan(self._session, pod, self._wanted[pod.owner])
            except KubeError as error:
                self._refused[pod.uid] = str(error)
                return
        self._orphaned[pod.uid] = pod

    def free(self, due: Sequence[Pod], pods: Sequence[Pod], asked: frozenset[str]) -> dict[str, str]:
        """Why each of the pods that are due has to wait, by UID; empty for those that may leave now.

        :param asked: pods that are being evicted, and so serve no longer.
        """
        spare = {
            owner: sum(pod.ready and not pod.leaving and pod.owner == owner and pod.uid not in asked for pod in pods)
            - wanted
            for owner, wanted in self._wanted.items()
        }
        found: dict[str, str] = {}
        for pod in due:
            held = pod.key in self._held
            found[pod.uid] = ""
            if pod.uid not in self._orphaned:
                if held:
                    found[pod.uid] = f"it could not be orphaned: {self._refused.get(pod.uid, 'not ready')}"
            elif spare[pod.owner] > 0:
                spare[pod.owner] -= 1
            elif held or not self._hopeless(pod.owner, pods):
                found[pod.uid] = "its replacement is not Ready yet"
        return found

    def _hopeless(self, owner: str, pods: Sequence[Pod]) -> bool:
        own = [pod for pod in pods if pod.owner == owner and not pod.replaced and not pod.leaving]
        waited = time.monotonic() - self._began
        new = [pod for pod in own if pod.uid not in self._known or not pod.ready]
        return any(pod.unschedulable for pod in own) or waited > (self._patience if new else _NO_POD_SECONDS)

    def undo(self, staying: Iterable[Pod]) -> list[str]:
        """Return the remaining pods to their owners; messages for those that could not be."""
        back = [self._orphaned[pod.uid] for pod in staying if pod.uid in self._orphaned]
        return [why for why in self._session.in_parallel(lambda pod: return_to_owner(self._session, pod), back) if why]


def orphan(session: Session, pod: Pod, serving: int) -> None:
    """Take a pod from its owner, which makes another one at once.

    :param serving: how many pods of the owner serve, this one included.
    """
    said = {REPLACED_ANNOTATION: f"{pod.owner} {serving}"}
    note(session, pod, {"labels": {_TEMPLATE_LABEL: None}, "annotations": said})


def return_to_owner(session: Session, pod: Pod) -> str:
    """Return an orphaned pod to its owner; why that was not possible, empty if it was."""
    name = pod.owner.split(" ")[1] if " " in pod.owner else ""
    marks = {_TEMPLATE_LABEL: name.rpartition("-")[2]}
    try:
        note(session, pod, {"labels": marks, "annotations": {REPLACED_ANNOTATION: None}})
    except NotFoundError:
        return ""
    except KubeError as error:
        return f"{pod.key} was not returned to {pod.owner}: {error}"
    return ""


def evict(session: Session, pod: Pod) -> None:
    """Ask the API server once to evict this very pod; its budgets decide."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        # The UID excludes a newer pod of the same name.
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
    session.request("POST", path, body=body, retry=False)


def note(session: Session, pod: Pod, metadata: Mapping[str, object]) -> None:
    """Change labels and annotations of this very pod."""
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
    # The UID excludes a newer pod of the same name.
    session.request("PATCH", path, body={"metadata": {"uid": pod.uid, **metadata}}, content_type=_MERGE_PATCH)
