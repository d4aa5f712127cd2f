# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drain has to know of a pod: which one it is, its controller, and whether it can leave its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPLACED_ANNOTATION = "byoc.fireworks.ai/replaced-by"
"""On an orphaned pod: its former owner, and how many of the owner's pods served."""
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Pod:
    """One pod. owner: its controller, as ``Kind name (uid)``. stays: why it cannot be evicted; empty where it can.

    unschedulable: why no node takes it, in the scheduler's words. leaving: it is being deleted already. replaced: its
    owner (which it still names here) has been detached and creates another; how many of the owner's served then.
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
    )


def _replaced(said: str) -> tuple[str, int]:
    """Owner and number, as :mod:`replacing` writes them; edited values are ignored."""
    owner, _gap, ready = said.rpartition(" ")
    return (owner, int(ready)) if owner and ready.isdigit() else ("", 0)


def _stays(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> str:
    if _MIRROR in (metadata.get("annotations") or {}):
        return "is a mirror of a static pod: only its node can end it"
    if owner.get("kind") == "DaemonSet":
        return "belongs to a DaemonSet, which would put it back at once"
    return ""
