# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cluster is, for a plan: made from the facts that were read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.others_json import read_json
from ..._vocabulary.owner import Owner
from ..bundle.rights import refused
from ..contract.typed import Contract
from ..identities.meant import identity_of
from ..identities.needs import OBSERVER
from ..names import APPROVAL_ANNOTATION, EMERGENCY_ANNOTATION, FREEZE_ANNOTATION, account_user
from ..objectives.budget import spent
from ..remediation.journey import HANDED_OVER, OUT_OF_SERVICE
from ..status import READY, stack_reasons, status_row
from .approval import moment
from .bounds import OTHER_BOUNDS, other_bounds
from .kept_approvals import UnreadableApprovalsError, kept_approvals

Data = Mapping[str, Any]

_OBSERVER = account_user(OBSERVER)


def live_state(
    contract: Contract,
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
    row = status_row(contract, _without_quarantined(facts))
    stack = facts["stack"] or {}
    notes = facts["annotations"]
    return {
        "reachable": True,
        "error": "",
        "release": str(stack["release"]) if stack else None,
        "since": stack.get("since") or None,
        "unfinished": stack.get("unfinished") or None,
        "failed": stack.get("failed") or None,
        "kubernetes": str(facts["version"]["git"]),
        "presetup_version": facts["presetup_version"],
        "health": "ready" if row["state"] == READY else "degraded",
        "problems": [row["reason"]] if row["reason"] else [],
        "owner": _who_acts(facts).value,
        "lock": _lock(facts["lock"], run_id),
        "identity": identity_of(facts["user"]),
        "missing_permissions": refused(facts["permissions"]) if facts["user"] != _OBSERVER else [],
        OTHER_BOUNDS: other_bounds(contract, facts["bounds"]),
        "frozen": frozen_in(notes),
        "emergency": notes.get(EMERGENCY_ANNOTATION) or "",
        "durations": list(durations),
        "approvals": approvals_in(notes),
        "signature": facts["signature"],
        "spent": spent(facts.get("budgets") or ()),
    }


def _without_quarantined(facts: Data) -> Data:
    """The facts without the nodes that remediation has taken out of service, as long as others are left.

    Those carry nothing of ours that could be upgraded, and whether the models miss them is seen in the models.
    """
    nodes = facts["nodes"]
    others = [problem for problem in nodes["problems"] if problem.get("remediation") not in OUT_OF_SERVICE]
    if len(nodes["problems"]) - len(others) >= nodes["gpu"]:
        return facts
    return {**facts, "nodes": {**nodes, "problems": others}}


def _who_acts(facts: Data) -> Owner:
    """Who has to act where it is not well: the customer, where a node was handed to them and the stack is well."""
    handed = any(problem.get("remediation") == HANDED_OVER for problem in facts["nodes"]["problems"])
    return Owner.CUSTOMER if handed and not stack_reasons(facts) else Owner.FIREWORKS


def _lock(held: Data | None, run_id: str) -> dict[str, str] | None:
    if not held or (run_id and held["holder"].endswith(f"/{run_id}")):
        return None
    return {"holder": held["holder"], "purpose": held["purpose"], "expires_at": held["expires"]}


def _offline(failed: Data) -> dict[str, Any]:
    """Of a failure that names nobody, such as Ansible's own, the customer is asked, whose cluster is silent."""
    what = " ".join(str(failed.get("what") or failed.get("msg") or "").split())
    return {"reachable": False, "error": what, "owner": str(failed.get("owner") or Owner.CUSTOMER)}


def approvals_in(notes: Data) -> list[dict[str, Any]]:
    """The approvals in the annotations of ``fireworks-system``. What cannot be read approves nothing."""
    try:
        entries = kept_approvals(str(notes.get(APPROVAL_ANNOTATION, "")))
    except UnreadableApprovalsError:
        return []
    return [{**entry, "source": "annotation"} for entry in entries]


def frozen_in(notes: Data) -> dict[str, Any] | None:
    """The freeze in the annotations of ``fireworks-system``.

    What cannot be read is a freeze without an end, and its words are the reason.
    """
    text = str(notes.get(FREEZE_ANNOTATION, ""))
    if not text.strip():
        return None
    found = _json(text)
    if not isinstance(found, dict):
        return {"reason": text.strip()}
    reason, until = str(found.get("reason", "")), str(found.get("until") or "")
    try:
        return {"reason": reason, **({"until": moment(until).isoformat()} if until else {})}
    except ValueError:
        return {"reason": f"{reason} (until {until}, which is no moment)".strip()}


def _json(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None
