# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a cluster by product: how many there are, how many a model could get now, what keeps it from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .gpu_products import UNKNOWN, is_labelled, told_by
from .names import GPU, GPU_MEMORY_LABEL, GROUP_LABEL, MODEL_LABEL
from .quantity import count
from .views import View, closed_to_models, gpu_product, is_gpu_node, is_ready


def gpu_inventory(nodes: Iterable[View], pods: Iterable[View]) -> dict[str, Any]:
    """The GPUs of a cluster, by product.

    ``free`` counts only what a model's new pod could get: on ready nodes without taints that it does not tolerate.
    ``closed`` is what nobody uses and such a pod does not get, by what keeps it away. ``free_nodes`` says how the free
    ones are spread (how many nodes have so many), for a replica needs its GPUs on one node. ``ours`` is what our models
    hold already.
    """
    used: Counter[str] = Counter()
    ours: dict[str, Counter[str]] = {}
    pending = 0
    for pod in pods:
        if not pod["gpus"] or pod["phase"] in ("Succeeded", "Failed"):
            continue
        if not pod["node"]:
            pending += pod["gpus"]
            continue
        used[pod["node"]] += pod["gpus"]
        model = pod["labels"].get(MODEL_LABEL) or pod["labels"].get(GROUP_LABEL)
        if model:
            ours.setdefault(pod["node"], Counter())[model] += pod["gpus"]

    products: dict[str, dict[str, Any]] = {}
    free_nodes: dict[str, Counter[int]] = {}
    for node in nodes:
        if not is_gpu_node(node):
            continue
        name = gpu_product(node) or UNKNOWN
        entry = products.setdefault(name, _empty_product())
        free = _count_node(entry, node, used[node["name"]], ours.get(node["name"]))
        if free:
            free_nodes.setdefault(name, Counter())[free] += 1
    for name, entry in products.items():
        entry["per_node"] = sorted(entry["per_node"])
        entry["closed"] = [{"why": why, "gpus": gpus} for why, gpus in sorted(entry["closed"].items())]
        entry["free_nodes"] = [
            {"gpus": gpus, "nodes": n} for gpus, n in sorted(free_nodes.get(name, Counter()).items(), reverse=True)
        ]
    total = {
        key: sum(entry[key] for entry in products.values())
        for key in ("nodes", "ready_nodes", "capacity", "allocatable", "used", "free")
    }
    return {"products": dict(sorted(products.items())), "total": total, "pending": pending}


def _empty_product() -> dict[str, Any]:
    return {
        "nodes": 0,
        "ready_nodes": 0,
        "capacity": 0,
        "allocatable": 0,
        "used": 0,
        "free": 0,
        "per_node": set(),
        "memory_mib": 0,
        "ours": {},
        "closed": Counter(),
    }


def _count_node(entry: dict[str, Any], node: View, used: int, ours: Counter[str] | None) -> int:
    """Add one node to its product; returns the GPUs that are free on it."""
    capacity = count(node["capacity"].get(GPU, 0))
    allocatable = count(node["allocatable"].get(GPU, 0))
    unused, closed = max(0, allocatable - used), ", ".join(closed_to_models(node))
    free = 0 if closed else unused
    if closed and unused:
        entry["closed"][closed] += unused
    entry["nodes"] += 1
    entry["ready_nodes"] += is_ready(node)
    entry["capacity"] += capacity
    entry["allocatable"] += allocatable
    entry["used"] += used
    entry["free"] += free
    entry["memory_mib"] = max(entry["memory_mib"], count(node["labels"].get(GPU_MEMORY_LABEL, 0)))
    if capacity:
        entry["per_node"].add(capacity)
    for model, gpus in (ours or {}).items():
        entry["ours"][model] = entry["ours"].get(model, 0) + gpus
    return free


def unlabelled(gpu_nodes: Iterable[View]) -> list[dict[str, Any]]:
    """GPU nodes without the label of a product: what their own labels tell, and as which product that is known."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in gpu_nodes:
        if not is_labelled(node["labels"]):
            told = ", ".join(sorted(told_by(node["labels"])))
            found.setdefault((gpu_product(node), told), []).append(node["name"])
    return [{"product": product, "by": told, "nodes": nodes} for (product, told), nodes in sorted(found.items())]
