# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drain has to know of a pod: which one it is, its controller, and whether it can leave its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._vocabulary.annotations import REPLACED_ANNOTATION
from .._vocabulary.numbers import whole_number

_MIRROR = "kubernetes.io/config.mirror"
#: Controllers that create another pod, of another name, as soon as one is leaving. Of others that is not known.
_REPLACED_AT_ONCE = ("ReplicaSet", "ReplicationController", "Job")
_PLACE = "batch.kubernetes.io/job-completion-index"
_PLACES = (_PLACE, "statefulset.kubernetes.io/pod-name", "leaderworkerset.sigs.k8s.io/name")
#: Volumes that several nodes may use at once, or that a replacement does not share (``ephemeral`` makes a claim for
#: each pod). Others belong to one node at a time; claims say for themselves.
_ANYWHERE = (
    "configMap", "secret", "projected", "downwardAPI", "emptyDir", "hostPath", "gitRepo", "image", "csi", "ephemeral",
    "nfs", "cephfs", "glusterfs", "azureFile", "quobyte", "persistentVolumeClaim",
)  # fmt: skip


@dataclass(frozen=True)
class Pod:
    """One pod. owner: its controller, as ``Kind name (uid)``. stays: why it cannot be evicted; empty where it can.

    unschedulable: why no node takes it, in the scheduler's words. leaving: it is being deleted already. replaced: its
    owner (which it still names here) has been detached and creates another; how many of the owner's served then.
    identity: why no other pod may run in its place while it may still run; empty if one may. ends: until when it may
    take to leave, in seconds since 1970; grace: how long that is. claims: names of its volume claims. locked: a volume
    without a claim that one node at a time may use.
    """

    namespace: str
    name: str
    uid: str
    node: str
    labels: Mapping[str, str]
    owner: str
    stays: str
    ready: bool
    leaving: bool
    finished: bool
    unschedulable: str
    started: str
    replaced: int = 0
    identity: str = ""
    ends: float | None = None
    grace: float = 0.0
    claims: tuple[str, ...] = ()
    locked: str = ""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def pod_of(live: Mapping[str, Any]) -> Pod:
    """A live pod."""
    metadata, spec, status = live["metadata"], live.get("spec") or {}, live.get("status") or {}
    controllers = [one for one in metadata.get("ownerReferences") or () if one.get("controller")]
    owner = controllers[0] if controllers else {}
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled") or {}
    lost = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    owned_by = f"{owner['kind']} {owner['name']} ({owner['uid']})" if owner else ""
    replaced = 0
    volumes = spec.get("volumes") or ()
    if not owner and REPLACED_ANNOTATION in (metadata.get("annotations") or {}):
        owned_by, replaced = _replaced(metadata["annotations"][REPLACED_ANNOTATION])
    return Pod(
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        uid=metadata["uid"],
        node=spec.get("nodeName") or "",
        labels=metadata.get("labels") or {},
        owner=owned_by,
        stays=_stays(metadata, owner),
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        leaving=bool(metadata.get("deletionTimestamp")),
        finished=status.get("phase") in ("Succeeded", "Failed"),
        unschedulable=str(scheduled.get("message") or "Unschedulable") if lost else "",
        started=metadata.get("creationTimestamp") or "",
        replaced=replaced,
        identity=_identity(metadata, owner),
        ends=_seconds(metadata.get("deletionTimestamp")),
        grace=float(metadata.get("deletionGracePeriodSeconds") or 0),
        claims=tuple(one["persistentVolumeClaim"]["claimName"] for one in volumes if one.get("persistentVolumeClaim")),
        locked=next(filter(None, map(_lock, volumes)), ""),
    )


def _identity(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> str:
    marks = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    if owner and owner["kind"] not in _REPLACED_AT_ONCE:
        return f"it belongs to a {owner['kind']}"
    place = next((mark for mark in _PLACES if mark in marks), "")
    return f"it has a place of its own ({place}={marks[place]})" if place else ""


def _lock(volume: Mapping[str, Any]) -> str:
    kinds = [kind for kind in volume if kind != "name" and kind not in _ANYWHERE]
    return f"its volume {volume['name']} ({kinds[0]}) is on one node at a time" if kinds else ""


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None


def _replaced(said: str) -> tuple[str, int]:
    """Owner and number, as :mod:`replacing` writes them; edited values are ignored."""
    owner, _gap, ready = said.rpartition(" ")
    number = whole_number(ready)
    return (owner, number) if owner and number is not None else ("", 0)


def _stays(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> str:
    if _MIRROR in (metadata.get("annotations") or {}):
        return "is a mirror of a static pod: only its node can end it"
    if owner.get("kind") == "DaemonSet":
        return "belongs to a DaemonSet, which would put it back at once"
    return ""
