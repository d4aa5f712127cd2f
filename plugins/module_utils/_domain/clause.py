# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clause of a contract lets an operation be done, for its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._vocabulary.operations import OperationName
from .contract.defaults import said
from .contract.schema import SCHEMA
from .contract.typed import Contract
from .rollout.approval import approvers


def _access(contract: Contract) -> str:
    return f"access.mode: {said(contract, SCHEMA, 'access', 'mode')}"


def _stack(contract: Contract) -> str:
    stack = contract["stack"]
    return f"stack.release: {stack['release']}" if stack.get("release") else f"stack.channel: {stack.get('channel')}"


def _models(contract: Contract) -> str:
    return f"models: {', '.join(str(model['name']) for model in contract.get('models') or ()) or 'none'}"


def _actions(contract: Contract) -> str:
    allowed = [f"{name} {word}" for name, word in (contract.get("actions") or {}).items() if word != "never"]
    return f"actions: {', '.join(allowed) or 'none'}"


def _efficiency(contract: Contract) -> str:
    return f"efficiency.mode: {said(contract, SCHEMA, 'efficiency', 'mode')}"


def _credential(contract: Contract) -> str:
    """Only by which key the contract says where it is: it may not be told where."""
    return f"access.credential by {', '.join(sorted(contract['access']['credential'])) or 'none'}"


def _approvals(contract: Contract) -> str:
    return f"change.approvals.approvers: {', '.join(approvers(contract)) or 'none'}"


def _contacts(contract: Contract) -> str:
    """Whom something may be asked of."""
    return f"contacts: {', '.join(sorted(contract['contacts'])) or 'none'}"


def _administrator(_contract: Contract) -> str:
    return "none: done by the customer's own administrator"


_CLAUSES: Mapping[OperationName, tuple[Callable[[Contract], str], ...]] = {
    OperationName.ONBOARD: (_access, _stack, _models),
    OperationName.PRESETUP: (_access,),
    OperationName.DEPLOY_MODELS: (_models,),
    OperationName.ROLLBACK_MODEL: (_models,),
    OperationName.RETIRE_MODEL: (_models,),
    OperationName.REMEDIATE: (_actions,),
    OperationName.CONSOLIDATE: (_efficiency, _actions),
    OperationName.HAND_OVER_NODES: (_actions,),
    OperationName.INCIDENT: (_contacts,),
    OperationName.ISSUE_OPERATOR_CREDENTIAL: (_administrator,),
    OperationName.ROTATE_CREDENTIALS: (_credential,),
    OperationName.APPROVE: (_approvals,),
    OperationName.REVOKE_APPROVAL: (_approvals,),
    OperationName.GRANT_EVICTION: (_actions,),
    OperationName.REVOKE_EVICTION: (_actions,),
    OperationName.GRANT_SETUP_ACCESS: (_administrator,),
    OperationName.REVOKE_SETUP_ACCESS: (_administrator,),
    OperationName.REVOCATION_DRILL: (_administrator,),
    OperationName.OFFBOARD: (_administrator,),
    OperationName.ROLLBACK_STACK: (_access, _stack),
}


def clause(contract: Contract, operation: str) -> str:
    """The clause as it stood; of an operation without one of its own how we may work on the cluster."""
    return "; ".join(say(contract) for say in _CLAUSES.get(OperationName(operation), (_access,)))
