# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``set_info``: what is there of a set, object by object, against what should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._kube.applyset import applyset_id, membership_of, read_membership, set_of
from .._kube.compare import differences
from .._kube.discovery import Discovery, metadata_of
from .._kube.errors import ForbiddenError, NotFoundError
from .._kube.manifests import Member, parse_definition, to_members
from .._kube.objects import Ref, redacted_pair, theirs_hidden
from .._kube.session import FIELD_MANAGER, Session
from .._operation import Context, Operation
from .._vocabulary.applyset_keys import ID_LABEL, PART_OF_LABEL

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "definition": {"type": "raw", "required": True},
    "name": {"type": "str"},
    "namespace": {"type": "str", "default": "fireworks-system"},
}

SAME, MISSING, DIFFERS, UNREADABLE, EXTRA = "same", "missing", "differs", "unreadable", "extra"
Entry = dict[str, Any]


@dataclass(frozen=True)
class _Set:
    """What the cluster says of the named set: its parent, the members found, and where it could not be looked."""

    parent: Entry
    members: list[Ref]
    unlisted: list[str]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read each object of the definition, and the set's members when it is named."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    discovery = Discovery.of(session)
    manifests = parse_definition(parameters["definition"])
    served = [m for m in manifests if not _names_a_kind(m) or discovery.find(m["apiVersion"], m["kind"])]
    members = to_members(served, discovery, where=session.where)
    objects = session.in_parallel(lambda member: _look(session, member), members)
    objects += [_entry(Ref.of(manifest), MISSING) for manifest in manifests if manifest not in served]
    result: dict[str, Any] = {}
    if parameters["name"]:
        parent = Ref("ConfigMap", "", parameters["namespace"], parameters["name"])
        found = _the_set(session, discovery, parent, [member.ref for member in members])
        wanted = {member.ref for member in members}
        objects += [_entry(ref, EXTRA) for ref in sorted(found.members) if ref not in wanted]
        result = {"set": found.parent, "unlisted": found.unlisted}
    states = [entry["state"] for entry in objects]
    counts = {state: states.count(state) for state in (SAME, MISSING, DIFFERS, UNREADABLE, EXTRA)}
    return {"counts": counts, "objects": objects, **result}


def _names_a_kind(manifest: object) -> bool:
    return isinstance(manifest, Mapping) and bool(manifest.get("apiVersion")) and bool(manifest.get("kind"))


def _look(session: Session, member: Member) -> Entry:
    try:
        live = session.get(member.resource.path(member.ref.namespace, member.ref.name))
    except NotFoundError:
        return _entry(member.ref, MISSING)
    except ForbiddenError:
        return _entry(member.ref, UNREADABLE)
    stored = member.manifest
    found, wanted = redacted_pair(theirs_hidden(live, stored), stored)
    different = differences(wanted, found, manager=FIELD_MANAGER)
    return _entry(member.ref, DIFFERS if different else SAME, different)


def _entry(ref: Ref, state: str, different: Iterable[Entry] = ()) -> Entry:
    entry: Entry = {"kind": ref.kind, "group": ref.group, "namespace": ref.namespace, "name": ref.name, "state": state}
    return {**entry, "differences": list(different)} if different else entry


def _the_set(session: Session, discovery: Discovery, parent: Ref, wanted: Iterable[Ref]) -> _Set:
    """The set's parent, and its members wherever the parent or the definition says that they may be."""
    state, live = SAME, None
    try:
        live = session.get(f"/api/v1/namespaces/{parent.namespace}/configmaps/{parent.name}")
    except NotFoundError:
        state = MISSING
    except ForbiddenError:
        state = UNREADABLE
    metadata = (live or {}).get("metadata") or {}
    if live and ID_LABEL not in (metadata.get("labels") or {}):
        state = MISSING  # a ConfigMap of that name that is no set
    spread = membership_of(wanted).union(read_membership(live))
    places = []
    for kind in sorted(spread.group_kinds):
        resource = discovery.find_group_kind(kind)
        if resource:
            namespaces = sorted(spread.namespaces | {parent.namespace}) if resource.namespaced else [""]
            places += [(resource, namespace) for namespace in namespaces]
    unlisted: set[str] = set()
    selector = {"labelSelector": f"{PART_OF_LABEL}={applyset_id(parent)}"}

    def members(place: Any) -> list[Ref]:
        resource, namespace = place
        try:
            found = metadata_of(session, resource, namespace, selector)
        except ForbiddenError:
            unlisted.add(resource.group_kind)
            return []
        return [
            Ref(resource.kind, resource.group, item["metadata"].get("namespace") or "", item["metadata"]["name"])
            for item in found
            if set_of(item)
        ]

    refs = [ref for group in session.in_parallel(members, places) for ref in group]
    described = {"name": parent.name, "state": state, "annotations": metadata.get("annotations") or {}}
    return _Set(described, refs, sorted(unlisted))


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
