# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``change_approval``: an approval that a cluster keeps, written or removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.names import APPROVAL_ANNOTATION, SYSTEM_NAMESPACE, VERSIONS_ANNOTATION
from .._domain.rollout.approval import SHORTEST
from .._domain.rollout.kept_approvals import (
    Entries,
    UnreadableApprovalsError,
    as_annotation,
    as_versions,
    kept_approvals,
    with_approval,
    without_approval,
)
from .._kube.errors import ConflictError, KubeError, NotFoundError
from .._kube.over import MERGE_PATCH
from .._kube.permissions import who_am_i
from .._kube.plan import headings
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.owner import Owner

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "digest": {"type": "str", "required": True},
    "by": {"type": "str"},
    "given_at": {"type": "str"},
    "expires_at": {"type": "str"},
    "what": {"type": "str", "default": ""},
    "versions": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
}
RULES: dict[str, Any] = {"required_if": [("state", "present", ("by", "given_at", "expires_at"))]}

_PATH = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}"
#: Each conflict is somebody else's write to the namespace.
_TRIES = 10


class ApprovalError(KubeError):
    """The approvals of a cluster cannot be kept as they are asked for."""

    code = "approvals_unreadable"


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write the approval over the version of the namespace that was read, or remove it."""
    if len(parameters["digest"].strip()) < SHORTEST:
        raise KubeError(
            f"`digest` has {len(parameters['digest'].strip())} characters, and {SHORTEST} at least name one change",
            next_step="give the digest that the plan showed",
        )
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    author = who_am_i(session) if parameters["state"] == "present" else ""
    for attempt in range(1, _TRIES + 1):
        live = _namespace(session)
        before = _entries(session, live)
        after = _wanted(parameters, before, author)
        if after == before:
            return _result(parameters, before, before, context)
        try:
            _write(session, live, after, context)
        except ConflictError:
            if attempt == _TRIES:
                raise
            continue
        break
    return _result(parameters, before, after, context)


def _namespace(session: Session) -> Mapping[str, Any]:
    try:
        return session.get(_PATH)
    except NotFoundError:
        raise KubeError(
            f"there is no namespace {SYSTEM_NAMESPACE}: nothing of ours is there that could be changed",
            where=session.where,
            next_step="onboard the cluster, or apply its presetup",
        ) from None


def _entries(session: Session, live: Mapping[str, Any]) -> Entries:
    text = str((live["metadata"].get("annotations") or {}).get(APPROVAL_ANNOTATION, ""))
    try:
        return kept_approvals(text)
    except UnreadableApprovalsError as error:
        raise ApprovalError(
            f"the annotation {APPROVAL_ANNOTATION} of {SYSTEM_NAMESPACE} cannot be read: {error}; it was left as it is",
            where=session.where,
            next_step="correct or remove it, then run this again",
            owner=Owner.CUSTOMER,
        ) from None


def _wanted(parameters: Mapping[str, Any], before: Entries, author: str) -> Entries:
    digest = parameters["digest"].strip()
    if parameters["state"] == "absent":
        return without_approval(before, digest, parameters["by"] or "")
    keys = ("by", "given_at", "expires_at", "what", "versions", "units")
    told = {key: parameters[key] for key in keys if parameters[key]}
    return with_approval(before, {**told, "digest": digest, "written_by": author}, datetime.now(UTC))


def _write(session: Session, live: Mapping[str, Any], entries: Entries, context: Context) -> None:
    metadata = {
        "annotations": {APPROVAL_ANNOTATION: as_annotation(entries), VERSIONS_ANNOTATION: as_versions(entries)},
        "resourceVersion": live["metadata"]["resourceVersion"],
    }
    # Not the manager of the prerequisites, which are applied whole: what they do not say would go.
    query = {"fieldManager": "fireworks-byoc-approval", **({"dryRun": "All"} if context.check_mode else {})}
    session.request("PATCH", _PATH, query=query, body={"metadata": metadata}, content_type=MERGE_PATCH)


def _result(parameters: Mapping[str, Any], before: Entries, after: Entries, context: Context) -> dict[str, Any]:
    changed = before != after
    one: dict[str, Any] = {"kind": "Namespace", "namespace": "", "name": SYSTEM_NAMESPACE, "action": "unchanged"}
    if changed:
        one |= {"action": "updated", "before": _hash(before), "after": _hash(after)}
    found: dict[str, Any] = {"changed": changed, "approvals": after, "objects": [one]}
    if parameters["state"] == "absent":
        found["revoked"] = [entry for entry in before if entry not in after]
    if context.diff_mode and changed:
        heads = headings(APPROVAL_ANNOTATION, there=bool(before), action="updated" if after else "deleted")
        found["diff"] = [{"before": _shown(before), "after": _shown(after), **heads}]
    return found


def _hash(entries: Entries) -> str:
    return hashlib.sha256((as_annotation(entries) or "").encode()).hexdigest()


def _shown(entries: Entries) -> str:
    return f"{json.dumps(entries, indent=2, sort_keys=True)}\n"


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
