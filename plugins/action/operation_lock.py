# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``operation_lock`` in Ansible's worker; see plugins/modules/operation_lock.py for its options."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.operation_lock import OPERATION
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.who import who_runs
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction
from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import started_by


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.operation_lock"
    under_lock = False
    keeps_apart = True

    def prepare(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Who holds it: whoever started the job, where AWX says so."""
        if not arguments.get("holder"):
            arguments["holder"] = who_runs(started_by(task_vars))
        return arguments
