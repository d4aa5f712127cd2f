# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is wrong with how a playbook was called: its extra variables, its inventory and its ``--limit``."""

from __future__ import annotations

DOCUMENTATION = r"""
name: request_doubts
short_description: Find what is wrong with how a playbook was called
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Extra variables beat everything else, and a mistyped one means nothing. Each has to be one that the playbook takes,
    and of the right type, or an option of a role of this collection, as that role takes it. Those that begin with
    C(ansible_), C(awx_) or C(tower_) are let pass. Those that begin with C(byoc_), and what the inventory says of a
    cluster, are not.
  - An inventory source that could not be read, and a C(--limit) that is blank or names what there is not, are told too.
options:
  _terms:
    description: The name of the playbook.
    type: list
    elements: str
    required: true
  more:
    description: Further variables that it takes, where it is none of this collection's.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show what is wrong with the extra variables
  ansible.builtin.debug:
    msg: "{{ q('fireworks.byoc.request_doubts', 'onboard') }}"
"""

RETURN = r"""
_raw:
  description: What is wrong, in words; nothing where all is well.
  type: list
  elements: str
"""

from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import variable_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.finding_spec import FINDING_SPEC
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import option_doubts
from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import limit_doubts, unread_sources

_ROLES = Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    """Sentences without their full stops."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        given = load_extra_vars(self._loader)
        options = _role_options() if given else {}
        return [
            *(f"the inventory could not be read, {source}" for source in unread_sources()),
            *(f"--limit: {doubt}" for doubt in limit_doubts((variables or {})["groups"])),
            *variable_doubts(given, str(terms[0]), options, self.get_option("more")),
            *option_doubts(options, given),
        ]


@cache
def _role_options() -> dict[str, dict[str, Any]]:
    """The documented options of this collection's roles."""
    found: dict[str, dict[str, Any]] = {}
    for path in _ROLES.glob("*/meta/argument_specs.yml"):
        entries = yaml_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        for entry in entries:
            found.update(entry.get("options") or {})
    found["remediate_findings"]["options"] = FINDING_SPEC
    return found
