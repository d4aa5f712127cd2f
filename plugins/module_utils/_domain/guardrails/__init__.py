# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guardrails: admission policies for what RBAC cannot express, such as fields, images, devices and namespaces.

RBAC decides who may write which kind; a guardrail checks the object, even if one of our accounts is bound to a wrong
role by mistake. A policy for each subject, compiled from the contract and from what the API server says of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..contract.typed import Contract
from ..counted import is_counted_by_product
from ..presetup_version import NEWEST
from .budgets import budgets_policy
from .changes import changes_policy
from .evictions import evictions_policy
from .incidents import incidents_policy
from .jobs import jobs_policy
from .nodes import nodes_policy
from .objects import objects_policy
from .pod_allowlist import pod_fields_policy
from .pod_values import pods_policy
from .policy import manifests
from .products import products_policy
from .records import records_policy
from .remembered import names_policy
from .replicas import replicas_policy
from .router import router_policy
from .routes import routes_policy
from .scalers import scalers_policy
from .scope import scope_policy
from .services import services_policy
from .tokens import tokens_policy
from .workloads import workloads_policy

__all__ = ["guardrail_objects"]


def guardrail_objects(
    contract: Contract,
    registries: Sequence[str] = (),
    audiences: Sequence[str] = (),
    version: int = NEWEST,
) -> list[dict[str, Any]]:
    """The policies and their bindings, by prerequisites of this version.

    ``registries`` is where images come from when the contract names no registry: the stack release's own. With neither,
    no image is allowed at all. ``audiences`` are whom the API server takes for itself in tokens; without them no token
    is issued at all.
    """
    named = (contract.get("compliance") or {}).get("registries") or registries
    policies = [
        nodes_policy(contract, version),
        scope_policy(contract, version),
        workloads_policy(contract, [str(registry) for registry in named], version),
    ]
    if version >= 2:
        policies += [
            tokens_policy(contract, audiences),
            changes_policy(contract),
            pod_fields_policy(contract),
            pods_policy(contract),
            replicas_policy(contract),
            records_policy(),
            budgets_policy(),
            evictions_policy(contract),
            incidents_policy(),
            jobs_policy(contract),
            names_policy(),
            objects_policy(),
            router_policy(contract),
            routes_policy(contract),
            scalers_policy(contract),
            services_policy(),
        ]
        policies += [products_policy(contract)] if is_counted_by_product(contract) else []
    return [made for policy in policies for made in manifests(policy)]
