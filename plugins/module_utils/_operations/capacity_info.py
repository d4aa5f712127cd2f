# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``capacity_info``: read the nodes and pods of one cluster, and say what fits and what moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract.typed import Contract
from .._domain.placement.advice import provision, shapes, without_a_node
from .._domain.placement.consolidation import efficiency_of, plan_of
from .._domain.placement.plan import Plan
from .._domain.placement.scene import Scene, UnreadableSceneError, from_dict, to_dict
from .._operation import Context, Operation
from .capacity_reading import InputError, read_cluster, shares, told
from .learned_models import learned

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "wanted": {"type": "dict", "default": {}},
    "snapshot": {"type": "dict"},
    "keep_snapshot": {"type": "bool", "default": False},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read, or take what was read; then measure and plan."""
    contract: Contract = parameters["contract"]
    wanted = shares(parameters["wanted"])
    if parameters["snapshot"] is not None:
        scene = _given(parameters["snapshot"])
    else:
        session = open_session(parameters["connection"], context)
        session.check_expected_cluster()
        scene = read_cluster(session, contract, learned(session, contract, wanted)).scene
    plan = plan_of(scene, efficiency_of(contract))
    result = told(contract, scene, plan)
    result |= _advice(str(contract["identity"]["name"]), scene, plan, result["models"])
    return {**result, "snapshot": to_dict(scene)} if parameters["keep_snapshot"] else result


def _advice(cluster: str, scene: Scene, plan: Plan, models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {
        "shapes": shapes(scene, plan.moves),
        "without_a_node": without_a_node(scene),
        "provision": provision(scene, {row["model"]: row["fits"] for row in models}),
    }
    return {what: [{"cluster": cluster, **row} for row in rows] for what, rows in found.items()}


def _given(snapshot: Mapping[str, Any]) -> Scene:
    try:
        return from_dict(snapshot)
    except UnreadableSceneError as error:
        raise InputError(str(error), next_step="take a snapshot by keep_snapshot") from None


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
