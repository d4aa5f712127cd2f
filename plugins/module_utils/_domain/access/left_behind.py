# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in our namespaces, or refers to us, and nothing accounts for: what somebody with more rights left behind.

An object counts as accounted for by its name, or by its owner: then by the owner's uid, only where the owner's kind
makes objects of that kind, and not if its content says otherwise.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..names import LWS_GROUP, LWS_KIND
from .accounted import Accounted

Data = Mapping[str, Any]
Kind = tuple[str, str]
Row = dict[str, str]

_POD, _REPLICA_SET, _STATEFUL_SET = ("Pod", ""), ("ReplicaSet", "apps"), ("StatefulSet", "apps")
_SERVICE, _SLICE, _ENDPOINTS = ("Service", ""), ("EndpointSlice", "discovery.k8s.io"), ("Endpoints", "")
_REVISION, _HPA = ("ControllerRevision", "apps"), ("HorizontalPodAutoscaler", "autoscaling")
#: What controllers make for an object of a kind, with the object as its owner. A leader of a group owns its workers.
_MAKES: dict[Kind, frozenset[Kind]] = {
    ("Deployment", "apps"): frozenset({_REPLICA_SET}),
    _REPLICA_SET: frozenset({_POD}),
    _STATEFUL_SET: frozenset({_POD, _REVISION}),
    ("Job", "batch"): frozenset({_POD}),
    (LWS_KIND, LWS_GROUP): frozenset({_STATEFUL_SET, _REVISION, _SERVICE}),
    _SERVICE: frozenset({_SLICE}),
    ("ScaledObject", "keda.sh"): frozenset({_HPA}),
}
_MADE_FOR_LEADERS = frozenset({_STATEFUL_SET, _SERVICE})
#: Another one is never corrected by the controller, and is used all the same.
_OF_THE_CONTROLLER = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
#: Kinds that show other objects again, or what happened to them.
_VIEWS = frozenset(
    {("Event", ""), ("Event", "events.k8s.io"), ("PodMetrics", "metrics.k8s.io"), ("CiliumEndpoint", "cilium.io"),
     ("PackageManifest", "packages.operators.coreos.com"), ("Project", "project.openshift.io")}
)  # fmt: skip
_GROUPS_OF_VIEWS = frozenset({"authorization.openshift.io"})


@dataclass(frozen=True)
class Thing:
    """One object, as its metadata says it.

    :param resource: its plural and group, as kubectl takes them. :param owners: its owner references.
    :param by: the field manager that made it, as it called itself. :param going: it is being deleted.
    :param ours: why an object outside our namespaces concerns us. :param doubt: why it is not what its name says.
    :param shared: of a binding that others need, too, the subject that goes.
    """

    kind: str
    group: str
    namespace: str
    name: str
    resource: str
    uid: str = ""
    owners: Sequence[Data] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    made: str = ""
    by: str = ""
    going: bool = False
    ours: str = ""
    doubt: str = ""
    shared: str = ""

    @property
    def type(self) -> Kind:
        return self.kind, self.group

    @property
    def controller(self) -> Data:
        """The owner that manages it; empty if there is none."""
        return next((owner for owner in self.owners if owner.get("controller")), {})

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def is_view(kind: str, group: str) -> bool:
    """Whether objects of a kind only show others."""
    return (kind, group) in _VIEWS or group in _GROUPS_OF_VIEWS


def left_behind(things: Sequence[Thing], accounted: Accounted, own: Iterable[str] = ()) -> list[Row]:
    """Each object that nothing accounts for, with the reason, and the command that removes it.

    :param own: what the customer says is theirs, as it is shown here (``ConfigMap fireworks-models/theirs``), with
        ``*`` for any part.
    """
    theirs = [str(pattern) for pattern in own]
    fine = {thing.uid: thing for thing in things if _is_named(thing, accounted) and not thing.doubt}
    while more := [t for t in things if t.uid not in fine and not t.doubt and _is_made(t, fine)]:
        fine.update({thing.uid: thing for thing in more})
    services = {(t.namespace, t.name) for t in fine.values() if t.type == _SERVICE}
    known = {thing.uid: thing for thing in things}
    left = [
        thing
        for thing in things
        if thing.uid not in fine
        and not (thing.type == _ENDPOINTS and (thing.namespace, thing.name) in services)
        and not any(fnmatchcase(str(thing), pattern) for pattern in theirs)
    ]
    return [_row(thing, fine, known) for thing in sorted(left, key=str)]


def _is_named(thing: Thing, accounted: Accounted) -> bool:
    return accounted.has(thing.kind, thing.group, thing.namespace, thing.name)


def _is_made(thing: Thing, fine: Mapping[str, Thing]) -> bool:
    owner = fine.get(str(thing.controller.get("uid", "")))
    return owner is not None and _makes(owner, thing)


def _makes(owner: Thing, thing: Thing) -> bool:
    if owner.namespace != thing.namespace:
        return False
    if thing.type == _SLICE and not _OF_THE_CONTROLLER.items() <= thing.labels.items():
        return False
    if owner.type == _POD:
        return owner.controller.get("kind") == "StatefulSet" and thing.type in _MADE_FOR_LEADERS
    return thing.type in _MAKES.get(owner.type, ())


def _row(thing: Thing, fine: Mapping[str, Thing], known: Mapping[str, Thing]) -> Row:
    why, goes_with = _why(thing, fine, known)
    return {
        "object": str(thing),
        "kind": thing.kind,
        "group": thing.group,
        "namespace": thing.namespace,
        "name": thing.name,
        "made": thing.made,
        "made_by": thing.by,
        "why": why,
        "command": "" if goes_with else _command(thing),
    }


def _why(thing: Thing, fine: Mapping[str, Thing], known: Mapping[str, Thing]) -> tuple[str, bool]:
    """The reason, and whether it goes by itself once its owner is gone."""
    going = "; it is being deleted" if thing.going else ""
    uid = str(thing.controller.get("uid", ""))
    if thing.doubt:
        return thing.doubt + going, False
    if uid in fine:
        return f"it says that it belongs to {fine[uid]}, which makes no such object{going}", False
    if uid in known:
        return f"made for {known[uid]}, and goes with it{going}", True
    if uid:
        owner = f"{thing.controller.get('kind')} {thing.controller.get('name')}"
        return f"it says that it belongs to {owner}, which is not there{going}", False
    return (thing.ours or "nothing of the contract, the release or Kubernetes itself makes it") + going, False


def _command(thing: Thing) -> str:
    where = f"-n {thing.namespace} " if thing.namespace else ""
    # RBAC's names may hold what a shell would run.
    name = shlex.quote(thing.name)
    if thing.shared:
        return f"kubectl {where}edit {thing.resource} {name}   # and remove {thing.shared}"
    return f"kubectl {where}delete {thing.resource} {name}"
