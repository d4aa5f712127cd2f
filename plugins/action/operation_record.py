# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``operation_record`` in Ansible's worker; see plugins/modules/operation_record.py for its options."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.operation_record import OPERATION
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.who import who_runs
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction
from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import started_by


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.operation_record"
    under_lock = False  # that a run lost its lock is to be recorded too
    keeps_apart = True

    def prepare(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """By whom: whoever started the job, where AWX says so."""
        if not arguments.get("by"):
            arguments["by"] = who_runs(started_by(task_vars))
        return arguments
