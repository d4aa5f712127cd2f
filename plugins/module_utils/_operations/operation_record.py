# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``operation_record``: one more line in the records of a cluster."""

from __future__ import annotations

import json
import platform
import secrets
from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.names import RECORDS, SYSTEM_NAMESPACE, labels
from .._domain.outcome import RESULTS
from .._domain.record import (
    BODY,
    LONGEST_WRITER,
    canonical,
    digest,
    head_after,
    make_record,
    recorded_objects,
)
from .._kube.errors import ForbiddenError, KubeError, NotFoundError
from .._kube.head import Head, HeadPlace
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.operations import OPERATION_NAMES
from .records_file import RECORDS_DIRECTORY, RecordError, RecordsFile
from .who import who_runs

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "directory": {"type": "str", **RECORDS_DIRECTORY},
    "writer": {"type": "str"},
    "operation": {"type": "str", "choices": OPERATION_NAMES, "required": True},
    "run_id": {"type": "str", "required": True},
    "by": {"type": "str"},
    "contract_digest": {"type": "str", "default": ""},
    "clause": {"type": "str", "default": ""},
    "plan_digest": {"type": "str"},
    "written": {"type": "list", "elements": "dict", "default": []},
    "results": {"type": "list", "elements": "dict", "default": []},
    "result": {"type": "str", "choices": RESULTS, "required": True},
    "reason": {"type": "str", "default": ""},
    "started": {"type": "str", "required": True},
    "ended": {"type": "str", "required": True},
}

Parameters = Mapping[str, Any]
#: Each conflict is a line that somebody else has written meanwhile.
_ATTEMPTS = 20
_NO_PLACE = f"there is no namespace {SYSTEM_NAMESPACE}"
"""Before the first presetup, and after everything of ours was removed: as it should be."""


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write the record, unless in check mode: nothing was done then that could be recorded."""
    cluster = parameters["connection"].get("cluster_name")
    if not cluster:
        raise RecordError("nothing says which cluster this is", next_step="give connection.cluster_name")
    if context.check_mode:
        return {"changed": True, "record": {}, "in_cluster": False, "why": "check mode"}
    file = RecordsFile(parameters["directory"], cluster)
    body = _body(parameters, cluster)
    writer = _writer(parameters)
    place, head, why = _head(parameters, context)
    with file.locked():
        if place is None:
            record = _alone(file, body, writer, why)
        else:
            waiting = file.pending()
            if waiting and not _finished(file, waiting, head):
                _kept(file, {key: waiting[key] for key in BODY}, writer, place)
            record, why = _kept(file, body, writer, place)
    if why and why != _NO_PLACE:
        context.warn(f"{cluster}: the record of this operation is only in {file.path}, because {why}")
    return {"changed": True, "record": record, "in_cluster": not why, "why": why, "path": str(file.path)}


def _writer(parameters: Parameters) -> str:
    writer = str(parameters["writer"] or platform.node())
    if any(mark in writer for mark in '"{}') or len(json.dumps(writer)) - len('""') > LONGEST_WRITER:
        raise RecordError(
            f"the name of who writes records is {writer[:LONGEST_WRITER]!r}, and none has a quote or a brace in it, or "
            f"more than {LONGEST_WRITER} characters as JSON",
            next_step="give another one, with -e records_writer=<name>",
        )
    return writer


def _body(parameters: Parameters, cluster: str) -> dict[str, Any]:
    objects = recorded_objects(parameters["written"], parameters["results"])
    return {
        "cluster": cluster,
        "cluster_uid": parameters["connection"].get("cluster_uid") or "",
        "operation": parameters["operation"],
        "run": parameters["run_id"],
        "by": parameters["by"] or who_runs(),
        "contract": parameters["contract_digest"],
        "clause": parameters["clause"],
        "plan": parameters["plan_digest"] or digest(objects),
        "objects": objects,
        "result": parameters["result"],
        "reason": parameters["reason"],
        "started": parameters["started"],
        "ended": parameters["ended"],
    }


def head_place(session: Session) -> HeadPlace:
    """Where the cluster keeps the head."""
    return HeadPlace(session, SYSTEM_NAMESPACE, RECORDS, labels(RECORDS, RECORDS))


def _head(parameters: Parameters, context: Context) -> tuple[HeadPlace | None, Head, str]:
    """The head and its place, or why there is none to be had."""
    try:
        session = open_session(parameters["connection"], context)
        session.require_expected_cluster()
        session.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}")
        place = head_place(session)
        return place, place.read(), ""
    except NotFoundError:
        return None, Head(None, ""), _NO_PLACE
    except KubeError as error:
        return None, Head(None, ""), error.what


def _alone(file: RecordsFile, body: dict[str, Any], writer: str, why: str) -> dict[str, Any]:
    if file.pending():
        raise RecordError(
            f"the record before this one waits in {file.path.parent} for the cluster, and {why}",
            next_step="run again once the cluster answers",
        )
    record = make_record(body, head=None, chain="", writer=writer, last=file.last())
    file.append(canonical(record))
    return record


def _kept(file: RecordsFile, body: dict[str, Any], writer: str, place: HeadPlace) -> tuple[dict[str, Any], str]:
    """The record, and why the cluster knows nothing of it: what the API server refuses is kept in the file alone.

    Where the prerequisites have made the head and somebody deleted it, only an administrator makes it again.
    """
    try:
        return _chained(file, body, writer, place), ""
    except ForbiddenError as error:
        file.forget()
        return _alone(file, body, writer, error.what), error.what


def _finished(file: RecordsFile, waiting: Mapping[str, Any], head: Head) -> bool:
    """Whether the cluster had heard of the record that a dead run left behind; then its line is written now."""
    known = ((head.data or {}).get("writers") or {}).get(waiting["writer"]) or {}
    if known.get("hash") != waiting["hash"]:
        return False
    last = file.last()
    if last is None or last["hash"] != waiting["hash"]:
        file.append(canonical(waiting))
    file.forget()
    return True


def _chained(file: RecordsFile, body: dict[str, Any], writer: str, place: HeadPlace) -> dict[str, Any]:
    for _attempt in range(_ATTEMPTS):
        head = place.read()
        chain = (head.data or {}).get("chain") or secrets.token_hex(8)
        record = make_record(body, head=head.data, chain=chain, writer=writer, last=_last(file, head, writer))
        line = canonical(record)
        file.remember(line)  # the line comes after the head, and a run may die between the two
        if place.write(head_after(record, head.data), head.version) or _was_us(place, record):
            file.append(line)
            file.forget()
            return record
    raise RecordError(
        f"the head of the records was changed by somebody else {_ATTEMPTS} times while this was to be written",
        next_step="run again: the record waits in the folder of the records",
    )


def _was_us(place: HeadPlace, record: Mapping[str, Any]) -> bool:
    """Whether the refused write met its own effect: it is sent again when its answer is lost."""
    data = place.read().data or {}
    return bool(((data.get("writers") or {}).get(record["writer"]) or {}).get("hash") == record["hash"])


def _last(file: RecordsFile, head: Head, writer: str) -> Mapping[str, Any] | None:
    """The writer's last line: as the file has it, or, where the file lacks lines, as the cluster knows it."""
    mine = file.last()
    known: Mapping[str, Any] | None = ((head.data or {}).get("writers") or {}).get(writer)
    if mine is None or (known and known["number"] > mine["number"]):
        return known
    return mine


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
