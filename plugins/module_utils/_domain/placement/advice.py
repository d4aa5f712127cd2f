# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice on a cluster's capacity: which shapes fit, what one node fewer does, which models have too much."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from .limits import takes_replicas
from .plan import Move, rehearse
from .scene import Model, Pod, Scene
from .twin import Twin, pending

Row = dict[str, Any]

OFTEN = 0.1
"""A model that wants another replica for this share of the time has too few."""


def shapes(scene: Scene, moves: Sequence[Move] = ()) -> list[Row]:
    """Of each product, how many more replicas of so many GPUs fit now and after these moves, by free GPUs alone.

    The shapes are whole parts of the largest node. ``least``: whether no other shape of several GPUs strands less.
    """
    later, _surprise = rehearse(scene, moves)
    now, then = _free(scene), _free(later)
    found = []
    for product, free in sorted(now.items()):
        most = max(node.gpus for node in scene.nodes if node.product == product)
        rows: list[Row] = [
            {
                "product": product,
                "gpus": size,
                "fits": sum(one // size for one in free),
                "fits_after": sum(one // size for one in then[product]),
                "stranded": sum(one % size for one in free),
            }
            for size in range(1, most + 1)
            if most % size == 0
        ]
        least = min((row["stranded"] for row in rows if row["gpus"] > 1), default=0)
        found += [{**row, "least": row["gpus"] > 1 and row["stranded"] == least} for row in rows]
    return found


def _free(scene: Scene) -> dict[str, list[int]]:
    twin, found = Twin(scene), defaultdict[str, list[int]](list)
    for node in scene.nodes:
        if node.gpus:
            found[node.product] += [twin.free_gpus(node.name)] if takes_replicas(node) else []
    return found


def without_a_node(scene: Scene) -> list[Row]:
    """Of each product, the node whose loss would leave most of our GPUs without room, and which replicas these are.

    Where they would go is as the fullest node that the twin proves; nobody is pushed aside.
    """
    twin, worst = Twin(scene), dict[str, Row]()
    fullest = sorted((twin.free_gpus(node.name), node.name) for node in scene.nodes if takes_replicas(node))
    for node in scene.nodes:
        if not node.gpus:
            continue
        lost = _without_room(twin, fullest, node.name)
        row = {"product": node.product, "node": node.name, "lost": sum(pod.gpus for pod in lost)}
        row["replicas"] = ", ".join(sorted(pod.key.rpartition("/")[2] for pod in lost))
        if row["lost"] > worst.setdefault(node.product, row)["lost"]:
            worst[node.product] = row
    return [worst[product] for product in sorted(worst)]


def _without_room(twin: Twin, fullest: Sequence[tuple[int, str]], lost: str) -> list[Pod]:
    """The replicas of a node that find no other. The twin is as before afterwards."""
    ours = [pod for pod in twin.on[lost].values() if pod.model and pod.gpus]
    for pod in ours:
        twin.remove(pod.key)
    found = []
    for pod in sorted(ours, key=lambda one: (-one.priority, -one.gpus, one.key)):
        roomy = (fullest[number][1] for number in range(bisect_left(fullest, (pod.gpus, "")), len(fullest)))
        to = next((name for name in roomy if name != lost and twin.fits(pod, name)), "")
        if to:
            twin.place(pod, to)
        else:
            found.append(pod)
    for pod in ours:
        if pod.key in twin.where:
            twin.remove(pod.key)
        twin.place(pod, lost)
    return found


def provision(scene: Scene, fits: Mapping[str, int]) -> list[Row]:
    """Each model that has too many replicas or too few, and why. Of what nobody has measured nothing is said.

    :param fits: how many more replicas of each model fit.
    """
    waiting: dict[str, int] = defaultdict(int)
    for pod in pending(scene.pods):
        waiting[pod.model] += 1
    found = []
    for one in scene.models:
        why = _too_few(one, waiting[one.name], fits.get(one.name, 0))
        if why:
            found.append({"model": one.name, "has": "too few", "why": why})
        elif (spare := one.desired - one.least_ready) > 0:
            spare_gpus = spare * one.gpus * one.nodes
            needed = f"the past day's traffic needed {one.least_ready} of {one.desired} replicas"
            why = f"{needed}: {amount(spare_gpus, 'GPU')} had no use"
            found.append({"model": one.name, "has": "too many", "why": why})
    return found


def _too_few(model: Model, waiting: int, fits: int) -> str:
    if waiting:
        return f"{amount(waiting, 'pod')} waiting for a node"
    if (model.wanted or 0.0) < OFTEN:
        return ""
    share = f"it wants another replica {model.wanted:.0%} of the time"
    if model.desired >= model.most:
        return f"{share}, and may have no more than {model.most}: raise replicas.max"
    return f"{share}, and none fits" if fits < 1 else ""
