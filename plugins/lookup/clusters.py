# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the clusters that a run means: those of a pattern, as far as ``--limit`` leaves them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: clusters
short_description: List the clusters that a run means
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Like P(ansible.builtin.inventory_hostnames#lookup), within the C(--limit) of the run. So what a table shows and
    what a play does are about the same clusters.
options:
  _terms:
    description: Host patterns.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show which clusters are meant
  ansible.builtin.debug:
    msg: "{{ q('fireworks.byoc.clusters', 'ring_canary') }}"
"""

RETURN = r"""
_raw:
  description: The names of the clusters.
  type: list
  elements: str
"""

from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import limited_hosts


class LookupModule(LookupBase):
    """Names of hosts."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        return limited_hosts(terms, variables or {}, self._loader)
