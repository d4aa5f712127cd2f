# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clause of a contract lets an operation be done, for its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Contract = Mapping[str, Any]


def _access(contract: Contract) -> str:
    return f"access.mode: {contract['access']['mode']}"


def _stack(contract: Contract) -> str:
    stack = contract.get("stack") or {}
    return f"stack.release: {stack['release']}" if stack.get("release") else f"stack.channel: {stack.get('channel')}"


def _models(contract: Contract) -> str:
    return f"models: {', '.join(str(model['name']) for model in contract.get('models') or ()) or 'none'}"


def _actions(contract: Contract) -> str:
    allowed = [f"{name} {word}" for name, word in (contract.get("actions") or {}).items() if word != "never"]
    return f"actions: {', '.join(allowed) or 'none'}"


def _credential(contract: Contract) -> str:
    """Only by which key the contract says where it is: it may not be told where."""
    return f"access.credential: {', '.join(sorted(contract['access'].get('credential') or {})) or 'none'}"


def _administrator(_contract: Contract) -> str:
    return "none: done by the customer's own administrator"


_CLAUSES: Mapping[str, tuple[Callable[[Contract], str], ...]] = {
    "onboard": (_access, _stack, _models),
    "presetup": (_access,),
    "deploy models": (_models,),
    "roll back a model": (_models,),
    "retire a model": (_models,),
    "remediate": (_actions,),
    "rotate_credentials": (_credential,),
    "grant_setup_access": (_administrator,),
    "revoke_setup_access": (_administrator,),
    "revocation_drill": (_administrator,),
    "offboard": (_administrator,),
    "roll back the stack": (_access, _stack),
}


def clause(contract: Contract, operation: str) -> str:
    """The clause as it stood, by what a playbook calls its operation; of others how they may work on the cluster."""
    return "; ".join(say(contract) for say in _CLAUSES.get(operation, (_access,)))
