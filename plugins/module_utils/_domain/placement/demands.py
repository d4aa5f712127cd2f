# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod demands of a node beside room, as the scheduler's filters decide it.

kubernetes.io, "Assigning Pods to Nodes"; k8s.io/component-helpers, ``nodeaffinity``. Only what is required counts:
preferences decide where the scheduler puts a pod, and never where it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._vocabulary.numbers import whole_number
from ..tolerations import repelling
from .scene import Node, Pod, Raw

_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_POD_OPERATORS = _NODE_OPERATORS[:4]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def node_terms(pod: Pod) -> list[Raw] | None:
    """The required node affinity: one of these has to hold. None where there is no such demand."""
    required = (pod.affinity.get("nodeAffinity") or {}).get(REQUIRED)
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def pod_terms(pod: Pod, kind: str) -> list[Raw]:
    """The required terms of ``podAffinity`` or ``podAntiAffinity``."""
    return list((pod.affinity.get(kind) or {}).get(REQUIRED) or ())


def kept_off(node: Node, pod: Pod) -> list[str]:
    """Why a node is not for a pod whatever runs there: taints, a cordon, selectors, node affinity."""
    why = repelling(node.taints, node.cordoned, pod.tolerations)
    why += [f"no label {key}={value}" for key, value in pod.selector.items() if node.labels.get(key) != value]
    return why if selected(node, pod, only_affinity=True) else [*why, "its node affinity"]


def selected(node: Node, pod: Pod, *, only_affinity: bool = False) -> bool:
    """Whether the pod's node selector and affinity are for a node, tainted or not."""
    if not only_affinity and any(node.labels.get(key) != value for key, value in pod.selector.items()):
        return False
    terms = node_terms(pod)
    return terms is None or any(_term_holds(term, node) for term in terms)


def _term_holds(term: Raw, node: Node) -> bool:
    """An empty term is for no node."""
    expressions, named = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not named:
        return False
    return all(_holds(one, node.labels) for one in expressions) and all(
        _holds(one, {"metadata.name": node.name}) for one in named
    )


def _holds(one: Raw, labels: Mapping[str, str]) -> bool:
    there, values, operator = labels.get(one["key"]), one.get("values") or (), one["operator"]
    if operator in ("Gt", "Lt"):
        number, limit = whole_number(there or ""), whole_number(str(values[0]) if values else "")
        if number is None or limit is None:
            return False
        return number > limit if operator == "Gt" else number < limit
    if operator in ("In", "NotIn"):
        return bool((there is not None and there in values) == (operator == "In"))
    return bool((there is not None) == (operator == "Exists"))


def not_modelled(affinity: Raw, spread: Iterable[Raw]) -> list[str]:
    """What of a pod's demands the twin does not decide as the scheduler does; nothing where it decides all."""
    found = []
    terms = ((affinity.get("nodeAffinity") or {}).get(REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for term in terms:
        of_node = [*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())]
        found += [f"the operator {one.get('operator')!r} of its node affinity" for one in _strange(of_node, node=True)]
    for kind in ("podAffinity", "podAntiAffinity"):
        for term in (affinity.get(kind) or {}).get(REQUIRED) or ():
            found += [f"{key} of its {kind}" for key in _BEYOND if term.get(key)]
            found += [f"an operator of its {kind}" for _one in _strange(_expressions(term))]
    if len((affinity.get("podAffinity") or {}).get(REQUIRED) or ()) > 1:
        found.append("several terms of its podAffinity, which have to hold of the same pod")
    for one in spread:
        found += [f"{key} of its topology spread" for key in ("minDomains", "matchLabelKeys") if one.get(key)]
        odd = [key for key, usual in _POLICIES.items() if one.get(key) not in (None, usual)]
        found += [f"{key} of its topology spread" for key in odd]
        found += ["an operator of its topology spread" for _one in _strange(_expressions(one))]
    return found


_BEYOND = ("namespaceSelector", "matchLabelKeys", "mismatchLabelKeys")
_POLICIES = {"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"}


def _expressions(term: Raw) -> Iterable[Raw]:
    return (term.get("labelSelector") or {}).get("matchExpressions") or ()


def _strange(expressions: Iterable[Any], *, node: bool = False) -> list[Raw]:
    known = _NODE_OPERATORS if node else _POD_OPERATORS
    return [one for one in expressions if one.get("operator") not in known]
