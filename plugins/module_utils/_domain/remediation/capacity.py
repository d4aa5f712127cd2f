# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What serving capacity would remain after a drain, and so how to drain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NOW, REPLACE_FIRST, PARTIAL, WAIT = "drain_now", "bring_replacements", "partial", "wait"


@dataclass(frozen=True)
class Serving:
    """One model with replicas on a node that is to be drained.

    here: its pods on the node. ready: its ready replicas in the cluster; ready_here: those of them on the node.
    floor: the fewest that must stay ready. budget: its PodDisruptionBudget; disruptions: how many pods that lets go
    now, None where there is none. slots: replicas that free GPUs elsewhere could hold. movable: those of ``here`` that
    are ready, and whose controller makes another pod before they leave.
    """

    model: str
    here: tuple[str, ...]
    ready: int
    ready_here: int
    floor: int
    budget: str = ""
    disruptions: int | None = None
    slots: int = 0
    movable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """How to drain, and why.

    pods: which of them leave, for ``partial``. first: those whose replacements come first; held: those of ``first``
    that stay until these are Ready, whatever happens. more: replicas that somebody has to add first, by model.
    """

    how: str
    why: str
    pods: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    more: tuple[tuple[str, int], ...] = ()


def advise(serving: Iterable[Serving], sick_pods: Iterable[str] | None) -> Advice:
    """How to drain a node.

    :param sick_pods: the pods on its sick GPUs where these are known, and no other has to leave; else ``None``.
    """
    only = None if sick_pods is None else frozenset(sick_pods)
    known = list(serving)
    here = [pod for one in known for pod in one.here]
    leaving = tuple(pod for pod in here if only is None or pod in only)
    short: list[tuple[Serving, int]] = []
    crowded: list[tuple[Serving, int]] = []
    first: list[str] = []
    held: list[str] = []
    for one in known:
        moved = sum(pod in leaving for pod in one.here)
        # Pods that serve nothing any more take no capacity with them: the healthy ones are taken to stay.
        lost = max(0, moved - (len(one.here) - one.ready_here))
        missing = one.floor - (one.ready - lost)
        replaced = [pod for pod in one.movable if pod in leaving][: min(lost, one.slots)]
        first += replaced
        if lost and missing > one.slots:
            crowded.append((one, missing))
        elif lost and missing > len(replaced):
            short.append((one, missing))
        elif lost and missing > 0:
            held += replaced
        elif lost and one.disruptions == 0 and not replaced:
            return Advice(WAIT, f"the budget {one.budget} of {one.model} lets no pod go now", leaving)
    if crowded:
        told = "; ".join(
            f"{one.model} would be {missing} short, and free GPUs hold {one.slots}" for one, missing in crowded
        )
        return Advice(WAIT, f"replacements have no room: {told}", leaving)
    if short:
        more = tuple((one.model, missing) for one, missing in short)
        told = ", ".join(f"{missing} of {model}" for model, missing in more)
        return Advice(
            REPLACE_FIRST,
            f"the floor needs replacements before pods leave: {told}",
            leaving,
            tuple(first),
            tuple(held),
            more,
        )
    told = f"; the replacements of {len(first)} come first" if first else ""
    if only is not None and len(leaving) < len(here):
        why = f"{len(leaving)} of {len(here)} pods are on the sick GPU; the others keep serving"
        return Advice(PARTIAL, why + told, leaving, tuple(first), tuple(held))
    return Advice(NOW, f"every model keeps its floor{told}", leaving, tuple(first), tuple(held))
