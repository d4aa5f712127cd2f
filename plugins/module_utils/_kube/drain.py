# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move pods off nodes by the Eviction API, many at once, and see where they went.

A drain is done when the very pods (by UID: a StatefulSet's next pod has the same name) are gone and what their
controllers made instead is Ready, or is known to find no node. One list and one watch of each namespace follow it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .errors import AnswerError, KubeError, NotFoundError
from .pods import Pod, pod_of
from .session import Session

PARALLEL = 16
#: A budget that refused is asked again after so long, growing to the longest.
FIRST_REST, LONGEST_REST = 0.5, 5.0
_WATCH_SECONDS = 30.0
_TICK_SECONDS = 0.05

GONE, LEAVING, BLOCKED, FAILED = "gone", "leaving", "blocked", "failed"


@dataclass
class Evicted:
    """What became of one pod. state: gone, leaving, blocked (by a budget) or failed."""

    pod: Pod
    state: str = LEAVING
    why: str = ""
    budget: str = ""
    rest: float = FIRST_REST
    again: float = 0.0
    asked: bool = False


@dataclass
class Drained:
    """A drain's result. done: all pods gone, each with its replacement Ready or known to find no node."""

    done: bool
    evicted: list[Evicted]
    left: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unschedulable: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def emptied(self, node: str) -> bool:
        """Whether the pods of one of the nodes are gone, and what came instead is Ready or can go nowhere."""
        own = [one for one in self.evicted if one.pod.node == node]
        return all(one.state == GONE and one.pod.owner not in self.waiting for one in own)

    def gone(self, node: str) -> list[Evicted]:
        """The pods of one of the nodes that are gone."""
        return [one for one in self.evicted if one.pod.node == node and one.state == GONE]


class Drainer:
    """Drains nodes of one cluster.

    :param namespaces: whose pods leave; the pods of others stay where they are.
    :param seconds: the deadline of all of it.
    :param only: names (``namespace/name``) of the pods that leave; all of them where ``None``.
    :param leave: asked before each eviction whether the node is still to be drained.
    """

    def __init__(
        self,
        session: Session,
        nodes: Iterable[str],
        *,
        namespaces: Iterable[str],
        seconds: float,
        only: frozenset[str] | None = None,
        parallel: int = PARALLEL,
        leave: Callable[[str], bool] = lambda _node: True,
    ) -> None:
        self._session = session
        self._nodes = frozenset(nodes)
        self._namespaces = tuple(namespaces)
        self._seconds = seconds
        self._only = only
        self._parallel = parallel
        self._leave = leave
        self._lock = threading.Lock()
        self._pods: dict[str, dict[str, Pod]] = {namespace: {} for namespace in self._namespaces}
        self._stop = threading.Event()
        self._evicted: dict[str, Evicted] = {}
        self._before: dict[str, int] = {}
        self._left: dict[str, str] = {}
        self._given_up: set[str] = set()

    def drain(self) -> Drained:
        """Evict, wait, and say how it ended. Errors of single evictions are in the result.

        :raises KubeError: the pods could not even be listed.
        """
        started = time.monotonic()
        deadline = started + self._seconds
        for namespace in self._namespaces:
            self._list(namespace)
        self._choose()
        followers = [threading.Thread(target=self._follow, args=(one,), daemon=True) for one in self._namespaces]
        for follower in followers:
            follower.start()
        try:
            with ThreadPoolExecutor(max(1, min(self._parallel, len(self._evicted)))) as workers:
                done = self._until_done(workers, deadline)
        finally:
            self._stop.set()
        return self._result(done, time.monotonic() - started)

    # --- evicting ------------------------------------------------------------------------------

    def _choose(self) -> None:
        for pod in self._all():
            if pod.node not in self._nodes:
                continue
            stays = pod.stays
            if self._only is not None and pod.key not in self._only:
                stays = stays or "is not on what is sick"
            if stays:
                self._left[pod.key] = stays
            else:
                self._evicted[pod.uid] = Evicted(pod)
        owners = {one.pod.owner for one in self._evicted.values() if one.pod.owner}
        self._before = {owner: sum(self._counts(pod, owner) for pod in self._all()) for owner in owners}

    def _counts(self, pod: Pod, owner: str) -> bool:
        """Whether as many pods have to be Ready afterwards for it: it leaves, or serves elsewhere."""
        return pod.owner == owner and not pod.finished and (pod.uid in self._evicted or pod.ready)

    def _until_done(self, workers: ThreadPoolExecutor, deadline: float) -> bool:
        while True:
            now = time.monotonic()
            self._see_what_is_gone()
            open_ones = [one for one in self._evicted.values() if one.state in (LEAVING, BLOCKED)]
            if not open_ones:
                waiting, _lost = self._replacements()
                if not waiting:
                    return all(one.state == GONE for one in self._evicted.values())
            if now >= deadline:
                return False
            due = [one for one in open_ones if not one.asked and now >= one.again]
            if due:
                list(workers.map(self._evict, due))
            else:
                self._stop.wait(_TICK_SECONDS)

    def _evict(self, one: Evicted) -> None:
        pod = one.pod
        if pod.node in self._given_up or not self._leave(pod.node):
            self._given_up.add(pod.node)
            one.state, one.why = FAILED, "its node is not to be drained any more"
            return
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            # Another pod of this name is never the one that is meant.
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        }
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
        try:
            self._session.request("POST", path, body=body, retry=False)
        except NotFoundError:
            one.state = GONE
        except AnswerError as error:
            self._refused(one, error)
        except KubeError as error:
            self._later(one, str(error))
        else:
            one.state, one.asked = LEAVING, True

    def _refused(self, one: Evicted, error: AnswerError) -> None:
        causes = (error.body.get("details") or {}).get("causes") or []
        by_budget = [str(cause.get("message")) for cause in causes if cause.get("reason") == "DisruptionBudget"]
        if error.status == 409:
            one.state = GONE  # this very pod is not there any more
        elif error.status == 429 and by_budget:
            one.state, one.budget = BLOCKED, self._budget_of(one.pod)
            self._later(one, by_budget[0])
        elif error.status == 429 or error.status >= 500:
            # More than one budget on one pod is a 500 that no waiting mends; the deadline ends it, with its reason.
            self._later(one, error.what)
        else:
            one.state, one.why = FAILED, error.what

    def _later(self, one: Evicted, why: str) -> None:
        one.why, one.again = why, time.monotonic() + one.rest
        one.rest = min(one.rest * 2, LONGEST_REST)

    def _budget_of(self, pod: Pod) -> str:
        """The budget that holds this pod: the API server's answer names it in words only."""
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
        there = {pod.uid for pod in self._all()}
        for uid, one in self._evicted.items():
            if uid not in there and one.state != FAILED:
                one.state = GONE

    def _replacements(self) -> tuple[dict[str, str], list[str]]:
        """Controllers whose pods are not as many as before and Ready; and pods of theirs that find no node."""
        waiting: dict[str, str] = {}
        unschedulable: list[str] = []
        pods = self._all()
        for owner, wanted in self._before.items():
            own = [pod for pod in pods if pod.owner == owner and not pod.finished and not pod.leaving]
            lost = [pod for pod in own if pod.unschedulable]
            unschedulable += [f"{pod.key}: {pod.unschedulable}" for pod in lost]
            ready = sum(pod.ready for pod in own) + len(lost)
            if ready < wanted:
                waiting[owner] = f"{ready} of {wanted} pods are Ready"
        return waiting, unschedulable

    def _result(self, done: bool, seconds: float) -> Drained:
        waiting, unschedulable = self._replacements()
        for one in self._evicted.values():
            if one.state == LEAVING and not one.why:
                one.why = "was evicted and has not ended" if one.asked else "was not evicted in time"
        return Drained(done, list(self._evicted.values()), self._left, waiting, unschedulable, seconds=seconds)

    # --- seeing --------------------------------------------------------------------------------

    def _all(self) -> list[Pod]:
        with self._lock:
            return [pod for pods in self._pods.values() for pod in pods.values()]

    def _list(self, namespace: str) -> str:
        version, found = "", {}
        for page in self._session.list_pages(f"/api/v1/namespaces/{namespace}/pods"):
            version = page.get("metadata", {}).get("resourceVersion", "")
            for live in page["items"]:
                pod = pod_of(live)
                found[pod.uid] = pod
        with self._lock:
            self._pods[namespace] = found
        return version

    def _follow(self, namespace: str) -> None:
        """List and watch, again and again: a stream that breaks, or a server that is away, only costs time."""
        while not self._stop.is_set():
            try:
                version = self._list(namespace)
                path = f"/api/v1/namespaces/{namespace}/pods"
                for event in self._session.watch(path, {"resourceVersion": version}, _WATCH_SECONDS):
                    if event.get("type") == "ERROR" or self._stop.is_set():
                        break
                    self._see(namespace, event)
            except KubeError:
                pass  # asked again until the drain's own deadline
            self._stop.wait(_TICK_SECONDS)

    def _see(self, namespace: str, event: Mapping[str, Any]) -> None:
        if event.get("type") == "BOOKMARK":
            return
        pod = pod_of(event["object"])
        with self._lock:
            if event["type"] == "DELETED":
                self._pods[namespace].pop(pod.uid, None)
            else:
                self._pods[namespace][pod.uid] = pod


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector of a budget selects a pod; without one it selects nothing, empty it selects all."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]
