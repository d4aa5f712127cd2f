# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what cause symptoms are: what the sick have in common and the well have not; and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.owner import Contact, Owner
from ..contract.typed import Contract
from ..health.actions import badness
from ..moments import seconds_at
from ..names import ROUTER
from ..people import contact
from ..views import node_image
from .symptom import Symptom

Data = Mapping[str, Any]

TOGETHER, OF_ONE_PLACE = 600.0, 3600.0
"""Seconds from one node to the next: of the same fault anywhere, and of what a rack brings in one rack."""
_CHANGED_BEFORE = 7200.0
"""Seconds before the first symptom: what was changed then is suspected."""
_CLIQUE = "nvidia.com/gpu.clique"
_PLACES = {
    "rack": (
        "topology.kubernetes.io/rack",
        _CLIQUE,
        "topology.k8s.aws/network-node-layer-3",
        "cloud.google.com/gce-topology-subblock",
    ),
    "zone": ("topology.kubernetes.io/zone",),
    "driver": ("nvidia.com/cuda.driver-version.full", "nvidia.com/cuda.driver.major"),
}
"""What nodes have in common, from the narrowest, by the labels that say it: the first that is there."""
_KINDS = (*_PLACES, "image")
_OF_A_RACK = frozenset(
    {"node_not_ready", "node_flapping", "node_network", "infiniband", "gpu_missing", "fabric", "thermal_slowdown",
     "hardware_slowdown", "power_not_connected"}
)  # fmt: skip
"""What power, cooling and network do to a node: several of these in one rack are of one cause."""
_ASKED = {
    "rack": "Look at what these nodes share: power, cooling and network of the rack",
    "zone": "Look at what these nodes share: power and network of the zone",
    "driver": "Look at the NVIDIA driver of these nodes, which others do not have",
    "image": "Look at the node image of these nodes, which others do not have",
}


@dataclass(frozen=True)
class Cause:
    """What is suspected. kind: component, model, node, rack, zone, driver, image, several nodes or cluster.

    changed: what was changed last. back: that was a rollback, or is rolled back already.
    """

    kind: str
    name: str
    why: str
    changed: str = ""
    back: bool = False

    def to_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "name": self.name, "why": self.why, "changed": self.changed}


@dataclass(frozen=True)
class Action:
    """Who has to act, and what exactly is asked of them."""

    owner: str
    contact: Contact
    ask: str

    def to_dict(self) -> dict[str, Any]:
        return {"owner": self.owner, "contact": dict(self.contact), "ask": self.ask}


def traits(node: Data) -> dict[str, str]:
    """What a node of the API server may have in common with others."""
    labels = node["metadata"].get("labels") or {}
    found = {kind: next((str(labels[key]) for key in keys if labels.get(key)), "") for kind, keys in _PLACES.items()}
    about = (node.get("status") or {}).get("nodeInfo") or {}
    return {**found, "image": node_image(about)}


def belongs(one: Symptom, others: Sequence[Symptom], nodes: Mapping[str, Data]) -> bool:
    """Whether a symptom is of the cause of others."""
    return any(_same_cause(one, other, nodes) for other in others)


def _same_cause(one: Symptom, other: Symptom, nodes: Mapping[str, Data]) -> bool:
    if one.node and other.node:
        return one.node == other.node or _spread(one, other, nodes)
    if one.component or other.component:
        # Without a router nothing of any model arrives.
        return one.component == other.component or (
            {one.component, other.component} == {ROUTER, ""} and _of_models(one, other)
        )
    if one.model and other.model:
        return one.model == other.model
    shared = {one.model, *one.touches} & {other.model, *other.touches} - {""}
    return bool(shared) and _apart(one, other) <= OF_ONE_PLACE


def _of_models(one: Symptom, other: Symptom) -> bool:
    return bool(one.model or other.model) and not (one.node or other.node)


