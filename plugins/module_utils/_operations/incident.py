# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``incident``: open one for what is wrong, show it, add to it, close it.

Each write is one request over what was read. Of two controllers one is refused and decides again by what the other
wrote; a run that dies leaves whole entries, and the next one goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract.schema_health import OWNERS, TOPICS
from .._domain.contract.typed import Contract
from .._domain.incident.cause import Action
from .._domain.incident.decision import Plan, plans, told
from .._domain.incident.incident import CLOSED, NOTED, Entry, Incident, as_text, incident_of, manifest, next_number
from .._domain.incident.page import incident_row, review_page
from .._domain.incident.symptom import Symptom, of_alert, of_findings, reported
from .._domain.names import SYSTEM_NAMESPACE
from .._domain.people import contact
from .._kube.errors import ConflictError, KubeError
from .._kube.over import MERGE_PATCH
from .._kube.plan import headings
from .._kube.private_file import require_writable, write_private
from .._kube.server_clock import now_at
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.owner import NO_CONTACT, Owner
from .._vocabulary.times import rfc3339
from .incident_reading import CONFIGMAPS, Reader
from .records_file import RECORDS_DIRECTORY
from .who import who_runs

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "do": {"type": "str", "choices": ["open", "show", "note", "close"], "default": "show"},
    "number": {"type": "int"},
    "by": {"type": "str"},
    "note": {"type": "str", "default": ""},
    "owner": {"type": "str", "choices": OWNERS},
    "topic": {"type": "str", "choices": TOPICS, "default": "support"},
    "ask": {"type": "str", "default": ""},
    "bundle": {"type": "dict"},
    "alert": {"type": "dict"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "model": {"type": "str", "default": ""},
    "component": {"type": "str", "default": ""},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "directory": {"type": "str", **RECORDS_DIRECTORY},
    "page_file": {"type": "str"},
}
RULES: dict[str, Any] = {
    "required_if": [("do", "note", ("number",)), ("do", "close", ("number", "note"))],
}

_ATTEMPTS = 20
"""Each conflict is an entry that somebody else has written meanwhile."""

Data = Mapping[str, Any]


class NoSuchIncidentError(KubeError):
    """The cluster has no incident of that number."""

    code = "no_such_incident"


class IncidentError(KubeError):
    """An entry cannot be written."""

    code = "incident_not_written"


