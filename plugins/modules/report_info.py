#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a report of the fleet shows of one cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report_info
short_description: Read what a report of the fleet shows of one cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the state of a cluster, its GPUs, models, error budgets, findings, rollouts, open incidents, and when
    credentials end, as rows that are small.
  - What cannot be read, or is not measured, is named, and the rest is returned.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  contract:
    description: The cluster's contract, as the inventory gives it.
    type: dict
    required: true
  policy:
    description: The faults and what to do about each, as P(fireworks.byoc.fault_policy#lookup) gives them.
    type: dict
    required: true
  credential_files:
    description: Kubeconfig files of whose credentials the end is told too. Those that are not there are left out.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Read a cluster for a report
  fireworks.byoc.report_info:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    policy: "{{ lookup('fireworks.byoc.fault_policy', contract.health) }}"
  register: read
"""

RETURN = r"""
report:
  description:
    - The cluster's part of the report. C(cluster), C(customer), C(state) and C(reason), C(stack), C(replicas),
      C(nodes), C(kubernetes), C(provider) and C(region).
    - The lists C(gpus), C(models), C(budgets), C(findings), C(rollouts), C(incidents) (the open ones) and
      C(credentials).
    - What is C(installed), for P(fireworks.byoc.contract_drift#filter), the cluster's C(signature), what its C(sick)
      nodes have of that, and what is C(unread).
  type: dict
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.report_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
