# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind of object that exposes the models: decided once, for rights, routes and network rules."""

from __future__ import annotations

from .contract.typed import Contract

GATEWAY = "gateway"
OPENSHIFT_ROUTE = "route"
NONE = ""

GATEWAY_GROUP = "gateway.networking.k8s.io"
ROUTE_GROUP = "route.openshift.io"


def is_openshift(contract: Contract) -> bool:
    """Whether the cluster is an OpenShift one."""
    return str(contract["identity"]["provider"]) == "openshift"


def entry_point(contract: Contract) -> str:
    """A gateway if the contract names one; otherwise, on OpenShift, a Route; otherwise none."""
    networking = contract.get("networking") or {}
    if networking.get("gateway"):
        return GATEWAY
    return OPENSHIFT_ROUTE if networking.get("domain") and is_openshift(contract) else NONE
