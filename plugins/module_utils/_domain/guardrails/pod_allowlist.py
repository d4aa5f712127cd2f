# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That a pod, or what describes pods, has only the fields that the table of fields allows."""

from __future__ import annotations

from ..contract.typed import Contract
from ..entry_point import is_openshift
from .pod_fields import POD_FIELDS, Fields
from .policy import Policy, Rule, literal
from .workloads import DESCRIBED, OF_PODS

_WHY = (
    "In fireworks-system and fireworks-models pods have only the fields that the stack and the models use. This applies"
    " to all users, and to everything that pods are made of."
)


def pod_fields_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-pod-fields``."""
    openshift = is_openshift(contract)
    foreign = {f"of{kind}": _foreign(fields, openshift) for kind, fields in POD_FIELDS.items()}
    every = f"[{', '.join(f'variables.{name}' for name in foreign)}].filter(names, names != '')"
    return Policy(
        name="fireworks-pod-fields",
        why=_WHY,
        match=OF_PODS,
        variables={**DESCRIBED, **WHERE, **foreign},
        rules=(
            Rule(
                f"variables.privileged || {every}.size() == 0",
                "Pods have only the fields that the stack and the models use (compliance.pod_security, at each level).",
                "'pods have only the fields that the stack and the models use (compliance.pod_security, at each level),"
                f" not ' + {every}.join(', ')",
            ),
        ),
    )


def _together(*keys: str) -> str:
    return " + ".join(f"{pod}.?{key}.orValue([])" for pod in ("variables.pod", "variables.leader") for key in keys)


WHERE = {
    "pods": "!variables.isNew ? [] : variables.group ? [variables.pod, variables.leader] : [variables.pod]",
    "debuggers": _together("ephemeralContainers"),
    "regular": _together("containers", "initContainers"),
}
"""Beside what describes pods: each of them, and their containers."""


def _foreign(fields: Fields, openshift: bool) -> str:
    """CEL for the fields of this type that it should not have, in words; empty where there are none."""
    allowed = f"key in {literal(fields.allowed)}"
    if on_pods := fields.allowed_on_pods(openshift):
        allowed += f" || (variables.kind == 'pods' && key in {literal(on_pods)})"
    found = [_at(path, allowed) for path in fields.at]
    return found[0] if len(found) == 1 else _in_words(f"[{', '.join(found)}]")


def _at(path: str, allowed: str) -> str:
    root, *steps = path.split(".")
    where = {"pods": "pods", "containers": "regular", "debuggers": "debuggers", "all": "containers"}[root]
    return _in_words(f"variables.{where}.map(e, {_below('e', steps, [], allowed)})")


def _below(each: str, steps: list[str], path: list[str], allowed: str) -> str:
    if not steps:
        prefix = literal("".join(f"{step}." for step in path))
        return f"{each}.filter(key, !({allowed})).map(key, {prefix} + key).join(', ')"
    key, is_list, _end = steps[0].partition("[]")
    path = [*path, key]
    if not is_list:
        return _below(f"{each}.?{key}.orValue({{}})", steps[1:], path, allowed)
    inner = f"e{len(path)}"
    return _in_words(f"{each}.?{key}.orValue([]).map({inner}, {_below(inner, steps[1:], path, allowed)})")


def _in_words(texts: str) -> str:
    return f"{texts}.filter(names, names != '').join(', ')"
