# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each identity should be able to do, for the API server to confirm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.typed import Contract
from ..identities.customers import granted_by_customer
from ..identities.needs import CLUSTER, IDENTITIES, Identity, Need, accounts_of_models, granted, on_grant
from ..names import EVICTION_ROLE, account_user
from ..presetup_version import NEWEST
from .eviction_grant import granted_in


def access_expectations(
    contract: Contract, version: int | None = None, notes: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The accounts of all identities, each with its rules and bindings, by prerequisites of this version.

    An identity that the contract does not use is listed without rules, so that a leftover of it has rights too many.
    What the customer grants in their own namespaces is expected too, by a binding of the same name. What they grant for
    an hour may be there, and need not, as long as there are notes of it: one that has ended gives nothing any more.

    :param notes: the annotations of ``fireworks-system``.
    """
    a_grant = granted_in(notes or {}) is not None
    identities = (*IDENTITIES, *accounts_of_models(contract))
    return [_expectation(contract, identity, version or NEWEST, a_grant=a_grant) for identity in identities]


def _expectation(contract: Contract, identity: Identity, version: int, *, a_grant: bool) -> dict[str, Any]:
    applies = identity.applies(contract)
    needs = granted(contract, identity, version) if applies else ()
    needs += granted_by_customer(contract, identity)
    for_a_while = on_grant(contract, identity, version) if applies and a_grant else ()
    bindings = [
        {
            "kind": "ClusterRoleBinding" if scope == CLUSTER else "RoleBinding",
            "namespace": scope,
            "name": "fireworks-" + identity.name,
        }
        for scope in dict.fromkeys(need.scope for need in needs)
    ]
    bindings += [{"kind": "RoleBinding", "namespace": need.scope, "name": EVICTION_ROLE} for need in for_a_while]
    return {
        "identity": identity.name,
        "user": account_user(identity.name, identity.home),
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{identity.home}", "system:authenticated"],
        "rules": [*_rules(needs), *_rules(for_a_while, optional=True)],
        "bindings": bindings,
    }


def _rules(needs: Iterable[Need], **more: bool) -> list[dict[str, Any]]:
    return [
        {
            "scope": need.scope,
            "group": need.group,
            "resource": resource,
            "verbs": list(need.verbs),
            "names": list(need.names),
            **more,
        }
        for need in needs
        for resource in need.resources
    ]
