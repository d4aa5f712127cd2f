# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on their way out of service and back, and the next step of one among twenty."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema_health import TOPICS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import shown_moment
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation import (
    Fleet,
    Seen,
    Step,
    budget_of,
    faults_by_node,
    journey_of,
    limits_of,
    next_step,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Given

NOW = 1_800_000_000.0
OURS = "byoc.fireworks.ai/"
SAYS = OURS + "remediation-"
H100 = "NVIDIA-H100-80GB-HBM3"
ALL_AUTO = dict.fromkeys(("cordon", "drain", "restart_plugin", "gpu_reset", "reboot", "replace"), "auto")
SRE, BOSS = "sre@fireworks.example", "boss@acme.example"
NOTHING = Seen()
ASKED = Seen(given=Given(SRE))
THEIRS = {"key": "acme.example/reserved", "effect": "NoSchedule"}
Manifest = dict[str, Any]


def node(name: str = "gpu-1", *, ready_since: float = NOW - 7200, offered: int = 8, **said: str) -> Manifest:
    """A GPU node, with what its annotations say of a journey."""
    return {
        "metadata": {
            "name": name,
            "uid": "u-" + name,
            "resourceVersion": "7",
            "labels": {"nvidia.com/gpu.product": H100},
            "annotations": {SAYS + key.replace("_", "-"): value for key, value in said.items()},
        },
        "spec": {"taints": [dict(THEIRS)]},
        "status": {
            "capacity": {"nvidia.com/gpu": "8"},
            "allocatable": {"nvidia.com/gpu": str(offered)},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": shown_moment(ready_since)}],
        },
    }


def finding(action: str = "reboot", at: float | None = NOW - 10, name: str = "gpu-1", **more: Any) -> Finding:
    given = {"node": name, "fault": "xid_79", "action": action, "quarantine": action != "restart_pod"}
    return Finding(**{**given, "at": shown_moment(at), **more})


def contract(**sections: Any) -> Manifest:
    contacts = {topic: {"name": "Acme", "email": f"{topic}@acme.example"} for topic in TOPICS}
    return {"actions": dict(ALL_AUTO), "remediation": {}, "change": asking(None), "contacts": contacts, **sections}


def asking(node_action: str | None) -> Manifest:
    """What a contract says of approvals; None where it does not say whether actions on nodes need one."""
    said_of_nodes = {"node_action": node_action} if node_action else {}
    return {"approvals": {"approvers": [BOSS], "sources": ["cluster", "file"], **said_of_nodes}}


def plan(
    it: Manifest,
    *findings: Finding,
    agreed: Manifest | None = None,
    others: tuple[Manifest, ...] = (),
    seen: Seen = NOTHING,
    fleet: Fleet | None = None,
    now: float = NOW,
) -> Step:
    """The next step of a node among 20, all else well."""
    agreed = agreed or contract()
    rest = [node(f"other-{number}") for number in range(19 - len(others))]
    journeys = [journey_of(one) for one in (it, *others, *rest)]
    faults = faults_by_node(findings)
    sick = {name: min(one.since or 0.0 for one in found) for name, found in faults.items()}
    budget = budget_of(journeys, sick, limits_of(agreed), now, fleet)
    return next_step(it, faults.get(it["metadata"]["name"], []), budget, agreed, now, seen)


def after(it: Manifest, step: Step, now: float = NOW) -> Manifest:
    """The node after the step's patch, as a JSON merge patch works."""
    assert step.patch is not None, step

    def merged(old: Any, new: Any) -> Any:
        if not isinstance(new, dict):
            return new
        kept = dict(old) if isinstance(old, dict) else {}
        for key, value in new.items():
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = merged(kept.get(key), value)
        return kept

    return dict(merged(copy.deepcopy(it), step.patch))


def quarantined(action: str = "reboot", **more: Any) -> Manifest:
    it = node()
    return after(it, plan(it, finding(action, **more)))


def said(it: Manifest) -> dict[str, str]:
    return {key.removeprefix(SAYS): value for key, value in it["metadata"]["annotations"].items()}


def in_state(state: str, *, cordoned: bool = True, since: float = NOW - 60, **more: str) -> Manifest:
    """A node on its way, with our marks."""
    words = {"state": state, "since": shown_moment(since), "session": "s-1", "reason": "XID 79", "faults": "xid_79",
             "goal": "reboot", "drains": "true", "cordoned": str(cordoned).lower(), "gpus": "8", **more}  # fmt: skip
    it = node(**words)
    it["spec"] = {"taints": [THEIRS, {"key": OURS + "quarantined", "effect": "NoSchedule"}], "unschedulable": True}
    return it


def approved(step: Step, **more: str) -> Seen:
    """What was seen, with an approval of what a step waits for."""
    given = {"by": BOSS, "digest": step.digest, "given_at": shown_moment(NOW - 60), **more}
    return replace(ASKED, given=Given(SRE, approvals=[given]))
