# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``records_info``: whether the records of a cluster are what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.record_check import check_records
from .._operation import Context, Operation
from .operation_record import head_place
from .records_file import RECORDS_DIRECTORY, RecordError

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "directories": {"type": "list", "elements": "str", **RECORDS_DIRECTORY},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the files and the head, and compare them."""
    cluster = str(parameters["connection"].get("cluster_name") or "")
    files: dict[str, list[str]] = {}
    for directory in parameters["directories"]:
        path = Path(directory).expanduser() / f"{cluster}.jsonl"
        if path.exists():
            files[str(path)] = _lines(path)
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    head = head_place(session).read().data
    if head and not files:
        raise RecordError(
            f"the cluster knows of {head.get('sequence')} records, and there is no file of any in "
            f"{', '.join(parameters['directories'])}",
            where=cluster,
            next_step="give the folders of the controllers that wrote them",
        )
    return {"report": check_records(files, head, cluster), "files": sorted(files), "head": head or {}}


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read {path}: {error}", next_step="give a file that this user may read") from None
    return text.removesuffix("\n").split("\n") if text else []


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
