#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what is in a cluster with the manifests of a set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: set_info
short_description: Compare what is in a cluster with the manifests of a set
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads each object of the definition and says whether it is there and as the manifest says, field by field.
  - Only what a manifest says is compared, so what the API server fills in is no difference, and neither are the labels
    that M(fireworks.byoc.apply_set) adds. A field that the manifest does not say and that another field manager has
    set since (an C(ingress) added to a closed NetworkPolicy) is one.
  - It needs C(get) on each object and changes nothing. What may not be read is reported as V(unreadable) and is no
    failure. To name the members that the definition lacks it needs C(list) too.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  definition:
    description: The manifests, as a list of mappings, one mapping, or YAML text of many documents.
    type: raw
    required: true
  name:
    description: The name of the set that M(fireworks.byoc.apply_set) made. With it, members of the set that the
      definition does not have are reported as V(extra).
    type: str
  namespace:
    description: The namespace of the set's parent.
    type: str
    default: fireworks-system
seealso:
  - module: fireworks.byoc.apply_set
  - module: fireworks.byoc.access_info
"""

EXAMPLES = r"""
- name: See whether the prerequisites match the contract
  fireworks.byoc.set_info:
    connection: "{{ byoc_connection }}"
    name: presetup
    definition: "{{ contract | fireworks.byoc.presetup_objects }}"
  register: presetup
"""

RETURN = r"""
counts:
  description: How many objects are V(same), V(missing), V(differs), V(unreadable) and V(extra).
  type: dict
  returned: success
  sample: {same: 57, missing: 0, differs: 1, unreadable: 0, extra: 0}
objects:
  description: Each object with its C(kind), C(group), C(namespace), C(name), C(state), and, where it differs, its
    C(differences). Each of those has C(field), C(expected) and C(found); null stands for a field that is not there.
    The values of Secrets are hidden.
  type: list
  elements: dict
  returned: success
  sample:
    - kind: ResourceQuota
      group: ""
      namespace: fireworks-models
      name: approved-gpus
      state: differs
      differences: [{field: "spec.hard[requests.nvidia.com/gpu]", expected: "16", found: "64"}]
set:
  description: The set's parent, with its C(name), C(state) (V(same), V(missing) or V(unreadable)) and C(annotations).
  type: dict
  returned: when O(name) is given
unlisted:
  description: The kinds that this identity may not list, so members of the set that are extra may be among them.
  type: list
  elements: str
  returned: when O(name) is given
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.set_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
