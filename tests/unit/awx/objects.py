# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's objects as its modules would get them, and the arguments that those modules take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

HERE = Path(__file__).parent
AWX = HERE.parents[2] / "extensions" / "awx"
#: What the roles of infra.aap_configuration make of each of their variables.
MODULES = {
    "controller_projects": "project",
    "controller_execution_environments": "execution_environment",
    "controller_inventories": "inventory",
    "controller_inventory_sources": "inventory_source",
    "controller_instance_groups": "instance_group",
    "controller_credential_types": "credential_type",
    "controller_credentials": "credential",
    "controller_notifications": "notification_template",
    "controller_schedules": "schedule",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
}
NODES = "simplified_workflow_nodes"
_OMITTED = "omitted by the test"
_SECRETS = dict.fromkeys(("events", "controller"), "made up")

Object = dict[str, Any]


@cache
def specs() -> dict[str, Any]:
    """The arguments of the modules of awx.awx 24.6.1."""
    found: dict[str, Any] = json.loads((HERE / "awx-24.6.1.json").read_text())["modules"]
    return found


@cache
def site() -> Object:
    found: Object = yaml.safe_load((AWX / "controller" / "site.yml").read_text())["site"]
    return found


def objects() -> dict[str, list[Object]]:
    """All objects of the folder, by the variable that holds them, with what is in the site's file."""
    read: dict[str, Any] = {}
    for path in sorted((AWX / "controller" / "objects").glob("*.yml")):
        read |= yaml.safe_load(path.read_text())
    return _rendered(read)


def _rendered(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = {key: _rendered(each) for key, each in value.items()}
        return {key: each for key, each in pairs.items() if each != _OMITTED}
    if isinstance(value, list):
        return [_rendered(each) for each in value]
    if not isinstance(value, str) or "{{" not in value:
        return value.replace("{  {", "{{") if isinstance(value, str) else value
    environment = NativeEnvironment(undefined=StrictUndefined, autoescape=False)
    given = dict.fromkeys(re.findall(r"site_credentials\['([\w-]+)'\]", value), "made up")
    return environment.from_string(value).render(site=site(), site_credentials=_SECRETS | given, omit=_OMITTED)


def calls(all_objects: dict[str, list[Object]]) -> Iterator[tuple[str, Object]]:
    """Each call of a module by which the roles make the objects."""
    for variable, module in MODULES.items():
        for each in all_objects[variable]:
            yield module, {key: value for key, value in each.items() if key != NODES}
            for node in each.get(NODES, ()):
                owner = {"workflow_job_template": each["name"], "organization": each["organization"]}
                yield "workflow_job_template_node", {**node, **owner}


def refusals(module: str, arguments: Object) -> list[str]:
    """What the module's own specification says against these arguments."""
    spec = specs()[module]
    rules = {key: value for key, value in spec.items() if key != "argument_spec"}
    checked = ArgumentSpecValidator(spec["argument_spec"], **rules).validate(arguments)
    return [str(message) for message in checked.error_messages]
