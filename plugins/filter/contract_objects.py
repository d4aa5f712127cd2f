# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract compiles to: Kubernetes objects and the permissions to make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import required_permissions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.loading import load_deadline
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model import find_model
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import front_door
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.people import CUSTOMER, contact, whose_move
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import component_images
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import BoundsError, explain

Contract = Mapping[str, Any]


def _model_objects(
    contract: Contract,
    model: str,
    release: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
    moment: str = "",
) -> list[dict[str, Any]]:
    try:
        return model_objects(contract, find_model(contract, model), release, facts, _moment(moment))
    except BoundsError as error:
        move = whose_move({"owner": CUSTOMER, "contact": contact(contract, "capacity")})
        raise AnsibleFilterError(f"{error}. {move}") from None
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _explain_scaling(
    contract: Contract, facts: Mapping[str, Any] | None = None, moment: str = "", error: str = ""
) -> list[dict[str, str]]:
    return explain(contract, facts or None, _moment(moment), error)


def _moment(text: str) -> datetime | None:
    """A moment from its text; one that says no offset is told in UTC."""
    if not text:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise AnsibleFilterError(f"{text!r} is not a moment: write it like 2026-11-25T08:00:00+01:00") from None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _model_deadline(contract: Contract, model: str) -> int:
    try:
        return load_deadline(find_model(contract, model))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Filters over a contract."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "explain_scaling": _explain_scaling,
            "front_door": front_door,
            "presetup_annotations": presetup_annotations,
            "presetup_objects": presetup_objects,
            "model_objects": _model_objects,
            "model_deadline": _model_deadline,
            "required_permissions": required_permissions,
            "stack_images": component_images,
        }
