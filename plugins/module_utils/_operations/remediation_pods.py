# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves pods for steps: drains nodes, and restarts pods that a fault is of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._domain.moments import seconds_at
from .._domain.names import MODELS_NAMESPACE
from .._domain.remediation import Journey, Step, drained, journey_of, not_ended
from .._domain.remediation.journey import QUARANTINED
from .._domain.remediation.step import KEEP
from .._kube.drain import Drainer
from .._kube.errors import KubeError
from .._kube.evicted import HELD, Drained
from .._kube.pods import Pod, pod_of
from .._kube.replacing import return_to_owner
from .._kube.session import Session
from .._kube.unended import silence_of
from .._vocabulary.actions import EVICTED, UPDATED
from .._vocabulary.owner import Owner
from .remediation_nodes import NodeWriter, Raw, Written, pod_written, taken

PODS = f"/api/v1/namespaces/{MODELS_NAMESPACE}/pods"
#: How old the knowledge may be that a node is still to be drained.
_KNOWN_SECONDS = 1.0

Taken = list[dict[str, Any]]


class PodMover:
    """Moves pods off nodes.

    :param seconds: the deadline of a drain.
    :param parallel: how many pods are evicted at once.
    :param check: nothing is moved.
    :param by_grant: whether the customer grants evictions each time, so that who refuses one is them.
    """

    def __init__(
        self, session: Session, writer: NodeWriter, *, seconds: float, parallel: int, check: bool, by_grant: bool
    ) -> None:
        self._session = session
        self._writer = writer
        self._seconds = seconds
        self._parallel = parallel
        self._check = check
        self._by_grant = by_grant
        self._known: dict[str, tuple[float, Raw | None]] = {}
        self.waits: dict[str, Step] = {}
        """By node, what has to happen before it can be drained, where only a person can bring that about."""

    def drain(self, steps: list[Step]) -> Taken:
        """Drain the nodes of the steps, all at once, and mark those that are empty."""
        if self._check:
            return [taken(step, True, "", objects=_evicted(step.pods)) for step in steps]
        done: Taken = []
        for part in ([one for one in steps if not one.partial], [one for one in steps if one.partial]):
            if not part:
                continue
            only = frozenset(pod for step in part for pod in step.pods) if part[0].partial else None
            first = frozenset(pod for step in part for pod in step.first)
            held = frozenset(pod for step in part for pod in step.held)
            outcome = self._drainer(part, only, self._still_quarantined, first=first, held=held).drain()
            done += [self._drained(step, outcome) for step in part]
        return done

    def _drained(self, step: Step, outcome: Drained) -> dict[str, Any]:
        told = _told(step, outcome, by_grant=self._by_grant)
        if not outcome.emptied(step.node):
            return self._unfinished(step, outcome, told)
        live = self._writer.node(step.node)
        if live is None:
            return taken(step, True, "the node is gone, and its pods with it", **told["more"])
        mark = drained(live, time.time())
        if mark.patch is not None:
            written = self._writer.write(mark)
            result = written["result"] or "; ".join(
                f"{pod}: {why}" for pod, why in told["more"]["counted_as_gone"].items()
            )
            how = {"failed": written["failed"], "conflict": written["conflict"]}
            more = {**told["more"], "objects": [*told["more"]["objects"], *written["objects"]]}
            return taken(step, True, result, **how, **more)
        return taken(step, bool(outcome.gone(step.node)), mark.why, **told["more"])

    def _unfinished(self, step: Step, outcome: Drained, told: dict[str, Any]) -> dict[str, Any]:
        """A drain that left pods. Where only a person can help, that is the node's next step, and whose it is."""
        if told["more"]["not_granted"]:
            step = replace(step, owner=Owner.CUSTOMER)
        if told["more"]["held_by_node"]:
            wait = self.waits[step.node] = not_ended(step, told["more"]["held_by_node"])
            step, told["why"] = replace(step, owner=wait.owner), "; ".join(filter(None, [told["why"], wait.why]))
        return taken(step, bool(outcome.gone(step.node)), told["why"], failed=True, **told["more"])

    def restart(self, steps: list[Step]) -> Taken:
        """Evict the pods that the evidence is about, never those that began since."""
        done: Taken = []
        if not steps:
            return done
        began = {
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": seconds_at(
                pod["metadata"]["creationTimestamp"]
            )
            for pod in self._session.list_items(PODS)
        }
        for step in steps:
            only = frozenset(pod for pod in step.pods if (began.get(pod) or step.evidence + 1) <= step.evidence)
            if not only or self._check:
                why = "" if only else "these pods began after the evidence"
                done.append(taken(step, bool(only), why, objects=_evicted(sorted(only))))
                continue
            outcome = self._drainer([step], only, lambda _node: True).drain()
            told = _told(step, outcome, by_grant=self._by_grant)
            if outcome.emptied(step.node):
                done.append(taken(step, bool(outcome.gone(step.node)), told["why"], **told["more"]))
            else:
                done.append(self._unfinished(step, outcome, told))
        return done

    def return_pods(self, pods: list[Raw], journeys: Mapping[str, Journey]) -> Taken:
        """Return pods that an interrupted run orphaned to their owners, if they are to stay now."""
        if self._check:
            return []
        known = [pod_of(pod) for pod in pods]
        drained_ones = {
            node for node, journey in journeys.items() if journey.state == QUARANTINED and _is_drained(journey)
        }
        staying = [pod for pod in known if pod.replaced and not pod.leaving and pod.node not in drained_ones]
        return [self._returned(pod) for pod in staying]

    def _returned(self, pod: Pod) -> dict[str, Any]:
        step = Step(pod.node, KEEP, f"its node is not drained any more: {pod.key} is returned to {pod.owner}", "")
        trouble = return_to_owner(self._session, pod)
        objects = [] if trouble else [pod_written(pod.key, UPDATED)]
        return taken(step, not trouble, trouble, failed=bool(trouble), objects=objects)

    def _drainer(self, steps: list[Step], only: frozenset[str] | None, leave: Any, **more: frozenset[str]) -> Drainer:
        return Drainer(
            self._session,
            [step.node for step in steps],
            namespaces=[MODELS_NAMESPACE],
            seconds=self._seconds,
            only=only,
            parallel=self._parallel,
            leave=leave,
            silence=lambda node: silence_of(self._live(node)),
            **more,
        )

    def _still_quarantined(self, node: str) -> bool:
        """Asked before each eviction: nobody returned the node by hand, took it for maintenance, or took it over."""
        live = self._live(node)
        return live is None or _is_drained(journey_of(live))

    def _live(self, node: str) -> Raw | None:
        """A node as it was a moment ago; ``None`` where it is not there or cannot be read."""
        known = self._known.get(node)
        if known is None or time.monotonic() - known[0] > _KNOWN_SECONDS:
            try:
                live = self._writer.node(node)
            except KubeError:
                live = None  # who cannot be asked now is asked again in a moment; the eviction meets the same trouble
            known = self._known[node] = (time.monotonic(), live)
        return known[1]


