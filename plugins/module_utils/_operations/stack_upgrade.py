# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``stack_upgrade``: the stack of one cluster brought to another release, or back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.moments import shown_moment
from .._domain.names import SYSTEM_NAMESPACE
from .._domain.upgrade.course import (
    ABORT,
    BEGIN,
    NOTHING,
    REFUSE,
    RESUME,
    ROLLBACK,
    SUPERSEDE,
    Course,
    Wanted,
    course,
    settled,
)
from .._domain.upgrade.entry import FAILING, SUPERSEDED, WITHDRAWING, Entry, UnfitBackupError, parse, record
from .._domain.upgrade.marks import Marks
from .._domain.upgrade.room import shortages
from .._kube.create import create_once
from .._kube.discovery import Discovery
from .._kube.errors import ConflictError, KubeError
from .._kube.manifests import ManifestError, parse_definition
from .._kube.objects import Manifest, Ref
from .._kube.permissions import who_am_i
from .._kube.plan import DELETE, Plan, diff_of, told
from .._kube.session import Session
from .._kube.wait import Awaited, wait_ready
from .._operation import Context, Operation
from .._vocabulary.owner import Owner
from .upgrade.carrying import Carrier, Component, Terms
from .upgrade.reading import ENTRIES, backup_of, decide, marks_of, read_entries

_COMPONENT: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "definition": {"type": "raw"},
    "template": {"type": "path"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
    "release": {"type": "str"},
    "release_digest": {"type": "str"},
    "components": {"type": "list", "elements": "dict", "options": _COMPONENT},
    "definition": {"type": "raw"},
    "requested_by": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "retry": {"type": "bool", "default": False},
    "bake": {"type": "int", "default": 300},
    "component_timeout": {"type": "int", "default": 600},
    "deadline": {"type": "int", "default": 3600},
    "history": {"type": "int", "default": 10},
    "http_request": {"type": "bool", "default": True},
}
RULES: dict[str, Any] = {"required_if": [("state", "present", ("release", "release_digest", "components"))]}

CONTRACT = "what the contract makes"
"""The component that belongs to every release: the entry point."""
_WHOLE = "the whole release"


class FailedBeforeError(KubeError):
    """This very release failed here, and nobody asked to try it again."""

    code = "failed_before"


class NotReadyError(KubeError):
    """The stack is not well, so nothing was begun."""

    code = "unhealthy"


class NoRoomError(KubeError):
    """A quota would stop the upgrade in its middle, so nothing was begun."""

    code = "no_room"


class NoTargetError(KubeError):
    """It is not said to which release to go back, or to one that cannot be restored here."""

    code = "no_target"


class NothingRecordedError(KubeError):
    """Nothing says what to go back to, or there is no stack."""

    code = "nothing_recorded"


