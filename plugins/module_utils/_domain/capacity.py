# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs: what was approved, what the models ask for, and whether it fits on the nodes there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .contract.defaults import said
from .contract.schema_models import MODEL
from .contract.typed import Contract, Model


def approved(contract: Contract) -> dict[str, int]:
    """GPUs by product that the customer approved."""
    found: dict[str, int] = {}
    for entry in contract["capacity"]["gpus"]:
        found[entry["product"]] = found.get(entry["product"], 0) + entry["count"]
    return found


def replicas(model: Model) -> int:
    """The replicas a model starts with: its least, but one at first even where it may go to zero later."""
    return max(1, model["replicas"]["min"])


def most_replicas(model: Model) -> int:
    """The most replicas a model may have."""
    return max(replicas(model), model["replicas"]["max"])


def may_sleep(contract: Contract, model: Model) -> bool:
    """Whether a model may, at some time, go to no replica at all when nobody asks for it."""
    scaling = model.get("scaling") or {}
    fewest = [model["replicas"]["min"], *(schedule["min"] for schedule in scaling.get("schedules") or ())]
    agreed = bool(contract["scaling"].get("scale_to_zero"))
    return agreed and min(fewest) == 0 and bool(scaling.get("idle_to_zero"))


def expected(contract: Contract, model: Model, there: Mapping[str, Any] | None) -> int:
    """The fewest replicas that should be ready now: none of a model that sleeps, as it may, else its least.

    :param there: the model's facts of ``cluster_info``.
    """
    return 0 if there and there["replicas"] == 0 and may_sleep(contract, model) else replicas(model)


def gpus_per_replica(model: Model) -> int:
    """The GPUs of one replica, over all its nodes."""
    return model["gpu"]["per_replica"]


def nodes_per_replica(model: Model) -> int:
    """The nodes that one replica spans: as many pods, each with its part of the GPUs."""
    return int(said(model, MODEL, "gpu", "nodes"))


def gpus_per_pod(model: Model) -> int:
    """The GPUs of one pod of a replica, all on one node."""
    return gpus_per_replica(model) // nodes_per_replica(model)


def may_span_nodes(contract: Contract) -> bool:
    """Whether the contract has a model whose replicas span nodes."""
    return any(nodes_per_replica(model) > 1 for model in contract.get("models") or ())


def floor(contract: Contract) -> dict[str, int]:
    """GPUs by product that the models need before the first of them serves at its least."""
    found: dict[str, int] = {}
    for model in contract.get("models") or ():
        product = str(model["gpu"]["product"])
        found[product] = found.get(product, 0) + replicas(model) * gpus_per_replica(model)
    return found


def unplaced(contract: Contract, product: str, gpus: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models that do not get their least number of replicas on the GPUs of a product that are free now.

    A pod needs its GPUs on one node, so counting is not enough: the largest pods are placed first, each on the fullest
    node it fits, and of a replica that spans nodes all of them or none. What a model holds already counts for it: a
    second run must not miss the GPUs of the first.
    """
    nodes = [entry["gpus"] for entry in gpus.get("free_nodes") or () for _node in range(entry["nodes"])]
    ours = gpus.get("ours") or {}
    models = [m for m in contract.get("models") or () if m["gpu"]["product"] == product]
    short = []
    for model in sorted(models, key=lambda m: (-gpus_per_pod(m), str(m["name"]))):
        size, pods = gpus_per_pod(model), nodes_per_replica(model)
        missing = replicas(model) - min(replicas(model), ours.get(model["name"], 0) // gpus_per_replica(model))
        placed = sum(1 for _replica in range(missing) if _place(nodes, size, pods))
        if placed < missing:
            short.append(
                {
                    "model": str(model["name"]),
                    "replicas": replicas(model),
                    "missing": missing - placed,
                    "each": size,
                    "nodes": pods,
                }
            )
    return short


def _place(nodes: list[int], size: int, pods: int) -> bool:
    """Place so many pods, or none of them."""
    left = list(nodes)
    for _pod in range(pods):
        fitting = [(free, index) for index, free in enumerate(left) if free >= size]
        if not fitting:
            return False
        left[min(fitting)[1]] -= size
    nodes[:] = left
    return True
