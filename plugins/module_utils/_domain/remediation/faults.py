# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remediation reads of a finding: how far it asks to go, since when, and which pods it touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..moments import seconds_at

RESTART_POD, RESTART_PLUGIN, GPU_RESET, REBOOT, REPLACE = (
    "restart_pod",
    "restart_plugin",
    "gpu_reset",
    "reboot",
    "replace",
)
LADDER = (RESTART_POD, RESTART_PLUGIN, GPU_RESET, REBOOT, REPLACE)
"""Repairs from the mildest to the strongest."""
HUMAN = "human"

#: The words of findings. What is not here asks for nothing: ignore, record, report.
_GOALS = {
    "restart_pod": RESTART_POD,
    "restart_plugin": RESTART_PLUGIN,
    "restart_device_plugin": RESTART_PLUGIN,
    "gpu_reset": GPU_RESET,
    "reset_gpu": GPU_RESET,
    "reboot": REBOOT,
    "replace": REPLACE,
    "human": HUMAN,
    "quarantine": HUMAN,
    "drain": HUMAN,
    "diagnose": HUMAN,
    "inspect": HUMAN,
    "restart_fabric_manager": HUMAN,
}
_STAYS_FILLED = ("human", "quarantine", "restart_plugin", "restart_device_plugin", "restart_fabric_manager")
"""For these no pod has to leave."""

_BLINDING = ("source_missing", "source_stale")


@dataclass(frozen=True)
class Fault:
    """A finding that asks for something. ``at`` is the newest evidence and ``since`` the oldest, in seconds since 1970;
    None where that is unknown."""

    kind: str
    goal: str
    drains: bool
    quarantines: bool
    at: float | None
    since: float | None
    gpu: str
    pods: tuple[str, ...]
    pods_exact: bool
    unsure: bool
    owner: str
    why: str

    @property
    def strength(self) -> int:
        """How far it goes; whatever only a human can decide goes before every repair of ours."""
        return len(LADDER) if self.goal == HUMAN else LADDER.index(self.goal)


def fault_of(finding: Mapping[str, Any]) -> Fault | None:
    """The finding as a fault; None where it asks for nothing."""
    goal = _GOALS.get(str(finding.get("action")))
    if goal is None:
        return None
    gpu = finding.get("gpu") or {}
    moments = _moments(finding)
    replicas = finding.get("replicas") or ()
    pods = [finding["pod"]] if finding.get("pod") else [f"{one['namespace']}/{one['name']}" for one in replicas]
    return Fault(
        kind=str(finding.get("class") or finding.get("fault")),
        goal=goal,
        drains=finding["action"] not in _STAYS_FILLED and goal != RESTART_POD,
        quarantines=bool(finding.get("quarantine", goal != RESTART_POD)),
        at=max(moments, default=None),
        since=min(moments, default=None),
        gpu=str(gpu.get("uuid") or gpu.get("index") or "") if isinstance(gpu, Mapping) else str(gpu),
        pods=tuple(pods),
        pods_exact=bool(finding.get("pod")) or bool(finding.get("replicas_exact")),
        unsure=finding.get("confidence") == "low",
        owner=str(finding.get("owner") or ""),
        why=str(finding.get("why") or finding.get("title") or ""),
    )


def faults_by_node(findings: Iterable[Mapping[str, Any]]) -> dict[str, list[Fault]]:
    """The faults of each node, the strongest first."""
    found: dict[str, list[Fault]] = {}
    for finding in findings:
        fault = fault_of(finding)
        if fault and finding.get("node"):
            found.setdefault(str(finding["node"]), []).append(fault)
    return {node: sorted(faults, key=lambda fault: -fault.strength) for node, faults in found.items()}


def blind_nodes(findings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Nodes of which a source of signs says nothing, and what is missing: nobody can say that these are well."""
    return {
        str(finding["node"]): str(finding.get("why") or finding.get("title") or "a source is missing or stale")
        for finding in findings
        if str(finding.get("class") or finding.get("fault")) in _BLINDING and finding.get("node")
    }


def _moments(finding: Mapping[str, Any]) -> list[float]:
    told = [finding.get("at"), finding.get("since"), *(one.get("at") for one in finding.get("evidence") or ())]
    return [at for at in map(seconds_at, told) if at is not None]
