#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try a node that was repaired with a pod on all its free GPUs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_canary
short_description: Try a repaired node with a pod on all its free GPUs
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Runs one pod in the namespace of the models on one node, waits for its end, and removes it. The pod tolerates our
    taint and the cordon, takes every GPU of the node that is free, gets no requests, and mounts nothing.
  - A node that fails is a result (RV(verdict)), not a failure of the task. What keeps the pod from running, a quota for
    instance, says nothing of the node.
  - It needs C(get) on nodes, and C(get), C(list), C(create) and C(delete) on pods of that namespace, as the identity
    C(node-medic) has. A guardrail keeps that identity to pods of this very shape.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: No pod is made, and the node is not tried.
  diff_mode:
    support: N/A
    details: The pod is gone when the task ends.
  idempotent:
    support: none
    details: Each run tries the node again.
options:
  contract:
    description: The contract of the cluster. It says which platform it is.
    type: dict
    required: true
  node:
    description: The node to try.
    type: str
    required: true
  image:
    description: What the pod runs, from an approved registry. Unless given, the image of a model that serves on the
      same kind of GPU.
    type: str
    default: ""
  command:
    description: What it runs there. The node has passed when it ends with 0. It finds how many GPUs it was given as
      C(EXPECTED_GPUS), which is empty where these are parts of GPUs, or nothing says that they are whole.
    type: list
    elements: str
    default:
      - sh
      - -c
      - >-
        nvidia-smi || exit; found=$(nvidia-smi --list-gpus | wc -l);
        echo "nvidia-smi finds $found of ${EXPECTED_GPUS:-the} GPUs";
        test "$found" -gt 0 && test "$found" -eq "${EXPECTED_GPUS:-$found}"
  timeout:
    description: How long the pod may take, in seconds. Before and after, it is seen off for at most a minute.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Try the node that came back
  fireworks.byoc.node_canary:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    node: gpu-7
  register: canary
"""

RETURN = r"""
verdict:
  description: V(passed), V(failed), or V(untried) where the pod did not run.
  type: str
  returned: success
why:
  description: How the pod ended, with the last line that it wrote where it failed, or what kept it from running.
  type: str
  returned: success
image:
  description: What was run; empty where none is known.
  type: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_canary import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
