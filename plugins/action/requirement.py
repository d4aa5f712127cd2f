# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses what does not meet a requirement; see plugins/modules/requirement.py for its options."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.owner import Owner
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import controller_options

ARGUMENT_SPEC: dict[str, Any] = {
    "what": {"type": "str", "required": True},
    "next_step": {"type": "str", "required": True},
    "owner": {"type": "str", "default": Owner.OPERATOR.value, "choices": [owner.value for owner in Owner if owner]},
    "code": {"type": "str", "required": True},
    "details": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Judges conditions on the controller, in check mode too, and changes nothing."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        conditions = arguments.pop("that", None)
        if conditions is None:
            raise AnsibleActionFail("missing required arguments: that")
        given = controller_options(ARGUMENT_SPEC, arguments)
        # Not validated above: validation would make new strings of the conditions, which Ansible then does not trust.
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            if not self._templar.evaluate_conditional(conditional=condition):
                return self._refusal(given, task_vars or {})
        return {"changed": False}

    def _refusal(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        # A play of the whole run is on localhost, or with --limit on a cluster that it is not about.
        host = "" if "byoc_of_the_run" in task_vars else str(task_vars.get("inventory_hostname", ""))
        return failed_result(
            error="RequirementError",
            code=given["code"],
            what=" ".join(given["what"].split()),
            where="" if host == "localhost" else host,
            next_step=" ".join(given["next_step"].split()),
            owner=given["owner"],
            details=given["details"],
        )
