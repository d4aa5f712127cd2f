#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move replicas so that GPUs are free in larger blocks, as far as the contract allows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: consolidation
short_description: Move replicas so that GPUs are free in larger blocks
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Plans moves as M(fireworks.byoc.capacity_info) does, decides whether the plan may be carried out now, and makes the
    moves one after the other. A move is proven anew on a fresh reading; then the replacement comes up, and only when it
    is Ready on the node that was proven for it the old replica is evicted.
  - While a replacement is placed, the other nodes that could take it are closed by a taint of ours, for some seconds.
    Where it is bound to another node all the same, it is undone. The plan ends at the first surprise.
  - C(efficiency.mode) of the contract has to be V(execute), and C(actions) have to allow C(cordon) and C(drain). The
    plan waits for windows and freezes, and for an approval unless C(change.approvals.consolidation) is V(none). The
    last load of each model that moves has to be within a quarter of what the loads before it predict.
  - What is being moved is noted on the nodes. A run that was killed is simply run again, which finishes or undoes the
    move that had begun, and goes on with the plan as long as its approval counts.
  - It needs what the identity C(node-medic) has under such a contract.
attributes:
  check_mode:
    support: full
    details: The plan is shown, rehearsed on a model of the cluster, and nothing is written.
  diff_mode:
    support: none
    details: The moves say what is done.
  idempotent:
    support: full
    details: After a plan there is none until C(efficiency.cooldown) of the contract is over.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
  - fireworks.byoc.given
options:
  contract:
    description: The contract of the cluster. Its C(actions), C(change), C(efficiency), C(identity) and C(models) are
      used.
    type: dict
    required: true
  wanted:
    description: As of M(fireworks.byoc.capacity_info).
    type: dict
    default: {}
seealso:
  - module: fireworks.byoc.capacity_info
"""

EXAMPLES = r"""
- name: Consolidate
  fireworks.byoc.consolidation:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    wanted: {llama-3-1-405b: 0.4}
    requested_by: sre@fireworks.example
  register: consolidated
"""

RETURN = r"""
products:
  description: As of M(fireworks.byoc.capacity_info), before the moves.
  type: list
  elements: dict
  returned: success
models:
  description: As of M(fireworks.byoc.capacity_info), before the moves, with C(fits_after) of the plan.
  type: list
  elements: dict
  returned: success
plan:
  description: As of M(fireworks.byoc.capacity_info).
  type: dict
  returned: success
turn:
  description:
    - What was decided, with C(cluster), C(decision) (go, wait or refuse), C(code), C(reason), C(next_step), C(owner),
      C(contact), C(blockers), C(next_at), C(digest) (which an approval names), C(moves) in words, and C(approval),
      C(approvers), C(sources) and C(now).
  type: dict
  returned: success
settled:
  description: What was finished or undone of an earlier run, in words; in check mode what would be.
  type: list
  elements: str
  returned: success
taken:
  description:
    - Each move that was made or tried, with C(pod), C(model), C(from), C(to), C(replacement), C(load_seconds) as
      predicted, C(loaded_seconds) as it was, C(result) and C(failed).
  type: list
  elements: dict
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.consolidation import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
