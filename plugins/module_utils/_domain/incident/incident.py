# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident: its entries, of which each is written once and never changed, and what they come to.

It is a ConfigMap. An entry is one key of its data, the entry's number, with one JSON text; the guardrail
``fireworks-incidents`` lets us add the next one and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.others_json import read_json
from ..health.actions import badness
from ..moments import seconds_at
from ..names import INCIDENT_PREFIX, INCIDENTS, SYSTEM_NAMESPACE, labels
from .symptom import Symptom, symptom_from

Data = Mapping[str, Any]
Entry = dict[str, Any]

OPENED, SEEN, NOTED, CLOSED = "opened", "seen", "noted", "closed"
MOST_BYTES, MOST_OF_ONE = 768 * 1024, 64 * 1024
"""Of all entries but the one that closes it, and of one: the API server keeps no more than 1 MiB of a ConfigMap."""
MOST_OF_THE_LAST = 8 * 1024
_NAME = re.compile(f"{INCIDENT_PREFIX}([1-9][0-9]{{0,5}})")
_MOST = 999_999


@dataclass(frozen=True)
class Incident:
    """entries: in their order. keys: of the ConfigMap's data. version: its own, which the next write is over."""

    number: int
    entries: tuple[Entry, ...]
    keys: tuple[str, ...] = ()
    version: str = ""

    @property
    def name(self) -> str:
        return f"{INCIDENT_PREFIX}{self.number}"

    @property
    def next_key(self) -> str:
        """Of the next entry. It is taken where somebody else has added or removed one by another number."""
        return str(len(self.keys) + 1)

    @property
    def is_open(self) -> bool:
        return not any(entry.get("did") == CLOSED for entry in self.entries)

    @property
    def opened(self) -> str:
        return str(self.entries[0].get("at") or "") if self.entries else ""

    @property
    def closed(self) -> str:
        return next((str(entry.get("at") or "") for entry in self.entries if entry.get("did") == CLOSED), "")

    @property
    def symptoms(self) -> list[Symptom]:
        return [each for entry in self.entries for each in unfolded(entry.get("symptoms") or ())]

    @property
    def severity(self) -> str:
        return max((one.severity for one in self.symptoms), key=badness, default="critical")

    def latest(self, key: str) -> dict[str, Any]:
        """What was said last of the ``cause`` or the ``action``; empty where nothing was."""
        said = (entry[key] for entry in reversed(self.entries) if isinstance(entry.get(key), Mapping))
        return dict(next(said, {}))

    @property
    def impact(self) -> list[dict[str, Any]]:
        """What it cost, as it was measured when it was closed."""
        said = [entry["impact"] for entry in self.entries if isinstance(entry.get("impact"), list)]
        return [dict(row) for row in said[-1]] if said else []

    @property
    def handed_over(self) -> bool:
        """Whether a person said whose action it is: then no symptom changes it."""
        return any(entry.get("did") == NOTED and entry.get("action") for entry in self.entries)

    def actions(self) -> list[tuple[str, dict[str, Any]]]:
        """Each change of whose action it was, with its moment."""
        found: list[tuple[str, dict[str, Any]]] = []
        for entry in self.entries:
            action = entry.get("action")
            if isinstance(action, Mapping) and (not found or found[-1][1] != dict(action)):
                found.append((str(entry.get("at") or ""), dict(action)))
        return found

    def has_room(self, text: str) -> bool:
        """Whether an entry fits that does not close it."""
        used = sum(len(as_text(entry).encode()) for entry in self.entries)
        return len(text.encode()) <= MOST_OF_ONE and used + len(text.encode()) <= MOST_BYTES

    def says_already(self, entry: Data) -> bool:
        """Whether its last entry is this one but for the moment: so an answer that was lost is not written twice."""
        mine = {key: value for key, value in entry.items() if key != "at"}
        last = self.entries[-1] if self.entries else {}
        return mine == {key: value for key, value in last.items() if key != "at"}


def minutes_by_owner(incident: Incident, now: str) -> dict[str, float]:
    """For how many minutes it was whose action, from its opening to its end, or until now."""
    end = seconds_at(incident.closed or now) or 0.0
    changes = [(seconds_at(at) or end, str(action.get("owner") or "")) for at, action in incident.actions()]
    found: dict[str, float] = {}
    for number, (at, owner) in enumerate(changes):
        until = min(changes[number + 1][0], end) if number + 1 < len(changes) else end
        found[owner] = found.get(owner, 0.0) + max(0.0, until - at) / 60
    return found


def as_text(entry: Data) -> str:
    """An entry as it is written, the moment first: by its shape the guardrail finds it there."""
    rest = {key: entry[key] for key in sorted(entry) if key not in ("at", "did")}
    return json.dumps({"at": entry["at"], "did": entry["did"], **rest}, ensure_ascii=False)


def folded(symptoms: Iterable[Symptom]) -> list[Entry]:
    """Symptoms that differ in nothing but the node and the moment are one row with all nodes."""
    rows: dict[str, Entry] = {}
    for one in symptoms:
        told = one.to_dict()
        node, since = told.pop("node", ""), told.pop("since", "")
        row = rows.setdefault(json.dumps(told, sort_keys=True), {**told, "nodes": [], "since": since})
        row["nodes"] += [node] if node else []
        row["since"] = min(filter(None, (row["since"], since)), default="")
    return [{key: value for key, value in row.items() if value} for row in rows.values()]


def unfolded(rows: Any) -> list[Symptom]:
    """Each symptom of such rows."""
    whole = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, (list, tuple)) else []
    return [symptom_from({**row, "node": node}) for row in whole for node in row.get("nodes") or [""]]


def incident_of(raw: Data) -> Incident | None:
    """An incident of a ConfigMap; None where that is none. What is no entry of ours counts as a note of somebody's."""
    named = _NAME.fullmatch(str(raw["metadata"]["name"]))
    if not named:
        return None
    data = raw.get("data") or {}
    keys = sorted(data, key=lambda key: (int(key) if key.isdecimal() else _MOST, key))
    entries = tuple(_entry(str(data[key])) for key in keys)
    return Incident(int(named[1]), entries, tuple(keys), str(raw["metadata"].get("resourceVersion", "")))


def _entry(text: str) -> Entry:
    try:
        found = read_json(text, once=True)
    except ValueError:
        found = None
    return dict(found) if isinstance(found, dict) and found.get("did") else {"at": "", "did": NOTED, "note": text}


def manifest(number: int, text: str) -> dict[str, Any]:
    """The ConfigMap of an incident with its first entry."""
    name = f"{INCIDENT_PREFIX}{number}"
    metadata = {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels(INCIDENTS, INCIDENTS)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"1": text}}


def next_number(incidents: Iterable[Incident]) -> int:
    """One more than any that there is: of two controllers that open one at once, the API server refuses the second.

    Where somebody has taken the last number that there is, the first free one.
    """
    taken = {one.number for one in incidents}
    after = max(taken, default=0) + 1
    return after if after <= _MOST else next(number for number in range(1, _MOST + 1) if number not in taken)
