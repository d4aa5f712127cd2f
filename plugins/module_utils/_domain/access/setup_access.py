# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a setup grant is in the cluster: an account of its own, roles compiled from the contract, and their bindings."""

from __future__ import annotations

from typing import Any

from ..contract.typed import Contract
from ..identities import account_objects
from ..identities.needs import Need
from ..identities.permissions import onboarding_needs
from ..names import PREFIX, SETUP_NAMESPACE, labels
from .grant import Grant

Manifest = dict[str, Any]


def setup_access_objects(contract: Contract, grant: Grant) -> list[Manifest]:
    """The objects of the grant's own set. The namespace and the bounds are another set: :mod:`setup_bounds`.

    A grant has what onboarding needs in our two namespaces, where only an administrator has put the prerequisites, and
    it may end itself.
    """
    itself = Need(SETUP_NAMESPACE, "", ("serviceaccounts",), ("get", "delete"), (grant.name,))
    needs = (*onboarding_needs(contract), itself)
    return account_objects(grant.name, SETUP_NAMESPACE, needs, _about(contract, grant))


def _about(contract: Contract, grant: Grant) -> Manifest:
    identity = contract["identity"]
    return {
        "labels": labels(grant.set, grant.name),
        "annotations": {
            PREFIX + "contract": str(identity["name"]),
            PREFIX + "cluster-uid": str(identity["uid"]),
            PREFIX + "granted-to": grant.grantee,
            PREFIX + "reason": grant.reason,
            PREFIX + "until": grant.until,
        },
    }
