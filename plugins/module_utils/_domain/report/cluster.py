# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster's part of the report: plain data, small enough that those of a thousand fit in memory and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._vocabulary.harmless import one_line
from ..._vocabulary.wording import assignee
from ..contract.typed import Contract
from ..drift import installed
from ..health.actions import badness
from ..health.finding import Finding, place
from ..incident.incident import Incident
from ..incident.page import incident_row
from ..objectives.budget import Budget
from ..status import UNREACHABLE, status_row
from ..upgrade.entry import Entry
from .credentials import Lifetime, credential_rows

Data = Mapping[str, Any]
Row = dict[str, Any]

MOST_TEXT = 300
"""Characters of a text that somebody else wrote."""


@dataclass(frozen=True)
class Reading:
    """What was read of one cluster. Of what could not be read there is nothing, and a line in ``unread``.

    facts, findings, models: of ``cluster_info``, ``node_health_info`` and ``model_info``.
    traits: of sick nodes, by name.
    """

    facts: Data
    findings: Sequence[Data] = ()
    models: Sequence[Data] = ()
    upgrades: Sequence[Entry] = ()
    incidents: Sequence[Incident] = ()
    budgets: Sequence[Budget] = ()
    lifetimes: Sequence[Lifetime] = ()
    traits: Mapping[str, Data] = field(default_factory=dict)
    unread: Sequence[str] = field(default_factory=list)


def cluster_report(contract: Contract, read: Reading, now: float) -> Row:
    """Its part of the report."""
    notes = read.facts.get("annotations") or {}
    return {
        **_head(status_row(contract, read.facts), contract),
        "gpus": _gpus(read.facts["gpus"]["products"]),
        "models": _models(read.models, read.facts["models"]),
        "budgets": [row.to_dict() for row in read.budgets],
        "findings": [_finding(each) for each in read.findings],
        "rollouts": _rollouts(read.upgrades, read.models),
        "incidents": _incidents(read.incidents, contract),
        "credentials": credential_rows(read.lifetimes, notes, now),
        "installed": installed(read.facts),
        "signature": read.facts["signature"],
        "sick": _sick(read.findings, read.traits),
        "unread": [_short(each) for each in read.unread],
    }


def unreachable(contract: Contract, error: str) -> Row:
    """The part of one that did not answer, and why."""
    head = _head(status_row(contract, error=error), contract)
    lists = ("gpus", "models", "budgets", "findings", "rollouts", "incidents", "credentials", "unread")
    told: Row = {"installed": {}, "signature": {}, "sick": []}
    return {**head, **{key: [] for key in lists}, **told, "state": UNREACHABLE}


def sick_nodes(findings: Iterable[Data]) -> set[str]:
    """The nodes with a fault that is worse than a warning: their signature is looked for on others."""
    return {str(one["node"]) for one in findings if one["node"] and badness(one["severity"]) >= badness("error")}


def _sick(findings: Iterable[Data], traits: Mapping[str, Data]) -> list[Row]:
    told = [(str(one["node"]), str(one["fault"])) for one in findings if one["node"] in traits]
    return [{"node": node, "fault": fault, "traits": dict(traits[node])} for node, fault in dict.fromkeys(told)]


def _head(row: Data, contract: Contract) -> Row:
    identity = contract["identity"]
    return {
        **{key: row[key] for key in ("cluster", "customer", "state", "stack", "replicas", "nodes", "kubernetes")},
        "reason": _short(row["reason"]),
        "provider": str(identity["provider"]),
        "region": str(identity["region"]),
    }


def _gpus(products: Mapping[str, Data]) -> list[Row]:
    found = []
    for name, product in products.items():
        ours = sum(product["ours"].values())
        counts = {key: product[key] for key in ("nodes", "ready_nodes", "capacity", "allocatable", "free")}
        closed = sum(each["gpus"] for each in product["closed"])
        found.append({
            "product": str(name), **counts, "ours": ours, "others": max(0, product["used"] - ours), "closed": closed,
        })  # fmt: skip
    return found


def _models(models: Iterable[Data], running: Iterable[Data]) -> list[Row]:
    """Those of which a revision is recorded, and what runs without one."""
    there = {str(one["name"]): one for one in running}
    rows = [
        {
            "model": str(model["name"]),
            "revision": str(model["revision"] or "-"),
            "state": str(model["state"]),
            "ready": int(model["ready"]),
            "replicas": int(model["replicas"]),
            "status": _short(model["status"]),
            **_engine(there.pop(str(model["name"]), {})),
        }
        for model in models
    ]
    rows += [
        {
            "model": name,
            "revision": "-",
            "state": "not recorded",
            "ready": int(one["ready"]),
            "replicas": int(one["replicas"]),
            "status": "ready" if one["settled"] else "not settled",
            **_engine(one),
        }
        for name, one in there.items()
    ]
    return rows


def _engine(running: Data) -> Row:
    image = str(running.get("image") or "")
    return {"image": _short(image.rpartition("/")[2].partition("@")[0]), "gpus": int(running.get("gpus") or 0)}


def _finding(data: Data) -> Row:
    one = Finding.from_dict(data)
    return {
        "severity": one.severity,
        "place": _short(place(one)),
        "fault": one.fault,
        "since": one.since,
        "action": one.action,
        "owner": assignee(one.owner, one.contact) if one.owner else "nobody",
        "next": _short(one.ask or one.why),
    }


def _rollouts(upgrades: Iterable[Entry], models: Iterable[Data]) -> list[Row]:
    """The recorded upgrades of the stack and revisions of models, newest first."""
    rows = [
        {
            "of": "the stack",
            "change": f"{entry.source or '-'} to {entry.target}",
            "state": entry.state,
            "began": entry.when,
            "ended": entry.ended,
            "requested_by": _short(entry.requested_by),
            "failure": _short(entry.failure),
        }
        for entry in upgrades
    ]
    rows += [
        {
            "of": str(model["name"]),
            "change": f"revision {revision['number']}"
            + (f" (restores {revision['restores']})" if revision["restores"] else ""),
            "state": revision["state"],
            "began": revision["when"],
            "ended": "",
            "requested_by": _short(revision["requested_by"]),
            "failure": _short(revision["failure"]),
        }
        for model in models
        for revision in model["revisions"]
    ]
    return sorted(rows, key=lambda row: str(row["began"]), reverse=True)


def _incidents(incidents: Iterable[Incident], contract: Contract) -> list[Row]:
    rows = [incident_row(one, str(contract["identity"]["name"])) for one in incidents if one.is_open]
    keys = ("incident", "severity", "opened", "cause", "nodes", "models", "owner", "since", "asked")
    return [{key: _short(row[key]) if isinstance(row[key], str) else row[key] for key in keys} for row in rows]


def _short(text: Any) -> str:
    """Of a text of others one line that cannot steer a terminal, and no more of it than a table holds."""
    told = one_line(" ".join(str(text or "").split()))
    return told if len(told) <= MOST_TEXT else f"{told[: MOST_TEXT - 1]}…"
