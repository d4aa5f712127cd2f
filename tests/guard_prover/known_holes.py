# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The holes that are known and still open: what the oracle forbids and the guardrails let in.

A proof fails on any other one, and on each of these that it finds closed, so that none stays here for longer than it is
open. The list has to be empty before a release.
"""

from __future__ import annotations

from .prover import Hole

_SHOWN_BY_ONE_PRODUCT: dict[str, tuple[str, ...]] = {
    "ConfigMap": ("delete", "finalizers", "labels", "name", "owners"),
    "ControllerRevision": ("finalizers", "labels", "owners"),
    "Deployment": (
        "finalizers",
        "labels",
        "owners",
        "pod.dns",
        "pod.gpus",
        "pod.grace",
        "pod.host",
        "pod.hosts",
        "pod.mounts",
        "pod.nvidia",
        "pod.placement",
        "pod.priority",
        "pod.restricted",
        "pod.runtime",
        "pod.secrets",
        "pod.sysctls",
        "pod.tolerations",
        "pod.unlisted",
        "pod.volumes",
        "replicas",
    ),
    "HTTPRoute": (
        "finalizers",
        "labels",
        "owners",
        "route.backends",
        "route.filters",
        "route.hosts",
        "route.parents",
    ),
    "HorizontalPodAutoscaler": ("finalizers", "labels", "owners", "scaling.bounds", "scaling.target"),
    "Lease": ("finalizers", "labels", "name", "owners"),
    "Node": ("node.products",),
    "Pod": (
        "finalizers",
        "labels",
        "pod.dns",
        "pod.grace",
        "pod.host",
        "pod.nvidia",
        "pod.placement",
        "pod.restricted",
        "pod.running",
        "pod.secrets",
        "pod.sysctls",
        "pod.tolerations",
    ),
    "PodDisruptionBudget": ("budget.drains", "budget.selector", "finalizers", "labels", "owners"),
    "ScaledObject": (
        "annotations",
        "finalizers",
        "labels",
        "owners",
        "scaling.bounds",
        "scaling.target",
        "scaling.triggers",
    ),
    "Service": ("finalizers", "labels", "owners", "service.addresses"),
}
_PODS = tuple(each for each in _SHOWN_BY_ONE_PRODUCT.get("Deployment", ()) if each != "replicas")
_SHOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "one product": _SHOWN_BY_ONE_PRODUCT,
    "two products": {"LeaderWorkerSet": _PODS, "Pod": ("counts by product",)},
    "strict": {"Route": ("finalizers", "labels", "owners", "annotations", "route.backends", "route.hosts")},
    "permissive": {"Pod": ("pod.hosts",)},
}
SHOWN_BY = {
    contract: frozenset(Hole(kind, clause) for kind, clauses in kinds.items() for clause in clauses)
    for contract, kinds in _SHOWN.items()
}
"""By the contract under which a hole shows."""
KNOWN = frozenset(hole for shown in SHOWN_BY.values() for hole in shown)
