# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``model_info``: the recorded revisions of models, with what runs, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.model.revision import Revision, UnknownRevisionError, before, current, to_restore
from .._domain.model.revision_diff import unit_diff
from .._domain.model.unit import shape_of, workload
from .._domain.names import MODEL_LABEL, MODELS_NAMESPACE, REVISION_ANNOTATION, STACK_SET, SYSTEM_NAMESPACE
from .._domain.upgrade.marks import read_marks
from .._kube.discovery import Discovery, items_of
from .._kube.errors import ForbiddenError, KubeError, NotFoundError
from .._kube.readiness import readiness
from .._kube.session import Session
from .._operation import Context, Operation
from .models.reading import read_revisions
from .prerequisites import applied_version

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "name": {"type": "str"},
    "compare": {"type": "list", "elements": "str"},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the revisions of all models or of one, and what runs their replicas."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    name = parameters["name"] or ""
    recorded = read_revisions(session, name)
    live = _workloads(session, recorded, name)
    release = _release(session)
    result: dict[str, Any] = {
        "models": _models(recorded, live),
        "release": release,
        # Of use only to compare with a release, by whoever may read of either.
        "presetup_version": applied_version(session) if release else None,
    }
    if parameters["compare"]:
        result["differences"] = _compared(session, recorded.get(name, []), parameters["compare"])
    return result


def read_models(session: Session) -> list[dict[str, Any]]:
    """The recorded revisions of all models, and what runs of them."""
    recorded = read_revisions(session)
    return _models(recorded, _workloads(session, recorded))


def _release(session: Session) -> str:
    """The release that is installed, as the stack's set says it; empty where nothing does, or this identity may not."""
    try:
        parent = session.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps/{STACK_SET}")
    except (ForbiddenError, NotFoundError):
        return ""
    marks = read_marks(parent["metadata"].get("annotations") or {})
    return marks.release if marks else ""


def _workloads(session: Session, recorded: Mapping[str, Sequence[Revision]], name: str = "") -> dict[str, Any]:
    """The live workloads by name, of all models or of one, and of the kinds that they are.

    Others this identity need not be able to read.
    """
    selector = f"{MODEL_LABEL}={name}" if name else MODEL_LABEL
    now = [revision for revisions in recorded.values() if (revision := current(revisions))]
    kinds = {(each["apiVersion"], each["kind"]) for revision in now if (each := workload(revision.unit))}
    discovery = Discovery.of(session)
    return {
        one["metadata"]["name"]: one
        for api_version, kind in sorted(kinds)
        if (resource := discovery.find(api_version, kind))
        for one in items_of(session, resource, MODELS_NAMESPACE, {"labelSelector": selector})
    }


def _models(recorded: Mapping[str, Sequence[Revision]], live: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_model(model, recorded[model], live) for model in sorted(recorded)]


def _model(name: str, revisions: Sequence[Revision], live: Mapping[str, Any]) -> dict[str, Any]:
    now = current(revisions)
    return {
        "name": name,
        "revision": now.number if now else None,
        "state": now.state if now else "none",
        "before": before(revisions),
        **_status(now, live),
        "revisions": [_entry(revision) for revision in reversed(revisions)],
    }


def _status(now: Revision | None, live: Mapping[str, Any]) -> dict[str, Any]:
    deployment = workload(now.unit) if now else None
    found = live.get(deployment["metadata"]["name"]) if deployment else None
    if found is None:
        return {"replicas": 0, "ready": 0, "status": "does not run", "pods": ""}
    state = readiness(found)
    return {
        "replicas": shape_of(found).replicas,
        "ready": int((found.get("status") or {}).get("readyReplicas") or 0),
        "status": "ready" if state.ready else state.reason,
        "pods": str((found["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, "")),
    }


def _entry(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "state": revision.state,
        "requested_by": revision.requested_by,
        "reason": revision.reason,
        "when": revision.when,
        "restores": revision.restores or None,
        "strategy": str(revision.strategy.get("name", "")),
        "arithmetic": str(revision.strategy.get("why", "")),
        "failure": revision.failure,
        "unit": revision.digest,
    }


def _compared(session: Session, revisions: Sequence[Revision], numbers: Sequence[str]) -> list[dict[str, Any]]:
    if len(numbers) != 2:
        raise KubeError("`compare` takes two revisions", next_step="give two numbers, the older one first")
    try:
        old, new = (to_restore(revisions, number) for number in numbers)
    except UnknownRevisionError as error:
        raise KubeError(str(error), where=session.where, next_step="choose one of these") from None
    return unit_diff(old.unit, new.unit)


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={"required_by": {"compare": ["name"]}})
