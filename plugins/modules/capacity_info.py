#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the GPU capacity of a cluster, and plan moves that free larger blocks of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: capacity_info
short_description: Measure a cluster's GPU capacity, and plan its consolidation
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the nodes and pods of one cluster in one call, and says how its GPUs are used, how many more replicas of each
    model fit, and what is stranded.
  - Plans which replicas to move so that larger blocks are free, as the contract's C(efficiency) allows. The plan is
    rehearsed on a model of the cluster before it is shown. Nothing is written.
  - What cannot be modelled stays where it is, and is named. Where pods of other namespaces may not be listed, the
    module fails, because nothing is known to fit then.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  contract:
    description: The contract of the cluster. Its C(efficiency), C(identity) and C(models) are used.
    type: dict
    required: true
  wanted:
    description:
      - Of models, by name, the share of time in which each wants another replica, from V(0) to V(1). A block of free
        GPUs is worth what wants it; of a model that is not here nobody knows, and blocks for it count nothing.
    type: dict
    default: {}
  snapshot:
    description: The C(snapshot) of a call, measured and planned again. Nothing is read from the cluster then.
    type: dict
  keep_snapshot:
    description: Whether to return what was read as C(snapshot).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Measure the capacity
  fireworks.byoc.capacity_info:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    wanted: {llama-3-1-405b: 0.4}
  register: capacity
"""

RETURN = r"""
products:
  description:
    - Each GPU product with its C(cluster), C(nodes), C(gpus), and how many of these are C(ours), of C(others),
      C(closed) (free, on nodes that take no replicas) and C(free); and C(empty_nodes).
  type: list
  elements: dict
  returned: success
models:
  description:
    - Each model with its C(cluster), C(product), the C(gpus) and C(nodes) of a replica, how many more replicas fit now
      (C(fits)) and after the plan (C(fits_after)), and the free GPUs of its product in which none fits (C(stranded)).
  type: list
  elements: dict
  returned: success
shapes:
  description:
    - Of each product, for replicas of so many C(gpus) of one node, how many fit now (C(fits)) and after the plan
      (C(fits_after)) by free GPUs alone, the free GPUs that would be C(stranded), and whether no other shape of several
      GPUs strands fewer (C(least)). Each row has its C(cluster).
  type: list
  elements: dict
  returned: success
without_a_node:
  description:
    - Of each product, the C(node) whose loss would leave most of our GPUs without room, how many (C(lost)), and of
      which C(replicas). Each row has its C(cluster).
  type: list
  elements: dict
  returned: success
provision:
  description:
    - Each C(model) that C(has) too many replicas or too few, and C(why). Of what nobody has measured nothing is said.
      Each row has its C(cluster).
  type: list
  elements: dict
  returned: success
plan:
  description:
    - C(moves), each with C(pod), C(model), C(from), C(to), C(gpus), C(price) in GPU-seconds, C(load_seconds),
      C(load_is) (what that rests on) and C(for) (what it is for). C(packages) of moves, each with C(aim), C(target),
      C(gain) and C(price). C(price), C(gain) and C(ratio) of all.
    - C(why) nothing moves; empty where something does. C(stays), how many GPUs of replicas stay, and why.
      C(unproven), C(what) nobody has measured. Each row has its C(cluster).
  type: dict
  returned: success
snapshot:
  description: What was read.
  type: dict
  returned: when O(keep_snapshot) is true
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.capacity_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
