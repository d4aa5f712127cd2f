# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applying (or removing) a set would do, as data: check mode, diff mode and the apply read the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._vocabulary.actions import CREATED, DELETED, RECREATED, UPDATED
from .._vocabulary.applyset_keys import GROUP_KINDS_ANNOTATION, ID_LABEL, NAMESPACES_ANNOTATION, PART_OF_LABEL
from .applied import applied_annotations
from .applyset import Membership, parent_manifest
from .discovery import Resource
from .objects import Manifest, Ref, canonical, desired_part, redacted_pair, theirs_hidden
from .replicas import Handover
from .session import FIELD_MANAGER

CREATE, UPDATE, REPLACE, DELETE, UNCHANGED = CREATED, UPDATED, RECREATED, DELETED, "unchanged"


@dataclass(frozen=True)
class Change:
    """What happens to one object.

    :param action: one of :data:`CREATE`, :data:`UPDATE`, :data:`REPLACE`, :data:`DELETE`, :data:`UNCHANGED`.
    :param manifest: what to apply; empty for a deletion.
    :param before: the live object, or nothing.
    :param after: what the server says it will be (server dry-run), or nothing.
    :param handover: how its replicas change hands, when they do.
    :param leaving: one of its name is on its way out, and has to be gone before it can come.
    """

    action: str
    ref: Ref
    resource: Resource
    manifest: Manifest = field(default_factory=dict)
    before: Manifest = field(default_factory=dict)
    after: Manifest = field(default_factory=dict)
    handover: Handover | None = None
    leaving: bool = False


@dataclass(frozen=True)
class Plan:
    """The whole set's plan.

    :param parent_before: the live parent, or ``None``.
    :param known: where members may be found according to the live parent.
    :param wanted: where they will be found afterwards.
    """

    parent: Ref
    parent_before: Manifest | None
    annotations: Mapping[str, str]
    known: Membership
    wanted: Membership
    changes: tuple[Change, ...]

    def of(self, *actions: str) -> list[Change]:
        return [change for change in self.changes if change.action in actions]

    @property
    def parent_after(self) -> Manifest:
        return parent_manifest(self.parent, self.wanted, self.annotations)

    @property
    def parent_changes(self) -> bool:
        if self.parent_before is None or not _contains(self.parent_before, self.parent_after):
            return True
        return bool(applied_annotations(self.parent_before, FIELD_MANAGER) - set(self._notes))

    @property
    def _notes(self) -> Mapping[str, str]:
        notes: Mapping[str, str] = self.parent_after["metadata"]["annotations"]
        return notes

    @property
    def changed(self) -> bool:
        return bool(self.of(CREATE, UPDATE, REPLACE, DELETE)) or self.parent_changes

    def part(self, refs: Collection[Ref]) -> Plan:
        """Only what happens to these objects, of which none is deleted; members are looked for as widely as before."""
        kept = tuple(c for c in self.changes if c.ref in refs and c.action != DELETE)
        return replace(self, changes=kept, wanted=self.known.union(self.wanted))

    def counts(self) -> dict[str, int]:
        return {action: len(self.of(action)) for action in (CREATE, UPDATE, DELETE, UNCHANGED)}


def change_for(
    ref: Ref,
    resource: Resource,
    manifest: Manifest,
    live: Manifest | None,
    dry_run: Manifest | None,
    handover: Handover | None = None,
    *,
    replaced: bool = False,
) -> Change:
    """The change that turns ``live`` into what the server's dry-run answered.

    :param replaced: it cannot become that, and is deleted and made again.
    """
    after = dry_run or manifest
    if live is None or is_leaving(live):
        return Change(CREATE, ref, resource, manifest, {}, after, leaving=live is not None)
    if replaced:
        return Change(REPLACE, ref, resource, manifest, live, after)
    taken = handover if handover and handover.take else None
    if taken:
        after = {**after, "spec": {**after["spec"], "replicas": taken.replicas}}
    # Replicas that are as they should be, but somebody else's, are taken all the same.
    same = not taken and canonical(desired_part(live)) == canonical(desired_part(after))
    return Change(UNCHANGED if same else UPDATE, ref, resource, manifest, live, after, handover)


