#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the node medic evict pods for at most an hour, or end that."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eviction_grant
short_description: Let the node medic evict pods for at most an hour, or end that
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Where the contract's C(actions.drain) is C(approve), the node medic has no right to evict pods, by prerequisites of
    version 2. This gives it one, by the RoleBinding C(fireworks-node-medic-eviction) in C(fireworks-models), and notes
    in annotations of the namespace C(fireworks-system) until when.
  - The guardrail C(fireworks-evictions) refuses evictions from that moment on, by the API server's own clock, whether
    anybody removes the binding or not. The next grant replaces what is left of one that has ended.
  - None of the identities of Fireworks may write there, so this is run with the credential of the customer's
    administrator, who needs C(get) and C(patch) on that namespace, C(get) on the Role of that name, C(get), C(create)
    and C(delete) on the RoleBinding, and where nodes are named C(get) on nodes and C(list) on pods.
  - There is one grant at a time. Another one replaces it.
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
    details: An open grant that was asked for alike stays as it is, with its own end. A rerun prolongs nothing.
options:
  state:
    description: V(present) grants, V(absent) ends the grant, and removes what is left of one that has ended.
    type: str
    choices: [present, absent]
    default: present
  until:
    description: For how long, like V(30m), or until when, as a time with its zone. At most an hour from now.
    type: str
    default: 1h
  nodes:
    description:
      - The nodes whose pods may be evicted. It holds for the pods that are on them now, by their UIDs.
      - Without any, all pods of the models.
    type: list
    elements: str
    default: []
  requested_by:
    description: Who asked for it.
    type: str
  reason:
    description: Why.
    type: str
seealso:
  - module: fireworks.byoc.node_remediation
"""

EXAMPLES = r"""
- name: Allow evictions of the pods of one node
  fireworks.byoc.eviction_grant:
    connection: "{{ byoc_connection | fireworks.byoc.admin_connection('admin.kubeconfig') }}"
    until: 30m
    nodes: [gpu-7]
    requested_by: sre@fireworks.example
    reason: a double-bit error
"""

RETURN = r"""
grant:
  description: The grant that there is then, with C(until), C(nodes), C(pods) (the UIDs of those that were on them),
    C(requested_by), C(reason), C(lifetime) and C(granted_by), the Kubernetes user who gave it.
  type: dict
  returned: success; empty when O(state=absent)
before:
  description: The grant that was there before, open or ended; empty where there was none.
  type: dict
  returned: success
objects:
  description: The namespace and the RoleBinding, each with the C(action) that it saw.
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
  sample: nothing_to_grant
error:
  description: The kind of failure.
  type: str
  returned: failure
  sample: NothingToGrantError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.eviction_grant import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
