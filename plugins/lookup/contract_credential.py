# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches the credential that a contract refers to by a lookup, and shows nothing of it when that fails."""

from __future__ import annotations

DOCUMENTATION = r"""
name: contract_credential
short_description: Fetch the credential of a contract by the lookup that it names
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Runs the lookup of a contract's C(access.credential.lookup), which the P(fireworks.byoc.fleet#inventory) inventory
    has found to be among the customer's C(credential_roots).
  - When that fails, neither its error nor its terms and options are shown, since they may hold secrets.
options:
  _terms:
    description: The C(access.credential.lookup) of one contract.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Fetch a kubeconfig as the inventory does
  ansible.builtin.set_fact:
    kubeconfig: "{{ lookup('fireworks.byoc.contract_credential', contract.access.credential.lookup) }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The credential.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.plugin_utils.quiet import quiet


class LookupModule(LookupBase):
    """Another lookup, of which only the result is seen."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **_kwargs: Any) -> list[Any]:
        return [self._fetched(lookup, variables) for lookup in terms]

    def _fetched(self, lookup: Mapping[str, Any], variables: dict[str, Any] | None) -> Any:
        plugin = lookup_loader.get(lookup["plugin"], loader=self._loader, templar=self._templar)
        if plugin is None:
            raise AnsibleLookupError(f"the lookup {lookup['plugin']} is not installed where Ansible runs")
        try:
            with quiet():
                found = plugin.run(list(lookup["terms"]), variables=variables, **lookup["options"])
        except Exception as error:  # noqa: BLE001 (whatever it says may hold a secret)
            kind = type(error).__name__
        else:
            return _field_of(found, lookup)
        raise AnsibleLookupError(
            f"the lookup {lookup['plugin']}, by which the contract refers to its credential, failed with {kind} "
            "(what it said is not shown, since that may hold secrets). Run it by hand as this user to see why"
        )


def _field_of(found: list[Any], lookup: Mapping[str, Any]) -> Any:
    value: Any = found[0] if len(found) == 1 else ",".join(map(str, found))
    for key in filter(None, lookup.get("field", "").split(".")):
        if not isinstance(value, Mapping) or key not in value:
            raise AnsibleLookupError(f"what the lookup {lookup['plugin']} returned has no field {lookup['field']!r}")
        value = value[key]
    return value
