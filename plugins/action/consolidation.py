# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``consolidation`` in Ansible's worker; see plugins/modules/consolidation.py for its options."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.consolidation import OPERATION
from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import given_approvals, given_emergency
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.consolidation"

    def prepare(self, arguments: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        given = {
            "approvals": given_approvals(arguments.get("approvals")),
            "emergency": given_emergency(arguments.get("emergency")),
        }
        return {**arguments, **{name: value for name, value in given.items() if value}}
