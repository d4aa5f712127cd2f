# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema of a run's result: what a machine that reads it may rely on."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_RESULTS = {
    "done": "what was to be done is done",
    "unchanged": "all was there already",
    "would_change": "in check mode: something would be written",
    "passed": "of a run that only looks: all is well",
    "unproven": "of a run that only looks: nothing was found wrong, and not all of it could be tested",
    "refused": "a prerequisite was not met; nothing was written",
    "failed": "a step failed; `written` says what was written before",
    "waiting": "it waits for a window, an approval or another cluster",
    "skipped": "it was left as it is, as decided",
    "not_begun": "the run did not come to it",
}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _moment(description: str) -> Schema:
    return _text(f"{description} UTC, ISO 8601; empty where it is not known.")


def _mapping(description: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(description: str, items: Schema) -> Schema:
    return {"type": "array", "description": description, "items": items}


_SECONDS = {"type": "integer", "minimum": 0, "description": "How long it took; 0 where that is not known."}
_ACTION = _text("What was done to it.", enum=["created", "updated", "recreated", "deleted", "evicted", "token_issued"])
_RESULT = _text("; ".join(f"`{name}`: {meaning}" for name, meaning in _RESULTS.items()), enum=list(_RESULTS))
_OWNER = _text("Who has to act next; empty for nobody.", enum=["operator", "fireworks", "customer", ""])
_STEP = _mapping(
    "One step.",
    name=_text("Its name."),
    state=_text("How far it came.", enum=["done", "failed", "not_begun"]),
    note=_text("A count, or nothing."),
)
_WRITTEN = _mapping(
    "One object that the API server wrote for this run; in check mode, one that it would write.",
    kind=_text("Its kind."),
    namespace=_text("Its namespace; empty where it has none."),
    name=_text("Its name."),
    action=_ACTION,
)
_COUNT = _mapping(
    "How many objects of a kind.",
    kind=_text("The kind."),
    action=_ACTION,
    count={"type": "integer", "minimum": 1, "description": "How many."},
)
_CONTACT = _mapping("The person to ask.", name=_text("Their name."), email=_text("Their address."))
_BLOCKER = _mapping(
    "One thing that is in the way.",
    object=_text("What it blocks, where that is not the whole cluster."),
    code=_text("A stable word for it."),
    what=_text("What is in the way."),
    owner=_text("Who has to act; empty where it passes by itself.", enum=["operator", "fireworks", "customer", ""]),
    contact=_CONTACT,
)
_CLUSTER = _mapping(
    "What came of one cluster.",
    cluster=_text("The cluster."),
    customer=_text("Whose it is."),
    result=_RESULT,
    code=_text("A stable word for what happened."),
    owner=_OWNER,
    object=_text("What it happened to, where that is not the whole cluster."),
    what=_text("What happened."),
    next_step=_text("What to do next."),
    details=_text("Where several things are unmet, each of them in full."),
    runbook=_text("The page that says what to do, from the root of the collection; empty where none is needed."),
    contact=_CONTACT,
    blockers=_list(
        "All that is in the way, in the order in which it is told: what somebody has to act on comes first. `code` and "
        "`owner` are those of the first.",
        _BLOCKER,
    ),
    next_at=_moment("When a cluster that waits may go."),
    started=_moment("When its turn began."),
    ended=_moment("When its turn ended."),
    seconds=_SECONDS,
    steps=_list("How far its steps came, where the playbook has several.", _STEP),
    counts=_list("The objects of `written`, counted by kind and action.", _COUNT),
    written=_list("Every object that was written, each once.", _WRITTEN),
)
_REPORT = _mapping(
    "A table or a text that the playbook shows.",
    title=_text("Its title."),
    text=_text("The text; empty for a table."),
    rows=_list("The rows of the table.", {"type": "object"}),
)

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Result of a run",
    **_mapping(
        "What a playbook of fireworks.byoc came to: -e result_file=<path> writes it, and set_stats hands it to AWX.",
        version={"const": 1, "description": "The version of this form."},
        playbook=_text("The playbook."),
        run=_text("The number of the run, as locks and records have it."),
        check_mode={"type": "boolean", "description": "Whether it was a check, in which nothing is written."},
        result={
            **_RESULT,
            "description": "The worst of any cluster, or how the run ended before any had its turn.",
        },
        code=_text("Of a run that ended before any cluster's turn: a stable word for why; else empty."),
        owner=_text("Of such a run: who has to act; else empty.", enum=_OWNER["enum"]),
        what=_text("Of such a run: what happened; else empty."),
        next_step=_text("Of such a run: what to do next; else empty."),
        runbook=_text("Of such a run: the page that says what to do; else empty."),
        started=_moment("When the first cluster's turn began."),
        ended=_moment("When the run was over."),
        seconds=_SECONDS,
        clusters=_list("What came of each cluster that was chosen.", _CLUSTER),
        reports=_list("What the playbook shows besides.", _REPORT),
    ),
}
