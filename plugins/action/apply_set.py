# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``apply_set`` in Ansible's worker; see plugins/modules/apply_set.py for its options."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import parse_definition
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.apply_set import OPERATION
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction
from ansible_collections.fireworks.byoc.plugins.plugin_utils.manifest_files import read_manifest_files, render_template


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.apply_set"

    def prepare(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Turn ``src`` and ``template`` into manifests: both live on the controller."""
        sources = [file for path in _listed(arguments.pop("src", None)) for file in read_manifest_files(self, path)]
        templates = _listed(arguments.pop("template", None))
        sources += [(path, render_template(self, path, task_vars)) for path in templates]
        if sources:
            given = parse_definition(arguments.get("definition"))
            arguments["definition"] = given + [m for path, text in sources for m in parse_definition(text, where=path)]
        return arguments


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
