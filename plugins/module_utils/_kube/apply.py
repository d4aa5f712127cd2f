# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a set of objects, or remove it: read → plan → apply, over one session.

The plan asks the server to dry-run every object before anything is written, so a set that the server would refuse
is refused whole. Interrupted anywhere, a rerun finishes: the parent names what is coming before it comes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from .._vocabulary.applyset_keys import PART_OF_LABEL
from .._vocabulary.listing import few
from .._vocabulary.owner import Owner
from .applyset import (
    Membership,
    applyset_id,
    as_member,
    foreign_tooling,
    membership_of,
    parent_path,
    read_membership,
    set_of,
)
from .discovery import Discovery, Resource, items_of
from .errors import (
    AnswerError,
    ConflictError,
    DeadlineError,
    ForbiddenError,
    NotFoundError,
)
from .made_anew import as_itself, has_to_be_replaced, stand_in
from .manifests import Member, role_of, to_members
from .objects import DEFINITION, Manifest, Ref
from .occupants import foreign_occupants
from .ordering import in_steps
from .over import ORPHAN, apply_over, delete_over
from .plan import (
    CREATE,
    DELETE,
    REPLACE,
    UPDATE,
    Change,
    Plan,
    change_for,
    is_leaving,
    not_ours,
    own_record,
    parent_with,
    the_home_of,
)
from .readiness import Readiness
from .refusals import RefusedError, policies_of, reason_of
from .removal import awaited, require_gone
from .replicas import KEEPER, SCALERS, Shared, handover_manifest, owners_of_replicas, scaled, share
from .session import APPLY_PATCH, FIELD_MANAGER, Session
from .set_options import SetOptions
from .staying import held_namespaces
from .wait import wait_ready

DEFINITION_SECONDS = 30.0
LEAVING_SECONDS = 300.0
"""For an object of the same name that is on its way out, with pods that finish what they are at."""
#: A namespace that does not exist yet cannot take a dry-run; the server checks the object in this one instead.
_SURROGATE_NAMESPACE = "default"


