# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident for people: a row of a table, and the page of the review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._vocabulary.harmless import one_line
from ..._vocabulary.wording import assignee, spoken
from ..contract.typed import Contract
from .impact import NOT_MEASURED
from .incident import CLOSED, Incident, minutes_by_owner
from .timeline import Row, action_text, cause_name, cause_text

Data = Mapping[str, Any]

_OF_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|"})


def incident_row(incident: Incident, cluster: str) -> dict[str, Any]:
    """The row of an incident: what it is, and whose action since when."""
    cause, changes = incident.latest("cause"), incident.actions()
    since, action = changes[-1] if changes else ("", {})
    return {
        "cluster": cluster,
        "incident": incident.number,
        "state": "open" if incident.is_open else "closed",
        "opened": incident.opened,
        "cause": cause_name(cause),
        "severity": incident.severity,
        "nodes": len({one.node for one in incident.symptoms if one.node}),
        "models": ", ".join(sorted({name for one in incident.symptoms for name in (one.model, *one.touches) if name})),
        "owner": assignee(str(action.get("owner") or ""), action.get("contact") or None) if incident.is_open else "",
        "since": since if incident.is_open else "",
        "asked": str(action.get("ask") or "") if incident.is_open else "",
    }


def review_page(incident: Incident, contract: Contract, rows: Sequence[Row], costs: Sequence[Data], now: str) -> str:
    """What happened, when, and whose minutes it took, in Markdown.

    :param rows: of its timeline. :param costs: of its impact.
    """
    identity = contract["identity"]
    row = incident_row(incident, str(identity["name"]))
    bundles = [entry["bundle"] for entry in incident.entries if isinstance(entry.get("bundle"), Mapping)]
    parts = [
        f"# {_plain(identity['name'])}, incident {incident.number}: {_plain(row['cause'])}",
        _listed(_facts(incident, row, now)),
        "## Whose action it was",
        _table(("at", "what"), [{"at": at, "what": action_text(said)} for at, said in incident.actions()]),
        _table(("owner", "minutes"), _minutes(incident, now)),
        "## Impact",
        _table(("model", "requests", "failed", "budget"), costs) if costs else f"{NOT_MEASURED.capitalize()}.",
        "## What happened",
        _table(("at", "source", "what"), rows),
        *(["## Support bundles", _table(("file", "sha256"), bundles)] if bundles else []),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(incident: Incident, row: Data, now: str) -> list[tuple[str, str]]:
    cause, end = incident.latest("cause"), incident.closed
    last: Data = next((entry for entry in incident.entries if entry.get("did") == CLOSED), {})
    return [
        ("Opened", incident.opened),
        ("Closed", f"{end} by {last.get('by', '')}: {last.get('note', '')}" if end else f"open, as of {now}"),
        ("Severity", str(row["severity"])),
        ("Suspected cause", cause_text(cause) if cause else "not known"),
        ("Nodes", str(row["nodes"])),
        ("Models", str(row["models"]) or "none"),
    ]


def _minutes(incident: Incident, now: str) -> list[dict[str, str]]:
    counted = minutes_by_owner(incident, now)
    return [
        {"owner": spoken(owner) or "nobody", "minutes": f"{minutes:.0f}"}
        for owner, minutes in sorted(counted.items(), key=lambda one: -one[1])
    ]


def _listed(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- **{name}**: {_plain(text)}" for name, text in facts)


def _table(columns: Sequence[str], rows: Iterable[Data]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_plain(row.get(key, "")) for key in columns) + " |" for row in rows]
    return "\n".join(lines)


def _plain(text: Any) -> str:
    """A text that means nothing to Markdown or to a browser, and is one line."""
    return one_line(" ".join(str(text).split())).translate(_OF_MARKDOWN)
