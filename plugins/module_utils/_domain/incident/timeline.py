# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened, when: put together from an incident's entries and whatever else knows of that time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..._vocabulary.wording import addressed, spoken
from ..moments import seconds_at, shown_moment
from ..redaction import redacted
from .incident import Entry, Incident, unfolded
from .symptom import Symptom

Data = Mapping[str, Any]
Row = dict[str, str]

BEFORE = 7200.0
"""Seconds before the first symptom in which what happened may matter."""
MOST_ROWS = 400
_MOST_NAMES = 8


def span(incident: Incident, now: str) -> tuple[float, float]:
    """From its first symptom to its end, or until now, in seconds since 1970."""
    moments = [seconds_at(one.since) for one in incident.symptoms] + [seconds_at(incident.opened)]
    first = min((at for at in moments if at is not None), default=seconds_at(now) or 0.0)
    return first, max(first, seconds_at(incident.closed or now) or first)


def timeline(incident: Incident, rows: Iterable[Row], now: str) -> list[Row]:
    """Its entries and these rows (``at``, ``source``, ``what``) of its time, in the order of time."""
    since, until = span(incident, now)
    moments = ((row, seconds_at(row["at"])) for row in rows)
    of_its_time = [row for row, moment in moments if moment is not None and since - BEFORE <= moment <= until]
    every = sorted([*of_entries(incident), *of_its_time], key=lambda row: row["at"])
    once = list({(row["at"], row["source"], row["what"]): row for row in every}.values())
    if len(once) <= MOST_ROWS:
        return once
    left = {"at": once[MOST_ROWS]["at"], "source": "", "what": f"{len(once) - MOST_ROWS} more are not shown"}
    return [*once[:MOST_ROWS], left]


def of_entries(incident: Incident) -> Iterator[Row]:
    for entry in incident.entries:
        at = str(entry.get("at") or incident.opened)
        for what in _told(entry):
            yield {"at": at, "source": "incident", "what": what}


def _told(entry: Entry) -> Iterator[str]:
    by = f" by {entry['by']}" if entry.get("by") else ""
    if entry.get("note") or not entry.get("symptoms"):
        yield f"{entry['did']}{by}: {entry.get('note', '')}".rstrip(": ")
    for row in entry.get("symptoms") or ():
        yield f"{entry['did']}{by}: {symptom_text(unfolded([row]))}"
    if cause := entry.get("cause"):
        yield f"suspected: {cause_text(cause)}"
    if action := entry.get("action"):
        yield action_text(action)
    if bundle := entry.get("bundle"):
        yield f"support bundle {bundle.get('file')}, SHA-256 {bundle.get('sha256')}"


def symptom_text(alike: list[Symptom]) -> str:
    """Symptoms that differ in nothing but the node."""
    names = [one.place for one in alike[:_MOST_NAMES]]
    more = f" and {len(alike) - len(names)} more" if len(alike) > len(names) else ""
    touched = f", touches {', '.join(alike[0].touches)}" if alike[0].touches else ""
    return f"{spoken(alike[0].fault)} ({alike[0].severity}) of {', '.join(names)}{more}{touched}"


def cause_text(cause: Data) -> str:
    changed = f"; changed last: {cause['changed']}" if cause.get("changed") else ""
    return f"{cause_name(cause)} ({cause.get('why')}){changed}"


def cause_name(cause: Data) -> str:
    return f"{cause.get('kind', '')} {cause.get('name', '')}".strip()


def action_text(action: Data) -> str:
    """Who has to act, and what exactly is asked of them."""
    who = addressed(str(action.get("owner") or "fireworks"), action.get("contact") or None)
    return f"action required by: {who}: {action.get('ask')}"


def of_changes(changes: Iterable[Data]) -> Iterator[Row]:
    for one in changes:
        yield {"at": str(one["at"]), "source": "change", "what": str(one["what"])}


def of_events(events: Iterable[Data]) -> Iterator[Row]:
    """Warnings, as ``support.describe.event`` gives them."""
    for one in events:
        if one.get("type") == "Warning":
            what = f"{one['kind']} {one['name']}: {one['reason']}: {one['said']}"
            yield {"at": str(one["at"]), "source": "event", "what": what}


def of_records(records: Iterable[Data]) -> Iterator[Row]:
    """What this collection did in the cluster, by the records of a controller."""
    for one in records:
        reason = f": {redacted(str(one['reason']))}" if one.get("reason") else ""
        what = f"{one.get('operation')} by {one.get('by')} ended: {one.get('result')}{reason}"
        yield {"at": str(one.get("ended") or ""), "source": "record", "what": what}


def of_alerts(answer: Data) -> Iterator[Row]:
    """Each alert of the time, by what our telemetry answers: the value is when it began."""
    for series in (answer.get("data") or {}).get("result") or ():
        labels = series.get("metric") or {}
        where = ", ".join(str(labels[key]) for key in ("node", "model", "objective", "deployment") if labels.get(key))
        what = f"{labels.get('alertname')} ({labels.get('severity')}){f' of {where}' if where else ''}"
        yield {"at": shown_moment(float(series["value"][1])), "source": "alert", "what": what}