class SetApplier:
    """Plans and applies one set.

    :param parent: the ConfigMap that is the set's ApplySet parent.
    """

    def __init__(self, session: Session, discovery: Discovery, parent: Ref, options: SetOptions) -> None:
        self._session = session
        self._discovery = discovery
        self._parent = parent
        self._options = options
        self._id = applyset_id(parent)
        self._parent_path = parent_path(parent)
        self._written: dict[Ref, Manifest] = {}
        """Each object as the API server answered our last write to it since the plan was made."""

    # --- plan ----------------------------------------------------------------------------------

    def plan_present(self, manifests: Iterable[object]) -> Plan:
        """What would change if the set were exactly these manifests.

        :raises ManifestError: the manifests are no set. :raises RefusedError: adoption, conflicts or the server say no.
        """
        self._written.clear()
        members = to_members(manifests, self._discovery, where=self._where)
        self._refuse(own_record(self._parent, [m.ref for m in members]))
        members = [Member(m.ref, as_member(m.manifest, self._id), m.resource, m.served) for m in members]
        wanted = membership_of(m.ref for m in members)
        parent_live = self._read_parent()
        known = read_membership(parent_live)
        live = self._live_members(known.union(wanted))
        outside = self._live_outside([m for m in members if m.ref not in live])
        self._refuse(not_ours(outside.items(), self._id, adopt_unowned=self._options.adopt_unowned))
        everything = {**live, **outside}
        coming = {m.ref.name for m in members if m.ref.group_kind == "Namespace" and m.ref not in everything}
        if self._parent.namespace not in coming and not parent_live:
            self._require_namespace(self._parent.namespace)
        shared = self._shares(members, everything, scaled_before=bool(known.group_kinds & SCALERS))
        changes = self._dry_run_all(members, shared, everything, coming)
        doomed = {ref: manifest for ref, manifest in live.items() if ref not in {m.ref for m in members}}
        self._refuse(the_home_of(self._parent, doomed))
        changes += self._deletions(doomed)
        return Plan(self._parent, parent_live, self._options.annotations, known, wanted, tuple(changes))

    def plan_absent(self, manifests: Iterable[object]) -> Plan:
        """What would be deleted if the set were removed.

        :param manifests: only tell where to look when the parent is gone already.
        """
        self._written.clear()
        parent_live = self._read_parent()
        known = read_membership(parent_live)
        hints = membership_of(Ref.of(m) for m in manifests if isinstance(m, Mapping))
        live = {**self._namespaces_of_the_set(), **self._live_members(known.union(hints))}
        nothing = Membership(frozenset(), frozenset())
        return Plan(self._parent, parent_live, {}, known, nothing, tuple(self._deletions(live)))

    def _read_parent(self) -> Manifest | None:
        try:
            parent = self._session.get(self._parent_path)
        except NotFoundError:
            return None
        other = foreign_tooling(parent)
        if other:
            raise RefusedError(
                f"the set's parent, {self._parent}, belongs to {other}; nothing was written",
                where=self._where,
                next_step="choose another name for the set, or remove that ConfigMap if it is not needed",
            )
        return parent

    def _namespaces_of_the_set(self) -> dict[Ref, Manifest]:
        """A run that was stopped at the very end has left no parent, only the set's namespaces. An identity that may
        not list namespaces cannot have made any."""
        try:
            return self._live_members(Membership(frozenset({"Namespace"}), frozenset()))
        except ForbiddenError:
            return {}

    def _live_members(self, membership: Membership) -> dict[Ref, Manifest]:
        """Every live object that carries the set's label, wherever the membership says that there may be one."""
        namespaces = sorted(membership.namespaces | {self._parent.namespace})
        places: list[tuple[Resource, str]] = []
        for group_kind in sorted(membership.group_kinds):
            resource = self._discovery.find_group_kind(group_kind)
            if resource is not None:  # a kind that is served no more has taken its objects with it
                places += [(resource, ns) for ns in (namespaces if resource.namespaced else [""])]
        selector = {"labelSelector": f"{PART_OF_LABEL}={self._id}"}

        def members_in(place: tuple[Resource, str]) -> list[Manifest]:
            return [one for one in items_of(self._session, *place, selector) if set_of(one) == self._id]

        return {Ref.of(one): one for found in self._session.in_parallel(members_in, places) for one in found}

    def _live_outside(self, members: Iterable[Member]) -> dict[Ref, Manifest]:
        """The live objects of the manifests' names that do not carry the set's label."""

        def look(member: Member) -> Manifest | None:
            try:
                return self._session.get(member.resource.path(member.ref.namespace, member.ref.name))
            except NotFoundError:
                return None

        served = [m for m in members if m.served]
        found = self._session.in_parallel(look, served)
        return {m.ref: live for m, live in zip(served, found, strict=True) if live is not None}

    def _require_namespace(self, name: str) -> None:
        try:
            self._session.get(f"/api/v1/namespaces/{name}")
        except NotFoundError:
            raise RefusedError(
                f"the namespace {name} does not exist; nothing was written",
                where=self._where,
                next_step="add the Namespace to the set, or create it first",
            ) from None

    def _shares(self, members: list[Member], live: Mapping[Ref, Manifest], *, scaled_before: bool) -> dict[Ref, Shared]:
        """Each manifest as it is applied: without the replicas that the set's own autoscaler says."""
        scalers = scaled(member.manifest for member in members)
        staying = {ref: one for ref, one in live.items() if not is_leaving(one)}
        return {
            m.ref: share(m.manifest, staying.get(m.ref), scalers.get(m.ref), scaled_before=scaled_before)
            for m in members
        }

    def _dry_run_all(
        self, members: list[Member], shared: Mapping[Ref, Shared], live: Mapping[Ref, Manifest], coming: set[str]
    ) -> list[Change]:
        self._refuse(held_namespaces(live), owner=Owner.CUSTOMER)
        refused: list[tuple[Ref, str]] = []
        policies: set[str] = set()
        new = {member.ref for member in members} - set(live)

        def dry_run(member: Member) -> Change | None:
            ours, found = shared[member.ref], live.get(member.ref)
            asked = Member(member.ref, ours.asked, member.resource, member.served)
            anew = self._options.replaces and has_to_be_replaced(found, ours.asked)
            surrogate = member.ref.namespace in coming
            try:
                after = self._dry_run(asked, surrogate=surrogate, anew=anew) if member.served else None
            except AnswerError as error:
                if isinstance(error, NotFoundError) and role_of(member) in new:
                    # Without the right to bind, the server compares our rights with the role, which is in this set.
                    return change_for(member.ref, member.resource, ours.applied, found, None)
                refused.append((member.ref, reason_of(error)))
                policies.update(policies_of(error))
                return None
            return change_for(member.ref, member.resource, ours.applied, found, after, ours.handover, replaced=anew)

        changes = self._session.in_parallel(dry_run, members)
        self._refuse(sorted(refused), policies=policies)
        return [change for change in changes if change is not None]

    def _dry_run(self, member: Member, *, surrogate: bool, anew: bool) -> Manifest | None:
        """The object as it would be according to the server; ``None`` if it cannot be evaluated yet."""
        if anew:
            return as_itself(self._judge(member.resource, stand_in(member.manifest)), member.ref.name)
        if not surrogate:
            return self._judge(member.resource, member.manifest)
        elsewhere = {**member.manifest, "metadata": {**member.manifest["metadata"], "namespace": _SURROGATE_NAMESPACE}}
        try:
            after = self._judge(member.resource, elsewhere)
        except (ForbiddenError, ConflictError):
            return None  # refused there for a reason of that namespace; the object's own will say
        after["metadata"]["namespace"] = member.ref.namespace
        return after

    def _judge(self, resource: Resource, manifest: Manifest) -> Manifest:
        ref, query = Ref.of(manifest), {**self._query, "dryRun": "All"}
        path = resource.path(ref.namespace, ref.name)
        return self._session.request("PATCH", path, query=query, body=manifest, content_type=APPLY_PATCH)

    def _deletions(self, doomed: Mapping[Ref, Manifest]) -> list[Change]:
        refused = []
        for ref in doomed:
            if ref.group_kind == "Namespace":
                occupants = foreign_occupants(self._session, self._discovery, ref.name)
                if occupants:
                    listed = ", ".join(str(o) for o in occupants[:10])
                    more = f" and {len(occupants) - 10} more" if len(occupants) > 10 else ""
                    refused.append((ref, f"cannot be deleted, it holds objects of others: {listed}{more}"))
        self._refuse(refused, owner=Owner.CUSTOMER)
        found = ((ref, live, self._discovery.find(str(live["apiVersion"]), ref.kind)) for ref, live in doomed.items())
        return [Change(DELETE, ref, resource, before=live) for ref, live, resource in found if resource is not None]

    def _refuse(
        self, reasons: list[tuple[Ref, str]], *, owner: Owner = Owner.OPERATOR, policies: Iterable[str] = ()
    ) -> None:
        if reasons:
            raise RefusedError(
                f"the set {self._parent.name} is refused, nothing was written: "
                + few([f"{ref}: {reason}" for ref, reason in reasons]),
                where=self._where,
                next_step="resolve each object named above",
                owner=owner,
                policies=policies,
            )

    # --- apply ---------------------------------------------------------------------------------

    def apply_present(self, plan: Plan) -> None:
        """Bring the cluster to what the plan says. Each step is safe to repeat."""
        self._session.require_expected_cluster()
        steps = in_steps((c.ref.group_kind, c) for c in plan.of(CREATE, UPDATE, REPLACE))
        first = [c for step in steps for c in step if c.ref.group_kind == "Namespace"]
        self._session.in_parallel(self._write, first)
        in_between = plan.known.union(plan.wanted)
        if plan.parent_changes or plan.of(DELETE):
            self._write_parent(plan, parent_with(plan, in_between))
        for step in steps:
            rest = [c for c in step if c.ref.group_kind != "Namespace"]
            require_gone(self._session, [c for c in rest if c.leaving], time.monotonic() + LEAVING_SECONDS)
            self._session.in_parallel(self._write, rest)
            self._await_definitions(rest)
        self._delete_in_order(plan.of(DELETE))
        # An autoscaler that was just removed may have changed the count until then.
        taken = [c for c in plan.of(UPDATE) if c.handover and c.handover.take]
        self._session.in_parallel(self._write, taken if plan.of(DELETE) else [])
        if in_between != plan.wanted:
            self._write_parent(plan, plan.parent_after)

    def apply_absent(self, plan: Plan, *, seconds: float) -> None:
        """Delete the set's members, then its parent, then its namespaces, and see them gone.

        :raises DeadlineError: naming what is still there.
        """
        self._session.require_expected_cluster()
        deadline = time.monotonic() + seconds
        namespaces = [c for c in plan.of(DELETE) if c.ref.group_kind == "Namespace"]
        self._delete_in_order([c for c in plan.of(DELETE) if c.ref.group_kind != "Namespace"], until=deadline)
        if plan.parent_before is not None and self._parent.namespace not in {c.ref.name for c in namespaces}:
            delete_over(self._session, self._parent_path, plan.parent_before)
        # The parent goes with its namespace, so until the very end a rerun still finds the members.
        self._delete_in_order(namespaces, until=deadline)

    def wait_ready(self, plan: Plan, *, seconds: float) -> dict[Ref, Readiness]:
        """The readiness of everything in the set, waited for."""
        return wait_ready(self._session, awaited(c for c in plan.changes if c.action != DELETE), seconds=seconds)

    def _write(self, change: Change) -> None:
        try:
            self._hand_over(change)
            if change.action == REPLACE:
                self._remove_first(change)
            before = {} if change.action == REPLACE else change.before
            live = self._put(change.ref, _path_of(change), change.manifest, before, self._query)
            if change.handover and change.handover.take and owners_of_replicas(live) == {FIELD_MANAGER, KEEPER}:
                self._keep(change, None)
        except AnswerError as error:
            raise RefusedError(
                f"{change.ref}: {reason_of(error)}; the set is partly applied, a rerun continues from here",
                where=self._where,
                next_step="resolve the object named above and run again",
            ) from None

    def _remove_first(self, change: Change) -> None:
        """What it owns, a Service's endpoints, stays for the next one of its name."""
        delete_over(self._session, _path_of(change), change.before, propagation=ORPHAN)
        require_gone(self._session, [change], time.monotonic() + LEAVING_SECONDS)

    @property
    def _query(self) -> dict[str, object]:
        query: dict[str, object] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return {**query, "force": "true"} if self._options.force_conflicts else query

    def _put(self, ref: Ref, path: str, manifest: Manifest, before: Manifest, query: Mapping[str, object]) -> Manifest:
        """Apply a manifest over what the plan found, or we have written since; make the object if there is none."""
        seen = self._written.get(ref, before)
        if seen:
            live = apply_over(self._session, path, manifest, seen, query)
        else:
            live = self._session.request("PATCH", path, query=query, body=manifest, content_type=APPLY_PATCH)
        self._written[ref] = live
        return live

    def _hand_over(self, change: Change) -> None:
        if change.handover is None:
            return
        # If an autoscaler has changed the count since, it is correct.
        with contextlib.suppress(*(() if change.handover.take else (ConflictError,))):
            self._keep(change, change.handover.replicas)

    def _keep(self, change: Change, replicas: int | None) -> None:
        query = {"fieldManager": KEEPER, "force": "true" if change.handover and change.handover.take else "false"}
        body = handover_manifest(change.manifest, replicas)
        self._put(change.ref, _path_of(change), body, change.before, query)

    def _write_parent(self, plan: Plan, manifest: Manifest) -> None:
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._put(self._parent, self._parent_path, manifest, plan.parent_before or {}, query)

    def _await_definitions(self, changes: list[Change]) -> None:
        definitions = awaited(c for c in changes if c.ref.group_kind == DEFINITION)
        if not definitions:
            return
        states = wait_ready(self._session, definitions, seconds=DEFINITION_SECONDS)
        late = [f"{ref}: {state.reason}" for ref, state in states.items() if not state.ready]
        if late:
            raise DeadlineError(
                f"not established within {DEFINITION_SECONDS:.0f} s: {few(late)}",
                where=self._where,
                next_step="check the definition's conditions and run again",
            )
        self._discovery.forget()

    def _delete_in_order(self, changes: list[Change], *, until: float | None = None) -> None:
        for step in in_steps(((c.ref.group_kind, c) for c in changes), reverse=True):
            self._session.in_parallel(lambda c: delete_over(self._session, _path_of(c), c.before), step)
            if until is not None:
                require_gone(self._session, step, until)

    @property
    def _where(self) -> str:
        return self._session.where


def _path_of(change: Change) -> str:
    return change.resource.path(change.ref.namespace, change.ref.name)
