#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an approval of a change into a cluster, or revoke it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_approval
short_description: Write an approval of a change into a cluster, or revoke it
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Approvals are in the annotation C(byoc.fireworks.ai/approval) of the namespace C(fireworks-system), as a JSON list.
    P(fireworks.byoc.live_state#filter) reads them, and every change is decided by them.
  - None of the identities of Fireworks may write that namespace, so this is run with the credential of the customer's
    administrator, who needs C(get) and C(patch) on that one namespace.
  - It is written over the version that was read, so of several approvers who write at once none loses theirs.
    Approvals that have expired are removed on the way.
  - What the change is, and whether it is approved by somebody who may, P(fireworks.byoc.approving_turn#filter) decides.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The API server is asked for a dry run.
  diff_mode:
    support: full
  idempotent:
    support: full
    details: What the same person has approved already stays as it is, with its own expiry.
options:
  state:
    description: V(present) writes the approval, V(absent) removes those for O(digest).
    type: str
    choices: [present, absent]
    default: present
  digest:
    description: The digest that the plan showed; to remove an approval, its first 12 characters are enough.
    type: str
    required: true
  by:
    description: The approver's e-mail address. With O(state=absent), only theirs is removed.
    type: str
  given_at:
    description: When it is given, as ISO 8601 with an offset.
    type: str
  expires_at:
    description: Until when it counts, as ISO 8601 with an offset.
    type: str
  what:
    description: What is approved, in words.
    type: str
    default: ''
  versions:
    description: The versions that it covers, as V(model_change/<what the pods of a model are marked with>) or
      V(stack_upgrade/<release>). The guardrail C(fireworks-changes) lets them begin, and goes by the annotation
      C(byoc.fireworks.ai/approved-versions), which is written beside the approvals.
    type: list
    elements: str
    default: []
  units:
    description: Of a change of several models the digest of each, so that a change of another one voids nothing.
    type: list
    elements: str
    default: []
seealso:
  - module: fireworks.byoc.operation_record
"""

EXAMPLES = r"""
- name: Revoke an approval
  fireworks.byoc.change_approval:
    connection: "{{ byoc_connection | fireworks.byoc.admin_connection('admin.kubeconfig') }}"
    digest: 0f3b1c2d4e5f
    state: absent
"""

RETURN = r"""
approvals:
  description: The approvals that are there then, with C(by), C(digest), C(given_at), C(expires_at), C(what) and
    C(written_by), the Kubernetes user who wrote it.
  type: list
  elements: dict
  returned: success
revoked:
  description: Those that were removed.
  type: list
  elements: dict
  returned: when O(state=absent)
objects:
  description: The namespace, with the C(action) that it saw, and hashes of its approvals before and after.
  type: list
  elements: dict
  returned: success
owner:
  description: Who has to act; V(operator), V(fireworks) or V(customer).
  type: str
  returned: failure
  sample: customer
code:
  description: What went wrong, as a stable word. C(what), C(where) and C(next_step) describe it.
  type: str
  returned: failure
  sample: approvals_unreadable
error:
  description: The kind of failure.
  type: str
  returned: failure
  sample: ApprovalError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.change_approval import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
