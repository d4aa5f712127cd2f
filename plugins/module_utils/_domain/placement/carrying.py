# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a move: which nodes are closed meanwhile, and what is concluded from what is seen of the replacement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..._vocabulary.others_json import read_json
from .plan import Move
from .scene import Pod
from .twin import Twin

MOST_CLOSED = 100
"""Nodes that are closed for the seconds in which one replacement is placed."""
WAITS, LANDED, SURPRISE = "waits", "landed", "surprise"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a replacement. node: empty while it has none. lost: why no node takes it."""

    node: str = ""
    ready: bool = False
    over: bool = False
    lost: str = ""


def rivals(twin: Twin, move: Move) -> list[str]:
    """The nodes beside the destination on which the scheduler may place the replacement, its source among them.

    They have to be closed while it is placed: which of several nodes the scheduler prefers nobody can promise.
    """
    pod = twin.pod(move.pod)
    new = replace(pod, key=f"{pod.key}-replacement", node="", ready=False)
    return [node for node in twin.feasible(new) if node != move.destination]


def too_many(others: Sequence[str]) -> str:
    """Why so many nodes are not closed; empty where they may be."""
    if len(others) <= MOST_CLOSED:
        return ""
    return f"{len(others)} other nodes could take the replacement, and no more than {MOST_CLOSED} are closed for a move"


def placed(seen: Iterable[Sight], move: Move, waited: float, patience: float) -> tuple[str, str]:
    """Whether the replacement is on the node that was proven for it, still waits for one, or surprises; and how.

    :param waited: seconds so far. :param patience: how long a replacement may take to be made and placed.
    """
    there = [one for one in seen if not one.over]
    if wrong := sorted({one.node for one in there if one.node and one.node != move.destination}):
        return SURPRISE, f"its replacement was placed on {', '.join(wrong)} instead of {move.destination}"
    if any(one.node for one in there):
        return LANDED, ""
    if waited <= patience:
        return WAITS, ""
    lost = next((one.lost for one in there if one.lost), "")
    if lost:
        return SURPRISE, f"no node takes its replacement: {lost}"
    return SURPRISE, "its replacement was " + ("not placed" if there else "not created") + f" in {patience:.0f} s"


def loaded(seen: Iterable[Sight], move: Move, waited: float, limit: float) -> tuple[str, str]:
    """Whether a replacement that was placed is Ready, still loads, or surprises; and how.

    :param limit: seconds that a load may take.
    """
    there = [one for one in seen if not one.over and one.node == move.destination]
    if any(one.ready for one in there):
        return LANDED, ""
    if not there:
        return SURPRISE, f"its replacement on {move.destination} is gone"
    if waited > limit:
        return SURPRISE, f"its replacement is not Ready after {limit:.0f} s"
    return WAITS, ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A move of a plan that is being carried out, as its source node says it until it is over.

    plan: the digest that was approved. number: its place in the plan. uid: of the pod that moves.
    """

    plan: str
    number: int
    uid: str
    source: str
    destination: str


def marks(begun: Iterable[Begun]) -> dict[str, str]:
    """By source node, the text that keeps its moves: the state of a plan is in the cluster, and outlives the run."""
    by_node: dict[str, list[Begun]] = {}
    for one in begun:
        by_node.setdefault(one.source, []).append(one)
    return {
        node: json.dumps({"plan": its[0].plan, "moves": [[one.number, one.uid, one.destination] for one in its]})
        for node, its in by_node.items()
    }


def marked(node: str, text: str) -> list[Begun]:
    """The moves that :func:`marks` wrote. What somebody else wrote there is none."""
    try:
        said = read_json(text)
        return [Begun(str(said["plan"]), int(n), str(uid), node, str(to)) for n, uid, to in said["moves"]]
    except (KeyError, TypeError, ValueError):
        return []


def last_moved(pods: Iterable[Pod]) -> float | None:
    """When a replica was last moved, in seconds since 1970; None where none was."""
    return max((pod.moved for pod in pods if pod.moved is not None), default=None)
