# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``records_info``: whether the records of a cluster are what was written, and what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.audit_log import check_audit_log
from .._domain.names import RECORDS, SYSTEM_NAMESPACE
from .._domain.record import EMPTY_HEAD, HEAD_SINCE
from .._domain.record_check import check_records
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.listing import amount
from .._vocabulary.owner import Owner
from .audit_log_files import AuditLogError, log_lines
from .operation_record import head_place
from .prerequisites import applied_version
from .records_file import RECORDS_DIRECTORY, RecordError

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "directories": {"type": "list", "elements": "str", **RECORDS_DIRECTORY},
    "audit_log": {"type": "list", "elements": "path"},
    "contract": {"type": "dict"},
    "contract_digest": {"type": "str", "default": ""},
}
RULES: dict[str, Any] = {"required_by": {"audit_log": ("contract",)}}

Files = Mapping[str, list[str]]
Parameters = Mapping[str, Any]


class HeadMissingError(RecordError):
    """The cluster had a head, and has none."""

    code = "records_broken"


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the files, and compare them with the head; or, where one is given, with an audit log, and ask no cluster."""
    cluster = str(parameters["connection"].get("cluster_name") or "")
    files: dict[str, list[str]] = {}
    for directory in parameters["directories"]:
        path = Path(directory).expanduser() / f"{cluster}.jsonl"
        if path.exists():
            files[str(path)] = _lines(path)
    if parameters["audit_log"]:
        return _compared(files, parameters, cluster)
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    head = _head(session)
    if head and head.get("sequence") and not files:
        raise _no_files(f"the cluster knows of {amount(int(head.get('sequence') or 0), 'record')}", parameters, cluster)
    return {"report": check_records(files, head, cluster), "files": sorted(files), "head": head or {}, "audit": {}}


def _compared(files: Files, parameters: Parameters, cluster: str) -> dict[str, Any]:
    if not files:
        raise _no_files("an audit log is compared with records", parameters, cluster)
    report = check_records(files, None, cluster, asked=False)
    result = {"report": report, "files": sorted(files), "head": {}, "audit": {}}
    if not report["ok"]:
        return result
    records = [json.loads(line) for lines in files.values() for line in lines]
    logs = {str(path): log_lines(Path(path)) for path in parameters["audit_log"]}
    try:
        audit = check_audit_log(logs, records, parameters["contract"], parameters["contract_digest"])
    except (ValueError, TypeError, KeyError) as error:
        raise RecordError(
            f"a record of {cluster} cannot be compared with an audit log: {type(error).__name__}: {error}",
            next_step="ask whoever wrote the record: the module operation_record writes none without times",
        ) from None
    if not audit["from"]:
        # Else whatever was given would show that nothing was outside the contract.
        raise AuditLogError(
            f"none of the {audit['lines']} lines in {', '.join(logs)} is an event of an audit log",
            where=cluster,
            next_step="give the API server's audit log as it writes it, an event of JSON in each line, or that by gzip",
            owner=Owner.CUSTOMER,
        )
    return {**result, "audit": audit}


def _no_files(what: str, parameters: Parameters, cluster: str) -> RecordError:
    return RecordError(
        f"{what}, and there is no file of any in {', '.join(parameters['directories'])}",
        where=cluster,
        next_step="give the folders of the controllers that wrote them",
    )


def _head(session: Session) -> dict[str, Any] | None:
    """Where the chains end; None in a cluster that had no reason yet to know of any.

    :raises HeadMissingError: it is gone, or spoiled, and the prerequisites had made it.
    """
    head = head_place(session).read()
    if head.data or not _prerequisites_make_it(session):
        return head.data
    if head.is_empty:
        return dict(EMPTY_HEAD)
    raise HeadMissingError(
        f"the head of the records, the ConfigMap {RECORDS} in {SYSTEM_NAMESPACE}, "
        f"{'is no longer what was written' if head.version else 'is missing'}, and the prerequisites had made it: "
        "nothing says any more where the records end",
        where=session.where,
        next_step=f"find in the API server's audit log who wrote or deleted it; then delete what is left of {RECORDS} "
        "and run fireworks.byoc.presetup, which begins a new chain",
        owner=Owner.CUSTOMER,
    )


def _prerequisites_make_it(session: Session) -> bool:
    return (applied_version(session) or 0) >= HEAD_SINCE


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read {path}: {error}", next_step="give a file that this user may read") from None
    return text.removesuffix("\n").split("\n") if text else []


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
