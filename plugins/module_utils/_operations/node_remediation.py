# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_remediation``: read the nodes, plan each one's next step, take it, and look again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.names import MODELS_NAMESPACE
from .._domain.remediation import (
    Budget,
    Fleet,
    Journey,
    Replicas,
    Seen,
    Step,
    blind_nodes,
    budget_of,
    drained,
    faults_by_node,
    journey_of,
    limits_of,
    next_step,
    reported,
)
from .._domain.remediation.faults import Fault
from .._domain.remediation.journey import basis_of, gpus_of
from .._domain.remediation.step import DRAIN_NODE, REPAIR, RESTART
from .._domain.remediation.times import seconds_at
from .._kube.drain import Drained, Drainer, selects
from .._kube.errors import ConflictError, KubeError, NotFoundError
from .._kube.session import Session
from .._operation import Context, Operation

_REPORT: dict[str, Any] = {
    "node": {"type": "str", "required": True},
    "session": {"type": "str", "required": True},
    "outcome": {"type": "str", "required": True, "choices": ["done", "failed"]},
    "detail": {"type": "str", "default": ""},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "reports": {"type": "list", "elements": "dict", "options": _REPORT, "default": []},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "approved": {"type": "list", "elements": "str", "default": []},
    "fleet": {"type": "dict", "options": {"nodes": {"type": "int"}, "sick": {"type": "int"}}},
    "required": {"type": "list", "elements": "str", "default": []},
    "diagnosed": {"type": "dict", "default": {}},
    "parallel": {"type": "int", "default": 16},
}
MERGE_PATCH = "application/merge-patch+json"
#: Suspect, quarantined, drained, repairing: no node takes more steps in one call.
_ROUNDS = 5
_TRIES = 4
#: How much of a step's basis is what our marks say; what follows is what a patch may replace.
_SAID = 5
#: How old the knowledge may be that a node is still to be drained.
_KNOWN_SECONDS = 1.0
_NODES, _PODS = "/api/v1/nodes", f"/api/v1/namespaces/{MODELS_NAMESPACE}/pods"
_BUDGETS = f"/apis/policy/v1/namespaces/{MODELS_NAMESPACE}/poddisruptionbudgets"

