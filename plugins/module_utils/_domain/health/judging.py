# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a group of signs to a finding: what the policy recommends, and what speaks for less or for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..moments import shown_moment
from ..people import contact
from .actions import FABRIC_MANAGER, IGNORE, QUARANTINE, RECORD, REPORT, RESTART_POD, allowed, at_most, strength
from .fabric import has_fabric_manager
from .finding import Finding
from .gathering import is_last_value
from .grouping import Group
from .recurrence import Spread, recurred
from .signs import METRICS, Sign
from .world import World

_SETTLED = 60.0
"""Seconds until the exporter's reading of the driver's word is surely newer than what the driver had to say."""
_MOST_EVIDENCE = 10
_WORST_WHEN_DOUBTED = {"critical": "warning", "error": "warning"}


@dataclass
class _Draft:
    action: str
    severity: str
    decided_by: str
    why: str
    doubted: bool = False


def judge(world: World, group: Group, gpus: Spread) -> Finding | None:
    """The finding of a group; None for what the policy ignores."""
    row = group.row
    if row.action == IGNORE:
        return None
    decided = "override" if row.changed_by else "policy"
    why = f"{row.changed_by}'s override" if row.changed_by else f"fault policy {world.policy.version}"
    draft = _Draft(row.action, row.severity, decided, why)
    seen, rule = recurred(world, group, gpus)
    _mind_the_product(world, group, draft)
    _hear_the_driver(world, group, draft)
    if rule and draft.decided_by != "product" and strength(rule.action) > strength(draft.action):
        draft.action, draft.severity, draft.decided_by, draft.why = rule.action, "critical", "recurrence", rule.why
    _doubt(world, group, draft)
    return _finding(world, group, draft, {"incidents": seen, "rule": rule.why if rule else ""})


def _mind_the_product(world: World, group: Group, draft: _Draft) -> None:
    """Nobody can restart a fabric manager where the machine has none of its own: the next best is recommended."""
    node = world.nodes.get(group.node)
    if draft.action != FABRIC_MANAGER or not node or not node["product"]:
        return
    if not has_fabric_manager(node["product"], world.most_gpus(node)):
        draft.action = QUARANTINE if group.row.quarantine else RESTART_POD
        draft.decided_by, draft.why = "product", f"{node['product']} has no fabric manager of its own here"


def _hear_the_driver(world: World, group: Group, draft: _Draft) -> None:
    """The driver's own word, where it is known and newer than the signs, comes before the policy's row."""
    row = group.row
    if not (row.driver_decides or row.fault == world.policy.index["driver_asks"]):
        return
    word, at = _drivers_word(world, group)
    if word is None:
        return
    name, action = world.policy.recovery.get(word, ("unknown", QUARANTINE))
    newest = max((sign.seen for sign in group.signs if sign.source != METRICS and sign.asks is None), default=0.0)
    if action == RECORD and newest > at - _SETTLED:
        return
    draft.action, draft.decided_by = action, "driver"
    draft.why = f"the driver's recovery action is {name} ({word})"
    if action == RECORD:
        draft.severity = "info"


def _drivers_word(world: World, group: Group) -> tuple[int | None, float]:
    """The newest recovery action of the GPU, of its metrics or of a line of XID 154, and its time."""
    words = [(sign.seen, sign.asks) for sign in group.signs if sign.asks is not None and _is_fresh(world, sign)]
    at, report = world.metrics_at(group.node), world.gpu_report(group.node, group.gpu) if group.gpu else None
    if at is not None and report and "recovery" in report:
        words.append((at, report["recovery"]))
    if not words:
        return None, 0.0
    newest, word = max(words)
    return word, newest


def _doubt(world: World, group: Group, draft: _Draft) -> None:
    """Old, unconfirmed or settled evidence is told, and is no ground to empty a node."""
    fresh = [sign for sign in group.signs if _is_fresh(world, sign)]
    boot = world.boots.get(group.node)
    if not fresh:
        _lower(draft, REPORT, "stale", f"the newest evidence is of {shown_moment(group.signs[0].seen)}")
    elif boot is not None and not group.row.survives_boot and all(sign.seen < boot for sign in fresh):
        _lower(draft, RECORD, "rebooted", f"the node was rebooted since, at {shown_moment(boot)}")
    elif all(map(is_last_value, fresh)):
        limit = REPORT if strength(group.row.action) >= strength(QUARANTINE) else RECORD
        _lower(
            draft, limit, "unconfirmed", "only the gauge of the last code says so, and it stays when a fault is over"
        )
    leaving = group.node in world.nodes and world.nodes[group.node]["leaving"]
    if leaving and group.row.fault != world.policy.index["leaving"]:
        _lower(draft, REPORT, "leaving", "the node is being taken away by somebody else")


