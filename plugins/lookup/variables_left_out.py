# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds which variables that a playbook requires were not given."""

from __future__ import annotations

DOCUMENTATION = r"""
name: variables_left_out
short_description: Find which variables that a playbook requires were not given
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - A variable that is empty is not given. One that is a template counts as given, whatever it evaluates to.
options:
  _terms:
    description: The names of the variables that are required.
    type: list
    elements: str
    required: true
  playbook:
    description: The name of the playbook, which says what each variable is.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show which variables are left out
  ansible.builtin.debug:
    msg: "{{ q('fireworks.byoc.variables_left_out', 'model', playbook='retire_model') }}"
"""

RETURN = r"""
_raw:
  description: A sentence for each that is left out; nothing where all are given.
  type: list
  elements: str
"""

from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import left_out


class LookupModule(LookupBase):
    """Sentences without their full stops."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        return left_out(variables or {}, str(self.get_option("playbook")), [str(term) for term in terms])
