# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade of the stack reads of a cluster: what earlier ones left, the set as it was applied, what runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ..._domain.names import (
    COMPONENT_LABEL,
    LWS_GROUP,
    LWS_KIND,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    STACK_SET,
    SYSTEM_NAMESPACE,
    UPGRADE_LABEL,
)
from ..._domain.upgrade.answers import judged, shown
from ..._domain.upgrade.entry import Entry, decided, in_order, parse
from ..._domain.upgrade.gate import Trouble, asleep, standing, troubles
from ..._domain.upgrade.marks import Marks, read_marks
from ..._kube.applied import applied_part, applied_version
from ..._kube.discovery import Discovery, items_of
from ..._kube.errors import ForbiddenError, NotFoundError
from ..._kube.objects import Manifest, Ref
from ..._kube.over import patch_over
from ..._kube.plan import Plan
from ..._kube.session import FIELD_MANAGER, Session
from .asking import Requests, ask_router

PARENT = Ref("ConfigMap", "", SYSTEM_NAMESPACE, STACK_SET)
ENTRIES = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps"


def read_entries(session: Session) -> list[Entry]:
    """What earlier upgrades left, oldest first."""
    return in_order(session.list_items(ENTRIES, {"labelSelector": UPGRADE_LABEL}))


def decide(session: Session, entry: Entry, state: str, reason: str = "", ended: str = "") -> Entry:
    """Write what became of an entry; the entry as it is then.

    :raises ChangedError: another run has decided something else of it since it was read.
    """
    return parse(patch_over(session, f"{ENTRIES}/{entry.name}", decided(state, reason, ended), entry.seen))


def marks_of(session: Session) -> Marks | None:
    """What the set's parent says; None where there is no stack."""
    try:
        parent = session.get(f"{ENTRIES}/{PARENT.name}")
    except NotFoundError:
        return None
    return read_marks(parent["metadata"].get("annotations") or {})


def backup_of(session: Session, discovery: Discovery, plan: Plan) -> list[Manifest]:
    """Every object of the set as we have applied it, from what a plan has found there."""
    found = []
    for change in plan.changes:
        live = change.before
        if not live:
            continue
        version = applied_version(live, FIELD_MANAGER)
        if version != live["apiVersion"]:
            resource = discovery.find(version, change.ref.kind) or change.resource
            live = session.get(resource.path(change.ref.namespace, change.ref.name))
        found.append(applied_part(live, FIELD_MANAGER))
    return found


class Surroundings:
    """The pods of the stack, what runs the models' replicas, and what the router answers.

    :param asks: whether requests may be sent.
    """

    def __init__(self, session: Session, discovery: Discovery, *, asks: bool) -> None:
        self._session = session
        self._asks = asks
        self._requests = Requests(session)
        self._groups = discovery.find_group_kind(f"{LWS_KIND}.{LWS_GROUP}")

    def standing(self) -> dict[str, Any]:
        """How they are, as plain data."""
        workloads = self._workloads()
        answers = ask_router(self._session, asleep(workloads)) if self._asks else {}
        return standing(self._pods(), workloads, answers)

    def troubles(self, before: Mapping[str, Any], *, asking: bool, lately: bool = False) -> Trouble:
        """What is worse than before.

        :param asking: whether the router is asked too. :param lately: what it answered a moment ago will do.
        """
        asked = asking and self._asks and judged(before.get("answers") or {})
        workloads = self._workloads()
        answers = self._requests.look(before["answers"], asleep(workloads), lately=lately) if asked else {}
        return troubles(before, self._pods(), workloads, answers)

    def answers(self, before: Mapping[str, Any]) -> str:
        """What came of the requests, as evidence."""
        known = (before.get("answers") or {}) if self._asks else {}
        return shown(known, self._requests.look(known, lately=True) if judged(known) else {})

    def _pods(self) -> list[Manifest]:
        path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods"
        found = self._session.list_items(path, {"labelSelector": COMPONENT_LABEL})
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def _workloads(self) -> list[Manifest]:
        selector = {"labelSelector": MODEL_LABEL}
        path = f"/apis/apps/v1/namespaces/{MODELS_NAMESPACE}/deployments"
        found = list(self._session.list_items(path, selector))
        if self._groups:
            with contextlib.suppress(ForbiddenError):  # the contract has no model whose replicas span nodes
                found += items_of(self._session, self._groups, MODELS_NAMESPACE, selector)
        return found
