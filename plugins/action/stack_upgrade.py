# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``stack_upgrade`` in Ansible's worker; see plugins/modules/stack_upgrade.py for its options."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import parse_definition
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.stack_upgrade import OPERATION
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction
from ansible_collections.fireworks.byoc.plugins.plugin_utils.manifest_files import render_template


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.stack_upgrade"

    def prepare(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Turn each component's ``template``, which lives on the controller, into manifests."""
        components = arguments.get("components")
        if isinstance(components, list):
            arguments["components"] = [self._rendered(one, task_vars) for one in components]
        return arguments

    def _rendered(self, component: Any, task_vars: dict[str, Any]) -> Any:
        if not isinstance(component, dict) or not component.get("template"):
            return component
        template = str(component["template"])
        text = render_template(self, template, task_vars)
        given = parse_definition(component.get("definition"))
        rest = {key: value for key, value in component.items() if key != "template"}
        return {**rest, "definition": given + parse_definition(text, where=template)}