@dataclass(frozen=True)
class _Case:
    """What this run wants, what it found, and what it therefore does."""

    session: Session
    discovery: Discovery
    parameters: Mapping[str, Any]
    marks: Marks
    entries: Sequence[Entry]
    course: Course

    @property
    def carrier(self) -> Carrier:
        given = self.parameters
        terms = Terms(
            given["bake"], given["deadline"], given["component_timeout"], given["history"], given["http_request"]
        )
        return Carrier(self.session, self.discovery, terms, self.marks)


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Bring the release, finish what an earlier run was at, or go back."""
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    marks = marks_of(session)
    if marks is None:
        raise NothingRecordedError("there is no stack here", where=session.where, next_step="onboard the cluster")
    entries, changed = settled(marks, read_entries(session))
    if not context.check_mode:
        entries = [
            _decide(session, entry, changed[entry.number]) if entry.number in changed else entry for entry in entries
        ]
    back, release = parameters["state"] == "restored", parameters["release"] or ""
    wanted = Wanted(release, "" if back else parameters["release_digest"], retry=parameters["retry"], back=back)
    case = _Case(session, Discovery.of(session), parameters, marks, entries, course(wanted, marks, entries))
    if case.course.action == REFUSE:
        raise _refusal(case)
    if case.course.action == NOTHING:
        return _result(case, marks.release, None, context, changed=False)
    return _abort(case, context) if case.course.action == ABORT else _bring(case, context)


def _bring(case: _Case, context: Context) -> dict[str, Any]:
    target, components = _target(case)
    whole = [manifest for _name, part in components for manifest in part]
    plan = case.carrier.applier(Marks(target)).plan_present(whole)  # refused here, nothing was written
    if case.course.action == BEGIN:
        _require_ready(case.session, plan)
        _require_room(case.session, plan, whole)
    if context.check_mode:
        return _result(case, target, plan, context)
    entry = case.course.entry if case.course.action == RESUME else _record(case, target, plan)
    evidence = case.carrier.bring(entry, components)
    return _result(case, target, plan, context, evidence=evidence)


def _abort(case: _Case, context: Context) -> dict[str, Any]:
    entry = case.course.entry
    asked = case.parameters["state"] == "restored" and case.parameters["release"] == entry.source
    plan = case.carrier.applier(Marks(entry.source), force=True).plan_present(entry.objects)
    if context.check_mode:
        return _result(case, entry.source, plan, context)
    state = entry.state if entry.state in (FAILING, WITHDRAWING) else WITHDRAWING
    error = case.carrier.roll_back(entry, state, case.course.reason)
    if not asked:
        raise error
    return _result(case, entry.source, plan, context, evidence="it is as it was before, and ready")


def _target(case: _Case) -> tuple[str, list[Component]]:
    """The release that is brought, and its components in order."""
    action, entry = case.course.action, case.course.entry
    if action == ROLLBACK or (action == RESUME and entry.restores):
        undone = entry if action == ROLLBACK else _undone(case)
        return undone.source, [(_WHOLE, undone.objects)]
    given = case.parameters
    if any(one["template"] for one in given["components"]):
        raise ManifestError(
            "`template` is read on the controller, by the action of this name, which did not run",
            next_step="call fireworks.byoc.stack_upgrade by its full name, not through another module",
        )
    parts = [(CONTRACT, parse_definition(given["definition"]))]
    parts += [(one["name"], parse_definition(one["definition"])) for one in given["components"]]
    return given["release"], [(name, manifests) for name, manifests in parts if manifests]


def _undone(case: _Case) -> Entry:
    """The upgrade that a rollback undoes."""
    found = next((one for one in case.entries if one.number == case.course.entry.restores), None)
    if found is None:
        raise NothingRecordedError(
            f"the upgrade {case.course.entry.restores}, which is being undone, is recorded no more",
            where=case.session.where,
            next_step="bring a release with fireworks.byoc.upgrade: it takes the place of what is unfinished",
        )
    return found


def _require_ready(session: Session, plan: Plan) -> None:
    """A stack that is not well is not upgraded: afterwards nobody could tell which of both it was."""
    awaited = [Awaited(change.ref, change.resource) for change in plan.changes if change.before]
    states = wait_ready(session, awaited, seconds=0.0)
    late = [f"{ref}: {state.reason}" for ref, state in sorted(states.items()) if not state.ready]
    if late:
        raise NotReadyError(
            f"the stack is not ready, so no upgrade was begun: {'; '.join(late)}",
            where=session.where,
            next_step="settle what each object waits for, then run again",
        )


def _require_room(session: Session, plan: Plan, whole: Sequence[Manifest]) -> None:
    """A quota that is too small would only show when the first component does not become ready."""
    changes = {change.ref: change for change in plan.changes}
    found = [changes[Ref.of(one)] for one in whole if one["kind"] == "Deployment"]
    quotas = session.list_items(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/resourcequotas")
    short = shortages([(change.before, change.after or change.before) for change in found], quotas)
    if short:
        raise NoRoomError(
            f"there is no room for the upgrade, so none was begun: {'; '.join(short)}",
            where=session.where,
            next_step=f"raise the quota in {SYSTEM_NAMESPACE}, then run again",
            owner=Owner.CUSTOMER,
        )


def _record(case: _Case, target: str, plan: Plan) -> Entry:
    """Keep the set as it is before anything of it is written."""
    superseded = case.course.entry if case.course.action == SUPERSEDE else None
    undone = case.course.entry if case.course.action == ROLLBACK else None
    entry = Entry(
        number=max((one.number for one in case.entries), default=0) + 1,
        source=superseded.source if superseded else case.marks.release,
        target=target,
        digest="" if undone else case.parameters["release_digest"],
        objects=superseded.objects if superseded else backup_of(case.session, case.discovery, plan),
        requested_by=case.parameters["requested_by"] or who_am_i(case.session),
        reason=case.parameters["reason"],
        when=shown_moment(datetime.now(UTC).timestamp()),
        before=superseded.before if superseded else case.carrier.standing(),
        restores=undone.number if undone else 0,
    )
    try:
        entry = parse(create_once(case.session, ENTRIES, record(entry)))
    except ConflictError:
        raise NotReadyError(
            f"another run has just begun upgrade {entry.number}; nothing was changed",
            where=case.session.where,
            next_step="wait until that run has ended, then run again",
        ) from None
    except UnfitBackupError as error:
        raise NotReadyError(f"{error}; nothing was changed", where=case.session.where) from None
    if superseded:
        _decide(case.session, superseded, SUPERSEDED, f"superseded by {target}")
    return entry


def _decide(session: Session, entry: Entry, state: str, reason: str = "") -> Entry:
    return decide(session, entry, state, reason or entry.failure, shown_moment(datetime.now(UTC).timestamp()))


def _refusal(case: _Case) -> KubeError:
    where, reason = case.session.where, case.course.reason
    if case.course.entry.number:
        next_step = "correct the release and publish it anew, or try this one again with -e retry=true"
        return FailedBeforeError(f"{reason}; nothing was changed", where=where, next_step=next_step)
    backups = case.course.backups
    if backups:
        one = len(backups) == 1
        next_step = f"name it: -e to={backups[0]}" if one else f"name one of {', '.join(backups)} with -e to="
        return NoTargetError(f"{reason}; nothing was changed", where=where, next_step=next_step)
    next_step = "install a release with onboard, or bring one with fireworks.byoc.upgrade"
    return NothingRecordedError(f"{reason}; nothing was changed", where=where, next_step=next_step)


def _result(
    case: _Case, release: str, plan: Plan | None, context: Context, *, evidence: str = "", changed: bool = True
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": changed,
        "action": case.course.action,
        "from": case.marks.release,
        "release": release,
        "reason": case.course.reason,
        "evidence": evidence,
        "objects": [told(change) for change in plan.changes] if plan else [],
        "pruned": [str(change.ref) for change in plan.of(DELETE)] if plan else [],
    }
    if context.diff_mode:
        result["diff"] = diff_of(plan.changes) if plan else []
    return result


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