def is_leaving(live: Mapping[str, Any]) -> bool:
    """Whether an object is on its way out. What is applied to it now would go with it."""
    return bool((live.get("metadata") or {}).get("deletionTimestamp"))


def the_home_of(parent: Ref, doomed: Collection[Ref]) -> list[tuple[Ref, str]]:
    """The namespace of a set's own record, where it is among what has left the set: a refusal, or none."""
    home = Ref("Namespace", "", "", parent.namespace)
    reason = "has left the set, and the set's parent would be deleted with it: keep it in the set"
    return [(home, reason)] if home in doomed else []


def own_record(parent: Ref, members: Collection[Ref]) -> list[tuple[Ref, str]]:
    """The set's own record where it is one of the set's members: a refusal, or none."""
    reason = "is where the set keeps its own record: give that ConfigMap, or the set, another name"
    return [(parent, reason)] if parent in members else []


def not_ours(refs: Iterable[tuple[Ref, Manifest]], set_id: str, *, adopt_unowned: bool) -> list[tuple[Ref, str]]:
    """The live objects that the set would take over against the adoption rule, each with the reason.

    An object of another set is never taken, nor is another set's record. One that belongs to no set is taken only when
    ``adopt_unowned``.
    """
    refused = []
    for ref, live in refs:
        labels = (live.get("metadata") or {}).get("labels") or {}
        owner = labels.get(PART_OF_LABEL)
        if owner and owner != set_id:
            refused.append((ref, f"belongs to another set ({owner})"))
        elif ID_LABEL in labels:
            refused.append((ref, "is the record of another set"))
        elif not owner and not adopt_unowned:
            managers = sorted({m.get("manager", "?") for m in live["metadata"].get("managedFields") or []})
            refused.append((ref, f"exists already and belongs to no set (written by {', '.join(managers) or '?'})"))
    return refused


def headings(what: str, *, there: bool, action: str) -> dict[str, str]:
    """Of both sides of a diff. :param there: whether there was anything before."""
    return {"before_header": f"{what} ({'live' if there else 'absent'})", "after_header": f"{what} ({action})"}


def diff_of(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Ansible's diff of the changes: one entry an object that changes; Secret values and what others have
    put in are hidden."""
    shown = []
    for change in changes:
        if change.action == UNCHANGED:
            continue
        before, after = redacted_pair(
            *(theirs_hidden(desired_part(side), change.manifest) for side in (change.before, change.after))
        )
        shown.append(
            {
                **headings(str(change.ref), there=bool(before), action=change.action),
                "before": before or "",
                "after": after or "",
            }
        )
    return shown


def told(change: Change) -> dict[str, Any]:
    """A change as results name it: which object, what happens to it, and digests of what it was and becomes.

    They are SHA-256 of what a diff would compare, empty for an object that is not there, and left out where nothing
    happens.
    """
    ref = change.ref
    row = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "action": change.action}
    if change.action == UNCHANGED:
        return row
    sides = redacted_pair(desired_part(change.before), desired_part(change.after))
    before, after = (hashlib.sha256(canonical(side).encode()).hexdigest() if side else "" for side in sides)
    return {**row, "before": before, "after": after}


def parent_told(plan: Plan) -> list[dict[str, Any]]:
    """The set's own record, as results name it; nothing where it stays as it is, or goes with its namespace."""
    if plan.wanted.group_kinds:
        action = (UPDATE if plan.parent_before else CREATE) if plan.parent_changes else UNCHANGED
    else:
        leaves = plan.parent_before and plan.parent.namespace not in {change.ref.name for change in plan.of(DELETE)}
        action = DELETE if leaves else UNCHANGED
    ref = plan.parent
    row = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "action": action}
    return [] if action == UNCHANGED else [row]


def parent_with(plan: Plan, membership: Membership) -> Manifest:
    """The parent while the set is being worked on: it already names what is coming and still names what is going."""
    return parent_manifest(plan.parent, membership, plan.annotations)


def _contains(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the live parent already says all that it should (others' annotations on it are theirs)."""
    for section in ("labels", "annotations"):
        have = live["metadata"].get(section) or {}
        for key, value in wanted["metadata"][section].items():
            if have.get(key, "" if key in (GROUP_KINDS_ANNOTATION, NAMESPACES_ANNOTATION) else None) != value:
                return False
    return True