def _lower(draft: _Draft, limit: str, decided_by: str, why: str) -> None:
    draft.doubted = True
    if strength(draft.action) > strength(limit):
        draft.action, draft.decided_by, draft.why = at_most(draft.action, limit), decided_by, why
        draft.severity = _WORST_WHEN_DOUBTED.get(draft.severity, draft.severity)


def _is_fresh(world: World, sign: Sign) -> bool:
    return not sign.max_age or world.now - sign.seen <= world.policy.limits[sign.max_age]


def _finding(world: World, group: Group, draft: _Draft, recurrence: dict[str, Any]) -> Finding:
    row, gpu = group.row, group.gpu
    replicas, exact = world.affected(group.node, gpu, group.pod) if row.scope != "source" or group.pod else ([], True)
    may = allowed(world.contract, draft.action)
    owner, ask = _owner_and_ask(group, draft, may)
    moments = [sign.at for sign in group.signs if sign.at is not None]
    return Finding(
        # What is of the whole cluster is told apart by what it says.
        id="/".join(filter(None, (group.node, gpu.name or group.pod, row.fault, "" if group.node else _words(group)))),
        fault=row.fault,
        title=row.title,
        node=group.node,
        gpu={"uuid": gpu.uuid, "index": gpu.index, "pci": gpu.pci} if gpu else None,
        pod=group.pod,
        severity=draft.severity,
        action=draft.action,
        allowed=may,
        quarantine=strength(draft.action) >= strength(QUARANTINE) or (row.quarantine and not draft.doubted),
        owner=owner,
        contact=contact(world.contract, row.contact) if owner == Owner.CUSTOMER else NO_CONTACT,
        ask=ask,
        at=shown_moment(max(moments, default=None)),
        since=shown_moment(min(moments, default=None)),
        evidence=_evidence(group.signs),
        recurrence=recurrence,
        replicas=[{key: pod[key] for key in ("namespace", "name", "uid", "model", "gpus")} for pod in replicas],
        replicas_exact=exact,
        confidence=_confidence(group, draft),
        decided_by=draft.decided_by,
        why=draft.why,
        policy=world.policy.version,
    )


def _owner_and_ask(group: Group, draft: _Draft, may: str) -> tuple[Owner, str]:
    """Who has to do something, and what exactly: what we may not do by ourselves is asked of the customer."""
    row = group.row
    if strength(draft.action) <= strength(REPORT):
        return (Owner(row.owner), row.ask if draft.action == REPORT else "")
    ask = row.ask or _ASKS.get(draft.action, "")
    if draft.decided_by in ("driver", "recurrence", "product"):
        ask = _ASKS.get(draft.action, ask)
    if may == "auto" and draft.action not in _BY_HAND:
        return Owner.FIREWORKS, ""
    if may == "approve" and draft.action not in _BY_HAND:
        return Owner.CUSTOMER, f"Approve that we do it, or do it yourselves: {ask}"
    # Decoding a code is ours, whoever may cordon; all else that we may not do is theirs.
    return (Owner.CUSTOMER if draft.action != QUARANTINE or may == "never" else Owner(row.owner)), ask


_BY_HAND = ("restart_plugin", "restart_fabric_manager", "diagnose", "inspect")
"""What only hands on the machine, or rights that nobody has given us, can do."""
_ASKS = {
    "restart_pod": "Delete the pod, so that it is started anew.",
    "restart_fabric_manager": "Restart nvidia-fabricmanager on the node.",
    "quarantine": "Cordon the node, so that nothing new is placed on it.",
    "drain": "Drain the node.",
    "diagnose": "Run NVIDIA's field diagnostic on the GPU once our pods are off it.",
    "gpu_reset": "Reset the GPU with nvidia-smi --gpu-reset once our pods are off it.",
    "reboot": "Reboot the node once our pods are off it.",
    "inspect": "Open a case with the hardware's support; repairs have not lasted.",
    "replace": "Replace the GPU or the machine.",
}


def _words(group: Group) -> str:
    return "-".join(group.signs[0].text.lower().split())


def _confidence(group: Group, draft: _Draft) -> str:
    """high: two sources, or one that saw it itself. medium: one detector's word. low: doubted, or nobody says where."""
    if draft.doubted:
        return "low"
    if draft.decided_by == "driver" or len({sign.source for sign in group.signs}) > 1:
        return "high"
    sign = group.signs[0]
    told = sign.source == "node condition" or sign.signal in ("gpu_count_unlike_others", "pods_failing")
    unplaced = group.row.scope == "gpu" and not group.gpu
    return "low" if unplaced and not told else "medium" if told else "high"


def _evidence(signs: Iterable[Sign]) -> list[dict[str, Any]]:
    return [
        {
            "source": sign.source,
            "signal": sign.signal,
            "text": sign.text,
            "at": shown_moment(sign.at),
            "seen": shown_moment(sign.seen),
            "times": sign.times,
            **({"node": sign.node} if sign.node else {}),
        }
        for sign in tuple(signs)[:_MOST_EVIDENCE]
    ]
