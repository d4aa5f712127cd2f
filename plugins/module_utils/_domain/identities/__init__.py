# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtime identities: one ServiceAccount for each component, with the least it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..names import IDENTITIES_SET, labels
from .needs import CLUSTER, IDENTITIES, Identity, Need, granted
from .permissions import required_permissions

__all__ = ["identity_objects", "required_permissions"]

Manifest = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"


def identity_objects(contract: Mapping[str, Any], part_of: str = IDENTITIES_SET) -> list[Manifest]:
    """The accounts, roles and bindings of the identities that travel with one set.

    In hardened mode the customer's own team has made them, and there are none to make.
    """
    if contract["access"]["mode"] == "hardened":
        return []
    found: list[Manifest] = []
    for identity in IDENTITIES:
        if identity.travels_with == part_of and identity.applies(contract):
            found += _objects(identity, granted(contract, identity))
    return found


def _objects(identity: Identity, needs: Iterable[Need]) -> list[Manifest]:
    scopes: dict[str, list[Need]] = {}
    for need in needs:
        scopes.setdefault(need.scope, []).append(need)
    found: list[Manifest] = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(identity, identity.name, identity.home),
            # A pod that needs its token says so itself.
            "automountServiceAccountToken": False,
        }
    ]
    for scope, scoped in scopes.items():
        kind = "ClusterRole" if scope == CLUSTER else "Role"
        metadata = _metadata(identity, "fireworks-" + identity.name, scope)
        found.append(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": kind,
                "metadata": metadata,
                "rules": [_rule(need) for need in scoped],
            }
        )
        found.append(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": kind + "Binding",
                "metadata": dict(metadata),
                "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": metadata["name"]},
                "subjects": [{"kind": "ServiceAccount", "name": identity.name, "namespace": identity.home}],
            }
        )
    return found


def _metadata(identity: Identity, name: str, namespace: str) -> Manifest:
    metadata: Manifest = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = labels(identity.travels_with, identity.name, identity=identity.name)
    metadata["annotations"] = {"kubernetes.io/description": identity.why}
    return metadata


def _rule(need: Need) -> Manifest:
    rule: Manifest = {"apiGroups": [need.group], "resources": list(need.resources), "verbs": list(need.verbs)}
    if need.names:
        rule["resourceNames"] = list(need.names)
    return rule
