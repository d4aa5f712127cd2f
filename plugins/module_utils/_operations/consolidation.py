# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``consolidation``: plan which replicas to move, decide, and move them one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .._connection import CONNECTION_SPEC, open_writing_session
from .._domain.contract.typed import Contract
from .._domain.placement.consolidation import efficiency_of, plan_of
from .._domain.placement.loads import not_calibrated
from .._domain.placement.plan import Plan
from .._domain.placement.scene import Scene
from .._domain.rollout.blockers import waits_for_approval
from .._domain.rollout.consolidating import consolidation_turn, goes_on
from .._domain.rollout.node_action import Given
from .._domain.rollout.permission import GO
from .._kube.errors import KubeError
from .._operation import Context, Operation
from .bounds import require_bounds
from .capacity_reading import read_cluster, shares, told
from .consolidation_moves import Carrier, Left
from .given import GIVEN_SPEC, given_in
from .learned_models import learned

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "wanted": {"type": "dict", "default": {}},
    **GIVEN_SPEC,
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Finish what an earlier run had begun; then plan, decide, and carry the plan out."""
    contract: Contract = parameters["contract"]
    wanted = shares(parameters["wanted"])
    session = open_writing_session(parameters["connection"], context)
    require_bounds(session, contract)
    carrier = Carrier(session, contract, wanted, check=context.check_mode)
    settled = carrier.settle()
    read = read_cluster(session, contract, learned(session, contract, wanted))
    given, begun = given_in(session, parameters), carrier.left(read)
    plan, turn = _decided(contract, read.scene, begun, given)
    if context.check_mode:
        turn = goes_on(turn, settled)
    result = {**told(contract, read.scene, plan), "turn": turn, "settled": settled, "taken": []}
    goes = turn["decision"] == GO and bool(plan.moves)
    if not goes or context.check_mode:
        return {**result, "changed": goes or bool(settled)}
    return _carried(carrier, plan, turn["digest"], result)


def _decided(contract: Contract, scene: Scene, begun: Left | None, given: Given) -> tuple[Plan, Mapping[str, Any]]:
    """What is left of a plan, as long as its approval counts; else a new one. And whether it may be carried out."""
    models, now = {one.name: one for one in scene.models}, datetime.now(UTC)
    if begun:
        turn = consolidation_turn(contract, begun.plan, [], given, now, begun.digest)
        if not waits_for_approval(turn["blockers"]):
            return begun.plan, turn
    plan = plan_of(scene, efficiency_of(contract))
    doubts = not_calibrated(models, [move.model for move in plan.moves])
    return plan, consolidation_turn(contract, plan, doubts, given, now)


def _carried(carrier: Carrier, plan: Plan, digest: str, result: dict[str, Any]) -> dict[str, Any]:
    """The result of the plan, or of the moves before the one that failed: they stay made."""
    try:
        carrier.carry_out(plan, digest)
    except KubeError as error:
        return {**error.as_result(), **result, "changed": True, "taken": carrier.taken}
    return {**result, "changed": True, "taken": carrier.taken}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
