# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the GPUs of a cluster are used, and what of the free ones is of use to which model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..names import GPU, GPU_PRODUCT_LABEL
from ..table import table
from ..tolerations import OF_MODELS
from .limits import takes_replicas
from .plan import Move, rehearse
from .scene import Model, Pod, Scene
from .twin import Twin


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """products: one row for each GPU product. models: one for each model, with what of it fits now and after a plan."""

    products: tuple[dict[str, Any], ...]
    models: tuple[dict[str, Any], ...]

    def text(self) -> str:
        """Both as tables."""
        return f"{table(self.products, _PRODUCTS)}\n\n{table(self.models, _MODELS)}"


_PRODUCTS = {
    "product": "PRODUCT",
    "nodes": "NODES",
    "gpus": "GPUS",
    "ours": "OURS",
    "others": "OTHERS",
    "closed": "CLOSED",
    "free": "FREE",
    "empty_nodes": "EMPTY NODES",
}
_MODELS = {
    "model": "MODEL",
    "product": "PRODUCT",
    "gpus": "GPUS EACH",
    "nodes": "NODES EACH",
    "fits": "FIT NOW",
    "stranded": "STRANDED",
    "fits_after": "FIT AFTER",
}


def fragmentation(scene: Scene, moves: Sequence[Move] = ()) -> Fragmentation:
    """The tables of a scene.

    ``closed`` are free GPUs that replicas do not get, as their node is cordoned, tainted, or to be left. ``stranded``
    are free GPUs in which the model's replicas have no part, each fitted alone; ``fits_after`` is after these moves.
    """
    later, _surprise = rehearse(scene, moves)
    now, then = _fitting(scene), _fitting(later)
    rows = _products(scene)
    free = {row["product"]: row["free"] for row in rows}
    return Fragmentation(
        tuple(rows),
        tuple(
            {
                "model": one.name,
                "product": one.product,
                "gpus": one.gpus * one.nodes,
                "nodes": one.nodes,
                "fits": now[one.name],
                "stranded": free.get(one.product, 0) - now[one.name] * one.gpus * one.nodes,
                "fits_after": then[one.name],
            }
            for one in scene.models
        ),
    )


def _products(scene: Scene) -> list[dict[str, Any]]:
    held: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for pod in scene.pods:
        held[bool(pod.model)][pod.node] += pod.gpus
    found: dict[str, dict[str, Any]] = {}
    for node in scene.nodes:
        if not node.gpus:
            continue
        row = found.setdefault(node.product, {"product": node.product, **dict.fromkeys(list(_PRODUCTS)[1:], 0)})
        ours, others = (held[mine][node.name] for mine in (True, False))
        free = max(0, node.gpus - ours - others)
        row["nodes"] += 1
        row["gpus"] += node.gpus
        row["ours"] += ours
        row["others"] += others
        row["free" if takes_replicas(node) else "closed"] += free
        row["empty_nodes"] += takes_replicas(node) and free == node.gpus
    return [found[product] for product in sorted(found)]


def _fitting(scene: Scene) -> dict[str, int]:
    """How many more replicas of each model fit, if it were the only one that came."""
    usable = [node.name for node in scene.nodes if node.gpus and takes_replicas(node)]
    return {one.name: _replicas(Twin(scene), usable, one, scene) for one in scene.models}


def _replicas(twin: Twin, usable: Sequence[str], model: Model, scene: Scene) -> int:
    like = next((pod for pod in scene.pods if pod.model == model.name), _bare(model))
    by_domain: Counter[str] = Counter()
    for name in usable if model.gpus else ():
        node, number = twin.nodes[name], 0
        while node.product == model.product and twin.fits(like, name):
            number += 1
            twin.place(replace(like, key=f"{like.key}-{name}-{number}", node=name), name)
        # A replica over several nodes has one part on each.
        by_domain[node.domain] += number if model.nodes == 1 else min(number, 1)
    if model.nodes == 1:
        return by_domain.total()
    return sum(parts // model.nodes for domain, parts in by_domain.items() if domain)


def _bare(model: Model) -> Pod:
    """A replica of a model that has none: of its demands only GPUs and product are known."""
    selector = {GPU_PRODUCT_LABEL: model.product}
    return Pod(model.name, {GPU: model.gpus, "pods": 1}, selector=selector, tolerations=OF_MODELS, model=model.name)
