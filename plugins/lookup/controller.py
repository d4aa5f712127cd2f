# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the host on which a playbook checks and reports. A play over it is never left out of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: controller
short_description: Name the host on which a playbook checks and reports
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - It is V(localhost), unless C(--limit) leaves that out. Then it is the first of the clusters that are meant, or else
    the first host that is left. So a play over it is run with any C(--limit), where one over V(localhost) would be
    passed by.
  - Such a play is about no cluster. What it sets for others belongs to V(localhost) (C(delegate_to) and
    C(delegate_facts)).
  - It fails where only a part of the tasks would be run (C(--tags), C(--skip-tags), C(--start-at-task)). That is before
    the first task, of which there may be none.
options:
  _terms:
    description: Host patterns of the clusters that are meant.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Report
  hosts: "{{ q('fireworks.byoc.controller', 'byoc') }}"
  gather_facts: false
  tasks:
    - name: Show the clusters
      ansible.builtin.debug:
        msg: "{{ q('fireworks.byoc.clusters', 'byoc') | join(', ') }}"
"""

RETURN = r"""
_raw:
  description: The name of the host.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.owner import Owner
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.wording import message
from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import limited_hosts, part_of_the_tasks


class LookupModule(LookupBase):
    """One host."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if option := part_of_the_tasks():
            raise _refusal(
                f"{option} would run a part of the tasks only, and what is not run is not proved; nothing was changed",
                "run this without that option",
            )
        for pattern in ("localhost", terms, "all"):
            if found := limited_hosts(pattern, variables or {}, self._loader) if pattern else []:
                return found[:1]
        raise _refusal("--limit leaves no host; nothing was changed", "correct it, or leave it out")


def _refusal(what: str, next_step: str) -> AnsibleLookupError:
    return AnsibleLookupError(message(what, next_step=next_step, owner=Owner.OPERATOR))
