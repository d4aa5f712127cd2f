# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person or service that runs onboarding must be allowed to do, in the contract's access mode."""

from __future__ import annotations

from collections.abc import Iterable

from ..contract.defaults import said
from ..contract.schema import SCHEMA
from ..contract.typed import Contract
from ..counted import PLAIN, own_classes
from ..guardrail_names import GUARDRAILS
from ..names import NAMESPACES, SETUP_NAMESPACE, account_user
from ..presetup_version import NEWEST
from .needs import (
    CLUSTER,
    IDENTITIES,
    OPERATOR,
    RBAC_GROUP,
    TOKENS,
    WRITE,
    Need,
    granted,
    identities_of,
    on_grant,
)

_SEE = ("get", "list")
_MANAGE = (*_SEE, *WRITE)

_ROLES = tuple(
    "fireworks-" + identity.name for identity in IDENTITIES if any(need.scope == CLUSTER for need in identity.needs)
)
#: Cluster-scoped objects are found by label, and written only by name.
_PRIORITY_CLASSES = ("scheduling.k8s.io", "priorityclasses")
_IN_CLUSTER = (
    ("", "namespaces", NAMESPACES),
    (*_PRIORITY_CLASSES, PLAIN),
    (RBAC_GROUP, "clusterroles", _ROLES),
    (RBAC_GROUP, "clusterrolebindings", _ROLES),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", GUARDRAILS),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", GUARDRAILS),
)
_IN_NAMESPACES = (
    ("", "serviceaccounts"),
    ("", "resourcequotas"),
    ("", "limitranges"),
    ("", "configmaps"),
    ("", "services"),
    ("", "persistentvolumeclaims"),
    (RBAC_GROUP, "roles"),
    (RBAC_GROUP, "rolebindings"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "networkpolicies"),
)


def setup_needs(contract: Contract) -> tuple[Need, ...]:
    """What an administrator needs, to create and remove all our objects.

    RBAC prevents escalation, so they must themselves hold every right of the identities.
    """
    found = [Need(CLUSTER, "", ("nodes", "pods"), ("get", "list"))]
    found += [Need(CLUSTER, group, (resource,), _SEE) for group, resource, _names in _IN_CLUSTER]
    written = (*_IN_CLUSTER, (*_PRIORITY_CLASSES, tuple(own_classes(contract))))
    found += [Need(CLUSTER, group, (resource,), WRITE, names) for group, resource, names in written]
    found += [Need(ns, group, (resource,), _MANAGE) for ns in NAMESPACES for group, resource in _IN_NAMESPACES]
    for identity in identities_of(contract):
        found += [*granted(contract, identity), *on_grant(contract, identity)]
    return tuple(dict.fromkeys(found))


def onboarding_needs(contract: Contract, version: int = NEWEST) -> tuple[Need, ...]:
    """What onboarding needs where the prerequisites are there: what the operator has, less the tokens of accounts.

    :param version: of the prerequisites.
    """
    [operator] = [identity for identity in IDENTITIES if identity.name == OPERATOR]
    return tuple(need for need in granted(contract, operator, version) if TOKENS not in need.resources)


def applies_prerequisites(contract: Contract, user: str = "") -> bool:
    """Whether this user's onboarding applies the prerequisites; otherwise it only compares them.

    None of our own accounts may change what limits us, the account of a setup grant among them.

    :param user: as the API server knows them. Without one: whether anybody's would.
    """
    ours = any(user.startswith(account_user("", namespace)) for namespace in (*NAMESPACES, SETUP_NAMESPACE))
    return said(contract, SCHEMA, "access", "mode") != "hardened" and not ours


def required_permissions(contract: Contract, user: str = "", version: int = NEWEST) -> list[dict[str, str]]:
    """The questions for ``can_i``, each once, about what this user's onboarding needs; without one, about all of it.

    :param version: of the prerequisites, where onboarding does not apply them.
    """
    applies = applies_prerequisites(contract, user)
    return questions(setup_needs(contract) if applies else onboarding_needs(contract, version))


def questions(needs: Iterable[Need]) -> list[dict[str, str]]:
    """Needs as questions to the API server, each once."""
    asked: dict[tuple[str, ...], dict[str, str]] = {}
    for need in needs:
        for resource in need.resources:
            plain, _slash, subresource = resource.partition("/")
            for name in need.names or ("",):
                for verb in need.verbs:
                    words = {
                        "verb": verb,
                        "group": need.group,
                        "resource": plain,
                        "namespace": need.scope,
                        "subresource": subresource,
                        "name": name,
                    }
                    kept = {key: value for key, value in words.items() if value or key == "group"}
                    asked[tuple(words.values())] = kept
    return list(asked.values())
