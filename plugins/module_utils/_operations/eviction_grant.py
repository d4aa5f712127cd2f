# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``eviction_grant``: the customer's grant of evictions, made or ended."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.access.eviction_grant import EvictionGrant, as_notes, granted_in, taken_up, wanted_grant
from .._domain.identities import binding
from .._domain.identities.needs import NODE_MEDIC, RBAC_GROUP
from .._domain.names import EVICTION_ROLE, MODELS_NAMESPACE, SYSTEM_NAMESPACE, labels
from .._kube.errors import ConflictError, KubeError, NotFoundError
from .._kube.over import MERGE_PATCH
from .._kube.permissions import who_am_i
from .._kube.plan import headings
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.owner import Owner
from .._vocabulary.times import rfc3339

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "until": {"type": "str", "default": "1h"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "requested_by": {"type": "str"},
    "reason": {"type": "str"},
}
RULES: dict[str, Any] = {"required_if": [("state", "present", ("requested_by", "reason"))]}

_SYSTEM = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}"
_PODS = f"/api/v1/namespaces/{MODELS_NAMESPACE}/pods"
_RBAC = f"/apis/{RBAC_GROUP}/v1/namespaces/{MODELS_NAMESPACE}"
_ROLE, _BINDINGS = f"{_RBAC}/roles/{EVICTION_ROLE}", f"{_RBAC}/rolebindings"
_BINDING = f"{_BINDINGS}/{EVICTION_ROLE}"
#: Not the manager of the prerequisites, which are applied whole: what they do not say would go.
_MANAGER = "fireworks-byoc-grant"
#: Each conflict is somebody else's write to the namespace.
_TRIES = 10

_MADE = binding(
    EVICTION_ROLE,
    MODELS_NAMESPACE,
    {"kind": "ServiceAccount", "name": NODE_MEDIC, "namespace": SYSTEM_NAMESPACE},
    {"labels": labels("eviction-grant", EVICTION_ROLE)},
)


class InvalidGrantError(KubeError):
    """What is asked for is no grant."""

    code = "invalid_input"


class NothingToGrantError(KubeError):
    """The prerequisites have no right that could be granted."""

    code = "nothing_to_grant"


