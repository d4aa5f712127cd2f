# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtime identities: one ServiceAccount for each component and job, with the least it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contract.typed import Contract
from ..names import EVICTION_ROLE, PRESETUP_SET, labels
from ..presetup_version import NEWEST
from .needs import CLUSTER, RBAC_GROUP, Identity, Need, granted, identities_of, on_grant
from .permissions import applies_prerequisites, required_permissions

__all__ = ["account_objects", "applies_prerequisites", "identity_objects", "required_permissions"]

Manifest = dict[str, Any]


def identity_objects(contract: Contract, version: int = NEWEST) -> list[Manifest]:
    """The accounts, roles and bindings of the contract's identities."""
    found = []
    for identity in identities_of(contract):
        needs = granted(contract, identity, version)
        found += account_objects(identity.name, identity.home, needs, _about(identity))
        # Bound to nobody: that is what an administrator does, for at most an hour.
        found += [
            _role(EVICTION_ROLE, need.scope, [need], _about(identity)) for need in on_grant(contract, identity, version)
        ]
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
    role = f"fireworks-{name}"
    return [
        account,
        *(
            made
            for scope, scoped in scopes.items()
            for made in (_role(role, scope, scoped, about), binding(role, scope, subject, about))
        ),
    ]


def _role(name: str, scope: str, needs: Iterable[Need], about: Manifest) -> Manifest:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": _kind(scope),
        "metadata": _metadata(name, scope, about),
        "rules": [rule_of(need) for need in needs],
    }


def binding(name: str, scope: str, subject: Manifest, about: Manifest) -> Manifest:
    """The binding of a role to a subject, which has the role's name."""
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": _kind(scope) + "Binding",
        "metadata": _metadata(name, scope, about),
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": _kind(scope), "name": name},
        "subjects": [subject],
    }


def _kind(scope: str) -> str:
    return "ClusterRole" if scope == CLUSTER else "Role"


def _about(identity: Identity) -> Manifest:
    return {
        "labels": labels(PRESETUP_SET, identity.name, identity=identity.name),
        "annotations": {"kubernetes.io/description": identity.why, **identity.annotations},
    }


def _metadata(name: str, namespace: str, about: Manifest) -> Manifest:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **about}


def rule_of(need: Need) -> Manifest:
    """A need as a rule of a Role."""
    rule: Manifest = {"apiGroups": [need.group], "resources": list(need.resources), "verbs": list(need.verbs)}
    if need.names:
        rule["resourceNames"] = list(need.names)
    return rule
