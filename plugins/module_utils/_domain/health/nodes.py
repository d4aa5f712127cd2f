# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: whether they are there, and offer the GPUs that they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from ..._vocabulary.listing import amount
from ..gpu_products import product_of, says_that_it_has_gpus
from ..gpu_units import in_parts, offered, whole_by_labels
from ..moments import seconds_at
from ..names import GPU_PRESENT_LABEL
from ..node_history import judged
from .events import Event, times_not_ready
from .signs import NODE, Raw, Sign

Node = Mapping[str, Any]

_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_LEAVING = (
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "node.cloudprovider.kubernetes.io/shutdown",
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
)
# github.com/NVIDIA/gpu-operator: what says that no device plugin is to offer GPUs to containers now. Its managers of
# drivers and of MIG write "paused-for-…" there while they work.
_PLUGIN_ON = {
    "nvidia.com/gpu.deploy.operands": ("", "true"),
    "nvidia.com/gpu.deploy.device-plugin": ("", "true"),
    "nvidia.com/gpu.workload.config": ("", "container"),
}
YOUNG = 900.0
"""Seconds: a new node is not labelled yet, and its device plugin is still starting."""
# With fewer nodes alike, or less agreement, the count of most says nothing.
_ALIKE, _AGREEMENT = 4, 0.75


def node_record(raw: Raw) -> dict[str, Any]:
    """What is kept of a node."""
    metadata, spec, status = (raw.get(key) or {} for key in ("metadata", "spec", "status"))
    labels, capacity = metadata.get("labels") or {}, status.get("capacity") or {}
    taints = [intern(str(taint.get("key", ""))) for taint in spec.get("taints") or ()]
    return {
        "name": intern(str(metadata.get("name", ""))),
        "product": intern(product_of(labels, capacity)),
        "kind": intern(str(labels.get(_INSTANCE_TYPE, ""))),
        "gpu": bool(offered(capacity)) or labels.get(GPU_PRESENT_LABEL) == "true" or says_that_it_has_gpus(labels),
        "plugin_off": _is_plugin_off(labels),
        # Units, and whether they are known to be parts of GPUs; whole GPUs, as far as the node's own labels count them.
        "capacity": offered(capacity),
        "allocatable": offered(status.get("allocatable") or {}),
        "cut": in_parts(labels, capacity),
        "labelled": whole_by_labels(labels, capacity),
        "cordoned": bool(spec.get("unschedulable", False)),
        "leaving": bool(metadata.get("deletionTimestamp")) or any(taint.startswith(_LEAVING) for taint in taints),
        "addresses": [str(one.get("address", "")) for one in status.get("addresses") or ()],
        "created": seconds_at(metadata.get("creationTimestamp")),
        "conditions": [_condition(one) for one in status.get("conditions") or ()],
        "history": judged(metadata.get("annotations") or {}),
    }


def readiness_signs(
    node: Node,
    events: Sequence[Event],
    before: Sequence[Event],
    lease: float | None,
    now: float,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Whether the kubelet is there: ready, not ready since when, coming and going, or silent.

    before: the events of a look before this one that was not longer ago than flaps are counted.
    """
    name = node["name"]
    ready = next((one for one in node["conditions"] if one[0] == "Ready"), None)
    status, since = (ready[1], ready[4]) if ready else ("never reported", node["created"])
    if status != "True":
        began = since if since is not None else now
        signal = "not_ready" if now - began >= limits["not_ready_grace"] else "not_ready_yet"
        text = f"Ready is {status}" + (f": {ready[2]}: {ready[3]}"[:200] if ready else "")
        yield Sign(signal, NODE, name, text, began, now)
    elif lease is not None and now - lease > limits["lease_max_age"]:
        # The control plane calls it ready still; its node controller may be what is silent.
        text = f"the kubelet renewed its lease {now - lease:.0f} s ago, though Ready is True"
        yield Sign("source_stale", NODE, name, text, lease, lease)
    flaps = times_not_ready(events, now - limits["flaps_within"], before)
    if flaps >= limits["flaps"]:
        text = f"not ready {amount(flaps, 'time')} in {limits['flaps_within'] / 60:.0f} minutes"
        yield Sign("flapping", NODE, name, text, None, now, times=flaps)
    if node["leaving"]:
        yield Sign("leaving", NODE, name, "a taint or its deletion says that the node is being taken away", None, now)


def count_signs(node: Node, expected: int, seen: int, common: int, plugin: bool | None, now: float) -> Iterator[Sign]:
    """Whether a node offers the GPUs that it should.

    expected: how many it has, by the contract or its own labels; 0 where neither says, or where it is not known that
    the node offers whole ones. seen: how many its exporter reports. common: how many most nodes like it have; 0 where
    that says nothing. plugin: whether a device plugin's pod is ready on it; None where no node of the cluster has such
    a pod, since the plugin runs in another way then. Where it is off on purpose, nothing is missing.
    """
    capacity, allocatable, name = node["capacity"], node["allocatable"], node["name"]
    young = node["created"] is not None and now - node["created"] < YOUNG
    if not node["gpu"] or young or node["plugin_off"]:
        return
    what = "parts of GPUs" if node["cut"] else "GPUs"
    if plugin is False:
        text = f"no pod of the device plugin is ready here; {allocatable} of {capacity} {what} are offered"
        yield Sign("device_plugin_missing", NODE, name, text, None, now)
        return
    if allocatable < capacity or (not capacity and (expected or node["cut"])):
        # A kubelet that was just started anew offers none, until its device plugin comes back to it.
        text = f"{allocatable} of {capacity or expected} {what} are offered"
        yield Sign("gpu_not_allocatable", NODE, name, text, None, now)
    if 0 < capacity < expected:
        # What the exporter sees is there, whatever the plugin makes of it.
        signal = "gpu_count" if seen < expected else "gpu_not_allocatable"
        yield Sign(signal, NODE, name, f"it offers {amount(capacity, 'GPU')}, and should have {expected}", None, now)
    elif not expected and capacity < common:
        text = f"{amount(capacity, 'GPU')}, most nodes like it have {common}"
        yield Sign("gpu_count_unlike_others", NODE, name, text, None, now)


def common_counts(nodes: Iterable[Node]) -> dict[tuple[str, str], int]:
    """How many GPUs most nodes of one product and instance type have, where enough of them agree.

    nodes: those that are known to offer whole GPUs.
    """
    seen: dict[tuple[str, str], Counter[int]] = {}
    for node in nodes:
        if node["product"]:
            seen.setdefault((node["product"], node["kind"]), Counter())[node["capacity"]] += 1
    found = {}
    for alike, counts in seen.items():
        ((most, agreeing),) = counts.most_common(1)
        if agreeing >= _ALIKE and agreeing >= _AGREEMENT * counts.total():
            found[alike] = most
    return found


def _is_plugin_off(labels: Mapping[str, Any]) -> bool:
    return any(str(labels.get(label, "")) not in on for label, on in _PLUGIN_ON.items())


def _condition(raw: Raw) -> list[Any]:
    return [
        intern(str(raw.get("type", ""))),
        intern(str(raw.get("status", "Unknown"))),
        intern(str(raw.get("reason", ""))),
        str(raw.get("message", ""))[:2000],
        seconds_at(raw.get("lastTransitionTime")),
        seconds_at(raw.get("lastHeartbeatTime")),
    ]
