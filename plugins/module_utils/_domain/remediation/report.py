# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node becomes by what is told of it: how its repair ended, that its pods are gone, or that nobody ends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import message
from .journey import (
    DRAINED,
    HANDED_OVER,
    QUARANTINED,
    REPAIRING,
    VALIDATING,
    Node,
    Patch,
    basis_of,
    journey_of,
    marked,
    remembered,
)
from .step import MARK, OBSERVE, WAIT, Step


def reported(node: Node, outcome: str, detail: str, now: float) -> Step:
    """What a repair's report makes of a node: ``done`` → validating, ``failed`` → the next repair."""
    journey = journey_of(node)
    if journey.state not in (REPAIRING, HANDED_OVER) or journey.undone_by_hand:
        why = f"no repair of it is under way (it is {journey.state or 'in service'}): the report changes nothing"
        return Step(journey.name, OBSERVE, why, journey.state, journey.session)
    state = VALIDATING if outcome == "done" else DRAINED
    history = remembered(journey, now, journey.goal, outcome)
    patch = marked(journey, now, state=state, history=history, repaired=now if outcome == "done" else None)
    return _marking(node, detail or f"the repair is {outcome}", patch)


def drained(node: Node, now: float) -> Step:
    """That its pods are gone."""
    journey = journey_of(node)
    if journey.state != QUARANTINED or journey.undone_by_hand:
        return Step(journey.name, OBSERVE, "it is not being drained any more", journey.state, journey.session)
    return _marking(node, "its pods are gone", marked(journey, now, state=DRAINED))


def not_ended(step: Step, held: Mapping[str, str]) -> Step:
    """The next step of a node that cannot end some of its pods: a person's, since two of them must never run.

    :param held: why, by pod.
    """
    why = message(
        "; ".join(f"{pod}: {reason}" for pod, reason in sorted(held.items())),
        next_step=f"make {step.node} answer again; or make sure that it is powered off, and then delete the node or "
        "give it the taint node.kubernetes.io/out-of-service=nodeshutdown:NoExecute: Kubernetes then removes its pods",
        owner=Owner.CUSTOMER,
    )
    return replace(step, do=WAIT, why=why, owner=Owner.CUSTOMER, pods=tuple(sorted(held)))


def _marking(node: Node, why: str, patch: Patch) -> Step:
    journey = journey_of(node)
    basis = basis_of(node)
    return Step(journey.name, MARK, why, journey.state, journey.session, journey.goal, patch=patch, basis=basis)
