#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_sweep
short_description: Read many clusters in one task
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Runs one module of this collection that only reads, for many clusters at once, in one task on the controller.
  - A cluster that does not answer, or whose arguments cannot be used, is a result with its error. It holds up no other.
  - Says from time to time how far it is.
extends_documentation_fragment:
  - fireworks.byoc.attributes
attributes:
  check_mode:
    support: full
    details: Reads, and changes nothing, in check mode as otherwise.
  diff_mode:
    support: none
    details: There is nothing to compare.
  idempotent:
    support: full
options:
  operation:
    description: The module of this collection that is run for each cluster.
    type: str
    required: true
    choices: [access_info, cluster_info, footprint_info, log_info, model_info, node_health_info, report_info, set_info]
  clusters:
    description: The clusters, as hosts of the inventory.
    type: list
    elements: str
    required: true
  arguments:
    description:
      - The module's options, each an expression as in C(when), evaluated with the variables of each cluster's host.
      - C(connection) need not be given; it is C(byoc_connection).
      - The variables are those of the inventory and of facts, and extra ones; those of the play and of roles are not.
    type: dict
    default: {}
  keep:
    description:
      - What to keep of each result, by key, each an expression as in O(arguments), which has the C(result) too,
        and when the sweep C(began) (UTC, ISO 8601).
      - Without it, results are kept whole. Those of a thousand clusters may be large.
      - C(failed), C(msg), C(error) and C(owner) of a result that failed are kept in any case.
    type: dict
    default: {}
  keep_by:
    description:
      - Instead of O(keep), the filter that makes a mapping of a contract, the result, when the sweep began, and now.
        It is called without a template, which takes less time.
    type: str
  keep_options:
    description: Further options of the filter O(keep_by), the same for each cluster.
    type: dict
    default: {}
  parallel:
    description: How many clusters are read at once. Those that are dead take most of these places.
    type: int
    default: 64
  cluster_timeout:
    description: After how many seconds a cluster is given up.
    type: int
    default: 60
  timeout:
    description: After how many seconds all that is left is given up.
    type: int
    default: 600
  interval:
    description: How many seconds lie between two lines that say how far it is.
    type: int
    default: 10
notes:
  - Runs on the controller only.
  - Cannot be used under the C(free) strategy, where no host stands for all.
"""

EXAMPLES = r"""
- name: Count the GPUs of the whole fleet
  fireworks.byoc.fleet_sweep:
    operation: cluster_info
    clusters: "{{ groups.byoc }}"
    keep:
      gpus: result.facts.gpus.total.allocatable | default(0)
  register: fleet

- name: Show them, and who did not answer
  ansible.builtin.debug:
    msg: "{{ fleet.clusters.values() | sum(attribute='gpus') }} GPUs; no answer from {{ fleet.not_read }}"
"""

RETURN = r"""
clusters:
  description: By cluster, the module's result, or of it what O(keep) or O(keep_by) says.
  type: dict
  returned: success
not_read:
  description: The clusters whose result failed.
  type: list
  elements: str
  returned: success
seconds:
  description: How long it took.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "operation": {
                "type": "str",
                "required": True,
                "choices": [
                    "access_info",
                    "cluster_info",
                    "footprint_info",
                    "log_info",
                    "model_info",
                    "node_health_info",
                    "report_info",
                    "set_info",
                ],
            },
            "clusters": {"type": "list", "elements": "str", "required": True},
            "arguments": {"type": "dict", "default": {}},
            "keep": {"type": "dict", "default": {}},
            "keep_by": {"type": "str"},
            "keep_options": {"type": "dict", "default": {}},
            "parallel": {"type": "int", "default": 64},
            "cluster_timeout": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 600},
            "interval": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    module.fail_json(
        msg="fireworks.byoc.fleet_sweep runs on the controller, by the action plugin of its name, which did not run"
    )


if __name__ == "__main__":
    main()
