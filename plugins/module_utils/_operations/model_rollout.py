# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``model_rollout``: models brought to what is wanted, each as one unit, several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.model import ANY_MODEL
from .._domain.model.policy import by_priority, terms_of
from .._domain.model.revision import Revision, UnknownRevisionError
from .._domain.model.strategy import REFUSED, Strategy
from .._domain.model.unit import UnfitUnitError, priority_class_of
from .._domain.names import MODELS_NAMESPACE, PRIORITIES
from .._kube.discovery import Discovery
from .._kube.errors import KubeError
from .._kube.manifests import parse_definition
from .._kube.permissions import who_am_i
from .._kube.plan import CREATE, UNCHANGED, diff_of, parent_told, told
from .._kube.session import Session
from .._kube.set_options import SetOptions
from .._operation import Context, Operation
from .._vocabulary.failure import failed_result
from .._vocabulary.owner import Owner
from .models.reading import Surroundings, missing_namespaces, read_revisions
from .models.rolling import NEW_REVISION, NOTHING, ModelChange
from .models.routing import Routing, require_no_interruption, routing, tell
from .models.scaling import unproven_scaling
from .models.talk import Talk
from .models.unchanged import unchanged

_UNSAID = terms_of(ANY_MODEL)
_MODEL: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "definition": {"type": "raw"},
    "revision": {"type": "str"},
    "priority": {"type": "str", "choices": list(PRIORITIES), "default": _UNSAID["priority"]},
    "downtime": {"type": "bool", "default": _UNSAID["downtime"]},
    "bake": {"type": "int", "default": _UNSAID["bake"]},
    "deadline": {"type": "int"},
    "history": {"type": "int", "default": _UNSAID["history"]},
    "load_seconds": {"type": "int", "default": _UNSAID["load_seconds"]},
    "canary_request": {"type": "bool", "default": _UNSAID["canary_request"]},
    "heartbeat_grace": {"type": "int", "default": _UNSAID["heartbeat_grace"]},
    "engine": {"type": "str"},
    "served_name": {"type": "str"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "models": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": _MODEL,
        "required_one_of": [["definition", "revision"]],
        "mutually_exclusive": [["definition", "revision"]],
    },
    "requested_by": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "http_request": {"type": "bool", "default": True},
    "adopt": {"type": "str", "choices": ["never", "unowned"], "default": "never"},
    "force_conflicts": {"type": "bool", "default": False},
    "after_stack": {"type": "bool", "default": False},
}

Result = dict[str, Any]
_NEXT_ROOM = "free GPUs, give the model a second replica, or allow rollout.downtime in the contract"


