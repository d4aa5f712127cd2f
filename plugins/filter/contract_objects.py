# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract compiles to: Kubernetes objects and the permissions to make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting import alerting
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.calendar_doubts import calendar_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.clause import clause
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract_calendar import (
    coming_openings,
    next_change,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.clock import clock_ends
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import (
    applies_prerequisites,
    required_permissions,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import needed_and_dropped
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.mirror import mirror_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import front_door
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.plan import presetup_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import (
    newer_presetup,
    older_presetup,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import component_images
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import explain
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.telemetry_volume import (
    telemetry_claim,
    telemetry_storage,
    unchangeable_claims,
)
from ansible_collections.fireworks.byoc.plugins.plugin_utils.moments import as_moment


def _explain_scaling(
    contract: Contract, facts: Mapping[str, Any] | None = None, moment: str = "", error: str = ""
) -> list[dict[str, str]]:
    return explain(contract, facts or None, as_moment(moment), error)


def _clock_ends(contracts: Iterable[Contract], now: str = "") -> str:
    moment = as_moment(now) or datetime.now(UTC)
    return "\n".join(filter(None, (clock_ends(contract, moment) for contract in contracts)))


def _contract_calendar(contract: Contract, moment: str = "") -> dict[str, Any]:
    now = as_moment(moment) or datetime.now(UTC)
    name = contract["identity"]["name"]
    return {
        "next": next_change(contract, now),
        "openings": coming_openings(contract, now),
        "doubts": "\n".join(f"{name}: {doubt}" for doubt in calendar_doubts(contract)),
    }


class FilterModule:
    """Filters over a contract."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "alerting": alerting,
            "applies_prerequisites": applies_prerequisites,
            "clock_ends": _clock_ends,
            "contract_calendar": _contract_calendar,
            "contract_clause": clause,
            "explain_scaling": _explain_scaling,
            "front_door": front_door,
            "mirror_plan": mirror_plan,
            "needed_and_dropped": needed_and_dropped,
            "newer_presetup": newer_presetup,
            "objective_rules": objective_rules,
            "older_presetup": older_presetup,
            "presetup_annotations": presetup_annotations,
            "presetup_objects": presetup_objects,
            "presetup_plan": presetup_plan,
            "required_permissions": required_permissions,
            "stack_images": component_images,
            "telemetry_claim": telemetry_claim,
            "telemetry_storage": telemetry_storage,
            "unchangeable_claims": unchangeable_claims,
        }