def _spread(one: Symptom, other: Symptom, nodes: Mapping[str, Data]) -> bool:
    """Whether two nodes are sick of one cause."""
    apart = _apart(one, other)
    if one.fault == other.fault and apart <= TOGETHER:
        return True
    rack = nodes.get(one.node, {}).get("rack")
    shared = bool(rack) and rack == nodes.get(other.node, {}).get("rack")
    alike = one.fault == other.fault or {one.fault, other.fault} <= _OF_A_RACK
    return shared and alike and apart <= OF_ONE_PLACE


def _apart(one: Symptom, other: Symptom) -> float:
    moments = [seconds_at(each.since) for each in (one, other)]
    return abs(moments[0] - moments[1]) if moments[0] is not None and moments[1] is not None else 0.0


def suspected(symptoms: Sequence[Symptom], nodes: Mapping[str, Data], changes: Iterable[Data] = ()) -> Cause:
    """The cause of symptoms that belong together.

    :param nodes: the traits of all nodes by name. :param changes: what was changed lately: ``at``, ``model`` (empty for
        the stack) and ``what``.
    """
    kind, name, why = _where(symptoms, nodes)
    last = _changed_last(symptoms, changes)
    return Cause(kind, name, why, str(last.get("what", "")), bool(last.get("back")))


def _where(symptoms: Sequence[Symptom], nodes: Mapping[str, Data]) -> tuple[str, str, str]:
    components = sorted({one.component for one in symptoms if one.component})
    sick = sorted({one.node for one in symptoms if one.node})
    models = sorted({one.model for one in symptoms if one.model})
    if components:
        return "component", ", ".join(components), "what depends on it is a consequence"
    if len(sick) == 1:
        return "node", sick[0], "all of it is of this node"
    if sick:
        return _in_common(sick, nodes)
    if len(models) == 1:
        return "model", models[0], "nothing else is wrong"
    return "cluster", ", ".join(models) or "the cluster", "nothing smaller has all of it"


def _in_common(sick: Sequence[str], nodes: Mapping[str, Data]) -> tuple[str, str, str]:
    for kind in _KINDS:
        values = {nodes.get(name, {}).get(kind) or "" for name in sick}
        others = {its.get(kind) or "" for name, its in nodes.items() if name not in sick}
        if len(values) == 1 and "" not in values and others - values:
            return kind, values.pop(), f"all {len(sick)} sick nodes have it in common, and others do not"
    return "several nodes", "", "they have nothing in common that others have not"


def _changed_last(symptoms: Sequence[Symptom], changes: Iterable[Data]) -> Data:
    first = min((at for one in symptoms if (at := seconds_at(one.since)) is not None), default=None)
    touched = {name for one in symptoms for name in (one.model, *one.touches) if name}
    before = [
        (at, one)
        for one in changes
        if (at := seconds_at(one["at"])) is not None
        and (not one.get("model") or one["model"] in touched)
        and (first is None or 0 <= first - at <= _CHANGED_BEFORE)
    ]
    return max(before, key=lambda one: one[0], default=(0.0, {}))[1]


def asked(cause: Cause, symptoms: Sequence[Symptom], contract: Contract) -> Action:
    """Whose action it is, by the cause; and by the worst symptom where it is of one place."""
    if cause.kind in _ASKED:
        ask = f"{_ASKED[cause.kind]}: {cause.kind} {cause.name}."
        return Action(Owner.CUSTOMER.value, contact(contract, "capacity"), ask)
    worst = max(symptoms, key=lambda one: (bool(one.component), badness(one.severity), _tells(one)))
    ask = worst.ask
    if cause.changed and not worst.node:
        first = "Look first at" if cause.back else "Roll back"
        after = "" if cause.back else ", and find out why afterwards"
        ask = f"{first} what changed last ({cause.changed}){after}. {ask}".strip()
    return Action(worst.owner, worst.contact, ask)


def _tells(one: Symptom) -> bool:
    """A finding says what to do, where an alert only says where that is written."""
    return bool(one.ask) and not one.ask.startswith("Do what docs/runbooks/")
