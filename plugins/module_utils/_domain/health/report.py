# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's health as people read it: rows of a table, blocks, and why a run ends as failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.wording import addressed, spoken
from ..contract.schema_health import SEVERITIES
from ..contract.typed import Contract
from ..table import wrapped
from .actions import badness
from .finding import Finding, place

NEVER = "never"
_ALLOWED = {"auto": "Fireworks does it", "approve": "once it is approved", "never": "not by Fireworks"}
_LABEL = len("  Evidence  ")


def health_rows(
    contract: Contract, assessment: Mapping[str, Any], error: str = "", at_least: str = "warning"
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


def health_blocks(
    contract: Contract, assessment: Mapping[str, Any], at_least: str = "warning", wide: int = 100
) -> list[str]:
    """A block for each finding of one cluster that is at least so bad: what, where, since when, by which evidence, what
    it touches, what comes next, and who to call."""
    cluster = str(contract["identity"]["name"])
    found = map(Finding.from_dict, assessment.get("findings") or ())
    return [_block(cluster, one, wide) for one in found if badness(one.severity) >= badness(at_least)]


def _block(cluster: str, one: Finding, wide: int) -> str:
    fault = f"{one.fault}: {one.title}" if one.title else one.fault
    lines = wrapped(f"{one.severity.upper()} {fault}", f"{cluster}, {place(one)}: ", wide)
    repair = f"{spoken(one.action)} ({_ALLOWED.get(one.allowed, one.allowed)})" if one.allowed else spoken(one.action)
    said = {
        "Since": one.since or "not known",
        "Evidence": "\n".join(_evidence(each) for each in one.evidence) or "none",
        "Replicas": _touched(one),
        "Next": ": ".join(filter(None, (repair, one.ask or one.why))),
        "Call": addressed(one.owner, one.contact) if one.owner else "nobody",
    }
    for label, text in said.items():
        lines += wrapped(text, f"  {label}".ljust(_LABEL), wide)
    return "\n".join(lines)


def _evidence(each: Mapping[str, Any]) -> str:
    times = f", {each['times']} times" if int(each.get("times") or 1) > 1 else ""
    said = ": ".join(filter(None, (str(each.get(key) or "") for key in ("source", "signal", "text"))))
    return f"{said} (at {each.get('at') or 'an unknown time'}{times})"


def _touched(one: Finding) -> str:
    replicas = Counter(str(each["model"]) for each in one.replicas)
    said = ", ".join(f"{count} of {model}" for model, count in replicas.items())
    return f"{said}{'' if one.replicas_exact else ', all on the node: nobody knows which'}" if said else "none"


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
    said = [f"{amount(bad, 'finding')} of severity {fail_on} or worse"] if bad else []
    said += [f"{amount(unread, 'cluster')} could not be judged"] if unread else []
    return " and ".join(said)


def _row(cluster: str, **cells: str) -> dict[str, str]:
    empty = dict.fromkeys(("place", "severity", "fault", "action", "allowed", "confidence", "owner", "next"), "")
    return {"cluster": cluster, **empty, **cells}
