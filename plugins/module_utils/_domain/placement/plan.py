# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: moves that are worth it only together, with what they cost and gain; and its rehearsal on a twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._vocabulary.listing import amount
from ..table import table
from .limits import Limits
from .scene import Pod, Scene
from .twin import Twin, pending

_COLUMNS = ("pod", "model", "from", "to", "gpus", "price", "load_seconds", "load_is", "for")
PENDING, BLOCK = "room for a replica that waits", "a block of free GPUs"


@dataclass(frozen=True, slots=True)
class Move:
    """One replica, from one node to another. load: seconds that its replacement is expected to load; measured: whether
    that is the 95th percentile of its model's own past loads, and not merely the longest that a load may take."""

    pod: str
    model: str
    source: str
    destination: str
    gpus: int
    price: float
    load: float
    measured: bool


@dataclass(frozen=True, slots=True)
class Package:
    """Moves that reach one aim together. gain: GPU-seconds, beside what the packages before it gain."""

    aim: str
    target: str
    moves: tuple[Move, ...]
    gain: float

    @property
    def price(self) -> float:
        return sum(move.price for move in self.moves)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to move, in this order, or why nothing. stays: how many GPUs of replicas are held where they are, by why.

    unproven: what the plan rests on and nobody has measured.
    """

    packages: tuple[Package, ...] = ()
    why: str = ""
    stays: tuple[tuple[str, int], ...] = ()
    unproven: tuple[str, ...] = ()

    @property
    def moves(self) -> tuple[Move, ...]:
        return tuple(move for package in self.packages for move in package.moves)

    @property
    def price(self) -> float:
        return sum(package.price for package in self.packages)

    @property
    def gain(self) -> float:
        return sum(package.gain for package in self.packages)

    def text(self) -> str:
        """The moves as a table, and what they come to; or why there are none."""
        stays = [f"{amount(gpus, 'GPU')} not moved: {why}" for why, gpus in self.stays]
        notes = "\n".join([*stays, *(f"unproven: {one}" for one in self.unproven)])
        if not self.packages:
            return "\n\n".join(filter(None, [f"Nothing moves: {self.why}.", notes]))
        found = self.to_dict()
        sums = f"A gain of {found['gain']} GPU-seconds for {found['price']}, {found['ratio']} times as much."
        return "\n\n".join(filter(None, [table(found["moves"], _COLUMNS), sums, notes]))

    def to_dict(self) -> dict[str, Any]:
        """As data for a result: prices and gains in whole GPU-seconds."""
        return {
            "moves": [_row(package, move) for package in self.packages for move in package.moves],
            "packages": [
                {"aim": one.aim, "target": one.target, "gain": round(one.gain), "price": round(one.price)}
                for one in self.packages
            ],
            "price": round(self.price),
            "gain": round(self.gain),
            "ratio": round(self.gain / self.price, 2) if self.price else None,
            "why": self.why,
            "stays": [{"why": why, "gpus": gpus} for why, gpus in self.stays],
            "unproven": list(self.unproven),
        }


def _row(package: Package, move: Move) -> dict[str, Any]:
    return {
        "pod": move.pod,
        "model": move.model,
        "from": move.source,
        "to": move.destination,
        "gpus": move.gpus,
        "price": round(move.price),
        "load_seconds": round(move.load),
        "load_is": "p95 of its past loads" if move.measured else "the longest that it may take",
        "for": f"{package.aim}: {package.target}",
    }


def surprise(twin: Twin, limits: Limits, move: Move) -> str:
    """Why a move cannot be made now as it was planned; empty where it can.

    Asked of each move in a rehearsal, and again of a fresh scene before it is made: the room may be somebody else's by
    then, or the destination sick. The source has to be closed while its replicas move, or one could land there again.
    """
    where = twin.where.get(move.pod)
    if where != move.source:
        return f"{move.pod} is on {where or 'no node'}, and was on {move.source} when this was planned"
    if move.destination not in twin.nodes:
        return f"{move.destination} is not there any more"
    pod, node = twin.pod(move.pod), twin.nodes[move.destination]
    if stays := limits.stays(pod):
        return f"{move.pod} stays: {'; '.join(stays)}"
    if node.closed or node.leave:
        return f"{move.destination} takes nothing now: {node.closed or 'it is suspected of a fault'}"
    if why := twin.why_not(pod, move.destination):
        return f"{move.destination} does not take {move.pod}: {'; '.join(why)}"
    if limits.crowded(twin, pod, move.destination):
        return f"{move.model} is critical, and would be on one host or in one zone"
    return ""


def moved(pod: Pod, node: str, now: float | None) -> Pod:
    """The replacement of a replica, once it is Ready on its node."""
    return replace(pod, node=node, moved=now)


def rehearse(scene: Scene, moves: Iterable[Move]) -> tuple[Scene, str]:
    """Replay moves, each in turn, and say what the cluster would be, and the first surprise; it ends there."""
    twin, limits, waiting = Twin(scene), Limits(scene), pending(scene.pods)
    done = {pod.key: pod for pod in settle(twin, waiting)}
    for move in moves:
        if found := surprise(twin, limits, move):
            return after(scene, done), found
        done[move.pod] = moved(twin.remove(move.pod), move.destination, scene.taken)
        twin.place(done[move.pod], move.destination)
        done.update((pod.key, pod) for pod in settle(twin, waiting))
    return after(scene, done), ""


def settle(twin: Twin, waiting: Iterable[Pod]) -> list[Pod]:
    """Let the scheduler place what waits and fits now. Returns those pods, which are not Ready yet.

    On which of several nodes it would be nobody knows: the fullest is assumed, which is what remains where only the
    node that a plan has just emptied has room. What demands more than the twin models stays where it is.
    """
    found: list[Pod] = []
    for pod in waiting:
        if pod.key in twin.where or pod.unknown or not pod.gpus:
            continue
        fitting = [node for node in twin.nodes if twin.free_gpus(node) >= pod.gpus and twin.fits(pod, node)]
        if fitting:
            node = min(fitting, key=lambda name: (twin.free_gpus(name), name))
            found.append(replace(pod, node=node))
            twin.place(found[-1], node)
    return found


def after(scene: Scene, done: Mapping[str, Pod]) -> Scene:
    """The scene with some of its pods elsewhere."""
    return replace(scene, pods=tuple(done.get(pod.key, pod) for pod in scene.pods))
