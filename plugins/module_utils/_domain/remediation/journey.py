# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node is on its way back, as the node itself says, and the one patch that takes it a step further.

All of a step is one patch, so a run that dies leaves a node before the step or after it, never between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..gpu_units import in_parts, offered
from ..moments import seconds_at, shown_moment
from ..names import (
    GPU,
    GPU_COUNT_LABEL,
    GPU_PRESENT_LABEL,
    GPU_PRODUCT_LABEL,
    JOURNEY_PREFIX,
    MAINTENANCE_LABEL,
    PREFIX,
    QUARANTINE_TAINT,
)
from ..node_history import repairs_of, with_repair
from ..quantity import count

WELL, SUSPECT, QUARANTINED, DRAINED = "", "suspect", "quarantined", "drained"
REPAIRING, VALIDATING, HANDED_OVER = "repairing", "validating", "handed-over"
OUT_OF_SERVICE = (QUARANTINED, DRAINED, REPAIRING, VALIDATING, HANDED_OVER)

# What ends with the journey; history, returned and released stay.
_FIELDS = (
    "state", "since", "session", "reason", "faults", "evidence",
    "goal", "drains", "cordoned", "repaired", "gpus", "models", "gpu", "approved_by", "approval",
)  # fmt: skip

Node = Mapping[str, Any]
Patch = dict[str, Any]


@dataclass(frozen=True)
class Journey:
    """What a node says of itself. Times are in seconds since 1970.

    cordoned: whether the cordon is ours. gpus: how many it had when it was taken out of service. released: when
    somebody returned it by hand; released_of: with which faults. history: past repairs, none where they cannot be
    read: a journey must not end because somebody edited an annotation. gpu: the sick one, where only one is.
    approval: the digest by which ``approved_by`` approved what is done now; empty where nobody was asked.
    """

    name: str
    uid: str
    version: str
    state: str
    since: float
    session: str
    reason: str
    faults: tuple[str, ...]
    evidence: float
    goal: str
    drains: bool
    cordoned: bool
    repaired: float
    gpus: int
    models: tuple[str, ...]
    returned: float
    released: float
    released_of: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]
    gpu: str
    approved_by: str
    approval: str
    unschedulable: bool
    tainted: bool
    maintenance: bool
    product: str

    @property
    def out_of_service(self) -> bool:
        """Whether we keep new work from it."""
        return self.state in OUT_OF_SERVICE

    @property
    def undone_by_hand(self) -> bool:
        """Whether somebody took away what we had set: the taint, or a cordon of ours."""
        return self.out_of_service and (not self.tainted or (self.cordoned and not self.unschedulable))


def journey_of(node: Node) -> Journey:
    """What the node says of itself."""
    metadata, spec = node["metadata"], node.get("spec") or {}
    said = {
        key.removeprefix(JOURNEY_PREFIX): str(value)
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(JOURNEY_PREFIX)
    }
    labels = metadata.get("labels") or {}
    return Journey(
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        version=metadata.get("resourceVersion") or "",
        state=said.get("state", WELL),
        since=_time(said, "since"),
        session=said.get("session", ""),
        reason=said.get("reason", ""),
        faults=_words(said, "faults"),
        evidence=_time(said, "evidence"),
        goal=said.get("goal", ""),
        drains=said.get("drains") == "true",
        cordoned=said.get("cordoned") == "true",
        repaired=_time(said, "repaired"),
        gpus=count(said.get("gpus")),
        models=_words(said, "models"),
        returned=_time(said, "returned"),
        released=_time(said, "released"),
        released_of=_words(said, "released-of"),
        history=repairs_of(metadata.get("annotations") or {}) or (),
        gpu=said.get("gpu", ""),
        approved_by=said.get("approved-by", ""),
        approval=said.get("approval", ""),
        unschedulable=bool(spec.get("unschedulable")),
        tainted=any(taint.get("key") == QUARANTINE_TAINT for taint in spec.get("taints") or ()),
        maintenance=MAINTENANCE_LABEL in labels and labels[MAINTENANCE_LABEL] != "false",
        product=labels.get(GPU_PRODUCT_LABEL, ""),
    )


def basis_of(node: Node) -> tuple[Any, ...]:
    """What a step is decided by and what its patch replaces: as long as it is the same, the step is still right."""
    journey = journey_of(node)
    spec = node.get("spec") or {}
    said = (journey.uid, journey.state, journey.since, journey.session, journey.maintenance)
    return (*said, journey.unschedulable, spec.get("taints") or [])


