# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes for tests, each with only what a test wants to say."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Node, Pod, Scene
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.tolerations import OF_MODELS
from tests.unit.domain.raw import H100

NOW = 1_800_000_000.0
DAY = 86_400.0


def node(name: str, gpus: int = 8, **more: Any) -> Node:
    product = more.pop("product", H100)
    labels = {"kubernetes.io/hostname": name, "nvidia.com/gpu.product": product, **more.pop("labels", {})}
    room = {"cpu": 64_000, "memory": 2**40, "pods": 110, GPU: gpus, **more.pop("allocatable", {})}
    return Node(name, room, labels, product=product, **more)


def replica(name: str, on: str = "", gpus: int = 1, *, model: str = "llama", **more: Any) -> Pod:
    """A replica of ours that may be moved."""
    requests = {"cpu": 2_000, "memory": 8 * 2**30, GPU: gpus, "pods": 1}
    return Pod(
        f"fireworks-models/{name}",
        more.pop("requests", requests),
        on,
        **{
            "labels": {MODEL_LABEL: model},
            "selector": {"nvidia.com/gpu.product": more.pop("product", H100)},
            "tolerations": OF_MODELS,
            "model": model,
            "ready": bool(on),
            **more,
        },
    )


def other(name: str, on: str = "", gpus: int = 0, **more: Any) -> Pod:
    """A pod of somebody else."""
    requests = {"cpu": 100, GPU: gpus, "pods": 1, **more.pop("requests", {})}
    return Pod(f"apps/{name}", requests, on, **{"ready": bool(on), "stays": ("it is not a replica of ours",), **more})


def model(name: str = "llama", gpus: int = 1, **more: Any) -> Model:
    return Model(name, more.pop("product", H100), gpus, **{"loads": (100.0,) * 9, "load_limit": 1800.0, **more})


def scene(nodes: list[Node], pods: list[Pod], *models: Model, **more: Any) -> Scene:
    """A scene. What its models are told to have is what is there, unless they say something else."""
    known = [
        one if one.desired else Model(**{**{key: getattr(one, key) for key in Model.__slots__}, **_there(one, pods)})
        for one in models
    ]
    return Scene(more.pop("taken", NOW), tuple(nodes), tuple(pods), models=tuple(known), **more)


def _there(one: Model, pods: list[Pod]) -> dict[str, int]:
    desired = sum(pod.model == one.name and bool(pod.node) for pod in pods)
    return {"desired": desired, "needed": desired, "most": max(desired, one.most)}
