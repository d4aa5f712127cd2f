# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the fault policy, with the overrides of a fleet, a customer and a contract."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fault_policy
short_description: Read the fault policy, with the overrides of a fleet, a customer and a contract
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the table that maps each signal of a sick GPU or node to a fault.
  - Applies the overrides of the fleet, the customer and the cluster, in this order.
  - Overrides have the form of the contract's section C(health), with C(faults) and C(xids).
options:
  _terms:
    description: The C(health) section of one contract or of several.
    type: list
    elements: dict
    required: true
  fleet:
    description: Overrides for the whole fleet.
    type: dict
    default: {}
    vars:
      - name: byoc_fleet_health
  customer:
    description: Overrides for the customer.
    type: dict
    default: {}
    vars:
      - name: byoc_customer_health
  file:
    description: A table to read instead of the collection's own.
    type: path
  as_json:
    description:
      - Whether to give each table as JSON, which an option that takes a dictionary reads too.
      - Ansible looks for templates in each word of a dictionary, which takes longer than all else about one cluster.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the action for a GPU that has fallen off the bus
  ansible.builtin.debug:
    msg: "{{ policy.faults | selectattr('class', 'eq', 'gpu_off_the_bus') | map(attribute='action') | first }}"
  vars:
    policy: "{{ lookup('fireworks.byoc.fault_policy', contract.health) }}"

# group_vars/customer_acme.yml
# byoc_customer_health:
#   faults:
#     - {class: thermal_slowdown, contact: support}
"""

RETURN = r"""
_raw:
  description: The table for each term, with C(version), C(limits), C(recovery_actions), C(sources) and C(faults).
  type: list
  elements: dict
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.policy import (
    PolicyError,
    build_policy,
    check_layer,
    layered,
)

_OURS = Path(__file__).parents[2] / "roles" / "stack" / "files" / "faults.yml"


class LookupModule(LookupBase):
    """One table for each contract."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        path = Path(self.get_option("file") or _OURS)
        above = [(name, self.get_option(name)) for name in ("fleet", "customer")]
        try:
            tables = [_layered(self._table(path), json.dumps([*above, ("cluster", term)])) for term in terms]
        except PolicyError as error:
            raise AnsibleLookupError(str(error)) from None
        return tables if self.get_option("as_json") else [json.loads(table) for table in tables]

    def _table(self, path: Path) -> str:
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if _read.get(path, (None, ""))[0] != changed:
            _read[path] = changed, json.dumps(self._loader.load_from_file(str(path), cache="none"))
        return _read[path][1]


#: By its path, when a table was changed last, and its content as JSON: most clusters have the same, and plain copies
#: are made much faster than Ansible makes its own.
_read: dict[Path, tuple[int | None, str]] = {}


@lru_cache(maxsize=64)
def _layered(table: str, layers: str) -> str:
    """A checked table with what each layer changes, all as JSON. Raises PolicyError."""
    above = json.loads(layers)
    for name, layer in above[:-1]:
        check_layer(name, layer)
    made = layered(json.loads(table), above)
    build_policy(made)
    return json.dumps(made)
