# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first contract of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import ContractErrors, parse_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import report
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import DROPPED_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import MODEL_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.new_contract import (
    NoContractError,
    credential_root,
    edits,
    new_contract,
)


def _new_contract(facts: Mapping[str, Any], asked: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, Any]:
    """The text and what to edit in it; or, where there can be none, why."""
    try:
        text = new_contract(facts, asked, release)
        parse_contract(text.encode(), path=f"{asked['cluster']}.yml", rules=(*MODEL_RULES, *DROPPED_RULES))
    except NoContractError as error:
        return {"text": "", "edits": [], "root": "", "why": str(error)}
    except ContractErrors as error:
        return {"text": "", "edits": [], "root": "", "why": report(error.problems)}
    return {"text": text, "edits": edits(text), "root": credential_root(asked), "why": ""}


class FilterModule:
    """The filter that writes contracts."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"new_contract": _new_contract}
