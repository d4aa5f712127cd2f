#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what we have written on nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_marks
short_description: Remove what we have written on nodes
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Takes the annotations and taints that begin with C(byoc.fireworks.ai/) off all nodes, for a cluster that we leave.
  - A node that is cordoned stays so, as it is not known whether it is well. The customer's label
    C(byoc.fireworks.ai/maintenance) stays, too.
  - It needs C(list) and C(patch) on nodes. A node that may not be written is told in RV(nodes), and fails nothing.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: Writes are sent as a server-side dry run.
  diff_mode:
    support: none
    details: The result names the nodes.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Remove our annotations and taints from nodes
  fireworks.byoc.node_marks:
    connection: "{{ byoc_connection }}"
  register: marks
"""

RETURN = r"""
nodes:
  description: Each node that had something of ours, with C(node), C(removed) (whether the node is without it now)
    and C(why) (it is not).
  type: list
  elements: dict
  returned: success
  sample: [{node: gpu-7, removed: true, why: ""}]
cordoned:
  description: The names of all nodes that are cordoned, by whomever. Without what we wrote, it is not known any more.
  type: list
  elements: str
  returned: success
  sample: [gpu-7]
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_marks import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
