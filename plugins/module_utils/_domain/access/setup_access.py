# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a setup grant is in the cluster: an account of its own, a role compiled from the contract, and their binding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..identities import rule_of
from ..identities.needs import CLUSTER, RBAC_GROUP, Need
from ..identities.permissions import setup_needs
from ..names import PREFIX, SETUP_NAMESPACE, labels
from .grant import Grant

Manifest = dict[str, Any]


def setup_access_objects(contract: Mapping[str, Any], grant: Grant) -> list[Manifest]:
    """The objects of the grant's own set. The namespace and the bounds are another set: :mod:`setup_bounds`."""
    subject = {"kind": "ServiceAccount", "name": grant.name, "namespace": SETUP_NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**_metadata(contract, grant, grant.name), "namespace": SETUP_NAMESPACE},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": _metadata(contract, grant, grant.role),
            "rules": [rule_of(need) for need in setup_role_needs(contract)],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _metadata(contract, grant, grant.role),
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": grant.role},
            "subjects": [subject],
        },
    ]


def setup_role_needs(contract: Mapping[str, Any]) -> tuple[Need, ...]:
    """What setup needs, all of it cluster-wide: the namespaces that it makes are not there to hold a Role yet.

    The bounds keep what it writes inside them.
    """
    everywhere: dict[tuple[Any, ...], Need] = {}
    for need in setup_needs(contract):
        moved = replace(need, scope=CLUSTER)
        everywhere.setdefault((moved.group, moved.resources, moved.verbs, moved.names), moved)
    return tuple(everywhere.values())


def _metadata(contract: Mapping[str, Any], grant: Grant, name: str) -> Manifest:
    identity = contract["identity"]
    return {
        "name": name,
        "labels": labels(grant.set, grant.name),
        "annotations": {
            PREFIX + "contract": str(identity["name"]),
            PREFIX + "cluster-uid": str(identity["uid"]),
            PREFIX + "granted-to": grant.grantee,
            PREFIX + "reason": grant.reason,
            PREFIX + "until": grant.until,
        },
    }
