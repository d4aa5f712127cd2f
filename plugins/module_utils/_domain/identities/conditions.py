# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract lets our identities do: by these some rights are given, and others are not."""

from __future__ import annotations

from collections.abc import Callable

from ..contract.typed import Contract
from ..entry_point import GATEWAY, OPENSHIFT_ROUTE, entry_point
from ..model.staged import staged_models


def always(_contract: Contract) -> bool:
    return True


def action(contract: Contract, name: str) -> str:
    """What the contract says of one node action: never, approve or auto."""
    return str((contract.get("actions") or {}).get(name, "never"))


def may_act_on_nodes(contract: Contract) -> bool:
    """Whether the contract allows any node action at all."""
    return any(word != "never" for word in (contract.get("actions") or {}).values())


def may_drain(contract: Contract) -> bool:
    return action(contract, "drain") != "never"


def drains_by_itself(contract: Contract) -> bool:
    return action(contract, "drain") == "auto"


def drains_by_grant(contract: Contract) -> bool:
    """Whether pods are evicted only while an administrator of the customer lets them be."""
    return action(contract, "drain") == "approve"


def may_cordon(contract: Contract) -> bool:
    return action(contract, "cordon") != "never"


def may_consolidate(contract: Contract) -> bool:
    """Whether replicas may be moved so that GPUs are free in larger blocks."""
    executes = (contract.get("efficiency") or {}).get("mode") == "execute"
    return executes and may_cordon(contract) and may_drain(contract)


def may_scale(contract: Contract) -> bool:
    """Whether the contract lets any model have more than one number of replicas.

    Not whether a model that is there now does: models change without a new presetup. Nor by which autoscaler: which one
    the cluster serves is no part of the contract, and may change too.
    """
    scaling = contract["scaling"]
    return scaling["max_replicas_per_model"] > 1 or bool(scaling.get("scale_to_zero"))


def may_stage(contract: Contract) -> bool:
    """Whether the contract has a model whose weights a Job fetches. The first one needs a new presetup."""
    return bool(staged_models(contract))


def has_objectives(contract: Contract) -> bool:
    """Whether the contract promises anything of a model. The first promise needs a new presetup: until then what is
    left of its budget is not measured for those who change something."""
    return any(model.get("objectives") for model in contract.get("models") or ())


def listed(kind: str) -> Callable[[Contract], bool]:
    """Whether the customer lets the observer list a kind everywhere, so that a node can be called healthy."""
    return lambda contract: kind in ((contract.get("health") or {}).get("observer_may_list") or ())


def by_gateway(contract: Contract) -> bool:
    return entry_point(contract) == GATEWAY


def by_openshift_route(contract: Contract) -> bool:
    return entry_point(contract) == OPENSHIFT_ROUTE


def reads_telemetry(contract: Contract) -> bool:
    """Of the node medic: it carries out what the observer has planned, and has to see the same."""
    return has_objectives(contract) or may_consolidate(contract)
