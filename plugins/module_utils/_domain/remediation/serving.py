# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which models a node serves, and what of them would remain without it, from raw nodes, pods and budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..._vocabulary.annotations import REPLACED_ANNOTATION
from ..contract.typed import Contract
from ..names import GPU, GPU_PRODUCT_LABEL, MODEL_LABEL
from ..views import can_take_pods, node_view
from .capacity import Serving
from .journey import QUARANTINED, gpus_of, journey_of

Raw = Mapping[str, Any]
Selects = Callable[[Any, Mapping[str, str]], bool]


class Replicas:
    """The replicas of all models of a cluster.

    :param pods: of the models' namespace. What others have on the nodes is not ours to read, so free GPUs are an upper
        bound: a replacement that finds no room is seen while it is waited for.
    :param selects: whether a budget's selector selects labels.
    """

    def __init__(
        self, nodes: Iterable[Raw], pods: Iterable[Raw], budgets: Iterable[Raw], contract: Contract, selects: Selects
    ) -> None:
        self._of_model: dict[str, list[Raw]] = {}
        self._models_on: dict[str, set[str]] = {}
        held: dict[str, int] = {}
        for pod in pods:
            if MODEL_LABEL in (pod["metadata"].get("labels") or {}) and _lives(pod):
                self._of_model.setdefault(_model(pod), []).append(pod)
                self._models_on.setdefault(_node(pod), set()).add(_model(pod))
                held[_node(pod)] = held.get(_node(pod), 0) + _gpus(pod)
        self._budgets = list(budgets)
        self._selects = selects
        self._floors = {one["name"]: int(one["replicas"]["min"]) for one in contract.get("models") or ()}
        self._free: dict[str, int] = {}
        self._going: set[str] = set()
        self._product: dict[str, str] = {}
        for node in nodes:
            name = node["metadata"]["name"]
            self._product[name] = (node["metadata"].get("labels") or {}).get(GPU_PRODUCT_LABEL, "")
            if can_take_pods(node_view(node)):
                self._free[name] = gpus_of(node) - held.get(name, 0)
            if journey_of(node).state == QUARANTINED:
                self._going.add(name)

    def on(self, node: str) -> list[Serving]:
        """What the models on a node would have without it, by the model's name."""
        return [self._serving(node, model) for model in sorted(self._models_on.get(node, ()))]

    def _serving(self, node: str, model: str) -> Serving:
        # Replicas on other nodes that are about to be drained are not what will remain.
        own = [pod for pod in self._of_model[model] if _node(pod) == node or _node(pod) not in self._going]
        here = [pod for pod in own if _node(pod) == node]
        held = [one for one in self._budgets if self._holds(one, here[0])]
        allowed = [int((one.get("status") or {}).get("disruptionsAllowed", 0)) for one in held]
        return Serving(
            model=model,
            here=tuple(map(_key, here)),
            ready=sum(map(_ready, own)),
            ready_here=sum(map(_ready, here)),
            floor=self._floor(model, bool(held)),
            budget=", ".join(one["metadata"]["name"] for one in held),
            disruptions=min(allowed, default=None),
            slots=self._slots(node, max(1, _gpus(here[0]))),
            movable=tuple(_key(pod) for pod in here if _ready(pod) and _movable(pod)),
        )

    def _floor(self, model: str, has_budget: bool) -> int:
        """A budget says how many may be missing for a while, so that with one only the last replica is held here."""
        agreed = self._floors.get(model, 0)
        return min(agreed, 1) if has_budget else agreed

    def _holds(self, budget: Raw, pod: Raw) -> bool:
        return self._selects((budget.get("spec") or {}).get("selector"), pod["metadata"].get("labels") or {})

    def _slots(self, node: str, each: int) -> int:
        product = self._product.get(node, "")
        return sum(
            max(0, free) // each for name, free in self._free.items() if name != node and self._product[name] == product
        )


def gpus_held(node: str, pods: Iterable[Raw]) -> int:
    """How many GPUs of a node these pods have."""
    return sum(_gpus(pod) for pod in pods if _node(pod) == node and _lives(pod))


def _lives(pod: Raw) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _node(pod: Raw) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _key(pod: Raw) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _movable(pod: Raw) -> bool:
    """A ReplicaSet makes another pod as soon as it has let one go. Groups and StatefulSets do not: a pod's name is its
    place there."""
    owners = pod["metadata"].get("ownerReferences") or ()
    orphaned = REPLACED_ANNOTATION in (pod["metadata"].get("annotations") or {})
    return orphaned or any(one.get("controller") and one.get("kind") == "ReplicaSet" for one in owners)


def _model(pod: Raw) -> str:
    return str(pod["metadata"]["labels"][MODEL_LABEL])


def _ready(pod: Raw) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _gpus(pod: Raw) -> int:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return sum(int(((one.get("resources") or {}).get("limits") or {}).get(GPU, 0)) for one in containers)