class _Keeper:
    """Reads and writes the incidents of one cluster."""

    def __init__(self, session: Session, parameters: Data, context: Context) -> None:
        self._session, self._parameters, self._context = session, parameters, context
        self.contract: Contract = parameters["contract"]
        self.reader = Reader(session, self.contract)
        self.by = parameters["by"] or who_runs()
        self.objects: list[dict[str, str]] = []
        self.diff: list[dict[str, str]] = []
        self.touched: dict[int, Incident] = {}

    def now(self) -> str:
        return rfc3339(now_at(self._session))

    def open(self) -> None:
        """Bring the incidents up to what is wrong now: written one by one, and decided anew after each."""
        nodes, changes, symptoms = self.reader.nodes(), self.reader.changes(), self._symptoms()
        for _attempt in range(_ATTEMPTS):
            incidents = self.reader.incidents()
            planned = plans(incidents, symptoms, nodes, self.contract, self.now(), self.by, changes)
            if not planned:
                self.touched = {one.number: one for one in incidents if one.is_open} | self.touched
                return
            if all(self._written(plan, incidents) for plan in planned) and self._context.check_mode:
                return
        raise self._conflicts()

    def add(self, number: int, entry: Entry) -> None:
        """Append an entry to one of them."""
        for _attempt in range(_ATTEMPTS):
            incident = self.one(number)
            if incident.says_already(entry) or (entry["did"] == CLOSED and not incident.is_open):
                self.touched[number] = incident
                return
            if self._written(Plan(incident, {**entry, "at": self.now()}), ()):
                return
        raise self._conflicts()

    def one(self, number: int) -> Incident:
        there = self.reader.incidents()
        found = next((one for one in there if one.number == number), None)
        if found is None:
            numbers = ", ".join(str(one.number) for one in there) or "none"
            raise NoSuchIncidentError(
                f"there is no incident {number}; there are: {numbers}",
                where=self._session.where,
                next_step="give one of those numbers",
            )
        return found

    def _symptoms(self) -> list[Symptom]:
        given = self._parameters
        found = [*of_findings(given["findings"]), *self.reader.firing()]
        places = [{"node": node} for node in given["nodes"]] or [
            {"model": given["model"], "deployment": given["component"]}
        ]
        if given["alert"]:
            found += [of_alert({**given["alert"], **place}, self.contract) for place in places]
        elif given["note"]:
            about = {"model": given["model"], "component": given["component"]}
            found += [reported(given["note"], node=node, **about) for node in given["nodes"] or [""]]
        return found

    def _written(self, plan: Plan, incidents: Any) -> bool:
        """Write an entry; False where somebody else was first."""
        text = as_text(plan.entry)
        self._require_room(plan, text)
        query = {"fieldManager": "fireworks-byoc", **({"dryRun": "All"} if self._context.check_mode else {})}
        try:
            if plan.incident is None:
                made = manifest(next_number([*incidents, *self.touched.values()]), text)
                live = self._session.request("POST", CONFIGMAPS, query=query, body=made)
            else:
                over = {"resourceVersion": plan.incident.version}
                body = {"metadata": over, "data": {plan.incident.next_key: text}}
                path = f"{CONFIGMAPS}/{plan.incident.name}"
                live = self._session.request("PATCH", path, query=query, body=body, content_type=MERGE_PATCH)
        except ConflictError:
            return False
        self._note(plan, live, text)
        return True

    def _note(self, plan: Plan, live: Data, text: str) -> None:
        incident = incident_of(live)
        if incident is None:
            raise self._conflicts()
        self.touched[incident.number] = incident
        before = as_text(plan.incident.entries[-1]) if plan.incident and plan.incident.entries else ""
        hashes = {key: hashlib.sha256(said.encode()).hexdigest() if said else "" for key, said in
                  (("before", before), ("after", text))}  # fmt: skip
        action = "updated" if plan.incident else "created"
        one = {"kind": "ConfigMap", "namespace": SYSTEM_NAMESPACE, "name": incident.name, "action": action}
        self.objects.append({**one, **hashes})
        self.diff.append({
            **headings(incident.name, there=bool(plan.incident), action="appended" if plan.incident else "created"),
            "before": "", "after": f"{json.dumps(plan.entry, indent=2, sort_keys=True)}\n",
        })  # fmt: skip

    def _require_room(self, plan: Plan, text: str) -> None:
        incident = plan.incident
        if incident is None:
            return
        if incident.next_key in incident.keys:
            raise IncidentError(
                f"{incident.name}: its entries are not numbered one by one any more, and the next would replace one",
                where=self._session.where,
                next_step="have the customer's administrator number its keys from 1 again",
                owner=Owner.CUSTOMER,
            )
        if plan.entry["did"] != CLOSED and not incident.has_room(text):
            raise IncidentError(
                f"{incident.name} has no room for more",
                where=self._session.where,
                next_step="close it, and open another one for what is left",
            )

    def _conflicts(self) -> IncidentError:
        return IncidentError(
            f"the incidents were changed by somebody else {_ATTEMPTS} times while this was to be written",
            where=self._session.where,
            next_step="run this again",
        )


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Do what is asked, and tell how the incidents are then."""
    if parameters["page_file"]:
        require_writable(parameters["page_file"])
    session = open_session(parameters["connection"], context)
    keeper = _Keeper(session, parameters, context)
    doing, number = parameters["do"], parameters["number"]
    if doing == "show":
        session.check_expected_cluster()
        for one in [keeper.one(number)] if number else keeper.reader.incidents():
            keeper.touched[one.number] = one
    else:
        session.require_expected_cluster()
        if doing == "open":
            keeper.open()
        else:
            keeper.add(number, _entry(parameters, keeper))
    return _result(keeper, parameters, context, whole=bool(number))


def _entry(parameters: Data, keeper: _Keeper) -> Entry:
    """What is noted, or said at the end."""
    closes = parameters["do"] == "close"
    entry: Entry = {
        "at": "",
        "did": CLOSED if closes else NOTED,
        "by": told(keeper.by),
        "note": told(parameters["note"]),
    }
    if bool(parameters["owner"]) != bool(parameters["ask"]):
        raise IncidentError(
            "it is not said both who has to act and what is asked of them", next_step="give owner and ask, or neither"
        )
    if parameters["owner"]:
        theirs = parameters["owner"] == Owner.CUSTOMER
        who = contact(keeper.contract, parameters["topic"]) if theirs else NO_CONTACT
        entry["action"] = Action(parameters["owner"], who, told(parameters["ask"])).to_dict()
    if parameters["bundle"]:
        entry["bundle"] = {key: told(parameters["bundle"].get(key)) for key in ("file", "sha256")}
    if closes:
        entry["impact"] = keeper.reader.impact(keeper.one(parameters["number"]), keeper.now())
    kept = {key: value for key, value in entry.items() if value not in ("", [])}
    if set(kept) <= {"did", "by"}:
        raise IncidentError("nothing is noted: no note, no owner and no bundle", next_step="say what, with note")
    return {"at": "", **kept}


def _result(keeper: _Keeper, parameters: Data, context: Context, *, whole: bool) -> dict[str, Any]:
    cluster, now = str(keeper.contract["identity"]["name"]), keeper.now()
    incidents = [one for _number, one in sorted(keeper.touched.items())]
    found: dict[str, Any] = {
        "changed": bool(keeper.objects),
        "incidents": [incident_row(one, cluster) for one in incidents],
        "objects": keeper.objects,
        "timeline": [],
        "impact": [],
        "page": "",
        "page_file": "",
    }
    if whole and incidents:
        [one] = incidents
        rows = keeper.reader.timeline(one, now, parameters["directory"], cluster)
        costs = one.impact or keeper.reader.impact(one, now)
        found |= {"timeline": rows, "impact": costs, "page": review_page(one, keeper.contract, rows, costs, now)}
    if found["page"] and parameters["page_file"] and not context.check_mode:
        write_private(parameters["page_file"], found["page"])
        found["page_file"] = parameters["page_file"]
    if context.diff_mode and keeper.diff:
        found["diff"] = keeper.diff
    return {**found, "unread": keeper.reader.unread()}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
