#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Write the report of a fleet, as a page and as data
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Joins the parts of all clusters, with the sums, and what differs from the contracts.
  - Writes one static HTML page, and beside it the same as JSON. Only the user that runs it may read them.
  - Private to the playbooks of this collection, it may change with any version.
extends_documentation_fragment:
  - fireworks.byoc.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: What is written tells when it was made, and so is always new.
  idempotent:
    support: none
    details: As of the diff.
options:
  parts:
    description: The parts of the report, as P(fireworks.byoc.swept_report#filter) makes them.
    type: list
    elements: str
    required: true
  contracts:
    description: The contracts of the clusters, each as JSON.
    type: list
    elements: str
    required: true
  releases:
    description: Releases, as P(fireworks.byoc.stack_release#lookup) reads them.
    type: list
    elements: dict
    required: true
  made:
    description: When it was made (UTC, ISO 8601).
    type: str
    required: true
  page:
    description: The file of the page. That of the data has the same name, and ends in C(.json).
    type: path
    required: true
seealso:
  - module: fireworks.byoc.fleet_sweep
  - module: fireworks.byoc.report_info
"""

EXAMPLES = r"""
- name: Write the report
  fireworks.byoc.fleet_report:
    parts: "{{ sweep.clusters.values() | map(attribute='part') }}"
    contracts: "{{ sweep.clusters.values() | map(attribute='contract') }}"
    releases: []
    made: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
    page: /tmp/fleet.html
"""

RETURN = r"""
files:
  description: The files that were (in check mode, would be) written.
  type: list
  elements: str
  returned: success
  sample: [/tmp/fleet.html, /tmp/fleet.json]
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    texts = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "parts": texts,
            "contracts": texts,
            "releases": {"type": "list", "elements": "dict", "required": True},
            "made": {"type": "str", "required": True},
            "page": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    module.fail_json(
        msg="fireworks.byoc.fleet_report runs on the controller, by the action plugin of its name, which did not run"
    )


if __name__ == "__main__":
    main()
