# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a repaired node may serve again: what still speaks against it."""

from __future__ import annotations

from collections.abc import Sequence

from ..moments import seconds_at, shown_moment
from .faults import Fault
from .journey import Journey, Node, gpus_expected, units_offered

_GOOD_WHEN_TRUE = ("Ready",)
#: Conditions of the kubelet and of detectors that are bad when true. An unknown one of somebody else is not judged.
_BAD_WHEN_TRUE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "KernelDeadlock")


def doubts(
    node: Node, journey: Journey, faults: Sequence[Fault], blind: str, healthy_for: float, now: float
) -> list[str]:
    """What speaks against the node; of a node that may serve again, nothing.

    :param faults: all that are known of it, whether old or new.
    :param blind: which source of signs is missing.
    :param healthy_for: how long all has to be well, in seconds.
    """
    found = [f"nobody can say that it is well: {blind}"] if blind else []
    well_since = max([journey.repaired, *(fault.at or 0.0 for fault in faults if fault.quarantines)])
    conditions = {one["type"]: one for one in (node.get("status") or {}).get("conditions") or ()}
    for kind in (*_GOOD_WHEN_TRUE, *_BAD_WHEN_TRUE):
        condition = conditions.get(kind, {"status": "Unknown" if kind in _GOOD_WHEN_TRUE else "False"})
        if condition["status"] != ("True" if kind in _GOOD_WHEN_TRUE else "False"):
            found.append(f"its condition {kind} is {condition['status']}")
        well_since = max(well_since, seconds_at(condition.get("lastTransitionTime")) or 0.0)
    offered, expected = units_offered(node), max(journey.gpus, gpus_expected(node))
    if offered < expected:
        found.append(f"it offers {offered} of {expected} GPUs")
    if now < well_since + healthy_for:
        found.append(f"it has to be well until {shown_moment(well_since + healthy_for)} (remediation.healthy_for)")
    return found
