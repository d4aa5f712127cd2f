# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtime identities: one ServiceAccount for each component and job, with the least it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..names import PRESETUP_SET, labels
from ..presetup_version import NEWEST
from .needs import CLUSTER, RBAC_GROUP, Identity, Need, granted, identities_of
from .permissions import required_permissions

__all__ = ["identity_objects", "required_permissions"]

Manifest = dict[str, Any]


def identity_objects(contract: Mapping[str, Any], version: int = NEWEST) -> list[Manifest]:
    """The accounts, roles and bindings of the contract's identities."""
    return [
        made
        for identity in identities_of(contract)
        for made in _objects(identity, granted(contract, identity, version))
    ]


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
                "apiVersion": f"{RBAC_GROUP}/v1",
                "kind": kind,
                "metadata": metadata,
                "rules": [rule_of(need) for need in scoped],
            }
        )
        found.append(
            {
                "apiVersion": f"{RBAC_GROUP}/v1",
                "kind": kind + "Binding",
                "metadata": dict(metadata),
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": metadata["name"]},
                "subjects": [{"kind": "ServiceAccount", "name": identity.name, "namespace": identity.home}],
            }
        )
    return found


def _metadata(identity: Identity, name: str, namespace: str) -> Manifest:
    metadata: Manifest = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = labels(PRESETUP_SET, identity.name, identity=identity.name)
    metadata["annotations"] = {"kubernetes.io/description": identity.why}
    return metadata


def rule_of(need: Need) -> Manifest:
    """A need as a rule of a Role."""
    rule: Manifest = {"apiGroups": [need.group], "resources": list(need.resources), "verbs": list(need.verbs)}
    if need.names:
        rule["resourceNames"] = list(need.names)
    return rule
