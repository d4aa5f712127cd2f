# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the pods of a drain, and of the drain."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from .pods import Pod

#: A budget that refused is asked again after so long, growing to the longest.
FIRST_REST, LONGEST_REST = 0.5, 5.0

GONE, LEAVING, BLOCKED, FAILED, HELD = "gone", "leaving", "blocked", "failed", "held"


@dataclass
class Evicted:
    """What became of one pod. state: gone, leaving, blocked (by a budget), failed, or held (only a person can help).

    asked: it is leaving, whoever asked for that. since: when this drain saw that first; 0 if it was leaving before.
    counted: it counts as gone though its node, which cannot answer, has not ended it. forbidden: the API server does
    not let us evict it, by its authorizer or a policy.
    """

    pod: Pod
    state: str = LEAVING
    why: str = ""
    budget: str = ""
    rest: float = FIRST_REST
    again: float = 0.0
    asked: bool = False
    since: float | None = None
    counted: bool = False
    forbidden: bool = False


def wanted_ready(owner: str, pods: Iterable[Pod], evicted: Container[str]) -> int:
    """How many pods of an owner have to be Ready after a drain: those that leave, and those that serve elsewhere.

    Pods that were leaving already have their replacements: those serve, or are starting. Only a pod whose place is its
    own is replaced after it is gone. A pod that an earlier run orphaned records how many there were, and its
    replacement is one of them.

    :param evicted: UIDs of the pods of the drain.
    """
    own = [pod for pod in pods if pod.owner == owner and not pod.finished]
    others = [pod for pod in own if not pod.leaving and not pod.replaced]
    counted = sum(pod.uid in evicted or pod.ready for pod in others)
    left = [pod for pod in own if pod.leaving and not pod.replaced and pod.uid in evicted]
    to_come = sum(bool(pod.identity) for pod in left)
    starting = min(len(left) - to_come, len(others) - counted)
    return max([counted + to_come + starting, *(pod.replaced for pod in own)])


@dataclass(frozen=True)
class Replacements:
    """How far an owner's other pods are. waiting: what they wait for; empty where they are Ready or fit no node.

    lost: those that fit no node. nowhere: why, where one of them is missed.
    """

    waiting: str
    lost: tuple[Pod, ...]
    nowhere: str


def replacements(owner: str, wanted: int, pods: Iterable[Pod]) -> Replacements:
    """What there is of the pods that an owner is to have Ready after a drain."""
    own = [pod for pod in pods if pod.owner == owner and not pod.finished and not pod.leaving]
    lost = tuple(pod for pod in own if pod.unschedulable)
    ready = sum(pod.ready for pod in own)
    there = ready + len(lost)
    waiting = f"{there} of {wanted} pods are Ready" if there < wanted else ""
    return Replacements(waiting, lost, lost[0].unschedulable if lost and ready < wanted else "")


@dataclass
class Drained:
    """A drain's result. done: all pods gone, each with its replacement Ready or known to find no node.

    left: who stays and why. waiting: owners whose replacements are not Ready. not_undone: pods that were to be replaced
    first, did not leave, and could not be returned to their owners.
    """

    done: bool
    evicted: list[Evicted]
    left: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unschedulable: list[str] = field(default_factory=list)
    seconds: float = 0.0
    not_undone: list[str] = field(default_factory=list)

    def emptied(self, node: str) -> bool:
        """Whether the pods of one of the nodes are gone, and their replacements are Ready or fit no node."""
        own = [one for one in self.evicted if one.pod.node == node]
        return all(one.state == GONE and one.pod.owner not in self.waiting for one in own)

    def gone(self, node: str) -> list[Evicted]:
        """The pods of one of the nodes that are gone."""
        return [one for one in self.evicted if one.pod.node == node and one.state == GONE]
