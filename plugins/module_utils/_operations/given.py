# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides beside the contract: what was given to a run, and what the customer has set in the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._domain.access.eviction_grant import Evictions, granted_in
from .._domain.names import EMERGENCY_ANNOTATION, MODELS_NAMESPACE, SYSTEM_NAMESPACE
from .._domain.rollout.approval import AWX, FILE
from .._domain.rollout.emergency import Emergency
from .._domain.rollout.live import approvals_in, frozen_in
from .._domain.rollout.node_action import Given
from .._kube.errors import NotFoundError
from .._kube.permissions import ask_permissions
from .._kube.session import Session

_WORD: dict[str, Any] = {"type": "str", "required": True}
_SOURCE: dict[str, Any] = {"type": "str", "choices": [FILE, AWX], "default": FILE}
GIVEN_SPEC: dict[str, Any] = {
    "requested_by": {"type": "str", "default": ""},
    "approvals": {"type": "list", "elements": "dict", "default": []},
    "emergency": {"type": "dict", "options": {"approver": _WORD, "reason": _WORD, "source": _SOURCE}},
}
"""Options of a module that decides."""
_SYSTEM = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}"
_EVICT = {"verb": "create", "resource": "pods", "subresource": "eviction", "namespace": MODELS_NAMESPACE}


def notes_of(session: Session) -> Mapping[str, str]:
    """The annotations of our namespace; none where it is not there."""
    try:
        return session.get(_SYSTEM)["metadata"].get("annotations") or {}
    except NotFoundError:
        return {}  # nothing of ours is there, and so nothing that the customer could have set


def given_in(session: Session, parameters: Mapping[str, Any]) -> Given:
    """What was given to this run (:data:`GIVEN_SPEC`), and what the customer has set in the cluster by now."""
    notes, emergency = notes_of(session), parameters["emergency"]
    asked = [{**one, "source": AWX if one.get("source") == AWX else FILE} for one in parameters["approvals"]]
    return Given(
        requested_by=parameters["requested_by"],
        approvals=[*asked, *approvals_in(notes)],
        emergency=Emergency(**emergency) if emergency else None,
        frozen=frozen_in(notes),
        declared=bool(notes.get(EMERGENCY_ANNOTATION)),
    )


def evictions_in(session: Session, given: Given) -> Given:
    """The same, with what the customer lets us evict, where the contract asks for that."""
    [bound] = ask_permissions(session, [_EVICT])
    return replace(given, evictions=Evictions(granted_in(notes_of(session)), bound["allowed"]))
