# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_handover``: empty nodes that their owner asks for, and take them back later."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from .._connection import CONNECTION_SPEC, open_writing_session
from .._domain.contract.typed import Contract
from .._domain.identities.conditions import drains_by_grant
from .._domain.names import MAINTENANCE_TAINT, SAFE_ANNOTATION
from .._domain.placement.handover import (
    ASKED,
    BACK,
    NOT_SAFE,
    SAFE,
    Freeing,
    Handover,
    freeing,
    handovers,
    not_safe,
    safe_since,
    still_there,
    unfit,
)
from .._domain.placement.models import Learned
from .._domain.placement.plan import Package, Plan
from .._domain.rollout.blockers import blocker_data
from .._domain.rollout.consolidating import moves_estimate
from .._domain.rollout.node_action import Target, decide_action, target_digest
from .._domain.rollout.permission import GO, Decision
from .._kube.closing import NODES, NodeCloser
from .._kube.errors import KubeError
from .._operation import Context, Operation
from .._vocabulary.owner import Owner
from .bounds import require_bounds
from .capacity_reading import Read, read_cluster
from .consolidation_moves import HANDOVER, Carrier
from .given import GIVEN_SPEC, evictions_in, given_in
from .learned_models import learned

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    **GIVEN_SPEC,
}
_DRAIN, _GOAL = "drain", "hand_over"
_THEIRS = {"code": NOT_SAFE, "owner": Owner.CUSTOMER.value}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take each node as far as it can go now, one after the other, in their owner's order."""
    session = open_writing_session(parameters["connection"], context)
    require_bounds(session, parameters["contract"])
    return _Run(session, parameters, context.check_mode).result()


class _Run:
    def __init__(self, session: Any, parameters: Mapping[str, Any], check: bool) -> None:
        self._session = session
        self._contract: Contract = parameters["contract"]
        self._parameters = parameters
        self._check = check
        self._carrier = Carrier(session, self._contract, {}, check=check, rest=0.0)
        self._closer = NodeCloser(session, MAINTENANCE_TAINT, SAFE_ANNOTATION)
        self._rows: list[dict[str, Any]] = []

    def result(self) -> dict[str, Any]:
        """What became of each node; where one failed, of those before it too."""
        settled = self._carrier.settle()
        try:
            for one in handovers(self._read({}).nodes):
                self._rows.append(self._taken(one))
        except KubeError as error:
            return {**error.as_result(), **self._told(settled)}
        return self._told(settled)

    def _told(self, settled: list[str]) -> dict[str, Any]:
        changed = bool(settled) or any(row["changed"] for row in self._rows)
        return {"changed": changed, "nodes": self._rows, "settled": settled, "taken": self._carrier.taken}

    def _read(self, known: Mapping[str, Learned]) -> Read:
        return read_cluster(self._session, self._contract, known)

    def _taken(self, one: Handover) -> dict[str, Any]:
        step: dict[str, Callable[[Handover], dict[str, Any]]] = {
            ASKED: self._emptied, SAFE: self._kept_safe, BACK: self._returned,
        }  # fmt: skip
        cluster = str(self._contract["identity"]["name"])
        how = {
            "changed": False,
            "why": "",
            "moves": [],
            "blockers": [],
            "digest": "",
            "code": "",
            "goal": _GOAL,
            "session": "",
            "owner": "",
            "next_at": "",
        }
        about = {"cluster": cluster, "node": one.node, "goal": _GOAL, "session": "", "state": one.state}
        return {**about, **how, **step[one.state](one)}

    # Out -------------------------------------------------------------------------------------------------------------

    @cached_property
    def _known(self) -> dict[str, Learned]:
        """What telemetry tells is asked once; of each move it is asked again, before that is made."""
        return learned(self._session, self._contract, {})

    def _emptied(self, one: Handover) -> dict[str, Any]:
        scene = self._read(self._known).scene
        plan = freeing(scene, one.node)
        moves = [f"{move.pod} to {move.destination}" for move in plan.moves]
        if plan.stays:
            return {**self._not_safe(one, list(plan.stays)), **_THEIRS}
        decision, digest = self._decided(one, plan)
        if decision.action != GO:
            blockers = [blocker_data(self._contract, each, one.node) for each in decision.blockers]
            when = decision.at.isoformat(timespec="seconds") if decision.at else ""
            said = {"code": decision.code, "digest": digest, "moves": moves, "blockers": blockers}
            said |= {"owner": decision.owner.value, "next_at": when}
            return {**self._not_safe(one, [decision.reason]), **said}
        if self._check:
            return {"changed": True, "state": SAFE, "moves": moves}
        self._closer.close([one.node])
        if plan.moves:
            try:
                self._carrier.carry_out(
                    Plan((Package("its owner's maintenance", one.node, plan.moves, 0.0),)), HANDOVER
                )
            except KubeError as error:
                self._closer.keep({one.node: not_safe([error.what])})
                self._closer.open([one.node])
                raise
        return {**self._kept_safe(one), "changed": True, "moves": moves}

    def _not_safe(self, one: Handover, why: list[str]) -> dict[str, Any]:
        said = not_safe(why)
        if not self._check:
            self._closer.keep({one.node: said})
            self._closer.open([one.node])
        return {"changed": said != one.answer, "why": "; ".join(why)}

    def _kept_safe(self, one: Handover) -> dict[str, Any]:
        """Safe is what was looked at again: nothing of ours may have come back."""
        if there := still_there(self._read({}).scene, one.node):
            return {**self._not_safe(one, [f"{', '.join(there)} is on it"]), "state": ASKED, **_THEIRS}
        if one.state != SAFE and not self._check:
            self._closer.keep({one.node: safe_since(time.time())})
        return {"state": SAFE}

    def _decided(self, one: Handover, plan: Freeing) -> tuple[Decision, str]:
        """As a drain of this node, which its owner has asked for."""
        given = given_in(self._session, self._parameters)
        if drains_by_grant(self._contract):
            given = evictions_in(self._session, given)
        target = Target(one.node, _GOAL, occasion=tuple(move.pod for move in plan.moves))
        decision = decide_action(self._contract, _DRAIN, target, given, moves_estimate(plan.moves), datetime.now(UTC))
        return decision, target_digest(self._contract, target)

    # Back ------------------------------------------------------------------------------------------------------------

    def _returned(self, one: Handover) -> dict[str, Any]:
        """A node whose label is gone takes replicas again once it is well."""
        if why := unfit(self._session.get(f"{NODES}/{one.node}")):
            return {"why": "; ".join(why), **_THEIRS}
        if not self._check:
            self._closer.open([one.node])
            self._closer.keep({one.node: ""})
        return {"changed": True}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
