# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All signs of a snapshot, from every source, before anything is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._vocabulary.listing import amount
from ..contract.durations import parse_duration
from ..moments import shown_moment
from ..node_history import CANCELLED, RETURNED, UNDER_WAY
from .actions import ACTIONS, REPORT, strength
from .conditions import condition_signs
from .dcgm import metrics_signs
from .engines import stands_still_since
from .events import event_signs
from .fabric import bad_states
from .infiniband import port_signs
from .nodes import count_signs, readiness_signs
from .pods import DEVICE_PLUGIN, failing_signs
from .signs import ENGINE, HISTORY, METRICS, Gpu, Sign
from .sources import source_signs, unreadable_signs
from .world import World

PROVED = (RETURNED, CANCELLED, UNDER_WAY)
"""How a journey of a node ends: proved well, or ended by a person. One that is under way keeps the node out itself."""


def all_signs(world: World) -> Iterator[Sign]:
    """Every sign in the snapshot."""
    known = frozenset(world.policy.index)
    limits, now, snap = world.policy.limits, world.now, world.snapshot
    has_plugin = any(DEVICE_PLUGIN in parts for parts in world.parts.values())
    for name, node in world.nodes.items():
        events = world.events.get(name, [])
        yield from condition_signs(name, node["conditions"], known)
        yield from event_signs(events, known)
        yield from readiness_signs(node, events, world.earlier_events(name), snap["leases"].get(name), now, limits)
        yield from _history_signs(world, node)
        if not node["gpu"]:
            continue
        plugin = world.parts.get(name, {}).get(DEVICE_PLUGIN, False) if has_plugin else None
        expected = world.agreed_gpus(node) or node["labelled"] if name in world.whole else 0
        common = world.common.get((node["product"], node["kind"]), 0) if name in world.whole else 0
        yield from count_signs(node, expected, world.seen_gpus(name), common, plugin, now)
        yield from port_signs(name, snap["infiniband"].get(name), world.agreed_ports(node), now)
        yield from source_signs(world, node)
        if "gpus" in (report := snap["metrics"].get(name, {})):
            yield from metrics_signs(name, report, report["at"], limits, _bad_states(world, node))
            yield from _last_xid_signs(world, name, report)
    yield from failing_signs(snap["pods"], now, limits["failing_pods"])
    yield from _engine_signs(world)
    yield from unreadable_signs(world)


def is_last_value(sign: Sign) -> bool:
    """Whether a sign is only the gauge of a last code, which nobody can say the time of."""
    return sign.source == METRICS and sign.at is None and bool(sign.xid)


def _bad_states(world: World, node: Mapping[str, Any]) -> Mapping[int, str]:
    """The states of the fabric manager that are bad on a node."""
    up_since = max(node["created"] or 0.0, world.boots.get(node["name"], 0.0))
    return bad_states(node["product"], world.most_gpus(node), world.now - up_since)


def _last_xid_signs(world: World, node: str, report: Mapping[str, Any]) -> Iterator[Sign]:
    """The gauge of the last XID, where nothing counts that code: with a time only if it changed since a look before."""
    before: Mapping[str, int] = world.snapshot["last_xids"]
    for gpu in report["gpus"]:
        code = gpu.get("last_xid", 0)
        if not code or str(code) in gpu.get("xids", {}):
            continue
        changed = gpu["uuid"] in before and before[gpu["uuid"]] != code
        text = f"DCGM_FI_DEV_XID_ERRORS, the last code, is {code}"
        text += f"; it was {before[gpu['uuid']]} before" if changed else "; since when, it does not say"
        at = report["at"] if changed else None
        which = Gpu(gpu["uuid"], gpu["index"], gpu["pci"])
        yield Sign(f"xid {code}", METRICS, node, text, at, report["at"], which, max_age="metrics_max_age")


def _history_signs(world: World, node: Mapping[str, Any]) -> Iterator[Sign]:
    entries = [entry for entry in node["history"] if isinstance(entry, dict)]
    if not entries:
        return
    newest = max(entries, key=lambda entry: entry.get("at") or 0.0)
    if newest.get("state") not in PROVED:
        what = f"{newest.get('fault') or 'something'} was found; the node is {newest.get('state', 'in no known state')}"
        text = f"{what} since {shown_moment(newest.get('at')) or 'an unknown time'}"
        yield Sign("repair_unproven", HISTORY, node["name"], text, newest.get("at"), world.now)
    since = world.now - world.policy.limits["remediations_within"]
    repairs = [entry for entry in entries if (entry.get("at") or 0.0) >= since and _is_repair(entry)]
    if len(repairs) >= world.policy.limits["remediations"]:
        text = f"{amount(len(repairs), 'repair')} since {shown_moment(since)}"
        yield Sign("remediated_too_often", HISTORY, node["name"], text, None, world.now, times=len(repairs))


def _is_repair(entry: Mapping[str, Any]) -> bool:
    action = entry.get("action")
    return action in ACTIONS and strength(str(action)) > strength(REPORT)


def _engine_signs(world: World) -> Iterator[Sign]:
    graces = {
        str(model["name"]): parse_duration(str(said)).total_seconds()
        for model in world.contract.get("models") or ()
        if (said := (model.get("health_gate") or {}).get("heartbeat_grace"))
    }
    if world.snapshot["engines_error"]:
        text = f"no engine could be looked at: {world.snapshot['engines_error']}"
        yield Sign("source_stale", ENGINE, "", text, None, world.now)
    ready = {f"{pod['namespace']}/{pod['name']}" for pod in world.snapshot["pods"] if pod["ready"]}
    for engine in world.snapshot["engines"]:
        # One that loads or sleeps has no requests to answer, and is not ready.
        if engine["pod"] not in ready:
            continue
        node, pod = engine["node"], engine["pod"]
        if engine["error"]:
            text = f"the engine's metrics could not be read: {engine['error']}"
            yield Sign("source_stale", ENGINE, node, text, None, world.now, pod=pod)
        grace = graces.get(engine["model"], world.policy.limits["heartbeat_grace"])
        since = stands_still_since(engine["samples"])
        if since is not None and engine["samples"][-1]["at"] - since >= grace:
            last = engine["samples"][-1]
            text = f"{last['running'] + last['waiting']:.0f} requests, and no token since {shown_moment(since)}"
            yield Sign("engine_hung", ENGINE, node, text, since, last["at"], max_age="metrics_max_age", pod=pod)
