# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet; see plugins/modules/fleet_report.py for its options.

In one action: between tasks, Ansible would copy the whole fleet's data again and again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.private_file import write_private
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import controller_options
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import report_page

_TEXTS = {"type": "list", "elements": "str", "required": True}
ARGUMENT_SPEC: dict[str, Any] = {
    "parts": _TEXTS,
    "contracts": _TEXTS,
    "releases": {"type": "list", "elements": "dict", "required": True},
    "made": {"type": "str", "required": True},
    "page": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """Runs on the controller; in check mode it writes nothing."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = controller_options(ARGUMENT_SPEC, self._task.args)
        page = Path(given["page"])
        if page.suffix == ".json":
            raise AnsibleActionFail(
                f"page: {page} is the name of the data, which lies beside the page: name an .html file"
            )
        contracts = map(json.loads, given["contracts"])
        named = {str(contract["identity"]["name"]): contract for contract in contracts}
        report = fleet_report(list(map(json.loads, given["parts"])), named, given["releases"], given["made"])
        texts = {page: report_page(report), page.with_suffix(".json"): json.dumps(report, indent=1) + "\n"}
        try:
            for path, text in {} if self._task.check_mode else texts.items():
                write_private(str(path), text)
        except CredentialError as error:
            return error.as_result()
        return {"changed": True, "files": [str(path) for path in texts]}
