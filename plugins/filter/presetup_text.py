# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presetup as reviewable text, with what makes it the same set whoever applies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import PRESETUP_SET, SYSTEM_NAMESPACE
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.render import presetup_text
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import version_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import HEAD_SINCE, empty_head
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applyset import (
    applyset_id,
    as_member,
    membership_of,
    parent_manifest,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.ordering import in_steps


def _presetup_text(contract: Contract, objects: Sequence[Mapping[str, Any]], annotations: Mapping[str, str]) -> str:
    parent = Ref("ConfigMap", "", SYSTEM_NAMESPACE, PRESETUP_SET)
    members = [as_member(each, applyset_id(parent)) for each in objects]
    remembered = parent_manifest(parent, membership_of(Ref.of(each) for each in objects), annotations)
    # No member of the set: it outlives an older version, and what it says is not the set's to judge.
    head = [empty_head()] if version_of(annotations) >= HEAD_SINCE else []
    ordered = in_steps((each["kind"], each) for each in [*members, remembered, *head])
    return presetup_text(contract, [each for step in ordered for each in step])


class FilterModule:
    """Filters over a contract."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"presetup_text": _presetup_text}
