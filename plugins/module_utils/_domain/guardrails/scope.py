# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where our accounts may write, and what: the kinds that the table of needs has, in our two namespaces.

RBAC says the same of each account. This holds where RBAC was widened by mistake: no role, quota, network policy, secret
or guardrail is changed, and no container entered, by any of our accounts, whatever roles they are bound to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..contract.typed import Contract
from ..counted import SINCE, is_counted_by_product
from ..identities.customers import observed_at_customers
from ..identities.needs import CLUSTER, CONNECTING, OPERATOR, Need, granted, identities_of, on_grant
from ..names import NAMESPACES, PRESETUP_SET, ROUTER_MODELS, SYSTEM_NAMESPACE, account_user
from ..presetup_version import NEWEST
from .pods import KEPT_RULES, pod_rules
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
EVERY_WRITE = {"resourceRules": [_EVERYTHING], "excludeResourceRules": [_QUESTIONS]}
"""What a policy matches that judges all that an account writes, and each of its connections."""

_OPERATIONS = {"create": "CREATE", "update": "UPDATE", "patch": "UPDATE", "delete": "DELETE"}
_READS = ("get", "list", "watch")


def scope_policy(contract: Contract, version: int = NEWEST) -> Policy:
    """The guardrail ``fireworks-scope``, by prerequisites of this version."""
    identities = identities_of(contract)
    needs = [
        need for each in identities for need in (*granted(contract, each, version), *on_grant(contract, each, version))
    ]
    # To the API server, any proxied request is a connection.
    writes = writes_of([*needs, *observed_at_customers(contract)])
    return Policy(
        name="fireworks-scope",
        why=_WHY,
        match=EVERY_WRITE,
        conditions={"from-fireworks": FROM_OUR_ACCOUNTS},
        variables=scope_variables(writes),
        rules=(
            *scope_rules(writes),
            Rule(
                "request.resource.resource != 'serviceaccounts' || "
                f"(request.userInfo.username == {literal(account_user(OPERATOR))} "
                f"&& request.name in {literal(CONNECTING)})",
                "Only the operator requests tokens, and only for the accounts that connect from outside.",
            ),
            PRESETUP_RULE,
            *((ONE_BY_ONE_RULE, NO_ORPHANS_RULE, ROUTER_MODELS_RULE, COMPONENTS_RULE) if version >= 2 else ()),
            *pod_rules(by_product=is_counted_by_product(contract) and version >= SINCE, moves=version >= SINCE),
            *(KEPT_RULES if version >= 2 else ()),
        ),
    )


def writes_of(needs: Iterable[Need]) -> dict[str, list[str]]:
    """What these needs write, by namespace, as a policy spells it: ``CREATE deployments.apps``."""
    found: dict[str, set[str]] = {place: set() for place in (CLUSTER, *NAMESPACES)}
    for need in needs:
        found.setdefault(need.scope, set()).update(_written(need))
    return {place: sorted(writes) for place, writes in found.items()}


def scope_variables(writes: Mapping[str, list[str]]) -> dict[str, str]:
    """The variables of :func:`scope_rules`."""
    return {
        "place": 'request.?namespace.orValue("")',
        "what": (
            "request.operation + ' ' + request.resource.resource"
            " + request.?subResource.optMap(sub, '/' + sub).orValue('')"
            " + (request.resource.?group.orValue('') == '' ? '' : '.' + request.resource.group)"
        ),
        "writes": literal(writes),
    }


def scope_rules(writes: Mapping[str, list[str]]) -> tuple[Rule, ...]:
    """Rules that keep an account to the kinds that it writes, and to where it does."""
    return (
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
    )


PRESETUP_RULE = Rule(
    # The parents of sets are ConfigMaps, like the stack's configuration.
    f"request.resource.resource != 'configmaps' || request.?name.orValue('') != {literal(PRESETUP_SET)}",
    "The ConfigMap presetup is the parent of the prerequisites, which only an administrator changes.",
)
ONE_BY_ONE_RULE = Rule(
    # Of a whole collection the API server asks once, without a name, so no rule would see which objects go.
    "request.operation != 'DELETE' || request.?name.orValue('') != ''",
    "Fireworks deletes objects one by one.",
)
NO_ORPHANS_RULE = Rule(
    # Pods without an owner count for no workload, end with no Job, and are nobody's to remove. A Service that becomes
    # headless is made anew, and its endpoints stay for the next one.
    "request.operation != 'DELETE' || request.resource.resource == 'services'"
    " || (request.?options.?propagationPolicy.orValue('') != 'Orphan'"
    " && !request.?options.?orphanDependents.orValue(false)"
    # Of a Job it leaves the pod unless it is told otherwise.
    " && (request.resource.resource != 'jobs'"
    " || request.?options.?propagationPolicy.orValue('') in ['Background', 'Foreground']))",
    "Fireworks deletes an object with all that it owns, and leaves no orphans.",
)
MOST_OF_A_COMPONENT = 10
"""Replicas of a component of the stack, of which the contract says nothing."""
COMPONENTS_RULE = Rule(
    f"request.?namespace.orValue('') != {literal(SYSTEM_NAMESPACE)} || request.operation in ['DELETE', 'CONNECT']"
    " || request.resource.resource != 'deployments'"
    f" || dyn(object).?spec.?replicas.orValue(1) <= {MOST_OF_A_COMPONENT}"
    # More than that may be there from before; then it may be made less, one step at a time.
    " || (request.operation == 'UPDATE'"
    " && dyn(object).?spec.?replicas.orValue(1) <= dyn(oldObject).?spec.?replicas.orValue(1))",
    f"A component of the stack has at most {MOST_OF_A_COMPONENT} replicas.",
)
ROUTER_MODELS_RULE = Rule(
    # Made anew it would be empty, whoever may not change it.
    "request.operation != 'DELETE' || request.resource.resource != 'configmaps'"
    f" || request.?name.orValue('') != {literal(ROUTER_MODELS)}"
    f" || request.userInfo.username == {literal(account_user(OPERATOR))}",
    f"Which models the router knows, in the ConfigMap {ROUTER_MODELS}, only the operator deletes.",
)


def _written(need: Need) -> Iterator[str]:
    group = "." + need.group if need.group else ""
    for resource in need.resources:
        if resource.endswith("/proxy"):
            yield f"CONNECT {resource}{group}"
            continue
        for verb in need.verbs:
            if verb not in _READS:
                yield f"{_OPERATIONS[verb]} {resource}{group}"