Raw = Mapping[str, Any]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take the nodes as far as they get now."""
    session = open_session(parameters["connection"])
    if context.check_mode:
        session.check_expected_cluster()
    else:
        session.require_expected_cluster()
    return _Run(session, parameters, context).result()


class _Run:
    def __init__(self, session: Session, parameters: dict[str, Any], context: Context) -> None:
        self._session = session
        self._asked = parameters
        self._contract: Raw = parameters["contract"]
        self._limits = limits_of(self._contract)
        self._check = context.check_mode
        self._faults = faults_by_node(parameters["findings"])
        self._blind = blind_nodes(parameters["findings"])
        self._taken: list[dict[str, Any]] = []
        self._known: dict[str, tuple[float, bool]] = {}

    def result(self) -> dict[str, Any]:
        self._take([self._reported(report) for report in self._asked["reports"]])
        last: list[Step] = []
        for _round in range(1 if self._check else _ROUNDS):
            last = self._plan()
            if not self._take(last):
                break
        changed = [one for one in self._taken if one["changed"]]
        return {
            "changed": bool(changed),
            "taken": self._taken,
            "steps": [_shown(step) for step in last],
            "repairs": [_shown(step) for step in last if step.do == REPAIR],
        }

    # --- planning ------------------------------------------------------------------------------

    def _plan(self) -> list[Step]:
        """The next step of each node that has a fault or is on its way."""
        now = time.time()
        nodes, pods, budgets = self._read()
        journeys = {node["metadata"]["name"]: journey_of(node) for node in nodes}
        budget = self._budget(journeys, now)
        replicas = Replicas(nodes, pods, budgets, self._contract, selects)
        wanted = set(self._asked["nodes"]) or set(journeys)
        concerned = [one for one in nodes if self._concerns(journeys[one["metadata"]["name"]], wanted)]
        return [
            next_step(node, faults, budget, self._contract, now, self._seen(node["metadata"]["name"], replicas))
            for node in concerned
            for faults in [self._faults.get(node["metadata"]["name"], [])]
        ]

    def _read(self) -> tuple[list[Raw], list[Raw], list[Raw]]:
        def read(path: str) -> list[Raw]:
            return [_slim(one) for one in self._session.list_items(path)]

        nodes, pods, budgets = self._session.in_parallel(read, (_NODES, _PODS, _BUDGETS))
        return [node for node in nodes if gpus_of(node, "capacity")], pods, budgets

    def _concerns(self, journey: Journey, wanted: set[str]) -> bool:
        return journey.name in wanted and bool(journey.state or journey.name in self._faults)

    def _budget(self, journeys: Mapping[str, Journey], now: float) -> Budget:
        oldest = now - self._limits.evidence_max_age
        fresh = {node: max(fault.at or 0.0 for fault in faults) for node, faults in self._faults.items()}
        sick = {node: at for node, at in fresh.items() if at >= oldest and _takes_out(self._faults[node])}
        fleet = Fleet(**self._asked["fleet"]) if self._asked["fleet"] else None
        return budget_of(journeys.values(), sick, self._limits, now, fleet)

    def _seen(self, node: str, replicas: Replicas) -> Seen:
        serving = tuple(replicas.on(node))
        return Seen(
            models=tuple(one.model for one in serving),
            serving=serving,
            blind=self._blind.get(node, ""),
            approved=frozenset(self._asked["approved"]),
            diagnosed=self._asked["diagnosed"].get(node) or {},
            required=tuple(self._asked["required"]),
        )

    def _reported(self, report: Raw) -> Step:
        node = self._node(report["node"])
        if node is None:
            return Step(report["node"], "observe", "the node is gone", "", report["session"])
        step = reported(node, report["outcome"], report["detail"], time.time())
        if step.session != report["session"]:
            why = (
                f"the report is of {report['session']}, and the node is in {step.session or 'service'}: nothing changes"
            )
            return Step(step.node, "observe", why, step.state, step.session)
        return step

    # --- acting --------------------------------------------------------------------------------

    def _take(self, steps: list[Step]) -> bool:
        """Take the steps; whether that may have led to others."""
        written = self._session.in_parallel(self._write, [step for step in steps if step.patch is not None])
        self._taken += written
        moved = self._drain([step for step in steps if step.do == DRAIN_NODE])
        moved = self._restart([step for step in steps if step.do == RESTART]) or moved
        return moved or any(one["changed"] for one in written)

    def _write(self, step: Step) -> dict[str, Any]:
        """Write the step on the node as it is at this moment, if that is still the node that was planned for."""
        planned = step.patch or {}
        wanted = planned["metadata"]["annotations"]
        for _try in range(_TRIES):
            live = self._node(step.node)
            if live is None or live["metadata"]["uid"] != planned["metadata"]["uid"]:
                return _taken(step, False, "the node is gone")
            if not self._is_as_planned(live, step):
                if all((live["metadata"].get("annotations") or {}).get(key) == word for key, word in wanted.items()):
                    return _taken(step, True, "")  # an answer that got lost: it was written
                return _taken(step, False, "somebody else changed it meanwhile: the next run plans anew")
            version = {**planned["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
            try:
                self._patch(step.node, {**planned, "metadata": version})
            except ConflictError:
                continue  # a heartbeat, or somebody else: looked at again
            except NotFoundError:
                return _taken(step, False, "the node is gone")
            except KubeError as error:
                return _taken(step, False, str(error), failed=True)
            return _taken(step, True, "")
        return _taken(step, False, "it changes all the time: the next run tries again", failed=True)

    def _patch(self, node: str, patch: Raw) -> None:
        query = {"fieldManager": "fireworks-byoc", **({"dryRun": "All"} if self._check else {})}
        self._session.request("PATCH", f"{_NODES}/{node}", query=query, body=patch, content_type=MERGE_PATCH)

    @staticmethod
    def _is_as_planned(live: Raw, step: Step) -> bool:
        """Whether what the step was decided by, and what its patch replaces, is as it was."""
        now, before = basis_of(live), step.basis
        return now == before if "spec" in (step.patch or {}) else now[:_SAID] == before[:_SAID]

    def _node(self, name: str) -> Raw | None:
        try:
            return self._session.get(f"{_NODES}/{name}")
        except NotFoundError:
            return None

    # --- moving pods ---------------------------------------------------------------------------

    def _drain(self, steps: list[Step]) -> bool:
        if self._check:
            self._taken += [_taken(step, True, "") for step in steps]
            return False
        moved = False
        for part in ([one for one in steps if not one.partial], [one for one in steps if one.partial]):
            if not part:
                continue
            only = frozenset(pod for step in part for pod in step.pods) if part[0].partial else None
            outcome = self._drainer(part, only, self._still_quarantined).drain()
            self._taken += [self._drained(step, outcome) for step in part]
            moved = moved or any(outcome.emptied(step.node) for step in part)
        return moved

    def _drained(self, step: Step, outcome: Drained) -> dict[str, Any]:
        told = _told(step, outcome)
        if not outcome.emptied(step.node):
            return _taken(step, bool(outcome.gone(step.node)), told["why"], failed=True, **told["more"])
        live = self._node(step.node)
        if live is None:
            return _taken(step, True, "the node is gone, and its pods with it", **told["more"])
        mark = drained(live, time.time())
        if mark.patch is not None:
            written = self._write(mark)
            return {**_taken(step, True, written["result"], failed=written["failed"]), **told["more"]}
        return _taken(step, bool(outcome.gone(step.node)), mark.why, **told["more"])

    def _restart(self, steps: list[Step]) -> bool:
        """Evict the pods that the evidence is about, never those that began since."""
        if not steps:
            return False
        began = {
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": seconds_at(
                pod["metadata"]["creationTimestamp"]
            )
            for pod in self._session.list_items(_PODS)
        }
        for step in steps:
            only = frozenset(pod for pod in step.pods if (began.get(pod) or step.evidence + 1) <= step.evidence)
            if not only or self._check:
                self._taken.append(_taken(step, bool(only), "" if only else "these pods began after the evidence"))
                continue
            outcome = self._drainer([step], only, lambda _node: True).drain()
            told = _told(step, outcome)
            done = outcome.emptied(step.node)
            self._taken.append(
                _taken(step, bool(outcome.gone(step.node)), told["why"], failed=not done, **told["more"])
            )
        return False

    def _drainer(self, steps: list[Step], only: frozenset[str] | None, leave: Any) -> Drainer:
        return Drainer(
            self._session,
            [step.node for step in steps],
            namespaces=[MODELS_NAMESPACE],
            seconds=self._limits.drain_deadline,
            only=only,
            parallel=self._asked["parallel"],
            leave=leave,
        )

    def _still_quarantined(self, node: str) -> bool:
        """Asked before each eviction: nobody returned the node by hand, took it for maintenance, or took it over."""
        known = self._known.get(node)
        if known is None or time.monotonic() - known[0] > _KNOWN_SECONDS:
            try:
                live = self._node(node)
            except KubeError:
                live = None  # who cannot be asked now is asked again in a moment; the eviction meets the same trouble
            journey = journey_of(live) if live is not None else None
            right = journey is None or (
                journey.out_of_service and not journey.undone_by_hand and not journey.maintenance
            )
            known = self._known[node] = (time.monotonic(), right)
        return known[1]


def _takes_out(faults: list[Fault]) -> bool:
    return any(fault.quarantines for fault in faults)


def _slim(raw: dict[str, Any]) -> Raw:
    """Without what nobody here reads and a large cluster has much of."""
    raw["metadata"].pop("managedFields", None)
    (raw.get("status") or {}).pop("images", None)
    return raw


def _shown(step: Step) -> dict[str, Any]:
    shown = asdict(step)
    for hidden in ("patch", "basis", "evidence"):
        shown.pop(hidden)
    return {**shown, "more": dict(step.more), "pods": list(step.pods), "faults": list(step.faults)}


def _taken(step: Step, changed: bool, result: str, *, failed: bool = False, **more: Any) -> dict[str, Any]:
    return {**_shown(step), "changed": changed, "failed": failed, "result": result, **more}


def _told(step: Step, outcome: Drained) -> dict[str, Any]:
    own = [one for one in outcome.evicted if one.pod.node == step.node]
    open_ones = [f"{one.pod.key} {one.state}: {one.why}" for one in own if one.state != "gone"]
    waiting = [
        f"{owner}: {why}" for owner, why in outcome.waiting.items() if any(one.pod.owner == owner for one in own)
    ]
    budgets = sorted({one.budget for one in own if one.state == "blocked" and one.budget})
    why = "; ".join([*open_ones, *waiting])
    if budgets:
        why = f"PodDisruptionBudget {', '.join(budgets)} lets no pod go; {why}"
    more = {
        "evicted": [one.pod.key for one in own if one.state == "gone"],
        "blocked_by": budgets,
        "left": outcome.left,
        "unschedulable": outcome.unschedulable,
        "seconds": round(outcome.seconds, 2),
    }
    return {"why": why, "more": more}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
