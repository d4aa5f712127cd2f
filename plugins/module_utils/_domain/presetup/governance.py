# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounds a cluster holds us to, whoever asks: namespaces, priorities, and a quota of the approved GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capacity import approved
from ..contract.defaults import said
from ..contract.schema import SCHEMA
from ..contract.typed import Contract
from ..counted import SINCE, counted_classes, is_counted_by_product
from ..entry_point import is_openshift
from ..names import (
    GPU,
    MODELS_NAMESPACE,
    NAMESPACES,
    PRESETUP_SET,
    PRIORITIES,
    SYSTEM_NAMESPACE,
    labels,
    priority_class,
    product_class,
    product_word,
)

Manifest = dict[str, Any]

_PRIORITY = {
    "critical": (1_000_000, "PreemptLowerPriority", "Serving that may push batch and standard work aside."),
    "standard": (100_000, "PreemptLowerPriority", "Serving."),
    # Batch waits for free GPUs: it is pushed aside, and pushes nothing.
    "batch": (1_000, "Never", "Work that waits for free GPUs."),
}


def namespaces(contract: Contract) -> list[Manifest]:
    """Our two namespaces, with the Pod Security level of the contract enforced and the strictest one warned about."""
    level = str(said(contract, SCHEMA, "compliance", "pod_security"))
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {
                    **labels(PRESETUP_SET, name),
                    "pod-security.kubernetes.io/enforce": level,
                    "pod-security.kubernetes.io/audit": "restricted",
                    "pod-security.kubernetes.io/warn": "restricted",
                    # OpenShift would set the level anew, from what the namespace's accounts may use.
                    **({"security.openshift.io/scc.podSecurityLabelSync": "false"} if is_openshift(contract) else {}),
                },
            },
        }
        for name in NAMESPACES
    ]


def priority_classes(contract: Contract, version: int) -> list[Manifest]:
    """One class for each priority word of the contract; none is a default, so nobody else's pods change.

    Since the second version also one for each word and product, by which the GPUs of each product are counted.
    """
    products = approved(contract) if version >= SINCE else ()
    return [
        *(_priority_class(priority_class(word), word) for word in PRIORITIES),
        *(_priority_class(product_class(word, each), word, f" {each}.") for each in products for word in PRIORITIES),
    ]


def _priority_class(name: str, word: str, of: str = "") -> Manifest:
    value, preempts, why = _PRIORITY[word]
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name, "labels": labels(PRESETUP_SET, name)},
        "value": value,
        "preemptionPolicy": preempts,
        "description": why + of,
    }


def quota(contract: Contract, version: int) -> list[Manifest]:
    """The approved GPUs as ResourceQuotas: all of them for models, none for the stack itself.

    A quota counts ``nvidia.com/gpu`` and cannot tell products apart. So one holds the sum, and one for each product
    what it is to hold of pods with the product's priority classes, to which a guardrail binds the product.
    """
    gpus = approved(contract)
    totals = {MODELS_NAMESPACE: sum(gpus.values()), SYSTEM_NAMESPACE: 0}
    by_product = is_counted_by_product(contract) and version >= SINCE
    return [
        *(_quota("approved-gpus", place, {f"requests.{GPU}": str(count)}) for place, count in totals.items()),
        *(_of_product(contract, product, count) for product, count in gpus.items() if by_product),
        *_agreed_quotas(contract),
        *(_quotas_of_objects(contract) if version >= 2 else ()),
    ]


def _of_product(contract: Contract, product: str, count: int) -> Manifest:
    made = _quota(f"approved-gpus-{product_word(product)}", MODELS_NAMESPACE, {f"requests.{GPU}": str(count)})
    classes = {"scopeName": "PriorityClass", "operator": "In", "values": counted_classes(contract)[product]}
    made["metadata"]["annotations"] = {"kubernetes.io/description": f"{product}: {count} (capacity.gpus)"}
    made["spec"]["scopeSelector"] = {"matchExpressions": [classes]}
    return made


_COUNTED = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "storage": "requests.storage",
    "pods": "pods",
    "services": "services",
    "config_maps": "configmaps",
    "volume_claims": "persistentvolumeclaims",
}
"""What a quota calls what the contract's ``capacity.quotas`` limits."""


def _agreed_quotas(contract: Contract) -> list[Manifest]:
    """Apart from the GPUs: where the contract limits nothing else there is no other quota."""
    return [
        _quota("agreed", place, {_COUNTED[key]: str(most) for key, most in limits.items()})
        for place, limits in _limits(contract)
        if limits
    ]


def _limits(contract: Contract) -> list[tuple[str, Mapping[str, object]]]:
    """What the contract limits in each of our namespaces."""
    agreed = contract["capacity"].get("quotas") or {}
    return [(MODELS_NAMESPACE, agreed.get("models") or {}), (SYSTEM_NAMESPACE, agreed.get("stack") or {})]


_MOST_OBJECTS = {
    "services": 500,
    "configmaps": 2000,
    "count/controllerrevisions.apps": 2000,
    "count/deployments.apps": 500,
    "count/horizontalpodautoscalers.autoscaling": 500,
    "count/jobs.batch": 100,
    "count/poddisruptionbudgets.policy": 500,
}
"""More than hundreds of models take, and little beside what a cluster has of addresses and its etcd of room."""


def _quotas_of_objects(contract: Contract) -> list[Manifest]:
    """What each of our namespaces may hold where the contract limits it in no other way."""
    return [
        _quota("objects", place, {key: str(most) for key, most in _MOST_OBJECTS.items() if key not in limited})
        for place, limits in _limits(contract)
        for limited in [{_COUNTED[key] for key in limits}]
    ]


def _quota(name: str, namespace: str, hard: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace, "labels": labels(PRESETUP_SET, name)},
        "spec": {"hard": {key: _as_stored(most) for key, most in hard.items()}},
    }


def _as_stored(most: str) -> str:
    """A whole number as the API server writes it, 2000 as 2k: to one who applies it with kubectl, the same in other
    digits is a conflict."""
    suffixes = iter(("k", "M", "G"))
    suffix = ""
    while most.isdecimal() and most.endswith("000") and (larger := next(suffixes, "")):
        most, suffix = most[:-3], larger
    return most + suffix


def limit_range() -> list[Manifest]:
    """Defaults for the containers of the stack, so that none is without requests and first to be evicted."""
    return [
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {
                "name": "defaults",
                "namespace": SYSTEM_NAMESPACE,
                "labels": labels(PRESETUP_SET, "defaults"),
            },
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
                        "default": {"memory": "512Mi"},
                    }
                ]
            },
        }
    ]
