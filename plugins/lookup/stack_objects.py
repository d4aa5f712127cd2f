# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the objects of a stack release for a contract."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_objects
short_description: Render the objects of a stack release
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Renders the templates of a release for a contract, with the options of the role P(fireworks.byoc.stack#role) that
    the host has. Contacts no cluster.
options:
  _terms:
    description: Releases, as P(fireworks.byoc.stack_release#lookup) describes them.
    type: list
    elements: dict
    required: true
  contract:
    description: The contract.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what a release consists of
  ansible.builtin.debug:
    msg: "{{ lookup('fireworks.byoc.stack_objects', release, contract=contract) }}"
  vars:
    release: "{{ lookup('fireworks.byoc.stack_release', contract.stack) }}"
"""

RETURN = r"""
_raw:
  description: The manifests of each release, a list for each.
  type: list
  elements: list
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import parse_definition
from ansible_collections.fireworks.byoc.plugins.plugin_utils.manifest_files import rendered
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import names_of_templates, role_options


class LookupModule(LookupBase):
    """One list for each release."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[list[Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        contract, role = self.get_option("contract"), role_options(self._loader)
        return [
            self._objects(release, {**role, **(variables or {}), **names_of_templates(contract, release)})
            for release in terms
        ]

    def _objects(self, release: dict[str, Any], given: dict[str, Any]) -> list[Any]:
        found = []
        for template in map(Path, release["templates"]):
            try:
                text = rendered(self._templar, template, template.read_text(encoding="utf-8"), given)
                found += parse_definition(text)
            except (AnsibleError, KubeError, OSError) as error:
                raise AnsibleLookupError(f"{template}: does not render: {error}") from None
        return found
