# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_marks``: take everything of ours off nodes, for a cluster that we leave."""

from __future__ import annotations

from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.remediation.journey import journey_of, unmarked
from .._kube.errors import AnswerError, ConflictError, NotFoundError
from .._kube.session import FIELD_MANAGER, Session
from .._operation import Context, Operation
from .remediation_nodes import MERGE_PATCH, NODES, Raw

ARGUMENT_SPEC: dict[str, Any] = {"connection": CONNECTION_SPEC}
_TRIES = 4


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Look at all nodes, and write those that have something of ours."""
    session = open_session(parameters["connection"], context)
    if context.check_mode:
        session.check_expected_cluster()
    else:
        session.require_expected_cluster()
    nodes = remove_marks(session, check=context.check_mode)
    return {"changed": any(node["removed"] for node in nodes), "nodes": nodes}


def remove_marks(session: Session, *, check: bool) -> list[dict[str, Any]]:
    """A row for each node that had something of ours: whether it is gone, or why not, and whether a cordon stays."""
    marked = [node for node in session.list_items(NODES) if unmarked(node)]
    return list(session.in_parallel(lambda node: _row(node, _why_kept(session, node, check=check)), marked))


def _row(node: Raw, why: str) -> dict[str, Any]:
    journey = journey_of(node)
    cordoned = journey.cordoned and journey.unschedulable
    return {"node": journey.name, "removed": not why, "why": why, "cordoned": cordoned, "reason": journey.reason}


def _why_kept(session: Session, node: Raw, *, check: bool) -> str:
    path = f"{NODES}/{node['metadata']['name']}"
    query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if check else {})}
    for _try in range(_TRIES):
        if not (patch := unmarked(node)):
            return ""
        try:
            session.request("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)
        except NotFoundError:
            return ""
        except ConflictError:
            node = session.get(path)
        except AnswerError as error:
            return error.what
        else:
            return ""
    return "it changes all the time"


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
