# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a text for people; see plugins/modules/report.py for its options."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table

display = Display()

ARGUMENT_SPEC: dict[str, Any] = {
    "title": {"type": "str", "default": ""},
    "text": {"type": "str", "default": ""},
    "rows": {"type": "list", "elements": "dict"},
    "columns": {"type": "raw"},
}


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
        if not given["text"] and given["rows"] is None:
            raise AnsibleActionFail("there is nothing to report: give text or rows")
        parts = [given["title"], given["text"]]
        if given["rows"] is not None:
            parts.append(table(given["rows"], given["columns"] or ()))
        display.display("\n" + "\n\n".join(part.strip("\n") for part in parts if part) + "\n")
        return {"changed": False}
