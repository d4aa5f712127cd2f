# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each identity should be able to do, for the API server to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..identities.customers import granted_by_customer
from ..identities.needs import CLUSTER, IDENTITIES, Identity, granted
from ..names import account_user
from ..presetup_version import NEWEST


def access_expectations(contract: Mapping[str, Any], version: int | None = None) -> list[dict[str, Any]]:
    """The accounts of all identities, each with its rules and bindings, by prerequisites of this version.

    An identity that the contract does not use is listed without rules, so that a leftover of it has rights too many.
    What the customer grants in their own namespaces is expected too, by a binding of the same name.
    """
    return [_expectation(contract, identity, version or NEWEST) for identity in IDENTITIES]


def _expectation(contract: Mapping[str, Any], identity: Identity, version: int) -> dict[str, Any]:
    needs = granted(contract, identity, version) if identity.applies(contract) else ()
    needs += granted_by_customer(contract, identity)
    rules = [
        {
            "scope": need.scope,
            "group": need.group,
            "resource": resource,
            "verbs": list(need.verbs),
            "names": list(need.names),
        }
        for need in needs
        for resource in need.resources
    ]
    bindings = [
        {
            "kind": "ClusterRoleBinding" if scope == CLUSTER else "RoleBinding",
            "namespace": scope,
            "name": "fireworks-" + identity.name,
        }
        for scope in dict.fromkeys(need.scope for need in needs)
    ]
    return {
        "identity": identity.name,
        "user": account_user(identity.name, identity.home),
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{identity.home}", "system:authenticated"],
        "rules": rules,
        "bindings": bindings,
    }
