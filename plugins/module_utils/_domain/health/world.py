# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot with what is looked up in it: by node, its GPUs, pods, events and last boot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contract.typed import Contract
from ..gpu_units import known_whole
from .events import Event, last_boot
from .nodes import common_counts
from .pods import holds_gpus, parts_by_node
from .policy import Policy
from .signs import Gpu
from .snapshot import Snapshot


@dataclass
class World:
    """Everything that a judgement looks at. Times are in seconds since 1970; ``now`` is when it is judged."""

    snapshot: Snapshot
    policy: Policy
    contract: Contract
    now: float
    events: dict[str, list[Event]] = field(default_factory=dict)
    replicas: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    boots: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        events, replicas = defaultdict(list), defaultdict(list)
        for event in self.snapshot["events"]:
            events[event[0]].append(event)
        for pod in self.snapshot["pods"]:
            if pod["model"] and holds_gpus(pod):
                replicas[pod["node"]].append(pod)
        self.events, self.replicas = dict(events), dict(replicas)
        self.boots = {node: boot for node, found in events.items() if (boot := last_boot(found)) is not None}
        self.nodes = {node["name"]: node for node in self.snapshot["nodes"]}
        self.parts = parts_by_node(self.snapshot["pods"])
        health = self.contract.get("health") or {}
        self.expected = {entry["product"]: entry for entry in health.get("expect") or ()}
        self.whole = {name for name, node in self.nodes.items() if self._is_whole(node)}
        self.common = common_counts(self.nodes[name] for name in sorted(self.whole))
        self.sources = health.get("sources") or {}
        self._gpus: dict[str, dict[str, Mapping[str, Any]]] = {}

    def agreed_gpus(self, node: Mapping[str, Any]) -> int:
        """How many GPUs the contract says that a node of this product has; 0 where it says nothing."""
        expected = self.expected.get(node["product"])
        return expected["gpus"] if expected else 0

    def agreed_ports(self, node: Mapping[str, Any]) -> int | None:
        """How many InfiniBand ports the contract says are up on a node of this product; None where it says nothing."""
        expected = self.expected.get(node["product"])
        return expected.get("infiniband_ports") if expected else None

    def seen_gpus(self, node: str) -> int:
        """How many whole GPUs the node's exporter reports now; 0 where it does not say."""
        fresh = self.metrics_at(node) is not None
        return len(self.snapshot["metrics"][node].get("gpus", ())) if fresh else 0

    def most_gpus(self, node: Mapping[str, Any]) -> int:
        """How many whole GPUs a node has by whoever knows of the most: one that is lost is missing somewhere."""
        units: int = node["capacity"] if node["name"] in self.whole else 0
        labelled: int = node["labelled"]
        return max(units, labelled, self.seen_gpus(node["name"]), self.agreed_gpus(node))

    def _is_whole(self, node: Mapping[str, Any]) -> bool:
        seen, agreed = self.seen_gpus(node["name"]), self.agreed_gpus(node)
        return known_whole(node["capacity"], parts=node["cut"], labelled=node["labelled"], seen=seen, agreed=agreed)

    def gpu_report(self, node: str, gpu: Gpu) -> Mapping[str, Any] | None:
        """What the exporter reports of a GPU that any source names in any way; None where it does not know it."""
        known = self._gpus.get(node)
        if known is None:
            known = self._gpus[node] = {}
            for one in self.snapshot["metrics"].get(node, {}).get("gpus", ()):
                known.update(dict.fromkeys(filter(None, (one["uuid"], one["pci"], one["index"])), one))
        return known.get(gpu.uuid) or known.get(gpu.pci) or known.get(gpu.index)

    def gpu(self, node: str, gpu: Gpu) -> Gpu:
        """The GPU with all of its names, as far as they are known."""
        report = self.gpu_report(node, gpu) if gpu else None
        if not report:
            return gpu
        return Gpu(report["uuid"], report["index"] or gpu.index, report["pci"] or gpu.pci)

    def earlier_events(self, node: str) -> list[Event]:
        """The events about a node becoming not ready of a snapshot before, where it was taken within the limit."""
        before = self.snapshot.get("not_ready_before") or {}
        recent = before.get("taken", 0.0) >= self.now - self.policy.limits["flaps_within"]
        return [event for event in before.get("events") or () if event[0] == node] if recent else []

    def metrics_at(self, node: str) -> float | None:
        """When the metrics of a node were read, where they are fresh."""
        at = self.snapshot["metrics"].get(node, {}).get("at")
        fresh = at is not None and self.now - at <= self.policy.limits["metrics_max_age"]
        return float(at) if fresh else None

    def affected(self, node: str, gpu: Gpu, pod: str) -> tuple[list[Mapping[str, Any]], bool]:
        """The replicas that a fault touches, and whether they are exactly those; else all on the node."""
        here = self.replicas.get(node, [])
        if pod:
            return [one for one in here if f"{one['namespace']}/{one['name']}" == pod], True
        report = self.gpu_report(node, gpu) if gpu else None
        if report and any(one["pods"] for one in self.snapshot["metrics"][node]["gpus"]):
            return [one for one in here if f"{one['namespace']}/{one['name']}" in report["pods"]], True
        return here, not gpu
