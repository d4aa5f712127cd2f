# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where signs come from: a source that is missing, silent or incomplete is a sign itself, and never says "healthy"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._vocabulary.listing import amount
from ..gpu_units import surely_shared
from ..moments import shown_moment
from .conditions import KERNEL_LOG_READERS
from .pods import DCGM_EXPORTER, NODE_PROBLEM_DETECTOR
from .signs import METRICS, NODE, PODS, Sign
from .world import World


def source_signs(world: World, node: Mapping[str, Any]) -> Iterator[Sign]:
    """The signs about the sources of one GPU node."""
    name = node["name"]
    parts = world.parts.get(name, {})
    if world.sources.get(DCGM_EXPORTER, True):
        yield from _exporter(world, node, parts.get(DCGM_EXPORTER))
    if world.sources.get(NODE_PROBLEM_DETECTOR, True):
        yield from _kernel_log(world, node, parts.get(NODE_PROBLEM_DETECTOR))


def unreadable_signs(world: World) -> Iterator[Sign]:
    """The signs about what nobody may read here, of the whole cluster."""
    for kind in world.snapshot["unreadable"]:
        text = f"the identity of this run may not read {kind} here"
        yield Sign("source_missing", NODE, "", text, None, world.now)


def _exporter(world: World, node: Mapping[str, Any], pod_ready: bool | None) -> Iterator[Sign]:
    name, now = node["name"], world.now
    report = world.snapshot["metrics"].get(name)
    if report is None and pod_ready is None and PODS in world.snapshot["unreadable"]:
        return  # who may not see its pods cannot say that there is none; that is told of the whole cluster
    if report is None and pod_ready is None:
        yield Sign("source_missing", METRICS, name, "there is no DCGM exporter on the node", None, now)
    elif report is None or report.get("error"):
        why = report["error"] if report else "nothing was read of it"
        yield Sign("source_stale", METRICS, name, f"the DCGM exporter does not answer: {why}", None, now)
    elif now - report["at"] > world.policy.limits["metrics_max_age"]:
        text = f"the DCGM exporter's metrics are of {shown_moment(report['at'])}"
        yield Sign("source_stale", METRICS, name, text, report["at"], report["at"])
    else:
        if report["lacking"]:
            text = f"not exported: {', '.join(report['lacking'])}"
            yield Sign("source_incomplete", METRICS, name, text, None, now)
        yield from _completeness(world, node)


def _completeness(world: World, node: Mapping[str, Any]) -> Iterator[Sign]:
    """Whether the exporter reports every GPU of the node."""
    name, now, units = node["name"], world.now, node["capacity"]
    seen, agreed = world.seen_gpus(name), world.agreed_gpus(node)
    there = units if name in world.whole else node["labelled"] or (0 if node["cut"] else agreed)
    if there > seen:
        text = f"the DCGM exporter reports {amount(seen, 'GPU')}, the node has {there}"
        # An exporter may be told to watch some GPUs only. Where the plugin misses all units of one too, it is gone.
        known = name in world.whole or node["labelled"]
        gone = seen and known and (units - node["allocatable"]) * there >= units
        yield Sign("gpu_lost" if gone else "source_stale", METRICS, name, text, None, now)
    elif not seen and units:
        yield Sign("source_stale", METRICS, name, "the DCGM exporter reports no GPU", None, now)
    elif not there and not node["cut"] and seen < units and not surely_shared(units, seen):
        text = f"the DCGM exporter reports {amount(seen, 'GPU')}, the node offers {units}, "
        text += "and nothing says whether these are whole"
        yield Sign("source_stale", METRICS, name, text, None, now)


def _kernel_log(world: World, node: Mapping[str, Any], pod_ready: bool | None) -> Iterator[Sign]:
    name, now = node["name"], world.now
    beats = [beat for kind, *_rest, beat in node["conditions"] if kind in KERNEL_LOG_READERS]
    silent = [kind for kind, *_rest in node["conditions"] if kind.startswith("SysLogs")]
    if not beats and not silent and pod_ready is None:
        text = "nothing on the node reads the kernel's log for XIDs (node-problem-detector)"
        yield Sign("source_missing", NODE, name, text, None, now)
        return
    last = max(filter(None, beats), default=None)
    if last is not None and now - last > world.policy.limits["condition_max_age"]:
        text = f"node-problem-detector's last heartbeat is of {shown_moment(last)}"
        yield Sign("source_stale", NODE, name, text, last, last)
    elif not beats and not silent and not pod_ready:
        yield Sign("source_stale", NODE, name, "node-problem-detector's pod is not ready", None, now)
