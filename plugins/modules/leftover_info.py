#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List what is in our namespaces, or refers to us, and nothing accounts for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: leftover_info
short_description: List what nothing accounts for
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Lists, by discovery, every object of every kind in C(fireworks-system), C(fireworks-models) and C(fireworks-setup),
    and those cluster-scoped objects and bindings of other namespaces that have a name or label of ours or refer to one
    of our accounts, services or policies; and returns those that nothing accounts for. Labels account for nothing.
  - An object is also accounted for if a controller made it for one that is. Its owner has to be there with the same
    UID and of a kind that makes such objects, and pods have to run what their owner's template says.
  - The sets in C(fireworks-setup) account for the objects of their grants, since only administrators write there.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  accounted:
    description: The objects that may be there, as P(fireworks.byoc.accounted_objects#filter) gives them.
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description: The kind.
        type: str
        required: true
      group:
        description: Its API group, empty for the core one.
        type: str
        default: ""
      namespace:
        description: The namespace, empty for cluster-scoped objects.
        type: str
        default: ""
      name:
        description: The name.
        type: str
      matching:
        description: Instead of a name, a regular expression for all of it.
        type: str
  definition:
    description: Manifests with which live objects are compared, field by field. What is missing is not reported.
    type: raw
  customers_own:
    description:
      - Objects that are the customer's own, as RV(left_behind[].object) shows them, with V(*) for any part.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: List what nothing accounts for
  fireworks.byoc.leftover_info:
    connection: "{{ byoc_connection }}"
    accounted: "{{ contract | fireworks.byoc.accounted_objects(compiled, release, facts) }}"
    customers_own: [ConfigMap */istio-ca-root-cert]
  register: leftovers
"""

RETURN = r"""
left_behind:
  description: Each object that nothing accounts for.
  type: list
  elements: dict
  returned: success
  contains:
    object:
      description: Its kind, namespace and name.
      type: str
      sample: Pod fireworks-models/left
    kind:
      description: Its kind.
      type: str
    group:
      description: Its API group.
      type: str
    namespace:
      description: Its namespace.
      type: str
    name:
      description: Its name.
      type: str
    made:
      description: When it was created.
      type: str
    made_by:
      description: The field manager that created it, as it called itself.
      type: str
    why:
      description: Why nothing accounts for it.
      type: str
    command:
      description: The command that removes it; empty where it goes with its owner.
      type: str
altered:
  description: Each field of the definition's objects that differs, with what was C(expected) and C(found), three for
    each object at most. C(found) is V(null) where the object has no such field, and C(expected) where the definition
    has none; that is C(added).
  type: list
  elements: dict
  returned: success
unreadable:
  description: The kinds that could not be listed, so nothing is known of them.
  type: list
  elements: str
  returned: success
kinds:
  description: How many kinds were listed.
  type: int
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.leftover_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
