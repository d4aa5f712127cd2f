# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that nobody ends, because their node cannot answer: which count as gone, and which wait for a person. Pure.

Only its kubelet ends a pod. Where the kubelet is silent, the pod may still run, so it counts as gone only if nothing is
harmed by that: another serves in its place already, and neither its name nor a volume may be in use twice. Where no
node has room for another, that one may be all that is left, which is for a person to judge. It is never deleted by
force. Kubernetes itself removes pods once the node is deleted or has the taint ``out-of-service``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .._vocabulary.times import local_time
from .evicted import GONE, HELD, LEAVING
from .pods import Pod

ANSWERING, SILENT, OFF = "answering", "silent", "off"
"""What a node does: OFF is silent, and somebody has confirmed that it is powered off."""
_UNREACHABLE, _OUT_OF_SERVICE = "node.kubernetes.io/unreachable", "node.kubernetes.io/out-of-service"


def silence_of(node: Mapping[str, Any] | None) -> str:
    """Whether a node answers. One that could not be read, or is not there, is not known to be silent."""
    if node is None:
        return ANSWERING
    conditions = {one.get("type"): one.get("status") for one in (node.get("status") or {}).get("conditions") or ()}
    taints = {one.get("key") for one in (node.get("spec") or {}).get("taints") or ()}
    # The taint follows the condition a moment later, also when the kubelet is back.
    silent = conditions["Ready"] == "Unknown" if "Ready" in conditions else _UNREACHABLE in taints
    if not silent:
        return ANSWERING
    return OFF if _OUT_OF_SERVICE in taints else SILENT


def volume_lock(claim: Mapping[str, Any]) -> str:
    """Why a claim's volume may be used on one node only; empty if on several."""
    modes = (claim.get("status") or {}).get("accessModes") or (claim.get("spec") or {}).get("accessModes") or ()
    name = claim["metadata"]["name"]
    if not modes:
        return f"its volume claim {name} has no access mode"
    one_node = [mode for mode in modes if mode in ("ReadWriteOnce", "ReadWriteOncePod")]
    return f"its volume claim {name} is {one_node[0]}" if one_node and "ReadWriteMany" not in modes else ""


def fate(pod: Pod, silence: str, now: float, asked: float, locked: str, waiting: str, nowhere: str) -> tuple[str, str]:
    """What a pod that is still there counts as (gone, leaving or held), and why.

    :param silence: of its node.
    :param asked: when this drain saw it leave, by the clock of ``now``; 0 if it left before. A clock that is ahead of
        the API server's shortens no grace period of a pod that this drain evicted.
    :param locked: why a volume of it may be used on one node only; empty if none.
    :param waiting: what its owner's replacements wait for; empty if they are Ready or fit no node.
    :param nowhere: why one of them fits no node; empty if they are Ready.
    """
    if not pod.leaving or silence == ANSWERING:
        return LEAVING, ""
    if silence == OFF:
        return LEAVING, "its node is marked as out of service: Kubernetes is to remove it"
    own = pod.identity or locked
    if own:
        return HELD, f"{own}, and its node cannot answer: it may still run there"
    if pod.ends is None:
        return LEAVING, "its node cannot answer, and when its grace period is over is not known"
    over = max(pod.ends, asked + pod.grace)
    if now < over:
        moment = local_time(datetime.fromtimestamp(int(over), UTC), seconds=True)
        return LEAVING, f"its node cannot answer: its grace period is over at {moment}"
    if waiting:
        return LEAVING, f"its node cannot answer, and its replacement is not Ready: {waiting}"
    if nowhere:
        return HELD, f"its replacement fits no node ({nowhere}), and its own cannot answer: it may still run there"
    instead = "its replacement is Ready" if pod.owner else "nothing replaces it"
    return GONE, f"its node cannot answer: it counts as gone, since its grace period is over and {instead}"
