#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge the health of one cluster's GPUs and nodes in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_health_info
short_description: Judge the health of one cluster's GPUs and nodes
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the signs of sick GPUs and nodes in one call and judges them by a fault policy. Nothing is written.
  - Read are the nodes with their conditions, events and leases, and the pods on GPUs.
  - The DCGM exporters are read through the API server, so that nothing else need be reachable, unless the contract's
    C(health.exporters) says that they are asked directly. The engines' last minutes are read out of our telemetry.
  - A source that is missing or silent, or that the identity may not read, is a finding. It never counts as healthy.
requirements:
  - jsonschema
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  contract:
    description:
      - The contract of the cluster. Its C(actions), C(contacts), C(health), C(identity) and C(models) are used.
    type: dict
    required: true
  policy:
    description: The fault policy, as P(fireworks.byoc.fault_policy#lookup) reads it.
    type: dict
    required: true
  exporter_timeout:
    description: How many seconds each DCGM exporter may take to answer.
    type: int
    default: 5
  earlier:
    description:
      - The C(snapshot) of an earlier call. Against it, a gauge that only holds a last value is seen to have changed,
        and an event that counts over weeks tells how often it happened since.
    type: dict
  snapshot:
    description: The C(snapshot) of a call, judged again as of its own time. Nothing is read from the cluster then.
    type: dict
  keep_snapshot:
    description: Whether to return what was read as C(snapshot).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Judge the health of the cluster
  fireworks.byoc.node_health_info:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    policy: "{{ lookup('fireworks.byoc.fault_policy', contract.health) }}"
  register: health

- name: Show the requests to the customer
  ansible.builtin.debug:
    msg: "{{ health.handoffs | map(attribute='text') }}"
"""

RETURN = r"""
findings:
  description: What was found, worst first.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: The same for the same fault of the same thing.
      type: str
      returned: success
    fault:
      description: The class of the fault policy.
      type: str
      returned: success
    title:
      description: A description of the fault.
      type: str
      returned: success
    node:
      description: The node; empty for the whole cluster.
      type: str
      returned: success
    gpu:
      description: The GPU's C(uuid), C(index) and C(pci), each empty if unknown; null for what is no GPU's.
      type: dict
      returned: success
    pod:
      description: The pod, as namespace and name.
      type: str
      returned: success
    severity:
      description: V(info), V(warning), V(error) or V(critical).
      type: str
      returned: success
    action:
      description: What is recommended.
      type: str
      returned: success
    allowed:
      description: Whether the contract lets Fireworks do it; V(never), V(approve) or V(auto).
      type: str
      returned: success
    quarantine:
      description: Whether new work has to keep away from the node.
      type: bool
      returned: success
    owner:
      description: Who has to act; V(customer) or V(fireworks).
      type: str
      returned: success
    contact:
      description: Whom to ask, by C(name) and C(email).
      type: dict
      returned: success
    ask:
      description: What exactly is asked.
      type: str
      returned: success
    at:
      description: The time of the newest evidence, RFC 3339 in UTC; empty if no source has one.
      type: str
      returned: success
    since:
      description: The time of the oldest evidence.
      type: str
      returned: success
    evidence:
      description:
        - What was seen, newest first, ten at most, each with C(source), C(signal), C(text), C(at), C(seen), C(times)
          and C(node).
      type: list
      elements: dict
      returned: success
    recurrence:
      description: How many incidents are known, and the rule that they meet.
      type: dict
      returned: success
    replicas:
      description: The replicas of models that it touches; C(namespace), C(name), C(uid), C(model), C(gpus).
      type: list
      elements: dict
      returned: success
    replicas_exact:
      description: Whether it touches those only; otherwise they are all on the node.
      type: bool
      returned: success
    confidence:
      description: V(high), V(medium) or V(low).
      type: str
      returned: success
    decided_by:
      description: What decided about the action.
      type: str
      returned: success
    why:
      description: The same as text.
      type: str
      returned: success
    policy:
      description: The version of the fault policy.
      type: str
      returned: success
nodes:
  description:
    - By name, each GPU node and every other node with a finding, with its C(state) (V(healthy), V(watch), V(sick) or
      V(unknown)), C(action), C(quarantine), C(faults) and C(cordoned).
  type: dict
  returned: success
summary:
  description: How many nodes are in each state, how many findings of each severity, and the worst severity.
  type: dict
  returned: success
handoffs:
  description: For each finding that asks something, the message C(to) whom, with C(subject), C(text) and C(escalation).
  type: list
  elements: dict
  returned: success
snapshot:
  description: What was read.
  type: dict
  returned: when O(keep_snapshot) is true
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_health_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
