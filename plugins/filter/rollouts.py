# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How models are changed: what a contract says about it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import grant_end
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.immunity import held_by_signature, tried
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model import policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rows import (
    model_rows,
    revision_rows,
    rollout_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.people import contact
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import release_in_force
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approving import Given, approving_turn
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.consolidating import consolidation_reports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import emergency_from
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_change import (
    Wanted,
    decision_reports,
    model_turn,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_waves import held_back, model_waves
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.onboarding import (
    contract_line,
    onboarding_turn,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy, policy_from
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import BoundsError
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.owner import Owner
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.wording import action_required
from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import (
    given_approvals,
    given_data,
    given_emergency,
)
from ansible_collections.fireworks.byoc.plugins.plugin_utils.moments import as_moment


def _model_changes(
    contract: Contract,
    names: list[str],
    release: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
    moment: str = "",
    **instead: int | None,
) -> list[dict[str, Any]]:
    try:
        return policy.model_changes(
            contract, given_data(names, "model_names"), release, facts, as_moment(moment), **instead
        )
    except BoundsError as error:
        move = action_required(Owner.CUSTOMER, contact(contract, "capacity"))
        raise AnsibleFilterError(f"{error}. {move}") from None
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _model_rollback(contract: Contract, model: str, revision: str, **instead: int | None) -> dict[str, Any]:
    try:
        return policy.model_rollback(contract, model, revision, **instead)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _model_turn(
    contract: Contract,
    live: Mapping[str, Any],
    models: list[Mapping[str, Any]],
    release: Mapping[str, Any],
    now: str,
    requested_by: str = "",
    approvals: Any = None,
    emergency: Any = None,
) -> dict[str, Any]:
    declared = given_emergency(emergency)
    wanted = Wanted(
        models=models,
        release=release,
        requested_by=requested_by,
        approvals=given_approvals(approvals),
        emergency=emergency_from(declared),
    )
    try:
        return model_turn(contract, live, wanted, as_moment(now) or datetime.now(UTC))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _approving_turn(
    contract: Contract, planned: Mapping[str, Any], given: Mapping[str, Any], now: str
) -> dict[str, Any]:
    until = str(given.get("until") or "")
    try:
        end = grant_end(until, now) if until else ""
        said = {key: str(given.get(key) or "").strip() for key in ("operation", "digest", "by", "requested_by")}
        return approving_turn(contract, planned, Given(**said, until=end), as_moment(now) or datetime.now(UTC))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _model_waves(contracts: list[Contract], policy: Mapping[str, Any] | None = None) -> list[list[str]]:
    return model_waves(contracts, _policy(policy))


def _model_wave_stop(
    cluster: str, waves: list[list[str]], outcomes: list[Mapping[str, Any]], policy: Mapping[str, Any] | None = None
) -> str:
    return held_back(cluster, waves, outcomes, _policy(policy))


def _model_immune(
    own: Mapping[str, Any], outcomes: list[Mapping[str, Any]], signatures: list[Mapping[str, Any]]
) -> str:
    known = {str(one["cluster"]): its for one, its in zip(outcomes, signatures, strict=True) if one}
    return held_by_signature(own, tried([one for one in outcomes if one], known))


def _policy(policy: Any) -> Policy:
    try:
        return policy_from(given_data(policy, "policy"))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Filters about rollouts."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "approving_turn": _approving_turn,
            "contract_line": contract_line,
            "model_changes": _model_changes,
            "consolidation_decisions": consolidation_reports,
            "model_decisions": decision_reports,
            "model_immune": _model_immune,
            "model_rollback": _model_rollback,
            "model_rows": model_rows,
            "model_turn": _model_turn,
            "model_wave_stop": _model_wave_stop,
            "model_waves": _model_waves,
            "onboarding_turn": onboarding_turn,
            "release_in_force": release_in_force,
            "revision_rows": revision_rows,
            "rollout_rows": rollout_rows,
        }
