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
from .permissions import applies_prerequisites, required_permissions

__all__ = ["account_objects", "applies_prerequisites", "identity_objects", "required_permissions"]

Manifest = dict[str, Any]


def identity_objects(contract: Mapping[str, Any], version: int = NEWEST) -> list[Manifest]:
    """The accounts, roles and bindings of the contract's identities."""
    found = []
    for identity in identities_of(contract):
        needs = granted(contract, identity, version)
        found += account_objects(identity.name, identity.home, needs, _about(identity))
    return found


def account_objects(name: str, home: str, needs: Iterable[Need], about: Manifest) -> list[Manifest]:
    """An account, and for each scope of its needs a role and the binding.

    :param about: the labels and annotations of each of them.
    """
    scopes: dict[str, list[Need]] = {}
    for need in needs:
        scopes.setdefault(need.scope, []).append(need)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(name, home, about),
        # A pod that needs its token says so itself.
        "automountServiceAccountToken": False,
    }
    subject = {"kind": "ServiceAccount", "name": name, "namespace": home}
    return [account, *(made for scope, scoped in scopes.items() for made in _role(subject, scope, scoped, about))]


def _role(subject: Manifest, scope: str, needs: Iterable[Need], about: Manifest) -> list[Manifest]:
    kind = "ClusterRole" if scope == CLUSTER else "Role"
    name = f"fireworks-{subject['name']}"
    return [
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": kind,
            "metadata": _metadata(name, scope, about),
            "rules": [rule_of(need) for need in needs],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": kind + "Binding",
            "metadata": _metadata(name, scope, about),
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": name},
            "subjects": [subject],
        },
    ]


def _about(identity: Identity) -> Manifest:
    return {
        "labels": labels(PRESETUP_SET, identity.name, identity=identity.name),
        "annotations": {"kubernetes.io/description": identity.why},
    }


def _metadata(name: str, namespace: str, about: Manifest) -> Manifest:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **about}


def rule_of(need: Need) -> Manifest:
    """A need as a rule of a Role."""
    rule: Manifest = {"apiGroups": [need.group], "resources": list(need.resources), "verbs": list(need.verbs)}
    if need.names:
        rule["resourceNames"] = list(need.names)
    return rule
