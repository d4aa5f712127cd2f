#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print a text or a table for people
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Prints text as it is, and rows as an aligned table, without the quoting that V(ansible.builtin.debug) adds.
  - Prints once, whatever the number of hosts.
extends_documentation_fragment:
  - fireworks.byoc.attributes
attributes:
  check_mode:
    support: full
    details: Prints, and changes nothing, in check mode as otherwise.
  diff_mode:
    support: none
    details: There is nothing to compare.
  idempotent:
    support: full
options:
  title:
    description: A line above it.
    type: str
    default: ""
  text:
    description: The text.
    type: str
    default: ""
  rows:
    description: Mappings to print as a table, after the text.
    type: list
    elements: dict
  columns:
    description: The keys to show, as a list; or a mapping of keys to headings. Without it, the keys of the first row.
    type: raw
notes:
  - Runs on the controller only.
  - Cannot be used under the C(free) strategy, where no host stands for all.
"""

EXAMPLES = r"""
- name: Show the state of every cluster
  fireworks.byoc.report:
    title: The fleet
    rows: "{{ rows }}"
    columns: [cluster, state, reason]
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "title": {"type": "str", "default": ""},
            "text": {"type": "str", "default": ""},
            "rows": {"type": "list", "elements": "dict"},
            "columns": {"type": "raw"},
        },
        supports_check_mode=True,
    )
    module.fail_json(
        msg="fireworks.byoc.report runs on the controller, by the action plugin of its name, which did not run"
    )


if __name__ == "__main__":
    main()
