# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``assess``: from a snapshot to findings, and to what each GPU node is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Contract
from ..moments import shown_moment
from .actions import IGNORE, QUARANTINE, RECORD, badness, strength, strongest
from .finding import Finding
from .gathering import all_signs
from .grouping import grouped
from .judging import judge
from .policy import Policy
from .recurrence import spread
from .snapshot import Snapshot
from .world import World

HEALTHY, UNKNOWN, WATCH, SICK = "healthy", "unknown", "watch", "sick"


@dataclass(frozen=True)
class Assessment:
    """What was found. ``nodes`` has each GPU node, and others with a finding: its state, and what is wanted."""

    findings: list[Finding]
    nodes: dict[str, dict[str, Any]]
    summary: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The assessment as plain data."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "nodes": self.nodes,
            "summary": self.summary,
        }


def assess(snapshot: Snapshot, policy: Policy, contract: Contract, now: float) -> Assessment:
    """Judge a cluster's health.

    snapshot: of ``snapshot``, or a recorded one for which ``check_snapshot`` was called. contract: its actions,
    contacts, models and health are used. now: seconds since 1970; for a recorded snapshot, when it was taken.

    A node is ``sick`` where something wants it out of service, ``watch`` where something less is wanted, ``unknown``
    where nothing is found and a source of signs is missing or silent, and else ``healthy``. Findings come worst first.
    """
    world = World(snapshot, policy, contract, now)
    signs = list(all_signs(world))
    groups = grouped(world, signs)
    gpus = spread(world, groups)
    found = [finding for group in groups if (finding := judge(world, group, gpus))]
    found.sort(key=lambda one: (-badness(one.severity), -strength(one.action), one.node, one.id))
    blind = {sign.node for sign in signs if sign.signal in ("source_missing", "source_stale")}
    if any(
        finding.fault == policy.index["source_missing"] and not finding.evidence[0].get("node") for finding in found
    ):
        # What may not be read of the whole cluster is not known of any node.
        blind |= set(world.nodes)
    nodes = _nodes(world, found, blind)
    return Assessment(found, nodes, _summary(world, found, nodes))


def _nodes(world: World, found: Sequence[Finding], blind: set[str]) -> dict[str, dict[str, Any]]:
    by_node: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        by_node[finding.node].append(finding)
    return {
        name: _node(by_node.get(name, []), name in blind, node)
        for name, node in world.nodes.items()
        if node["gpu"] or name in by_node
    }


def _node(found: Sequence[Finding], blind: bool, node: Mapping[str, Any]) -> dict[str, Any]:
    about_it = [finding for finding in found if not finding.fault.startswith("source_")]
    action = strongest(finding.action for finding in about_it)
    quarantine = any(finding.quarantine for finding in about_it)
    if quarantine or strength(action) >= strength(QUARANTINE):
        state = SICK
    elif strength(action) > strength(RECORD):
        state = WATCH
    else:
        state = UNKNOWN if blind else HEALTHY
    return {
        "state": state,
        "action": "" if action == IGNORE else action,
        "quarantine": quarantine,
        "faults": sorted({finding.fault for finding in found}),
        "cordoned": node["cordoned"],
    }


def _summary(world: World, found: Sequence[Finding], nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    states = Counter(node["state"] for node in nodes.values())
    severities = Counter(finding.severity for finding in found)
    return {
        "taken": shown_moment(world.snapshot["taken"]),
        "policy": world.policy.version,
        "nodes": {state: states[state] for state in (HEALTHY, WATCH, SICK, UNKNOWN)},
        "findings": {severity: severities[severity] for severity in ("critical", "error", "warning", "info")},
        "worst": next((finding.severity for finding in found), ""),
    }
