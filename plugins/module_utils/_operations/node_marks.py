# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_marks``: take everything of ours off nodes, for a cluster that we leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._connection import CONNECTION_SPEC, open_writing_session
from .._domain.remediation.journey import unmarked
from .._kube.errors import AnswerError, ConflictError, NotFoundError
from .._kube.session import FIELD_MANAGER, Session
from .._operation import Context, Operation
from .remediation_nodes import MERGE_PATCH, NODES, Raw

ARGUMENT_SPEC: dict[str, Any] = {"connection": CONNECTION_SPEC}
_TRIES = 4


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at all nodes, and write those that have something of ours."""
    session = open_writing_session(parameters["connection"], context)
    live = list(session.list_items(NODES))
    rows = remove_marks(session, live, check=context.check_mode)
    cordoned = sorted(node["metadata"]["name"] for node in live if (node.get("spec") or {}).get("unschedulable"))
    return {"changed": any(row["removed"] for row in rows), "nodes": rows, "cordoned": cordoned}


def remove_marks(session: Session, live: Iterable[Raw], *, check: bool) -> list[dict[str, Any]]:
    """A row for each node that had something of ours: whether it is without that now, or why not."""
    marked = [node for node in live if unmarked(node)]
    return list(session.in_parallel(lambda node: _row(node, _unmark(session, node, check=check)), marked))


def _row(node: Raw, why: str) -> dict[str, Any]:
    return {"node": node["metadata"]["name"], "removed": not why, "why": why}


def _unmark(session: Session, node: Raw, *, check: bool) -> str:
    """Why it did not come about; empty where it did."""
    path = f"{NODES}/{node['metadata']['name']}"
    query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if check else {})}
    for _try in range(_TRIES):
        if not (patch := unmarked(node)):
            return ""
        try:
            try:
                node = session.request("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)
            except ConflictError:
                node = session.get(path)
        except NotFoundError:
            return ""
        except AnswerError as error:
            return error.what
    return "" if not unmarked(node) else "it changes all the time, or something puts them back"


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