@dataclass
class _Batch:
    """What became of each model so far."""

    results: list[Result]
    changes: list[ModelChange]
    failures: list[KubeError]
    routing: Routing | None = None
    unproven_scaling: list[str] = field(default_factory=list)


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Roll every model; one that fails stops no other."""
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    talk = Talk(
        session,
        Discovery.of(session),
        SetOptions({}, parameters["adopt"] == "unowned", parameters["force_conflicts"], replaces=True),
        requested_by=parameters["requested_by"] or who_am_i(session),
        reason=parameters["reason"],
        unsent="" if parameters["http_request"] else "no request was sent, as asked",
    )
    recorded = read_revisions(session)
    batch = _Batch([], [], [])
    asked = by_priority(parameters["models"])
    changes = [change for entry in asked if (change := _change_for(talk, entry, recorded, batch))]
    same = unchanged(session, talk.discovery, {c.name: c.applied for c in changes if c.settled})
    batch.results += [_nothing(change) for change in changes if change.name in same]
    left = [change for change in changes if change.name not in same]
    coming = missing_namespaces(session) if context.check_mode and left else []
    left = _looked_at(session, left, coming, batch)
    while left:
        left = _next_round(session, left, batch, check_mode=context.check_mode)
    _tell_routers(talk, batch, check_mode=context.check_mode, comes=parameters["after_stack"])
    return _result(parameters["models"], batch, context)


def _tell_routers(talk: Talk, batch: _Batch, *, check_mode: bool, comes: bool) -> None:
    """Once the models are as they should be, in the end: requests for a new name find replicas."""
    try:
        if check_mode:
            coming = [each for change in batch.changes for each in change.applied]
            batch.routing = routing(talk.session, coming, comes=comes)
            return
        batch.routing = routing(talk.session)
        tell(talk.session, batch.routing, asks=not talk.unsent)
        done = [change for change in batch.changes if change.name in _touched(batch)]
        batch.unproven_scaling = unproven_scaling(talk, {change.name: change.applied for change in done})
    except KubeError as error:
        batch.failures.append(error)


def _change_for(
    talk: Talk, entry: Mapping[str, Any], recorded: Mapping[str, Sequence[Revision]], batch: _Batch
) -> ModelChange | None:
    try:
        manifests = parse_definition(entry["definition"])
        return ModelChange(talk, entry, manifests, recorded.get(entry["name"], ()))
    except (UnknownRevisionError, UnfitUnitError) as error:
        where = talk.session.where
        wrong = KubeError(f"model {entry['name']}: {error}", where=where, next_step="correct it; nothing was changed")
        _failed(batch, entry["name"], wrong)
    except KubeError as error:
        _failed(batch, entry["name"], error)
    return None


def _looked_at(
    session: Session, changes: Sequence[ModelChange], coming: Sequence[Mapping[str, Any]], batch: _Batch
) -> list[ModelChange]:
    """Those whose whole unit the server would take."""

    def look(change: ModelChange) -> KubeError | None:
        try:
            plan = change.look([dict(manifest) for manifest in coming])
            if not change.entry["downtime"]:
                require_no_interruption(session, change.name, plan)
        except KubeError as error:
            return error
        return None

    good = []
    for change, error in zip(changes, session.in_parallel(look, changes), strict=True):
        if error:
            _failed(batch, change.name, error, change)
        else:
            batch.changes.append(change)
            good.append(change)
    return good


def _next_round(
    session: Session, changes: Sequence[ModelChange], batch: _Batch, *, check_mode: bool
) -> list[ModelChange]:
    """Roll side by side those that there is room for, the more important first; gives those that have to wait."""
    surroundings = Surroundings.read(session)
    taken: list[tuple[str, int, int]] = []
    now: list[tuple[ModelChange, Strategy]] = []
    later: list[ModelChange] = []
    for change in changes:
        room = surroundings.room(change.name, change.product, priority_class_of(change.unit))
        for product, gpus, pods in taken:
            room = room.without(gpus, pods, same_product=product == change.product)
        strategy = change.choose(room)
        if strategy.name != REFUSED:
            now.append((change, strategy))
            taken.append((change.product, *change.takes(strategy)))
        elif taken and not check_mode:
            later.append(change)  # what is taken now may be free afterwards
        else:
            _failed(batch, change.name, _no_room(change, strategy, session.where), change)
    if check_mode:
        batch.results += [_preview(change, strategy) for change, strategy in now]
        return []
    for (change, _strategy), (result, error) in zip(now, session.in_parallel(_carry_out, now), strict=True):
        if error:
            _failed(batch, change.name, error, change, changed=True)
        else:
            batch.results.append(result)
    return later


def _carry_out(planned: tuple[ModelChange, Strategy]) -> tuple[Result, KubeError | None]:
    change, strategy = planned
    try:
        return change.carry_out(strategy), None
    except KubeError as error:
        return {}, error


def _no_room(change: ModelChange, strategy: Strategy, where: str) -> KubeError:
    what = f"model {change.name} cannot be rolled, nothing of it was changed: {strategy.why}"
    return KubeError(what, where=where, next_step=_NEXT_ROOM, owner=Owner.CUSTOMER)


def _failed(
    batch: _Batch, name: str, error: KubeError, change: ModelChange | None = None, *, changed: bool = False
) -> None:
    batch.failures.append(error)
    # What cannot even be compared is regarded as new: then it waits for what new things wait for.
    known = _known(change) if change else {"from": 0, "tried": 0, "change": NEW_REVISION}
    batch.results.append({"name": name, "changed": changed, **known, **error.as_result()})


def _known(change: ModelChange) -> Result:
    """What is known of a change before it is made."""
    return {"from": change.current_number, "tried": change.newest_number, "change": change.kind}


def _nothing(change: ModelChange) -> Result:
    number = change.current_number
    said = {"strategy": "none", "why": "nothing to change"}
    return {"name": change.name, "changed": False, **_known(change), "change": NOTHING, "revision": number, **said}


def _preview(change: ModelChange, strategy: Strategy) -> Result:
    changed = change.drifted or not change.settled
    known = _known(change) if changed else {**_known(change), "change": NOTHING}
    return {"name": change.name, "changed": changed, **known, "strategy": strategy.name, "why": strategy.why}


def _result(models: Sequence[Mapping[str, Any]], batch: _Batch, context: Context) -> dict[str, Any]:
    order = {model["name"]: number for number, model in enumerate(models)}
    results = sorted(batch.results, key=lambda result: order[result["name"]])
    touched = _touched(batch)
    routers = batch.routing.written() if batch.routing else []
    result: dict[str, Any] = {
        "changed": bool(touched or routers),
        "models": results,
        "objects": [each for change in batch.changes if change.name in touched for each in _objects(change)],
        "also": [*(each for change in batch.changes if change.name in touched for each in _also(change)), *routers],
        "routers": batch.routing.shown if batch.routing else "",
        "unproven_scaling": batch.unproven_scaling,
        "unproven": [*(batch.routing.unproven() if batch.routing else []), *batch.unproven_scaling],
    }
    if context.diff_mode:
        result["diff"] = [entry for change in batch.changes if change.plan for entry in diff_of(change.plan.changes)]
    if batch.failures:
        result |= _as_one(batch.failures)
    return result


def _touched(batch: _Batch) -> set[str]:
    return {result["name"] for result in batch.results if result["changed"]}


def _as_one(failures: Sequence[KubeError]) -> dict[str, Any]:
    """The failed result of a batch; where several have to act, the operator sees to it."""
    first, owners = failures[0], {error.owner for error in failures}
    return failed_result(
        error=type(first).__name__,
        code=first.code,
        what="; ".join(dict.fromkeys(error.what for error in failures)),
        where=first.where,
        next_step="; ".join(dict.fromkeys(error.next_step for error in failures if error.next_step)),
        owner=first.owner if len(owners) == 1 else Owner.OPERATOR,
    )


def _objects(change: ModelChange) -> list[Result]:
    return [
        told(c)
        for c in (change.plan.changes if change.plan else ())
        if c.action != UNCHANGED and c.ref.kind != "Namespace"
    ]


def _also(change: ModelChange) -> list[Result]:
    """The set's own record, and the revision that is recorded."""
    own = parent_told(change.plan) if change.plan else []
    if change.settled or change.resumes:
        return own
    made = {"kind": "ControllerRevision", "namespace": MODELS_NAMESPACE, "name": change.next_revision, "action": CREATE}
    return [*own, made]


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
