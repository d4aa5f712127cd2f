# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guardrail as plain data, and the two Kubernetes objects that it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..names import NAMESPACES, PRESETUP_SET, account_user, labels

Manifest = dict[str, Any]

_GROUP = "admissionregistration.k8s.io/v1"


@dataclass(frozen=True)
class Rule:
    """A condition and its message: ``details`` is an expression for a message that names the culprit."""

    expression: str
    message: str
    details: str = ""


@dataclass(frozen=True)
class Policy:
    """One guardrail.

    :param why: what it enforces, worded for customers.
    :param match: its ``matchConstraints``.
    :param conditions: expressions by name that must all be true for it to look at a request.
    :param variables: expressions by name; a later one may use an earlier one.
    :param part_of: the set that it belongs to.
    :param parameter: the object that its expressions read as ``params``: ``apiVersion``, ``kind`` and ``name``.
    :param without: what becomes of a request, whoever makes it, where that object is not there: ``Deny`` or ``Allow``.
    """

    name: str
    why: str
    match: Manifest
    rules: tuple[Rule, ...]
    conditions: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    part_of: str = PRESETUP_SET
    parameter: Manifest = field(default_factory=dict)
    without: str = "Deny"


def literal(value: Any) -> str:
    """Plain data as CEL, of which JSON is a part."""
    return json.dumps(value, ensure_ascii=False)


def from_accounts_of(*namespaces: str) -> str:
    """Whether the request is from an account of these namespaces."""
    # A condition that fails would block every user's writes, so it uses only fields that every request has.
    return (
        f"{literal([account_user('', namespace) for namespace in namespaces])}"
        '.exists(ours, request.?userInfo.?username.orValue("").startsWith(ours))'
    )


FROM_OUR_ACCOUNTS = from_accounts_of(*NAMESPACES)
"""Whether the request is from one of our accounts."""


def manifests(policy: Policy) -> list[Manifest]:
    """The policy, and the binding that makes it refuse."""
    spec: Manifest = {"failurePolicy": "Fail", "matchConstraints": _in_full(policy.match)}
    binding: Manifest = {"policyName": policy.name, "validationActions": ["Deny"]}
    if policy.parameter:
        spec["paramKind"] = {key: policy.parameter[key] for key in ("apiVersion", "kind")}
        binding["paramRef"] = {"name": policy.parameter["name"], "parameterNotFoundAction": policy.without}
    for key, expressions in (("matchConditions", policy.conditions), ("variables", policy.variables)):
        if expressions:
            spec[key] = [{"name": name, "expression": text} for name, text in expressions.items()]
    spec["validations"] = [_validation(rule) for rule in policy.rules]
    return [
        {
            "apiVersion": _GROUP,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": _metadata(policy),
            "spec": spec,
        },
        {
            "apiVersion": _GROUP,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": _metadata(policy),
            "spec": binding,
        },
    ]


def _in_full(match: Manifest) -> Manifest:
    """With what the API server would add: it has one owner as a whole, and left out it would be a conflict of two."""
    rules: Manifest = {
        key: [{"scope": "*", **rule} for rule in match[key]]
        for key in ("resourceRules", "excludeResourceRules")
        if key in match
    }
    return {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, **match, **rules}


def _validation(rule: Rule) -> Manifest:
    made = {"expression": rule.expression, "message": rule.message, "reason": "Forbidden"}
    if rule.details:
        made["messageExpression"] = rule.details
    return made


def _metadata(policy: Policy) -> Manifest:
    return {
        "name": policy.name,
        "labels": labels(policy.part_of, policy.name),
        "annotations": {"kubernetes.io/description": policy.why},
    }