def _is_drained(journey: Journey) -> bool:
    return journey.out_of_service and not journey.undone_by_hand and not journey.maintenance


def _evicted(pods: Iterable[str]) -> list[Written]:
    return [pod_written(pod, EVICTED) for pod in pods]


def _told(step: Step, outcome: Drained, *, by_grant: bool) -> dict[str, Any]:
    own = [one for one in outcome.evicted if one.pod.node == step.node]
    held = {one.pod.key: one.why for one in own if one.state == HELD}
    open_ones = [f"{one.pod.key} {one.state}: {one.why}" for one in own if one.state not in ("gone", HELD)]
    waiting = [
        f"{owner}: {why}" for owner, why in outcome.waiting.items() if any(one.pod.owner == owner for one in own)
    ]
    budgets = sorted({one.budget for one in own if one.state == "blocked" and one.budget})
    counted = {one.pod.key: one.why for one in own if one.counted}
    why = "; ".join([*open_ones, *waiting, *outcome.not_undone])
    if budgets:
        why = f"PodDisruptionBudget {', '.join(budgets)} lets no pod go; {why}"
    more = {
        "not_granted": [one.pod.key for one in own if one.forbidden and by_grant],
        "evicted": [one.pod.key for one in own if one.state == "gone"],
        "counted_as_gone": counted,
        "held_by_node": held,
        "blocked_by": budgets,
        "left": outcome.left,
        "unschedulable": outcome.unschedulable,
        "seconds": round(outcome.seconds, 2),
        "objects": _evicted(one.pod.key for one in own if one.asked or one.state == "gone"),
    }
    return {"why": why, "more": more}
