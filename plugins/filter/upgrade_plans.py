# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over the fleet as it is planned: decisions, times, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.rights import release_questions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout import timeline
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.case import Request
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import Emergency
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.gate import gate
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.live import live_state
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import policy_from

Data = Mapping[str, Any]


def _moment(text: Any) -> datetime:
    """In UTC unless it says an offset."""
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _upgrade_plan(
    clusters: Sequence[Data],
    release: Data,
    now: str,
    asked_by: str,
    policy: Data | None = None,
    approvals: Sequence[Data] = (),
    emergency: Data | None = None,
    deadline: str = "",
    rollback: bool = False,
) -> dict[str, Any]:
    try:
        request = Request(
            release=release,
            asked_by=asked_by,
            policy=policy_from(policy or {}),
            approvals=list(approvals or ()),
            emergency=Emergency(str(emergency.get("approver", "")), str(emergency.get("reason", "")))
            if emergency
            else None,
            rollback=rollback,
        )
        pairs = [(each["contract"], each["live"]) for each in clusters]
        return plan(pairs, request, _moment(now), _moment(deadline) if deadline else None)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _upgrade_gate(results: Sequence[Data], wave: int, now: str, policy: Data | None = None) -> dict[str, Any]:
    try:
        found = gate(results, wave, policy_from(policy or {}), _moment(now))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None
    return {"open": found.open, "reason": found.reason, "at": found.at.isoformat() if found.at else None}


class FilterModule:
    """Filters over how the clusters of a fleet are, and over a plan."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "live_state": live_state,
            "release_permissions": release_questions,
            "upgrade_gate": _upgrade_gate,
            "upgrade_outlook": timeline.feasibility_text,
            "upgrade_plan": _upgrade_plan,
            "upgrade_rows": timeline.plan_rows,
            "upgrade_timeline": timeline.timeline_text,
            "upgrade_timeline_svg": timeline.timeline_svg,
        }
