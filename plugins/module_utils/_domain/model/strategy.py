# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to bring a model to another version: chosen from what is free now, each choice with its arithmetic as text.

A surge needs free GPUs, and with none free it never ends. Replacing one by one needs none, and takes a replica away
meanwhile. Draining first takes all of them away. Nothing else is possible, so what can do none of these is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.listing import amount
from .room import Room
from .unit import Shape

FIRST, APPLY, IDLE = "first", "apply", "idle"
"""Nothing runs yet; the pods stay as they are; it is scaled to zero, so there is nothing to replace."""
SURGE, REPLACE, DRAIN, REFUSED = "surge", "replace", "drain", "refused"
ROLLING = (SURGE, REPLACE, DRAIN)
"""These replace replicas that serve."""


@dataclass(frozen=True)
class Strategy:
    """A way to roll, and why this one.

    :param extra: replicas that it adds, for good or for a time: what it takes of the room.
    :param steps: how often it waits for new replicas.
    :param surge: those of them that are added for a time.
    """

    name: str
    why: str
    extra: int = 0
    steps: int = 1
    surge: int = 0

    @property
    def manifest(self) -> Mapping[str, Any] | None:
        """As a Deployment's ``spec.strategy``; ``None`` to leave it as the unit has it."""
        if self.name == SURGE:
            return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": self.surge, "maxUnavailable": 0}}
        if self.name == REPLACE:
            return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
        if self.name == DRAIN:
            # Not Recreate: that is refused where somebody else has set how a rolling update goes.
            return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}
        return None


@dataclass(frozen=True)
class Now:
    """What runs now.

    :param available: replicas that serve.
    :param may_be_away: replicas that the budget lets be away at once.
    :param becomes: the kind of workload that takes the place of this one, where it is another. Neither knows of the
        other's replicas, so all of the old ones go first.
    """

    shape: Shape
    available: int
    may_be_away: int
    becomes: str = ""


def choose(now: Now | None, target: Shape, room: Room, *, same_pods: bool, downtime: bool) -> Strategy:
    """The strategy for a target.

    :param now: ``None`` where nothing runs yet.
    :param same_pods: the pod template does not change.
    :param downtime: the contract allows that nothing serves for a while.
    """
    growth = max(0, target.replicas - (now.shape.replicas if now else 0))
    whole = room.replicas(target.gpus, target.replicas + growth, target.nodes)
    has = _free_text(room, target, whole)
    if now is None or same_pods:
        name, what = (FIRST, "nothing runs yet") if now is None else (APPLY, "the pods stay as they are")
        if whole < growth:
            return Strategy(REFUSED, f"{what}, and {_replicas(growth)} of {target.each} would be added; {has}")
        return Strategy(name, f"{what}; {has}" if growth else what, extra=growth)
    if not now.shape.replicas:
        return Strategy(IDLE, "it is scaled to zero, so no replica has to be replaced")
    surge = 0 if now.becomes else min(target.replicas, whole - growth)
    if surge > 0:
        steps = -(-target.replicas // surge)
        why = f"{has}, so {_replicas(surge)} can be added before old ones go"
        return Strategy(SURGE, why, surge + growth, steps, surge)
    others = [_no_surge(now, target, growth)]
    no_room = _cannot_replace(now, target, room, growth, whole)
    no_leave = _may_not_replace(now)
    if not no_room and not no_leave:
        idle = "none of its replicas serves, so none is taken away that does"
        budget = f"the budget lets {now.may_be_away} of {now.shape.replicas} be away, so they are replaced one by one"
        return Strategy(REPLACE, f"{has}; {budget if now.available else idle}", growth, target.replicas)
    others.append(f"replacing one by one is not possible: {no_room or no_leave}")
    fits_empty = room.replicas_when_empty(target.gpus, target.replicas, target.nodes)
    if downtime and fits_empty >= target.replicas:
        return Strategy(DRAIN, f"{has}; {'; '.join(others)}; rollout.downtime allows to drain first")
    if downtime:
        others.append(f"draining first leaves room for {_replicas(fits_empty)} of {target.replicas}")
    else:
        others.append("draining first is not allowed: rollout.downtime is false")
    return Strategy(REFUSED, f"{has}; {'; '.join(others)}")


def _no_surge(now: Now, target: Shape, growth: int) -> str:
    if now.becomes:
        return f"it becomes a {now.becomes}, which does not wait for the replicas of another kind"
    place = "on one node" if target.nodes == 1 else f"on each of {target.nodes} nodes"
    return f"a surge needs {amount(target.gpus, 'free GPU')} {place}{_beside(growth)}"


def _cannot_replace(now: Now, target: Shape, room: Room, growth: int, whole: int) -> str:
    if now.becomes:
        return f"a {now.becomes} does not take them over"
    if whole < growth:
        return f"{_replicas(growth)} would be added and {whole} fit"
    if target.product != now.shape.product:
        return f"it moves from {now.shape.product or 'no product'} to {target.product}"
    if now.shape.nodes != target.nodes:
        return f"a replica spans {amount(now.shape.nodes, 'node')}, and {target.nodes} afterwards"
    if not room.fits_instead(now.shape.gpus, target.gpus, target.nodes) and target.gpus:
        return f"{target.each} do not fit where a replica of {now.shape.gpus} is taken away"
    return ""


def _may_not_replace(now: Now) -> str:
    if not now.available:
        return ""
    if now.shape.replicas < 2:
        return "it has 1 replica, and with that away nothing serves"
    if now.may_be_away < 1:
        return f"its PodDisruptionBudget lets none of {now.shape.replicas} replicas be away"
    return ""


def _free_text(room: Room, target: Shape, whole: int) -> str:
    if not target.gpus:
        return "it needs no GPUs"
    nodes = ", ".join(f"{node} {free}" for node, free in sorted(room.free.items()) if free) or "none"
    quota = "" if room.left is None else f", the quota leaves {max(0, room.left)}"
    unseen = "" if room.whole else ", if no others hold them (their pods cannot be seen)"
    spanned = "" if target.nodes == 1 else f" on each of {target.nodes} nodes"
    most = "at least " if whole >= target.replicas else ""
    return (
        f"free GPUs of {target.product or 'no product'} by node: {nodes}{quota}{unseen}; "
        f"with {target.gpus}{spanned} for each replica that is room for {most}{_replicas(whole)} more"
    )


def _beside(growth: int) -> str:
    return f", beside those for {_replicas(growth)} more" if growth else ""


def _replicas(number: int) -> str:
    return amount(number, "replica")
