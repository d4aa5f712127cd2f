#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let one operation at a time work on a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_lock
short_description: Let one operation at a time work on a cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Takes, renews and releases the operation lock of a cluster, which is the Lease C(operation-lock) in
    C(fireworks-system). It says who holds it, what for, since when and until when.
  - It is taken by creating the Lease, or by writing it over the very version that was read. So of two that try at once
    exactly one gets it.
  - Whoever takes it registers the result as C(byoc_lock). Then every action of this collection renews the lock while
    it works, from its own worker, and fails when it finds the lock in somebody else's hands. When the run dies, nobody
    renews it, and it is free after O(duration).
  - An API server that does not answer later in the run is waited for as one that restarts, since it answered here.
  - What time it is says the API server, so the controllers' clocks do not matter.
  - In a cluster that has no namespace C(fireworks-system) there is nothing of ours to lock yet. That is no failure, and
    the lock is not held. Take it again once the namespace is there.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: Fails where the lock would be refused, without waiting for it. It is not taken.
  diff_mode:
    support: none
    details: RV(holder) and RV(taken_from) say what changes.
  idempotent:
    support: full
    details: The same run takes the lock as often as it wants; from the second time on it is renewed.
options:
  state:
    description:
      - V(present) takes the lock, or renews it for the run that has it.
      - V(absent) releases it. A lock that this run does not hold is left alone, and that is no failure.
    type: str
    choices: [present, absent]
    default: present
  run_id:
    description: What tells this run from all others, the same in all its tasks.
    type: str
    required: true
  holder:
    description: Who holds it. Unless given, C(user@controller); in AWX the user who started the job.
    type: str
  purpose:
    description: The operation that acquires it, which a refusal to others names. Required to acquire it.
    type: str
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
  duration:
    description:
      - How many seconds the lock holds without being renewed, 5 to 3600. A crashed run keeps others out so long.
      - It is renewed every third of that while an action of this collection works.
    type: int
    default: 120
  wait_timeout:
    description: For how many seconds to wait for a lock that somebody else holds. V(0) fails at once.
    type: int
    default: 0
  break_holder:
    description:
      - Takes the lock from this holder, who must be named as in the refusal, although the lock has not expired. From
        anybody else it is not taken.
      - A holder that is still alive notices at its next renewal, and stops. Until then both work.
    type: str
  break_reason:
    description: Why. Kept on the Lease and in the result, with who did it.
    type: str
notes:
  - A task that runs as a module elsewhere than in Ansible's worker (another connection, C(become), C(environment),
    C(async)) does not renew the lock. Choose a O(duration) that covers it.
seealso:
  - module: fireworks.byoc.apply_set
"""

EXAMPLES = r"""
- name: Take the lock, or wait ten minutes for it
  fireworks.byoc.operation_lock:
    connection: "{{ byoc_connection }}"
    run_id: "{{ byoc_run_id }}"
    purpose: upgrade
    wait_timeout: 600
  register: byoc_lock

- name: Release it
  fireworks.byoc.operation_lock:
    connection: "{{ byoc_connection }}"
    run_id: "{{ byoc_run_id }}"
    state: absent
  register: byoc_lock

- name: Take it from a run that is known to be dead
  fireworks.byoc.operation_lock:
    connection: "{{ byoc_connection }}"
    run_id: "{{ byoc_run_id }}"
    purpose: upgrade
    break_holder: alice@ctl-1/7f3a9c2e
    break_reason: ctl-1 lost its power, INC-4711
"""

RETURN = r"""
held:
  description: Whether this run holds the lock now; never in check mode.
  type: bool
  returned: success
holder:
  description: This run, as the lock names it.
  type: str
  returned: success
  sample: alice@ctl-1/7f3a9c2e
purpose:
  description: What for.
  type: str
  returned: success
  sample: onboard
duration:
  description: For how many seconds it holds without being renewed.
  type: int
  returned: success
  sample: 120
cluster_uid:
  description: The cluster that it is of.
  type: str
  returned: success
why:
  description: Why it is not held though it was asked for; empty otherwise.
  type: str
  returned: success
  sample: there is no namespace fireworks-system
since:
  description: Since when this run holds it, by the API server's clock.
  type: str
  returned: when it is held
  sample: "2026-11-25T21:18:00Z"
expires:
  description: When it is free, unless it is renewed.
  type: str
  returned: when it is held
  sample: "2026-11-25T21:20:00Z"
known_at:
  description: When that was known, in seconds since 1970 by the controller's clock.
  type: float
  returned: when it is held
taken_from:
  description: Whose lock it was until now, with its C(holder), C(purpose), C(since), C(expires), and C(why), which is
    V(expired) or V(broken). Empty when it was free.
  type: dict
  returned: success
held_by:
  description: Who else holds it, when this run had nothing to release.
  type: dict
  returned: when O(state=absent) and it is not this run's
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
  sample: HeldError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.operation_lock import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
