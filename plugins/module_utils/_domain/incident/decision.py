# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of symptoms: an incident is opened for them, they are added to one, or nothing is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract.typed import Contract
from ..moments import seconds_at
from ..redaction import redacted
from .cause import asked, belongs, suspected
from .incident import OPENED, SEEN, Entry, Incident, folded
from .symptom import MOST_TEXT, Symptom

Data = Mapping[str, Any]


_MOST_AT_ONCE = 1000
"""Symptoms in one entry: the next one has the others."""


@dataclass(frozen=True)
class Plan:
    """One write: of an entry to an incident, or of the first one to a new one (``incident`` is None)."""

    incident: Incident | None
    entry: Entry


@dataclass
class _Case:
    """An incident, there or to be opened, with what is new about it."""

    incident: Incident | None
    known: list[Symptom]
    new: list[Symptom]


def plans(
    incidents: Sequence[Incident],
    symptoms: Iterable[Symptom],
    nodes: Mapping[str, Data],
    contract: Contract,
    now: str,
    by: str,
    changes: Sequence[Data] = (),
) -> list[Plan]:
    """What is written of these symptoms, in the order in which it is.

    :param nodes: the traits of all nodes by name. :param changes: what was changed lately, as for ``suspected``.
    """
    cases = [_Case(one, one.symptoms, []) for one in incidents if one.is_open]
    known = {one.key for case in cases for one in case.known}
    over = [one for one in incidents if not one.is_open]
    new = [one for one in _once(symptoms, now) if one.key not in known and not any(_was_of(one, its) for its in over)]
    for one in sorted(new, key=lambda one: (not one.component, not one.node, one.key)):
        _placed(one, cases, nodes)
    return [_plan(case, nodes, contract, now, by, changes) for case in cases if case.new]


def _once(symptoms: Iterable[Symptom], now: str) -> list[Symptom]:
    found: dict[str, Symptom] = {}
    for one in symptoms:
        found.setdefault(one.key, one if one.since else replace(one, since=now))
    return list(found.values())


def _placed(one: Symptom, cases: list[_Case], nodes: Mapping[str, Data]) -> None:
    for case in cases:
        if belongs(one, [*case.known, *case.new], nodes):
            case.new.append(one)
            return
    cases.append(_Case(None, [], [one]))


def _was_of(one: Symptom, incident: Incident) -> bool:
    """Whether it is what an incident was closed over: it began before that."""
    began, closed = seconds_at(one.since), seconds_at(incident.closed)
    known = any(one.key == each.key for each in incident.symptoms)
    return known and began is not None and closed is not None and began <= closed


def _plan(
    case: _Case, nodes: Mapping[str, Data], contract: Contract, now: str, by: str, changes: Sequence[Data]
) -> Plan:
    every = [*case.known, *case.new]
    cause = suspected(every, nodes, changes)
    entry: Entry = {"at": now, "did": SEEN if case.incident else OPENED, "by": told(by)}
    entry["symptoms"] = folded(case.new[:_MOST_AT_ONCE])
    before = case.incident.latest("cause") if case.incident else {}
    if (before.get("kind"), before.get("name")) != (cause.kind, cause.name):
        entry["cause"] = {**cause.to_dict(), "changed": cause.changed or str(before.get("changed") or "")}
        if not (case.incident and case.incident.handed_over):
            entry["action"] = asked(cause, every, contract).to_dict()
    return Plan(case.incident, entry)


def told(text: Any, most: int = MOST_TEXT) -> str:
    """A text as an incident keeps it: bounded, and without secrets and what users asked models."""
    return redacted(str(text or ""))[:most]
