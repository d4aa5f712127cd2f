# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``apply_set``: one logical unit of objects in one call."""

from __future__ import annotations

import time
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._kube.apply import SetApplier
from .._kube.discovery import Discovery
from .._kube.errors import DeadlineError
from .._kube.manifests import ManifestError, parse_definition
from .._kube.objects import Ref
from .._kube.plan import DELETE, Plan, diff_of, parent_told, told
from .._kube.readiness import Readiness
from .._kube.refusals import HeldByPolicyError
from .._kube.removal import require_gone, require_removable
from .._kube.set_options import SetOptions
from .._operation import Context, Operation

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "fireworks-system"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "definition": {"type": "raw"},
    "src": {"type": "list", "elements": "path"},
    "template": {"type": "list", "elements": "path"},
    "annotations": {"type": "dict", "default": {}},
    "adopt": {"type": "str", "choices": ["never", "unowned"], "default": "never"},
    "force_conflicts": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Apply or remove the set; returns what changed, object by object."""
    for option in ("src", "template"):
        if parameters[option]:
            raise ManifestError(
                f"`{option}` is read on the controller, by the action of this name, which did not run",
                next_step="call fireworks.byoc.apply_set by its full name, not through another module",
            )
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    parent = Ref("ConfigMap", "", parameters["namespace"], parameters["name"])
    options = SetOptions(
        annotations={key: str(value) for key, value in parameters["annotations"].items()},
        adopt_unowned=parameters["adopt"] == "unowned",
        force_conflicts=parameters["force_conflicts"],
    )
    applier = SetApplier(session, Discovery.of(session), parent, options)
    manifests = parse_definition(parameters["definition"])
    if parameters["state"] == "absent":
        plan = applier.plan_absent(manifests)
        changed = bool(plan.changes) or plan.parent_before is not None
        require_removable(session, plan)
        if changed and not context.check_mode:
            applier.apply_absent(plan, seconds=parameters["wait_timeout"])
        return _result(plan, context, {}, changed=changed)
    if not manifests:
        raise ManifestError(
            "the set has no manifests; an empty set would delete everything in it",
            where=session.where,
            next_step="give manifests, or say state: absent",
        )
    plan = applier.plan_present(manifests)
    states: dict[Ref, Readiness] = {}
    if plan.changed and not context.check_mode:
        applier.apply_present(plan)
    if parameters["wait"] and not context.check_mode:
        until = time.monotonic() + parameters["wait_timeout"]
        states = applier.wait_ready(plan, seconds=parameters["wait_timeout"])
        _require_ready(states, session.where, parameters)
        require_gone(session, plan.of(DELETE), until)
    return _result(plan, context, states, changed=plan.changed)


def _require_ready(states: dict[Ref, Readiness], where: str, parameters: dict[str, Any]) -> None:
    late = {ref: state for ref, state in states.items() if not state.ready}
    if not late:
        return
    listed = "; ".join(f"{ref}: {state.reason}" for ref, state in sorted(late.items()))
    gave_up = any(state.failed for state in late.values())
    if any(state.failed and state.refusal for state in late.values()):
        raise HeldByPolicyError(f"the set {parameters['name']} was applied, but: {listed}", where=where)
    how = "will not become ready" if gave_up else f"not ready within {parameters['wait_timeout']} s"
    raise DeadlineError(
        f"the set {parameters['name']} was applied, but {how}: {listed}",
        where=where,
        next_step="settle what each object waits for, then run again",
    )


def _result(plan: Plan, context: Context, states: dict[Ref, Readiness], *, changed: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": changed,
        "set": plan.parent.name,
        "counts": plan.counts(),
        "objects": [
            {
                **told(change),
                **({"ready": states[change.ref].ready} if change.ref in states and change.action != DELETE else {}),
            }
            for change in plan.changes
        ],
        "also": parent_told(plan),
    }
    if context.diff_mode:
        result["diff"] = diff_of(plan.changes)
    return result


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
