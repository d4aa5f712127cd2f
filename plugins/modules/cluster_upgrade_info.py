#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what an upgrade of a cluster's own Kubernetes would break of ours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_upgrade_info
short_description: Say what an upgrade of a cluster's own Kubernetes would break
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Looks at the version step of the control plane, at what the stack release needs, and at the kubelets; at each API
    version that our identities use; and, for each GPU product, whether each node with replicas can be emptied with
    every replica up elsewhere first. Nothing is written.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  contract:
    description: The contract of the cluster.
    type: dict
    required: true
  kubernetes:
    description: The version that it is to be upgraded to, such as V(1.37).
    type: str
    required: true
  release:
    description: The description of the stack release that is there, as P(fireworks.byoc.stack_release#lookup) gives it.
    type: dict
    required: true
seealso:
  - module: fireworks.byoc.capacity_info
  - module: fireworks.byoc.node_handover
"""

EXAMPLES = r"""
- name: Ask what Kubernetes 1.37 would break
  fireworks.byoc.cluster_upgrade_info:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    kubernetes: "1.37"
    release: "{{ lookup('fireworks.byoc.stack_release', contract.stack) }}"
  register: upgrade
"""

RETURN = r"""
checks:
  description: What was looked at, each with C(cluster), C(what), C(verdict) (fine, breaks or unproven), C(why) and
    C(owner) (who has to act before the upgrade).
  type: list
  elements: dict
  returned: success
breaks:
  description: Those of RV(checks) that would break.
  type: list
  elements: dict
  returned: success
unproven:
  description: What could not be tested, and why.
  type: list
  elements: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.cluster_upgrade_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
