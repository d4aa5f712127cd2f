#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty the nodes that their owner asks for, say when they are safe to take, and take them back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_handover
short_description: Empty the nodes that their owner asks for, and take them back
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - The owner of a cluster labels nodes C(byoc.fireworks.ai/maintenance). One after the other, by the numbers that
    labels may have as values and then by name, the replicas of each are moved to nodes that are proven to take them,
    as M(fireworks.byoc.consolidation) moves them. Where one of them has no place to go, none of that node is moved.
  - The answer is in the annotation C(byoc.fireworks.ai/safe-to-take) of the node, V(yes) with the time, or V(no) with
    the reason. A node that is safe to take is closed by a taint of ours.
  - A node whose label is gone, or V(false), takes replicas again once it is ready, without pressure or cordon, and
    offers all of its GPUs.
  - It is decided as a drain, which C(actions.drain) of the contract has to allow. Where that is V(approve), it waits
    for an approval and for the customer's grant of evictions.
  - It needs what the identity C(node-medic) has where C(efficiency.mode) of the contract is V(execute).
attributes:
  check_mode:
    support: full
    details: It says what of each node would be done, and nothing is written.
  diff_mode:
    support: none
    details: The nodes say what is done.
  idempotent:
    support: full
    details: A node that is safe to take is only looked at.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
  - fireworks.byoc.given
options:
  contract:
    description: The contract of the cluster. Its C(actions), C(change), C(identity) and C(models) are used.
    type: dict
    required: true
seealso:
  - module: fireworks.byoc.consolidation
  - module: fireworks.byoc.node_remediation
"""

EXAMPLES = r"""
- name: Hand over the nodes that their owner asks for
  fireworks.byoc.node_handover:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
  register: handed
"""

RETURN = r"""
nodes:
  description:
    - Each node that is asked for or back, in its order, with C(cluster), C(node), C(state) (asked, safe or back),
      C(changed), C(why) it is not yet safe, or not taken back, and C(moves) in words. Where it waits for an approval or
      a grant, C(code), C(blockers) and C(digest), which an approval names; C(goal) and C(session) are what it is of.
      C(owner) has to act, and C(next_at) is when it could go by the clock.
  type: list
  elements: dict
  returned: success
settled:
  description: As of M(fireworks.byoc.consolidation).
  type: list
  elements: str
  returned: success
taken:
  description: As of M(fireworks.byoc.consolidation).
  type: list
  elements: dict
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_handover import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
