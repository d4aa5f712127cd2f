# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guardrails of single kinds share: whom they hold, what they match, and what is new about an object.

They hold our accounts and setup grants, and nobody else, in our two namespaces. Models and components come and go
without new prerequisites, so what they allow is said by how an object's parts relate: a budget selects the pods of the
model that it is named after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..names import MODELS_NAMESPACE, NAMESPACES, SETUP_NAMESPACE, SYSTEM_NAMESPACE
from .policy import Policy, Rule, from_accounts_of, literal

WRITES = ("CREATE", "UPDATE")
OF_A_MODEL = f"request.namespace == {literal(MODELS_NAMESPACE)}"
OF_THE_STACK = f"request.namespace == {literal(SYSTEM_NAMESPACE)}"

# What ran before a contract became stricter may be labelled and removed: only another spec is judged.
_VARIABLES = {
    "name": "string(dyn(object).metadata.?name.orValue(''))",
    "spec": "dyn(object).?spec.orValue({})",
    "isNew": ("request.operation == 'CREATE' || dyn(object).?spec.orValue({}) != dyn(oldObject).?spec.orValue({})"),
}


def policy_of_specs(
    name: str,
    why: str,
    kinds: Iterable[tuple[str, str, str]],
    rules: Iterable[Rule],
    variables: Mapping[str, str] | None = None,
) -> Policy:
    """A guardrail of the specs of these kinds, each as group, version and resource."""
    return Policy(
        name=name,
        why=why,
        match=in_our_namespaces(kinds, WRITES),
        conditions=BY_US,
        variables={**_VARIABLES, **(variables or {})},
        rules=tuple(_of_new(rule) for rule in rules),
    )


BY_US = {"from-fireworks": from_accounts_of(*NAMESPACES, SETUP_NAMESPACE)}
"""The condition that holds for our accounts and for setup grants."""

BY_SETUP = from_accounts_of(SETUP_NAMESPACE)
"""Whether a setup grant asks."""


def in_our_namespaces(kinds: Iterable[tuple[str, str, str]], operations: Iterable[str]) -> dict[str, Any]:
    """What a policy matches that judges these kinds in our namespaces."""
    return {
        "namespaceSelector": {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(NAMESPACES)}]
        },
        "resourceRules": [
            {
                "apiGroups": [group],
                "apiVersions": [version],
                "resources": [kind],
                "operations": list(operations),
                "scope": "Namespaced",
            }
            for group, version, kind in kinds
        ],
    }


def only(part: str, keys: Iterable[str]) -> str:
    """Whether a map has no keys but these: a field that a later version adds is none of them."""
    return f"{part}.all(key, key in {literal(list(keys))})"


def _same(part: str, ruled: list[str]) -> str:
    """Whether a part of the object is the same on both sides, less the keys that others rule."""
    new, old, kept = f"dyn(object){part}", f"dyn(oldObject){part}", literal(ruled)
    return (
        f"{new}.all(key, key in {kept} || (key in {old} && {new}[key] == {old}[key]))"
        f" && {old}.all(key, key in {kept} || key in {new})"
    )


CONFIG_MAPS_OF_SYSTEM: dict[str, Any] = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}},
    "resourceRules": [
        {
            "apiGroups": [""],
            "apiVersions": ["*"],
            "resources": ["configmaps"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
        }
    ],
}
"""What a policy matches that looks at each write of a ConfigMap beside the stack."""

NOTHING_BUT_DATA = (
    f"{_same('', ['metadata', 'data'])} && {_same('.metadata', ['managedFields', 'resourceVersion', 'generation'])}"
)
"""Whether an update of a ConfigMap changes its data and nothing else."""


def mixed(value: Any) -> str:
    """Plain data as CEL, whose lists and maps else hold values of one type only."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: dyn({mixed(each)})" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(f"dyn({mixed(each)})" for each in value) + "]"
    return literal(value)


def _of_new(rule: Rule) -> Rule:
    return Rule(f"!variables.isNew || ({rule.expression})", rule.message, rule.details)
