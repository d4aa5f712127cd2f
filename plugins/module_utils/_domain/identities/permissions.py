# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person or service that runs onboarding must be allowed to do, in the contract's access mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..names import NAMESPACES, SYSTEM_NAMESPACE
from .needs import IDENTITIES, granted

_MANAGE = ("get", "list", "create", "patch", "delete")
_RBAC = "rbac.authorization.k8s.io"

_IN_CLUSTER = (
    ("", "namespaces"),
    ("scheduling.k8s.io", "priorityclasses"),
    (_RBAC, "clusterroles"),
    (_RBAC, "clusterrolebindings"),
)
_GOVERNANCE = (
    ("", "serviceaccounts"),
    ("", "resourcequotas"),
    ("", "limitranges"),
    (_RBAC, "roles"),
    (_RBAC, "rolebindings"),
)
_WORKLOADS = (
    ("", "configmaps"),
    ("", "services"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "networkpolicies"),
)

Question = tuple[str, str, str, str]
"""Namespace, group, resource, verb."""


def required_permissions(contract: Mapping[str, Any]) -> list[dict[str, str]]:
    """The questions for ``can_i``, each once.

    Hardened mode works inside the two namespaces that the customer made. Standard mode makes everything, and can only
    give to an identity what it holds itself (RBAC lets nobody escalate), so what the identities get is asked as well.
    """
    asked: dict[Question, None] = {("", "", "nodes", "list"): None}
    for namespace in NAMESPACES:
        asked.update(_manage(namespace, _WORKLOADS))
        asked[namespace, "", "pods", "list"] = None
    if (contract.get("networking") or {}).get("gateway"):
        asked.update(_manage(SYSTEM_NAMESPACE, (("gateway.networking.k8s.io", "httproutes"),)))
    if contract["access"]["mode"] != "hardened":
        asked["", "", "pods", "list"] = None
        asked.update(_manage("", _IN_CLUSTER))
        for namespace in NAMESPACES:
            asked.update(_manage(namespace, _GOVERNANCE))
        asked.update(_given_away(contract))
    return _questions(asked)


def _manage(namespace: str, kinds: Iterable[tuple[str, str]]) -> dict[Question, None]:
    return dict.fromkeys((namespace, group, resource, verb) for group, resource in kinds for verb in _MANAGE)


def _given_away(contract: Mapping[str, Any]) -> dict[Question, None]:
    needs = [need for identity in IDENTITIES if identity.applies(contract) for need in granted(contract, identity)]
    return dict.fromkeys(
        (need.scope, need.group, resource, verb) for need in needs for resource in need.resources for verb in need.verbs
    )


def _questions(asked: Mapping[Question, None]) -> list[dict[str, str]]:
    found = []
    for namespace, group, resource, verb in asked:
        plain, _slash, subresource = resource.partition("/")
        question = {"verb": verb, "group": group, "resource": plain}
        if namespace:
            question["namespace"] = namespace
        if subresource:
            question["subresource"] = subresource
        found.append(question)
    return found