@dataclass(frozen=True)
class _Turn:
    """One run: on which cluster, whether it is a dry run, and what each object saw."""

    session: Session
    check: bool
    objects: list[dict[str, str]]

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> None:
        query = {"fieldManager": _MANAGER, **({"dryRun": "All"} if self.check else {})}
        self.session.request(method, path, query=query, body=body, **more)

    def delete(self, path: str, uid: str) -> None:
        # Of a deletion with a body the API server reads no query; by the query it is known as no write.
        query, dry = ({"dryRun": "All"}, {"dryRun": ["All"]}) if self.check else ({}, {})
        self.session.request("DELETE", path, query=query, body={"preconditions": {"uid": uid}, **dry})

    def saw(self, kind: str, namespace: str, name: str, action: str) -> None:
        self.objects.append({"kind": kind, "namespace": namespace, "name": name, "action": action})


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Note the grant and bind it; or remove the binding and the notes, in this order."""
    wanted = _asked(parameters) if parameters["state"] == "present" else None
    turn = _Turn(open_session(parameters["connection"], context), context.check_mode, [])
    turn.session.require_expected_cluster()
    if wanted:
        wanted = _known(turn.session, wanted)
        before, after = _note(turn, wanted)
        _bind(turn)
    else:
        _unbind(turn)
        before, after = _note(turn, None)
    found: dict[str, Any] = {
        "changed": any(one["action"] != "unchanged" for one in turn.objects),
        "grant": asdict(after) if after else {},
        "before": asdict(before) if before else {},
        "objects": turn.objects,
    }
    if context.diff_mode and before != after:
        heads = headings("grant of evictions", there=before is not None, action="updated" if after else "deleted")
        found["diff"] = [{"before": _shown(before), "after": _shown(after), **heads}]
    return found


def _asked(parameters: Mapping[str, Any]) -> EvictionGrant:
    now = rfc3339(datetime.now(UTC))
    until, nodes, by, reason = (parameters[key] or "" for key in ("until", "nodes", "requested_by", "reason"))
    try:
        return wanted_grant(until, nodes, by, reason, now)
    except ValueError as error:
        raise InvalidGrantError(f"{error}; nothing was changed", next_step="say it as the message has it") from None


def _known(session: Session, wanted: EvictionGrant) -> EvictionGrant:
    """The grant with who gives it, and the pods that are on its nodes now."""
    try:
        session.get(_ROLE)
        for node in wanted.nodes:
            session.get(f"/api/v1/nodes/{node}")
    except NotFoundError as error:
        raise _refusal(session, str((error.body.get("details") or {}).get("kind") or ""), error) from None
    pods = session.list_items(_PODS) if wanted.nodes else ()
    here = [pod["metadata"]["uid"] for pod in pods if (pod.get("spec") or {}).get("nodeName") in wanted.nodes]
    return replace(wanted, pods=tuple(sorted(here)), granted_by=who_am_i(session))


def _refusal(session: Session, kind: str, error: NotFoundError) -> KubeError:
    if kind == "nodes":
        return InvalidGrantError(
            f"{error.what}; nothing was changed",
            where=session.where,
            next_step="name nodes as kubectl get nodes shows them",
        )
    return NothingToGrantError(
        f"there is no Role {EVICTION_ROLE} in {MODELS_NAMESPACE}, so nothing can be granted; nothing was changed",
        where=session.where,
        next_step="evictions are granted where the contract's actions.drain is approve and the prerequisites are of"
        " version 2 or newer: run fireworks.byoc.presetup if that is what they should be",
        owner=Owner.CUSTOMER,
    )


def _note(turn: _Turn, wanted: EvictionGrant | None) -> tuple[EvictionGrant | None, EvictionGrant | None]:
    """Write the grant over the version of the namespace that was read; what was noted before, and what is then."""
    for attempt in range(1, _TRIES + 1):
        metadata = _system(turn.session)["metadata"]
        notes = metadata.get("annotations") or {}
        before = granted_in(notes)
        after = taken_up(wanted, before, time.time()) if wanted else None
        patch = {key: text for key, text in as_notes(after).items() if notes.get(key) != text}
        if not patch:
            break
        body = {"metadata": {"annotations": patch, "resourceVersion": metadata["resourceVersion"]}}
        try:
            turn.write("PATCH", _SYSTEM, body, content_type=MERGE_PATCH)
        except ConflictError:
            if attempt == _TRIES:
                raise
            continue
        break
    turn.saw("Namespace", "", SYSTEM_NAMESPACE, "updated" if patch else "unchanged")
    return before, after


def _system(session: Session) -> Mapping[str, Any]:
    try:
        return session.get(_SYSTEM)
    except NotFoundError:
        raise KubeError(
            f"there is no namespace {SYSTEM_NAMESPACE}: nothing of ours is there that could be changed",
            where=session.where,
            next_step="onboard the cluster, or apply its presetup",
        ) from None


def _bind(turn: _Turn) -> None:
    there = _binding(turn.session)
    if there is None:
        turn.write("POST", _BINDINGS, _MADE)
    elif _gives(there) != _gives(_MADE):
        raise KubeError(
            f"the RoleBinding {EVICTION_ROLE} in {MODELS_NAMESPACE} is not as a grant makes it, and was left as it is",
            where=turn.session.where,
            next_step="look at it, end it with fireworks.byoc.revoke_eviction, then run this again",
            owner=Owner.CUSTOMER,
        )
    turn.saw("RoleBinding", MODELS_NAMESPACE, EVICTION_ROLE, "unchanged" if there else "created")


def _unbind(turn: _Turn) -> None:
    there = _binding(turn.session)
    if there is None:
        return
    turn.delete(_BINDING, there["metadata"]["uid"])
    turn.saw("RoleBinding", MODELS_NAMESPACE, EVICTION_ROLE, "deleted")


def _binding(session: Session) -> Mapping[str, Any] | None:
    try:
        return session.get(_BINDING)
    except NotFoundError:
        return None


def _gives(one: Mapping[str, Any]) -> tuple[Any, ...]:
    subjects = [(each.get("kind"), each.get("namespace"), each.get("name")) for each in one.get("subjects") or ()]
    return one["roleRef"]["kind"], one["roleRef"]["name"], subjects


def _shown(grant: EvictionGrant | None) -> str:
    return f"{json.dumps(asdict(grant) if grant else {}, indent=2, sort_keys=True)}\n"


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
