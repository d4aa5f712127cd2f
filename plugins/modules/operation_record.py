#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what was done to a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_record
short_description: Record what was done to a cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Appends one line of JSON to the controller's file of records of this cluster, bound by hashes to the lines before
    it, and writes the new end of the chain to the ConfigMap C(operation-records) in C(fireworks-system).
  - Of several controllers at once each gets a place of its own in the cluster's chain, since the end of the chain is
    only written over the version that was read.
  - Where the cluster cannot be asked, or has no C(fireworks-system), the line is in the file only, and says so.
  - The file has mode C(0600), is written under a lock, and is on the disk before the task ends.
  - Text that looks like a secret is left out.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: Writes nothing, since nothing was done that could be recorded.
  diff_mode:
    support: none
    details: A record is only ever added.
  idempotent:
    support: none
    details: Each call is another record.
options:
  directory:
    description: The folder of the records on the controller. The file is C(<cluster>.jsonl). It is made if need be.
      Set E(BYOC_RECORDS_DIR) to use another one by default.
    type: str
    default: ~/.byoc/records
  writer:
    description: The name of this controller in the records. Its host name unless given, which is none in a container.
    type: str
  operation:
    description: What was done.
    type: str
    required: true
    choices:
      - onboard
      - presetup
      - issue_operator_credential
      - deploy_models
      - rollback_model
      - retire_model
      - approve
      - revoke_approval
      - grant_eviction
      - revoke_eviction
      - remediate
      - consolidate
      - hand_over_nodes
      - incident
      - upgrade
      - rollback_stack
      - rotate_credentials
      - grant_setup_access
      - revoke_setup_access
      - revocation_drill
      - offboard
  run_id:
    description: In which run.
    type: str
    required: true
  by:
    description: By whom. C(user@controller) unless given; in AWX the user who started the job.
    type: str
  contract_digest:
    description: By which contract, as the inventory's C(byoc_contract_digest).
    type: str
    default: ""
  clause:
    description: Which part of the contract allowed it.
    type: str
    default: ""
  plan_digest:
    description: The digest of the plan that was carried out. Unless given, that of the objects that were written.
    type: str
  written:
    description: The objects that were written, as P(fireworks.byoc.written#lookup) lists them. They are recorded.
    type: list
    elements: dict
    default: []
  results:
    description: Results of the tasks that wrote them, loops included. By these the record has the hashes of what each
      object was and became; what a task wrote before it failed has none.
    type: list
    elements: dict
    default: []
  result:
    description: How it ended.
    type: str
    required: true
    choices:
      - done
      - unchanged
      - would_change
      - passed
      - unproven
      - refused
      - failed
      - waiting
      - skipped
      - not_begun
  reason:
    description: Why it ended so.
    type: str
    default: ""
  started:
    description: When it began.
    type: str
    required: true
  ended:
    description: When it ended.
    type: str
    required: true
seealso:
  - module: fireworks.byoc.records_info
"""

EXAMPLES = r"""
- name: Record what was done
  fireworks.byoc.operation_record:
    connection: "{{ byoc_connection }}"
    directory: ~/.byoc/records
    operation: upgrade
    run_id: "{{ byoc_run_id }}"
    contract_digest: "{{ byoc_contract_digest }}"
    clause: change.windows
    written: "{{ q('fireworks.byoc.written') }}"
    results: "{{ [stack_result] }}"
    result: done
    started: "2026-11-25T21:18:00Z"
    ended: "2026-11-25T21:20:00Z"
"""

RETURN = r"""
record:
  description: The line, as data; empty in check mode.
  type: dict
  returned: success
in_cluster:
  description: Whether the cluster knows of it.
  type: bool
  returned: success
why:
  description: Why not.
  type: str
  returned: success
path:
  description: The file.
  type: str
  returned: success, not in check mode
owner:
  description: Who has to act; V(operator), V(fireworks) or V(customer).
  type: str
  returned: failure
  sample: operator
code:
  description: What went wrong, as a stable word. C(what), C(where) and C(next_step) describe it.
  type: str
  returned: failure
  sample: unreachable
error:
  description: The kind of failure.
  type: str
  returned: failure
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.operation_record import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
