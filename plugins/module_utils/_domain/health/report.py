# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's health as people read it: rows of a table, and why a run ends as failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.schema_health import SEVERITIES
from .actions import badness
from .finding import Finding, place

NEVER = "never"


def health_rows(
    contract: Mapping[str, Any], assessment: Mapping[str, Any], error: str = "", at_least: str = "warning"
) -> list[dict[str, str]]:
    """The findings of one cluster that are at least so bad, as rows; one row where there are none, or no answer.

    error: why there is no assessment.
    """
    cluster = str(contract["identity"]["name"])
    if error or not assessment.get("summary"):
        return [_row(cluster, severity="unknown", fault="not judged", next=error or "the cluster was not read")]
    rows = [
        _row(
            cluster,
            place=place(one),
            severity=one.severity,
            fault=one.fault,
            action=one.action,
            allowed=one.allowed,
            confidence=one.confidence,
            owner=one.owner.value,
            next=one.ask or one.why,
        )
        for one in map(Finding.from_dict, assessment["findings"])
        if badness(one.severity) >= badness(at_least)
    ]
    states = assessment["summary"]["nodes"]
    told = ", ".join(f"{states[state]} {state}" for state in states if states[state])
    return rows or [_row(cluster, severity="none", fault="nothing", next=told or "there are no GPU nodes")]


def health_failure(assessments: Iterable[Mapping[str, Any]], fail_on: str) -> str:
    """Why a run ends as failed; empty where it does not.

    assessments: of every cluster, empty where it could not be judged. fail_on: the least severity that fails it; never:
    none does, and neither does a cluster that could not be judged. Raises ValueError for another word.
    """
    if fail_on == NEVER:
        return ""
    if fail_on not in SEVERITIES:
        raise ValueError(f"fail_on: {fail_on!r} is not one of {', '.join([*SEVERITIES, NEVER])}")
    every = list(assessments)
    bad = sum(badness(one["severity"]) >= badness(fail_on) for each in every for one in each.get("findings") or ())
    unread = sum(not each.get("summary") for each in every)
    said = [f"{bad} findings are {fail_on} or worse"] if bad else []
    said += [f"{unread} clusters could not be judged"] if unread else []
    return " and ".join(said)


def _row(cluster: str, **cells: str) -> dict[str, str]:
    empty = dict.fromkeys(("place", "severity", "fault", "action", "allowed", "confidence", "owner", "next"), "")
    return {"cluster": cluster, **empty, **cells}