def gpus_of(node: Node) -> int:
    """How many units the node offers that our pods can ask for."""
    return count(((node.get("status") or {}).get("allocatable") or {}).get(GPU, 0))


def units_offered(node: Node) -> int:
    """How many units the node offers, whatever their resources are called."""
    return offered((node.get("status") or {}).get("allocatable") or {})


def gpus_expected(node: Node) -> int:
    """How many units it should offer: its label outlives a GPU that fell off the bus.

    Where they are parts of GPUs, the label counts something else, and says no more than that there are some.
    """
    labels, status = node["metadata"].get("labels") or {}, node.get("status") or {}
    capacity, counted = status.get("capacity") or {}, count(labels.get(GPU_COUNT_LABEL, 0))
    least = min(counted, 1) if in_parts(labels, capacity) else counted
    return max(units_offered(node), offered(capacity), least)


def has_gpus(node: Node) -> bool:
    """Whether it is a GPU node, also where all of them are lost."""
    present = (node["metadata"].get("labels") or {}).get(GPU_PRESENT_LABEL) == "true"
    return present or gpus_expected(node) > 0


def marked(journey: Journey, now: float, **said: Any) -> Patch:
    """The patch that says something new of the journey. ``state`` in it begins a new state now.

    It names the UID and the version that were read: on a node that changed meanwhile, or that is another one of the
    same name, the API server refuses it.
    """
    if said.get("state"):
        said["since"] = shown_moment(now)
    annotations = {JOURNEY_PREFIX + key.replace("_", "-"): _text(value) for key, value in said.items()}
    return {"metadata": {"uid": journey.uid, "resourceVersion": journey.version, "annotations": annotations}}


def taken_out(node: Node, journey: Journey, now: float, **said: Any) -> Patch:
    """The patch that quarantines: our marks, our taint and, unless somebody else had cordoned, our cordon."""
    patch = marked(journey, now, state=QUARANTINED, cordoned=not journey.unschedulable, repaired=None, **said)
    taint = {"key": QUARANTINE_TAINT, "value": "true", "effect": "NoSchedule"}
    patch["spec"] = {"taints": [*_others(node), taint], "unschedulable": True}
    return patch


def put_back(node: Node, journey: Journey, now: float, **said: Any) -> Patch:
    """The patch that ends a journey: our marks, our taint and our cordon go, and nobody else's."""
    patch = marked(journey, now, **dict.fromkeys(_FIELDS), **said)
    patch["spec"] = {"taints": _others(node)}
    if journey.cordoned:
        patch["spec"]["unschedulable"] = None
    return patch


def unmarked(node: Node) -> Patch | None:
    """The patch that takes our annotations and taints off a node; None where it has none.

    A cordon stays, as it is not known whether the node is well, and so does the label by which its owner asks for it.
    """
    metadata, taints = node["metadata"], (node.get("spec") or {}).get("taints") or []
    ours = [key for key in metadata.get("annotations") or {} if key.startswith(PREFIX)]
    others = [taint for taint in taints if not str(taint.get("key")).startswith(PREFIX)]
    if not ours and len(others) == len(taints):
        return None
    same = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    spec = {} if len(others) == len(taints) else {"spec": {"taints": others or None}}
    return {"metadata": {**same, "annotations": dict.fromkeys(ours)}, **spec}


def remembered(journey: Journey, now: float, goal: str, outcome: str) -> str:
    """The history with one more repair."""
    latest = {
        "at": shown_moment(now),
        "goal": goal,
        "session": journey.session,
        "outcome": outcome,
        "fault": next(iter(journey.faults), ""),
        "gpu": journey.gpu,
        "seen": shown_moment(journey.evidence) if journey.evidence else "",
    }
    return with_repair(journey.history, latest)


def _others(node: Node) -> list[Any]:
    return [taint for taint in (node.get("spec") or {}).get("taints") or () if taint.get("key") != QUARANTINE_TAINT]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return shown_moment(value) if isinstance(value, float) else str(value)


def _words(said: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(word for word in said.get(key, "").split(",") if word)


def _time(said: Mapping[str, str], key: str) -> float:
    return seconds_at(said.get(key)) or 0.0
