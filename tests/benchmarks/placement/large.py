# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large cluster, spread as the scheduler does it: 1,500 nodes and 4,000 pods, a fifth of them somebody else's."""

from __future__ import annotations

import random
from dataclasses import replace

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, GPU_PRODUCT_LABEL, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Node, Pod, Scene

NODES, PODS = 1500, 4000
_SIZES, _WEIGHTS = (1, 2, 4, 8), (8, 3, 2, 1)
_PRODUCT = "NVIDIA-H100-80GB-HBM3"


def large(seed: int = 1) -> Scene:
    """The cluster of a seed."""
    draw = random.Random(seed)  # noqa: S311 (a scene, and no secret)
    labels = {GPU_PRODUCT_LABEL: _PRODUCT}
    room = {"cpu": 96_000, "memory": 2**40, "pods": 110, GPU: 8}
    nodes = [Node(f"node-{number:04}", room, labels, product=_PRODUCT) for number in range(NODES)]
    free, pods = [8] * NODES, list[Pod]()
    for number, gpus in enumerate(draw.choices(_SIZES, _WEIGHTS, k=2 * PODS)):
        if len(pods) == PODS:
            break
        fitting = [host for host in draw.sample(range(NODES), 60) if free[host] >= gpus]
        if fitting:
            host = max(fitting, key=free.__getitem__)
            free[host] -= gpus
            pods.append(_pod(number, gpus, nodes[host].name, ours=draw.random() < 0.8))
    there = [Model(f"m{gpus}", _PRODUCT, gpus, desired=9, needed=1, most=9, loads=(200.0,) * 9) for gpus in _SIZES]
    return Scene(0.0, tuple(nodes), tuple(pods), models=(*there, Model("large", _PRODUCT, 8, most=400, wanted=0.5)))


def listed_anew(scene: Scene, draw: random.Random) -> Scene:
    """The same scene in another order of all that it lists."""
    parts = {key: getattr(scene, key) for key in ("nodes", "pods", "models")}
    return replace(scene, **{key: tuple(draw.sample(part, len(part))) for key, part in parts.items()})


def _pod(number: int, gpus: int, node: str, *, ours: bool) -> Pod:
    requests = {"cpu": 2_000, "memory": 2**33, "pods": 1, GPU: gpus}
    if not ours:
        return Pod(f"others/{number}", requests, node, ready=True, stays=("it is not a replica of ours",))
    name, selector = f"m{gpus}", {GPU_PRODUCT_LABEL: _PRODUCT}
    return Pod(f"fireworks-models/{number}", requests, node, {MODEL_LABEL: name}, selector, model=name, ready=True)
