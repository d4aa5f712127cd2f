# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how a run ended, to people and machines; see plugins/modules/run_result.py for its options."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.run_result import run_result
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary_text import summary_lines
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table
from ansible_collections.fireworks.byoc.plugins.plugin_utils.queries import found_by

display = Display()

ARGUMENT_SPEC: dict[str, Any] = {
    "playbook": {"type": "str", "required": True},
    "run_id": {"type": "str", "default": ""},
    "outcomes": {"type": "list", "elements": "dict", "default": []},
    "reports": {"type": "list", "elements": "dict", "default": []},
    "file": {"type": "path"},
    "query": {"type": "str"},
}
#: As Ansible's own settings colour what went well, was changed, is left alone, and failed.
_COLOURS = {"good": "COLOR_OK", "changed": "COLOR_CHANGED", "waiting": "COLOR_WARN", "bad": "COLOR_ERROR"}
_COLUMNS = 100


class ActionModule(ActionBase):
    """Runs once for all hosts, on the controller, in check mode too, and changes nothing."""

    BYPASS_HOST_LOOP = True
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(dict(self._task.args))
        if checked.error_messages:
            raise AnsibleActionFail("; ".join(checked.error_messages))
        given = checked.validated_parameters
        result = run_result(
            given["outcomes"],
            given["reports"],
            playbook=given["playbook"],
            run=given["run_id"],
            check_mode=bool(self._task.check_mode),
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        plain = json.loads(json.dumps(result, default=str))
        if given["file"]:
            _write(Path(given["file"]), plain)
        if given["query"]:
            display.display(_found(given["query"], plain))
        else:
            _show(plain, given["reports"])
        stats = {"data": {"byoc_result": plain}, "per_host": False, "aggregate": False}
        return {"changed": False, "run": plain, "ansible_stats": stats}


def _found(query: str, result: Mapping[str, Any]) -> str:
    try:
        return json.dumps(found_by(query, result), indent=2, ensure_ascii=False)
    except ValueError as error:
        raise AnsibleActionFail(f"everything is done, but the query does not fit the result: {error}") from None


def _show(result: Mapping[str, Any], reports: list[dict[str, Any]]) -> None:
    """The details, as they are: they hold tables and commands to copy. The summary last."""
    for one in reports:
        rows, text = one.get("rows") or [], str(one.get("text") or "")
        if rows or text:
            parts = [str(one.get("title") or ""), text, table(rows, one.get("columns") or ()) if rows else ""]
            display.display("\n" + "\n\n".join(part.strip("\n") for part in parts if part) + "\n")
    for one in result["clusters"]:
        if one["details"]:
            display.display(f"{one['details']}\n")
    wide = shutil.get_terminal_size((_COLUMNS, 0)).columns if sys.stdout.isatty() else _COLUMNS
    display.display("")
    for text, severity in summary_lines(result, wide=wide):
        display.display(text, color=getattr(constants, _COLOURS[severity]) if severity else None)
    display.display("")


def _write(path: Path, result: Mapping[str, Any]) -> None:
    """All of it or nothing of it, for its user alone: it names the objects of customers."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise AnsibleActionFail(f"the result cannot be written to {path}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2, ensure_ascii=False)
        file.write("\n")
    Path(name).replace(path)
