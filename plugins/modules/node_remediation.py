#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take sick GPU nodes out of service, and return repaired ones, as far as the contract allows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_remediation
short_description: Take sick GPU nodes out of service, and return repaired ones
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Takes each GPU node that has a finding, or is on its way already, as many steps as it can take now. It is
    quarantined (our taint, and a cordon), drained, and left to a repair, which a playbook makes and reports back with
    O(reports); then it is validated and returned. Or it is handed over.
  - Where a node is on its way is written on the node, so a run that was killed is simply run again. Each write reads
    the node again and names the version it read; each step is one write.
  - What is not allowed by C(actions) of the contract is not done; with no such section nothing is ever written.
  - What C(actions) call V(approve), and what C(change.approvals.node_action) requires, waits for an approval and for
    the contract's windows; a freeze delays whatever moves pods or repairs. A quarantine and a return wait for neither.
    Budgets, the breaker and storms (C(remediation) of the contract) hold back whatever takes capacity away, and never a
    return.
  - Cordons and taints of others stay. What somebody undid by hand stays undone.
  - Only pods in the namespace of the models are moved.
  - Where free GPUs hold them, replacements are Ready before pods leave. A drain that is given up is undone; the node
    stays quarantined.
  - It needs C(get), C(list) and C(patch) on nodes, C(get), C(list) and C(watch) on pods and budgets of that namespace,
    C(patch) on these pods and C(create) on C(pods/eviction), as the identity C(node-medic) has.
attributes:
  check_mode:
    support: full
    details: Writes to nodes are sent as a server-side dry run. No pod is moved, so only the first step of each node is
      shown.
  diff_mode:
    support: none
    details: The steps say what is done and why; what is written of a node is its marks, its taint and its cordon.
  idempotent:
    support: full
    details: A node is taken on only when something of it has changed, or time has passed.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
  - fireworks.byoc.given
