# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that their owner asks for: which replicas move first, when a node is safe to take, and when it is back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._vocabulary.numbers import whole_number
from ..moments import shown_moment
from ..names import MAINTENANCE_LABEL, SAFE_ANNOTATION
from ..quantity import count
from ..views import is_ready, node_view
from .economy import model_prices
from .limits import Limits, takes_replicas
from .plan import Move, moved
from .scene import Pod, Raw, Scene
from .twin import Twin

ASKED, SAFE, BACK = "asked", "safe", "back"
NOT_SAFE = "not_safe"
"""The code of a node that is not handed over, or not taken back, for what its owner can change."""
MAKE_ROOM = "change what is named, or remove the maintenance label; the next run looks again"
_YES, _NO = "yes, since ", "no: "
_LAST = 10**9


@dataclass(frozen=True)
class Handover:
    """A node on its way to its owner, or back.

    state: asked, safe or back; empty for one that nobody asks for. order: the number that its label has; those of one
    number go by their names.
    """

    node: str
    state: str
    order: int
    answer: str = ""


@dataclass(frozen=True)
class Freeing:
    """How a node is emptied. moves: of its replicas, in this order. stays: why others are not moved."""

    moves: tuple[Move, ...]
    stays: tuple[str, ...]


def handovers(nodes: Iterable[Raw]) -> list[Handover]:
    """The nodes that are asked for, safe to take, or back, in the order in which they are handed over.

    Those that are back come first: they are where the replicas of the next ones may go.
    """
    found = [_handover(node) for node in nodes]
    return sorted((one for one in found if one.state), key=lambda one: (one.state != BACK, one.order, one.node))


def _handover(node: Raw) -> Handover:
    metadata = node["metadata"]
    label = (metadata.get("labels") or {}).get(MAINTENANCE_LABEL, "false")
    answer = (metadata.get("annotations") or {}).get(SAFE_ANNOTATION, "")
    number = whole_number(label)
    order = _LAST if number is None else number
    if label != "false":
        return Handover(metadata["name"], SAFE if answer.startswith(_YES) else ASKED, order, answer)
    return Handover(metadata["name"], BACK if answer else "", order, answer)


def safe_since(now: float) -> str:
    """What is written on a node that is safe to take. :param now: seconds since 1970."""
    return _YES + shown_moment(now)


def not_safe(why: Sequence[str]) -> str:
    """What is written on a node that is not yet safe to take."""
    return _NO + "; ".join(why)


def freeing(scene: Scene, node: str, given: Twin | None = None) -> Freeing:
    """Where the replicas of a node go: each to the fullest node that is proven to take it.

    All of them or none: a node that is half empty is of no use to its owner.

    :param given: a twin of the scene, which is as before afterwards; one is made unless it is given.
    """
    twin, limits, prices = given or Twin(scene), Limits(scene, rest=0.0), model_prices(scene)
    before = {pod.key: pod for pod in _ours(twin, node)}
    moves: list[Move] = []
    stays: list[str] = []
    for pod in sorted(before.values(), key=lambda one: (-one.gpus, one.key)):
        if why := limits.stays(pod):
            stays.append(f"{pod.key}: {'; '.join(why)}")
            continue
        to = _destination(twin, limits, pod, node)
        if not to:
            stays.append(f"{pod.key}: no other node is proven to take it")
            continue
        price = prices[pod.model]
        how = (price.gpu_seconds, price.load, price.measured)
        moves.append(Move(pod.key, pod.model, node, to, pod.gpus, *how))
        twin.place(moved(twin.remove(pod.key), to, scene.taken), to)
    for move in moves:
        twin.remove(move.pod)
        twin.place(before[move.pod], node)
    return Freeing(() if stays else tuple(moves), tuple(stays))


def _ours(twin: Twin, node: str) -> list[Pod]:
    return [pod for pod in twin.on[node].values() if pod.model]


def _destination(twin: Twin, limits: Limits, pod: Pod, source: str) -> str:
    fitting = [
        name
        for name, node in twin.nodes.items()
        if name != source and takes_replicas(node) and twin.fits(pod, name) and not limits.crowded(twin, pod, name)
    ]
    return min(fitting, key=lambda name: (twin.free_gpus(name), name), default="")


def still_there(scene: Scene, node: str) -> list[str]:
    """The replicas that are on a node."""
    return sorted(pod.key for pod in scene.pods if pod.node == node and pod.model)


def unfit(node: Raw) -> list[str]:
    """Why a node that is back cannot take replicas again; nothing where it can.

    It has to offer as many GPUs as it says that it has: by its label, which GPU feature discovery makes of the driver,
    and by its capacity.
    """
    view, status = node_view(node), node.get("status") or {}
    found = [] if is_ready(view) else ["it is not ready"]
    pressing = sorted(kind for kind, said in view["conditions"].items() if kind.endswith("Pressure") and said == "True")
    found += [f"it has {kind}" for kind in pressing]
    found += ["it is cordoned"] if view["unschedulable"] else []
    offered = _gpus(status.get("allocatable") or {})
    wanted = max(_gpus(status.get("capacity") or {}), count(view["labels"].get("nvidia.com/gpu.count")))
    return [*found, *([f"it offers {offered} of {wanted} GPUs"] if offered < wanted else [])]


def _gpus(resources: Mapping[str, object]) -> int:
    return count(resources.get("nvidia.com/gpu"))
