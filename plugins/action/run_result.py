# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how a run ended, to people and machines; see plugins/modules/run_result.py for its options."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.run_result import run_result
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary_text import summary_lines
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.private_file import write_private
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import harmless_data
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.times import rfc3339
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import controller_options
from ansible_collections.fireworks.byoc.plugins.plugin_utils.queries import found_by, query_doubt
from ansible_collections.fireworks.byoc.plugins.plugin_utils.terminal import in_a_terminal

display = Display()

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["begun", "ended"], "default": "ended"},
    "playbook": {"type": "str", "required": True},
    "run_id": {"type": "str", "default": ""},
    "outcomes": {"type": "list", "elements": "dict", "default": []},
    "reports": {"type": "list", "elements": "dict", "default": []},
    "failed": {"type": "dict"},
    "task": {"type": "str", "default": ""},
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
        given = controller_options(ARGUMENT_SPEC, self._task.args)
        if given["state"] == "begun":
            return _begin(given)
        result = run_result(
            given["outcomes"],
            given["reports"],
            playbook=given["playbook"],
            run=given["run_id"],
            check_mode=bool(self._task.check_mode),
            now=rfc3339(datetime.now(UTC)),
            failed=given["failed"],
            task=given["task"],
        )
        plain = harmless_data(json.loads(json.dumps(result, default=str)))
        asked = given["query"] and not (given["failed"] and query_doubt(given["query"]))
        if not asked:
            _show_reports(given["reports"])
            _show_summary(plain)
        if given["file"]:
            _write(given["file"], json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
        if asked:
            display.display(_found(given["query"], plain))
        stats = {"data": {"byoc_result": plain}, "per_host": False, "aggregate": False}
        return {"changed": False, "run": plain, "ansible_stats": stats}


def _begin(given: Mapping[str, Any]) -> dict[str, Any]:
    """Before anything is done: see that the result can be told, and remove that of an earlier run."""
    doubt = query_doubt(given["query"]) if given["query"] else ""
    if doubt:
        return failed_result(
            error="QueryError",
            code="bad_query",
            what=f"the query cannot be answered: {doubt}; nothing was done",
            next_step="correct the JMESPath expression (-e query=…), of which https://jmespath.org tells the grammar",
        )
    if given["file"]:
        try:
            write_private(given["file"], "")
        except CredentialError as error:
            return failed_result(
                error="ResultError",
                code="result_not_writable",
                what=f"there can be no result file, {error.what}; nothing was done",
                next_step=f"{error.next_step}: -e result_file=…",
            )
        Path(given["file"]).unlink()
    if not given["query"]:
        _show_reports(given["reports"])
    return {"changed": False}


def _found(query: str, result: Mapping[str, Any]) -> str:
    try:
        return json.dumps(found_by(query, result), indent=2, ensure_ascii=False)
    except ValueError as error:
        raise AnsibleActionFail(f"everything is done, but the query does not fit the result: {error}") from None


def _show_reports(reports: list[dict[str, Any]]) -> None:
    """As they are: they hold tables and commands to copy."""
    for one in harmless_data(reports):
        rows, text = one.get("rows") or [], str(one.get("text") or "")
        if rows or text:
            parts = [str(one.get("title") or ""), text, table(rows, one.get("columns") or ()) if rows else ""]
            display.display("\n" + "\n\n".join(part.strip("\n") for part in parts if part) + "\n")


def _show_summary(result: Mapping[str, Any]) -> None:
    for one in result["clusters"]:
        if one["details"]:
            display.display(f"{one['details']}\n")
    wide = shutil.get_terminal_size((_COLUMNS, 0)).columns if in_a_terminal() else _COLUMNS
    display.display("")
    for text, severity in summary_lines(result, wide=wide):
        display.display(text, color=getattr(constants, _COLOURS[severity]) if severity else None)
    display.display("")


def _write(path: str, text: str) -> None:
    """All of it or nothing of it, for its user alone: it names the objects of customers."""
    try:
        write_private(path, text)
    except CredentialError as error:
        raise AnsibleActionFail(f"all is as shown, but there is no result file: {error.what}") from None