options:
  contract:
    description:
      - The contract of the cluster. Its C(actions), C(remediation) and C(models) are read, and C(scaling) where models
        may sleep.
    type: dict
    required: true
  findings:
    description: What is wrong, as M(fireworks.byoc.node_health_info) finds it. A key that no finding has is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      fault:
        description: The class of the fault policy.
        type: str
        required: true
      node:
        description: The node; empty for the whole cluster.
        type: str
        required: true
      action:
        description: What is recommended.
        type: str
        required: true
        choices:
          - ignore
          - record
          - report
          - restart_pod
          - restart_plugin
          - restart_fabric_manager
          - quarantine
          - drain
          - diagnose
          - gpu_reset
          - reboot
          - inspect
          - replace
      quarantine:
        description: Whether new work has to keep away from the node.
        type: bool
        required: true
      id:
        description: The same for the same fault of the same thing.
        type: str
      title:
        description: A description of the fault.
        type: str
      gpu:
        description: The GPU, where it is one.
        type: dict
        suboptions:
          uuid:
            description: Its UUID.
            type: str
          index:
            description: Its index.
            type: str
          pci:
            description: Its PCI address.
            type: str
      pod:
        description: The pod, as namespace and name.
        type: str
      severity:
        description: How bad it is.
        type: str
        choices: [info, warning, error, critical]
      allowed:
        description: Whether the contract lets Fireworks do it.
        type: str
        choices: [never, approve, auto]
      owner:
        description: Who has to act; empty for nobody.
        type: str
        choices: [operator, fireworks, customer, ""]
      contact:
        description: Whom to ask.
        type: dict
        suboptions:
          name:
            description: The name.
            type: str
          email:
            description: The address.
            type: str
      ask:
        description: What exactly is asked.
        type: str
      at:
        description: The time of the newest evidence, in RFC 3339. Without one nothing is done about it.
        type: str
      since:
        description: The time of the oldest evidence. That of the newest unless given.
        type: str
      evidence:
        description: What was seen, newest first.
        type: list
        elements: dict
        suboptions:
          source:
            description: Who saw it.
            type: str
          signal:
            description: Which sign it is.
            type: str
          text:
            description: What it says.
            type: str
          at:
            description: When it happened.
            type: str
          seen:
            description: When it was read.
            type: str
          times:
            description: How often it happened.
            type: int
          node:
            description: The node that it is of.
            type: str
      recurrence:
        description: How many incidents are known, and the rule that they meet.
        type: dict
      replicas:
        description: The replicas of models that it touches.
        type: list
        elements: dict
        suboptions:
          namespace:
            description: Its namespace.
            type: str
            required: true
          name:
            description: The pod's name.
            type: str
            required: true
          uid:
            description: The pod's UID.
            type: str
          model:
            description: Its model.
            type: str
          gpus:
            description: How many GPUs it has.
            type: int
      replicas_exact:
        description: Whether it touches those only; otherwise they are all on the node.
        type: bool
      confidence:
        description: How sure it is. V(low) has to go on for a minute before it counts.
        type: str
        choices: [high, medium, low]
      decided_by:
        description: What decided about the action.
        type: str
      why:
        description: The same as text.
        type: str
      policy:
        description: The version of the fault policy.
        type: str
  reports:
    description: How repairs ended. V(done) leads to validation, V(failed) to the next repair.
    type: list
    elements: dict
    default: []
    suboptions:
      node:
        description: The node.
        type: str
        required: true
      session:
        description: The session in which the repair was asked for. A report of another one changes nothing.
        type: str
        required: true
      goal:
        description: The repair that ended, C(goal) of RV(repairs). A report of another than the node is in now changes
          nothing. Unless given, it is the one that the node is in.
        type: str
        default: ""
      outcome:
        description: How it ended.
        type: str
        required: true
        choices: [done, failed]
      detail:
        description: What there is to say about it.
        type: str
        default: ""
  nodes:
    description: Only these nodes. All of them unless given.
    type: list
    elements: str
    default: []
  fleet:
    description: How the fleet is, for the breaker over all clusters.
    type: dict
    suboptions:
      nodes:
        description: GPU nodes of all clusters.
        type: int
        default: 0
      sick:
        description: Those that are sick or out of service.
        type: int
        default: 0
  required:
    description: What must have passed before a node returns, such as V(canary) or V(diagnostic).
    type: list
    elements: str
    default: []
  diagnosed:
    description: By node, what of O(required) V(passed) or V(failed).
    type: dict
    default: {}
  parallel:
    description: How many pods are evicted at once.
    type: int
    default: 16
seealso:
  - module: fireworks.byoc.cluster_info
"""

EXAMPLES = r"""
- name: Act on what was found
  fireworks.byoc.node_remediation:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    findings: "{{ health.findings }}"
  register: remediation

- name: Report that a reboot is completed
  fireworks.byoc.node_remediation:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    reports:
      - {node: gpu-7, session: gpu-7-20261125T210000Z, outcome: done}
"""

RETURN = r"""
taken:
  description: Each step that was taken or tried, with C(node), C(do), C(why), C(state) (before it), C(session),
    C(goal), C(owner) (who has to act), C(changed), C(failed), C(conflict) (the node changed meanwhile, so it is left
    to the next run), C(result) and C(objects) (what was written). C(approved_by) and C(digest) say who approved it and
    by which digest; they are empty where the contract asked nobody. Of a drain also C(first) (pods whose replacements
    came first), C(held) (those that stay without), C(evicted), C(counted_as_gone) (which of C(evicted) a
    node that cannot answer has not ended, and why they count as gone), C(held_by_node) (pods on such a node that only
    a person can release, and why), C(blocked_by) (budgets that let no pod go), C(not_granted) (which of them
    the API server refused to evict, where the customer grants evictions), C(left) (who stays and why),
    C(unschedulable) and C(seconds).
  type: list
  elements: dict
  returned: success
steps:
  description: The next step of each node that is not well, and why; what waits says for what. Where it waits for an
    approval, a window or the end of a freeze, C(code) says which comes first, C(blockers) all that is in the way,
    C(next_at) when it could go, and C(digest) what an approval of it names.
  type: list
  elements: dict
  returned: success
repairs:
  description: Those of RV(steps) that are repairs to be made now. A repair may be asked for twice; C(session) and
    C(goal) say that it is the same one.
  type: list
  elements: dict
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_remediation import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
