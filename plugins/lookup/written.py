# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this run has written in a cluster so far."""

from __future__ import annotations

DOCUMENTATION = r"""
name: written
short_description: List the objects that this run has written in the cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Every object of the cluster whose writing its API server accepted from a task of this collection in this run, each
    once, whether that task went well or failed. In check mode nothing is written.
  - Leaves out the cluster lock and the head of the records, by which operations are kept apart and recorded.
notes:
  - A run is told from others by the number that the collection's playbooks give it. Tasks of other playbooks are not
    listed.
"""

EXAMPLES = r"""
- name: Show how many objects were written
  ansible.builtin.debug:
    msg: "{{ q('fireworks.byoc.written') | length }} objects"
"""

RETURN = r"""
_raw:
  description: The objects, in the order in which they were first written.
  type: list
  elements: dict
  contains:
    kind: {description: Its kind., type: str}
    namespace: {description: Its namespace; empty where it has none., type: str}
    name: {description: Its name., type: str}
    action:
      description: What was done to it.
      type: str
      choices: [created, updated, recreated, deleted, evicted, token_issued]
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.plugin_utils.journal import noted


class LookupModule(LookupBase):
    """Reads this run's journal of the cluster."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, str]]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError("it has no terms: it lists what was written in the cluster that it is used for")
        return noted(variables or {})
