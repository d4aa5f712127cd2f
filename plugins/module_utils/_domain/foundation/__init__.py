# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands under the stack in every cluster: namespaces, priorities, the quota, and the network's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..identities import identity_objects
from ..model.exposure import http_route
from ..names import ROUTER, STACK_SET
from .governance import limit_range, namespaces, priority_classes, quota
from .network import network_policies

__all__ = ["foundation", "quota"]

Manifest = dict[str, Any]


def foundation(contract: Mapping[str, Any], api_server: Sequence[Mapping[str, Any]] = ()) -> list[Manifest]:
    """The objects of the stack's set that follow from the contract alone.

    In hardened mode the customer's own team has made the namespaces, the priority classes, the quota and the
    identities; we neither need nor hold the right to change them.
    """
    ours: list[Manifest] = [*network_policies(contract, api_server), *_front_door(contract)]
    if contract["access"]["mode"] == "hardened":
        return ours
    return [
        *namespaces(contract),
        *priority_classes(),
        *quota(contract),
        *limit_range(),
        *identity_objects(contract, STACK_SET),
        *ours,
    ]


def _front_door(contract: Mapping[str, Any]) -> list[Manifest]:
    """The contract's domain itself, which leads to the router for every model."""
    networking = contract.get("networking") or {}
    if not networking.get("gateway") or not networking.get("domain"):
        return []
    return [http_route(contract, ROUTER, str(networking["domain"]), STACK_SET)]
