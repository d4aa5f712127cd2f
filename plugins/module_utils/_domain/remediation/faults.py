# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remediation reads of a finding: how far it asks to go, since when, and which pods it touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..health.actions import badness, empties_the_node
from ..health.finding import Finding
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

#: What is not here asks for nothing.
_GOALS = {
    "restart_pod": RESTART_POD,
    "restart_plugin": RESTART_PLUGIN,
    "restart_fabric_manager": HUMAN,
    "quarantine": HUMAN,
    "drain": HUMAN,
    "diagnose": HUMAN,
    "gpu_reset": GPU_RESET,
    "reboot": REBOOT,
    "inspect": HUMAN,
    "replace": REPLACE,
}

_BLINDING = ("source_missing", "source_stale")


@dataclass(frozen=True)
class Fault:
    """A finding that asks for something. ``at`` is the newest evidence and ``since`` the oldest, in seconds since 1970;
    None where that is unknown. ``these``: the very pods, by UID where it is known: a restarted one may have its name
    again. ``breaks``: whether it may be why requests fail; what only warns is not."""

    kind: str
    goal: str
    drains: bool
    quarantines: bool
    at: float | None
    since: float | None
    gpu: str
    pods: tuple[str, ...]
    these: tuple[str, ...]
    pods_exact: bool
    unsure: bool
    why: str
    breaks: bool = True

    @property
    def strength(self) -> int:
        """How far it goes; whatever only a human can decide goes before every repair of ours."""
        return len(LADDER) if self.goal == HUMAN else LADDER.index(self.goal)


def fault_of(finding: Finding) -> Fault | None:
    """The finding as a fault; None where it asks for nothing."""
    goal = _GOALS.get(finding.action)
    if goal is None:
        return None
    at = seconds_at(finding.at)
    gpu = finding.gpu or {}
    uids = {f"{one['namespace']}/{one['name']}": str(one.get("uid") or "") for one in finding.replicas}
    pods = (finding.pod,) if finding.pod else tuple(uids)
    return Fault(
        kind=finding.fault,
        goal=goal,
        drains=empties_the_node(finding.action),
        quarantines=finding.quarantine,
        at=at,
        since=seconds_at(finding.since) or at,
        gpu=str(gpu.get("uuid") or gpu.get("index") or ""),
        pods=pods,
        these=tuple(uids.get(pod) or pod for pod in pods),
        pods_exact=bool(finding.pod) or finding.replicas_exact,
        unsure=finding.confidence == "low",
        why=finding.why or finding.title,
        breaks=badness(finding.severity) >= badness("error"),
    )


def faults_by_node(findings: Iterable[Finding]) -> dict[str, list[Fault]]:
    """The faults of each node, the strongest first."""
    found: dict[str, list[Fault]] = {}
    for finding in findings:
        fault = fault_of(finding)
        if fault and finding.node:
            found.setdefault(finding.node, []).append(fault)
    return {node: sorted(faults, key=lambda fault: -fault.strength) for node, faults in found.items()}


def blind_nodes(findings: Iterable[Finding]) -> dict[str, str]:
    """Nodes of which a source of signs says nothing, and what is missing: nobody can say that these are well."""
    return {
        finding.node: finding.why or finding.title or "a source is missing or stale"
        for finding in findings
        if finding.fault in _BLINDING and finding.node
    }
