# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_remediation``: read the nodes, plan each one's next step, take it, and look again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_writing_session
from .._domain.contract.typed import Contract
from .._domain.health.finding import Finding
from .._domain.identities.conditions import drains_by_grant
from .._domain.names import MODELS_NAMESPACE
from .._domain.objectives.budget import spent
from .._domain.remediation import (
    Budget,
    Fleet,
    Journey,
    Replicas,
    Seen,
    Step,
    blind_nodes,
    budget_of,
    faults_by_node,
    journey_of,
    limits_of,
    next_step,
    reported,
)
from .._domain.remediation.journey import has_gpus
from .._domain.remediation.step import DRAIN_NODE, REPAIR, RESTART
from .._domain.rollout.node_action import Given
from .._kube.drain import PARALLEL
from .._kube.errors import KubeError
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.selector import selects
from .bounds import require_bounds
from .budget_reading import budgets_or_none_measured
from .finding_spec import FINDING_SPEC
from .given import GIVEN_SPEC, evictions_in, given_in
from .remediation_nodes import NODES, NodeWriter, Raw, shown
from .remediation_pods import PODS, PodMover

_REPORT: dict[str, Any] = {
    "node": {"type": "str", "required": True},
    "session": {"type": "str", "required": True},
    "goal": {"type": "str", "default": ""},
    "outcome": {"type": "str", "required": True, "choices": ["done", "failed"]},
    "detail": {"type": "str", "default": ""},
}
_COUNT: dict[str, Any] = {"type": "int", "default": 0}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "findings": {"type": "list", "elements": "dict", "options": FINDING_SPEC, "default": []},
    "reports": {"type": "list", "elements": "dict", "options": _REPORT, "default": []},
    "nodes": {"type": "list", "elements": "str", "default": []},
    **GIVEN_SPEC,
    "fleet": {"type": "dict", "options": {"nodes": _COUNT, "sick": _COUNT}},
    "required": {"type": "list", "elements": "str", "default": []},
    "diagnosed": {"type": "dict", "default": {}},
    "parallel": {"type": "int", "default": PARALLEL},
}
#: Suspect, quarantined, approved, drained, repairing: no node takes more steps in one call.
_ROUNDS = 6
#: So old may be what was read of the nodes, beside what our writes answered. What changed since refuses to be written.
_FRESH_SECONDS = 5.0
_BUDGETS = f"/apis/policy/v1/namespaces/{MODELS_NAMESPACE}/poddisruptionbudgets"


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Advance the nodes now."""
    session = open_writing_session(parameters["connection"], context)
    require_bounds(session, parameters["contract"])
    work = _Run(session, parameters, context)
    try:
        return work.result()
    except KubeError as error:
        return {**error.as_result(), **work.told([])}  # what it did before stays done


class _Run:
    def __init__(self, session: Session, parameters: dict[str, Any], context: Context) -> None:
        self._session = session
        self._asked = parameters
        self._contract: Contract = parameters["contract"]
        self._limits = limits_of(self._contract)
        self._check = context.check_mode
        findings = [Finding.from_dict(one) for one in parameters["findings"]]
        self._faults = faults_by_node(findings)
        self._blind = blind_nodes(findings)
        self._taken: list[dict[str, Any]] = []
        self._nodes: list[Raw] = []
        self._read_at = -math.inf
        self._without_budget: dict[str, str] | None = None
        self._writer = NodeWriter(session, check=self._check)
        self._mover = PodMover(
            session,
            self._writer,
            seconds=self._limits.drain_deadline,
            parallel=parameters["parallel"],
            check=self._check,
            by_grant=drains_by_grant(self._contract),
        )

    def result(self) -> dict[str, Any]:
        self._take([self._reported(report) for report in self._asked["reports"]])
        last: list[Step] = []
        for _round in range(1 if self._check else _ROUNDS):
            last = self._plan()
            if not self._take(last):
                break
        moving = (DRAIN_NODE, RESTART)
        return self.told([self._mover.waits.get(step.node, step) if step.do in moving else step for step in last])

    def told(self, last: list[Step]) -> dict[str, Any]:
        """What was done so far, and what comes next."""
        changed = [one for one in self._taken if one["changed"]]
        return {
            "changed": bool(changed),
            "taken": self._taken,
            "steps": [shown(step) for step in last],
            "repairs": [shown(step) for step in last if step.do == REPAIR],
        }

    # --- planning ------------------------------------------------------------------------------

    def _plan(self) -> list[Step]:
        """The next step of each node that has a fault or is on its way."""
        now = time.time()
        nodes, pods, budgets = self._read()
        journeys = {node["metadata"]["name"]: journey_of(node) for node in nodes}
        self._taken += self._mover.return_pods(pods, journeys)
        budget = self._budget(journeys, now)
        replicas = Replicas(nodes, pods, budgets, self._contract, selects)
        given = self._given()
        wanted = set(self._asked["nodes"]) or set(journeys)
        concerned = [one for one in nodes if self._concerns(journeys[one["metadata"]["name"]], wanted)]
        return [
            next_step(node, faults, budget, self._contract, now, self._seen(node["metadata"]["name"], replicas, given))
            for node in concerned
            for faults in [self._faults.get(node["metadata"]["name"], [])]
        ]

    def _read(self) -> tuple[list[Raw], list[Raw], list[Raw]]:
        def read(path: str) -> list[Raw]:
            return [_slim(one) for one in self._session.list_items(path)]

        if self._is_fresh():
            pods, budgets = self._session.in_parallel(read, (PODS, _BUDGETS))
            self._nodes = [self._writer.answered.get(node["metadata"]["name"], node) for node in self._nodes]
        else:
            self._read_at = time.monotonic()
            nodes, pods, budgets = self._session.in_parallel(read, (NODES, PODS, _BUDGETS))
            self._nodes = [node for node in nodes if has_gpus(node)]
        return self._nodes, pods, budgets

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < _FRESH_SECONDS

    def _concerns(self, journey: Journey, wanted: set[str]) -> bool:
        return journey.name in wanted and bool(journey.state or journey.name in self._faults)

    def _budget(self, journeys: Mapping[str, Journey], now: float) -> Budget:
        oldest = now - self._limits.evidence_max_age
        fresh = {
            node: [fault.since or 0.0 for fault in faults if fault.quarantines and (fault.at or 0.0) >= oldest]
            for node, faults in self._faults.items()
        }
        sick = {node: min(since) for node, since in fresh.items() if since}
        fleet = Fleet(**self._asked["fleet"]) if self._asked["fleet"] else None
        return budget_of(journeys.values(), sick, self._limits, now, fleet)

    def _given(self) -> Given:
        """What was given to this run, and what the customer has set in the cluster by now."""
        given = given_in(self._session, self._asked)
        # Known before anything is touched.
        return evictions_in(self._session, given) if drains_by_grant(self._contract) else given

    def _seen(self, node: str, replicas: Replicas, given: Given) -> Seen:
        serving = tuple(replicas.on(node))
        return Seen(
            models=tuple(one.model for one in serving),
            serving=serving,
            blind=self._blind.get(node, ""),
            given=given,
            diagnosed=self._asked["diagnosed"].get(node) or {},
            required=tuple(self._asked["required"]),
            spent=self._spent(),
        )

    def _spent(self) -> dict[str, str]:
        """Which models have no error budget left, asked once. Where nobody tells, none is known to."""
        if self._without_budget is None:
            rows = budgets_or_none_measured(self._session, self._contract)
            self._without_budget = spent(row.to_dict() for row in rows)
        return self._without_budget

    def _reported(self, report: Raw) -> Step:
        node = self._writer.node(report["node"])
        if node is None:
            return Step(report["node"], "observe", "the node is gone", "", report["session"])
        step = reported(node, report["outcome"], report["detail"], time.time())
        said = (report["session"], report.get("goal") or step.goal)
        if step.patch is None or said == (step.session, step.goal):
            return step
        is_in = " ".join([step.session, step.goal]).strip() or "service"
        why = f"the report is of {' '.join(said).strip()}, and the node is in {is_in}: nothing changes"
        return Step(step.node, "observe", why, step.state, step.session)

    # --- acting --------------------------------------------------------------------------------

    def _take(self, steps: list[Step]) -> bool:
        """Take the steps; whether that may have led to others."""
        seen = {node["metadata"]["name"]: node for node in self._nodes} if self._is_fresh() else {}
        written = self._session.in_parallel(
            lambda step: self._writer.write(step, seen.get(step.node)),
            [step for step in steps if step.patch is not None],
        )
        self._taken += written  # at once: a drain that breaks off hides nothing of what was approved and written
        drained = self._mover.drain([step for step in steps if step.do == DRAIN_NODE])
        self._taken += drained
        restarted = self._mover.restart([step for step in steps if step.do == RESTART])
        self._taken += restarted
        if drained or restarted:
            self._read_at = -math.inf  # that took its time, and nodes may be gone
        # A pod that was restarted leads to nothing else, and a drain that was given up begins anew in the next run.
        return any(one["changed"] and not one["failed"] for one in [*written, *drained])


def _slim(raw: dict[str, Any]) -> Raw:
    """Without what nobody here reads and a large cluster has much of."""
    raw["metadata"].pop("managedFields", None)
    (raw.get("status") or {}).pop("images", None)
    return raw


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
