# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done about a node before, as the node itself carries it: one annotation, which remediation writes and both
remediation and health read. docs/health.md has its keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .._vocabulary.others_json import read_json
from .moments import seconds_at
from .names import HISTORY_ANNOTATION, JOURNEY_PREFIX

RETURNED, CANCELLED, UNDER_WAY, UNPROVEN, UNREADABLE = "returned", "cancelled", "under way", "unproven", "unreadable"
SUSPECT = "suspect"
"""The one state of a journey in which a node is still in service."""
_REMEMBERED = 20
"""Past repairs that a node carries: four weeks of the most that the default limits allow."""

Entry = Mapping[str, Any]


def repairs_of(annotations: Mapping[str, Any]) -> tuple[Entry, ...] | None:
    """The past repairs, oldest first; None where they cannot be read."""
    try:
        told = read_json(annotations.get(HISTORY_ANNOTATION) or "[]")
    except (TypeError, ValueError):
        return None
    readable = isinstance(told, list) and all(isinstance(one, dict) for one in told)
    return tuple(told) if readable else None


def with_repair(repairs: Iterable[Entry], latest: Entry) -> str:
    """The annotation's text with one more repair; the oldest are forgotten."""
    return json.dumps([*repairs, latest][-_REMEMBERED:], separators=(",", ":"))


def judged(annotations: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The past repairs as health looks at them: ``fault``, ``gpu``, ``at`` (when the fault was seen), ``action`` and
    ``state``, which says whether the node was proved well since.
    """
    repairs = repairs_of(annotations)
    if repairs is None:
        # Something was remembered, and nobody can tell what: the node has to be proved well.
        return [{"fault": "", "gpu": "", "at": None, "action": "", "state": UNREADABLE}]
    return [
        {
            "fault": str(one.get("fault", "")),
            "gpu": str(one.get("gpu", "")),
            "at": seconds_at(one.get("seen")) or seconds_at(one.get("at")),
            "action": str(one.get("goal", "")),
            "state": _state(annotations, seconds_at(one.get("at"))),
        }
        for one in repairs
    ]


def _state(annotations: Mapping[str, Any], at: float | None) -> str:
    said = annotations.get(JOURNEY_PREFIX + "state") or SUSPECT
    if said != SUSPECT:
        return UNDER_WAY
    for word, state in (("returned", RETURNED), ("released", CANCELLED)):
        ended = seconds_at(annotations.get(JOURNEY_PREFIX + word))
        if at is not None and ended is not None and ended >= at:
            return state
    return UNPROVEN
