# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for what a job of AWX does."""

from __future__ import annotations

DOCUMENTATION = r"""
name: requester
short_description: Tell who asks for what a job of AWX does
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - The e-mail address of the user who started the job or its workflow, by which an approval of their own is told; their
    name where AWX knows no address; the schedule that started it, as C(schedule:its-name). Empty outside of AWX.
  - Extra variables that only claim to be AWX's count for nothing, since its environment numbers the job too.
"""

EXAMPLES = r"""
- name: Upgrade, as the user who started the job
  ansible.builtin.import_playbook: fireworks.byoc.upgrade
  vars:
    requested_by: "{{ lookup('fireworks.byoc.requester') }}"
"""

RETURN = r"""
_raw:
  description: One text.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import requested_by


class LookupModule(LookupBase):
    """Reads the variables that AWX gives to each job."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError("it has no terms: it tells who asks for what this job does")
        return [requested_by(variables or {})]
