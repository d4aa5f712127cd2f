# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where our accounts may write, and what: the kinds that the table of needs has, in our two namespaces.

RBAC says the same of each account. This holds where RBAC was widened by mistake: no role, quota, network policy, secret
or guardrail is changed, and no container entered, by any of our accounts, whatever roles they are bound to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..identities.customers import observed_at_customers
from ..identities.needs import CLUSTER, CONNECTING, OPERATOR, Need, granted, identities_of
from ..names import NAMESPACES, PRESETUP_SET, account_user
from .pods import POD_RULES
from .policy import FROM_OUR_ACCOUNTS, Policy, Rule, literal

_WHY = (
    "Fireworks writes only in fireworks-system and fireworks-models, and there only the kinds of its stack and "
    "models: no roles, quotas, network policies, secrets or namespaces, and nothing inside a container, whatever "
    "roles its accounts are bound to."
)
_EVERYTHING = {
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "resources": ["*/*"],
    "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
}
# Self-reviews are writes in form only.
_QUESTIONS = {**_EVERYTHING, "apiGroups": ["authentication.k8s.io", "authorization.k8s.io"], "resources": ["*"]}

_OPERATIONS = {"create": "CREATE", "update": "UPDATE", "patch": "UPDATE", "delete": "DELETE"}
_READS = ("get", "list", "watch")


def scope_policy(contract: Mapping[str, Any]) -> Policy:
    """The guardrail ``fireworks-scope``."""
    writes = _writes(contract)
    return Policy(
        name="fireworks-scope",
        why=_WHY,
        match={"resourceRules": [_EVERYTHING], "excludeResourceRules": [_QUESTIONS]},
        conditions={"from-fireworks": FROM_OUR_ACCOUNTS},
        variables={
            "place": 'request.?namespace.orValue("")',
            "what": (
                "request.operation + ' ' + request.resource.resource"
                " + request.?subResource.optMap(sub, '/' + sub).orValue('')"
                " + (request.resource.?group.orValue('') == '' ? '' : '.' + request.resource.group)"
            ),
            "writes": literal(writes),
        },
        rules=(
            Rule(
                f"variables.place in {literal(list(writes))}",
                "Fireworks writes only in fireworks-system and fireworks-models.",
                "'Fireworks writes only in fireworks-system and fireworks-models, not in ' + variables.place",
            ),
            Rule(
                "!(variables.place in variables.writes) || variables.what in variables.writes[variables.place]",
                "Fireworks does not write objects of that kind.",
                "'no account of Fireworks has ' + variables.what"
                " + (variables.place == '' ? ', cluster-wide' : ' in ' + variables.place) + ' among its needs'",
            ),
            Rule(
                "request.resource.resource != 'serviceaccounts' || "
                f"(request.userInfo.username == {literal(account_user(OPERATOR))} "
                f"&& request.name in {literal(CONNECTING)})",
                "Only the operator requests tokens, and only for the accounts that connect from outside.",
            ),
            Rule(
                # The parents of sets are ConfigMaps, like the stack's configuration.
                f"request.resource.resource != 'configmaps' || request.?name.orValue('') != {literal(PRESETUP_SET)}",
                "The ConfigMap presetup is the parent of the prerequisites, which only an administrator changes.",
            ),
            *POD_RULES,
        ),
    )


def _writes(contract: Mapping[str, Any]) -> dict[str, list[str]]:
    """What any identity writes, by namespace, as the policy spells it: ``CREATE deployments.apps``."""
    found: dict[str, set[str]] = {place: set() for place in (CLUSTER, *NAMESPACES)}
    for identity in identities_of(contract):
        for need in granted(contract, identity):
            found[need.scope].update(_written(need))
    # To the API server, any proxied request is a connection.
    for need in observed_at_customers(contract):
        found.setdefault(need.scope, set()).update(_written(need))
    return {place: sorted(writes) for place, writes in found.items()}


def _written(need: Need) -> Iterator[str]:
    group = "." + need.group if need.group else ""
    for resource in need.resources:
        if resource.endswith("/proxy"):
            yield f"CONNECT {resource}{group}"
            continue
        for verb in need.verbs:
            if verb not in _READS:
                yield f"{_OPERATIONS[verb]} {resource}{group}"
