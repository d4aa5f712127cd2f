# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cluster is, for a plan: made from the facts that were read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import Owner
from ..bundle.rights import refused
from ..identities.needs import OBSERVER
from ..names import APPROVAL_ANNOTATION, FREEZE_ANNOTATION, account_user
from ..status import READY, status_row
from .kept_approvals import UnreadableApprovalsError, kept_approvals

Data = Mapping[str, Any]

_OBSERVER = account_user(OBSERVER)


def live_state(
    contract: Data,
    facts: Data | None = None,
    failed: Data | None = None,
    durations: Sequence[float] = (),
    run_id: str = "",
) -> dict[str, Any]:
    """How a cluster is (see ``case``); without facts it is offline, for what failed.

    :param facts: of ``cluster_info``, asked in ``can_i`` what the change needs. Of the observer, who changes nothing,
        the answers say nothing.
    :param failed: the result that brought no facts instead.
    :param durations: seconds that past changes took, oldest first.
    :param run_id: of this run: a lock that it holds itself is none.
    """
    if not facts:
        return _offline(failed or {})
    row = status_row(contract, facts)
    stack = facts["stack"] or {}
    notes = facts.get("annotations") or {}
    return {
        "reachable": True,
        "error": "",
        "release": str(stack["release"]) if stack else None,
        "since": stack.get("since") or None,
        "unfinished": stack.get("unfinished") or None,
        "failed": stack.get("failed") or None,
        "kubernetes": str(facts["version"]["git"]),
        "health": "ready" if row["state"] == READY else "degraded",
        "problems": [row["reason"]] if row["reason"] else [],
        "lock": _lock(facts.get("lock"), run_id),
        "missing_permissions": refused(facts["permissions"]) if facts["user"] != _OBSERVER else [],
        "frozen": _freeze(notes.get(FREEZE_ANNOTATION, "")),
        "durations": list(durations),
        "approvals": _approvals(notes.get(APPROVAL_ANNOTATION, "")),
    }


def _lock(held: Data | None, run_id: str) -> dict[str, str] | None:
    if not held or (run_id and held["holder"].endswith(f"/{run_id}")):
        return None
    return {"holder": held["holder"], "purpose": held["purpose"], "expires_at": held["expires"]}


def _offline(failed: Data) -> dict[str, Any]:
    """Of a failure that names nobody, such as Ansible's own, the customer is asked, whose cluster is silent."""
    what = " ".join(str(failed.get("what") or failed.get("msg") or "").split())
    return {"reachable": False, "error": what, "owner": str(failed.get("owner") or Owner.CUSTOMER)}


def _approvals(text: str) -> list[dict[str, Any]]:
    """What cannot be read approves nothing."""
    try:
        entries = kept_approvals(text)
    except UnreadableApprovalsError:
        return []
    return [{**entry, "source": "annotation"} for entry in entries]


def _freeze(text: str) -> dict[str, Any] | None:
    """What cannot be read is a freeze without an end, and its words are the reason."""
    if not text.strip():
        return None
    found = _json(text)
    if not isinstance(found, dict):
        return {"reason": text.strip()}
    return {"reason": str(found.get("reason", "")), **({"until": str(found["until"])} if found.get("until") else {})}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
