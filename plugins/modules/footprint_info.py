#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List everything in a cluster that is ours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: footprint_info
short_description: List everything in a cluster that is ours
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Looks at every kind that the API server can list, by metadata only, for objects that carry the label
    C(app.kubernetes.io/managed-by=fireworks-byoc). After an offboarding it proves that nothing is left.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
"""

EXAMPLES = r"""
- name: Look for anything of ours
  fireworks.byoc.footprint_info:
    connection: "{{ byoc_connection }}"
  register: footprint
"""

RETURN = r"""
objects:
  description: Each object of ours, with the set that it belongs to (empty for none), and with its annotations that are
    ours.
  type: list
  elements: dict
  returned: success
  sample: [{kind: Service, api_version: v1, namespace: fireworks-system, name: router, annotations: {}, set: stack}]
unreadable:
  description: The kinds that this identity may not list, so nothing is known of them.
  type: list
  elements: str
  returned: success
kinds:
  description: How many kinds of objects this cluster has, all of which were asked for.
  type: int
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.footprint_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
