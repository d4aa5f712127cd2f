# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over the fleet as it is planned: decisions, times, pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.rights import release_questions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout import outcome, timeline
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.case import Request
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import emergency_from
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.gate import Gate, held_in_plan, opening
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.live import live_state
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan, turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import policy_from
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.marks import marks_to_keep
from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import (
    given_approvals,
    given_data,
    given_emergency,
)

Data = Mapping[str, Any]


def _moment(text: Any) -> datetime:
    """In UTC unless it says an offset."""
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _request(release: Data, requested_by: str, given: Mapping[str, Any], digest: str = "") -> Request:
    return Request(
        release=release,
        requested_by=requested_by,
        policy=policy_from(given_data(given.get("policy"), "policy")),
        approvals=given_approvals(given.get("approvals")),
        emergency=emergency_from(given_emergency(given.get("emergency"))),
        rollback=bool(given.get("rollback")),
        retry=bool(given.get("retry")),
        digest=digest,
    )


def _upgrade_plan(
    clusters: Sequence[str],
    release: Data,
    now: str,
    requested_by: str,
    policy: Data | None = None,
    approvals: Sequence[Data] = (),
    emergency: Data | None = None,
    deadline: str = "",
    rollback: bool = False,
    retry: bool = False,
) -> dict[str, Any]:
    given = {"policy": policy, "approvals": approvals, "emergency": emergency, "rollback": rollback, "retry": retry}
    try:
        request = _request(release, requested_by, given)
        pairs = [(each["contract"], each["live"]) for each in map(json.loads, clusters)]
        return plan(pairs, request, _moment(now), _moment(deadline) if deadline else None)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _upgrade_turn(
    cluster: Data,
    plan: Data,
    release: Data,
    now: str,
    requested_by: str,
    policy: Data | None = None,
    approvals: Sequence[Data] = (),
    emergency: Data | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    given = {"policy": policy, "approvals": approvals, "emergency": emergency, "retry": retry}
    try:
        request = _request(release, requested_by, given, digest=str(plan["digest"]))
        contract = cluster["contract"]
        planned = next(row for row in plan["clusters"] if row["cluster"] == contract["identity"]["name"])
        return turn(contract, cluster["live"], request, dict(planned), _moment(now))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _upgrade_opening(
    plan: Data, results: Sequence[Data], wave: int, now: str, policy: Data | None = None, check_mode: bool = False
) -> dict[str, Any]:
    unsoaked = {"soak": 0} if check_mode else {}
    try:
        at = _moment(now)
        found = opening(plan, results, wave, policy_from({**given_data(policy, "policy"), **unsoaked}), at)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None
    return {**_told(found), "seconds": max(0.0, (found.at - at).total_seconds()) if found.at else None}


def _told(found: Gate) -> dict[str, Any]:
    return {"open": found.open, "reason": found.reason, "at": found.at.isoformat() if found.at else None}


def _held_outcome(row: Data, gate: Data) -> dict[str, Any]:
    at = _moment(gate["at"]) if gate["at"] else None
    return outcome.held(row, Gate(bool(gate["open"]), str(gate["reason"]), at))


def _went_outcome(row: Data, result: Data, now: str, check_mode: bool = False) -> dict[str, Any]:
    return outcome.went(row, result, _moment(now), check_mode=check_mode)


def _broke_outcome(row: Data, contract: Contract, failed: Data, task: str, now: str) -> dict[str, Any]:
    return outcome.broke(contract, row, failed, task, _moment(now))


class FilterModule:
    """Filters over how the clusters of a fleet are, and over a plan."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "live_state": live_state,
            "release_marks": marks_to_keep,
            "release_permissions": release_questions,
            "upgrade_approvals": timeline.approval_requests,
            "upgrade_broke": _broke_outcome,
            "upgrade_held": _held_outcome,
            "upgrade_immune": held_in_plan,
            "upgrade_opening": _upgrade_opening,
            "upgrade_outlook": timeline.feasibility_text,
            "upgrade_plan": _upgrade_plan,
            "upgrade_results": outcome.result_rows,
            "upgrade_rows": timeline.plan_rows,
            "upgrade_stayed": outcome.stayed,
            "upgrade_timeline": timeline.timeline_text,
            "upgrade_timeline_svg": timeline.timeline_svg,
            "upgrade_turn": _upgrade_turn,
            "upgrade_in_no_wave": outcome.in_no_wave,
            "upgrade_planned": outcome.planned,
            "upgrade_undone": outcome.undone,
            "upgrade_went": _went_outcome,
        }
