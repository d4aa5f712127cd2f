#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_result
short_description: Tell how a run goes and how it ended, to people and machines
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Prints the reports, and last how each cluster ended, in at most 100 columns unless the terminal has others.
  - Makes of it one JSON document of the form of C(schemas/result.schema.json), writes it to a file if asked to, and
    hands it on as M(ansible.builtin.set_stats) would, as C(byoc_result).
  - Prints once, whatever the number of hosts.
  - Before anything is done, with O(state=begun), it refuses a query that is none and a file that cannot be written,
    removes the file that an earlier run wrote, and prints the reports only.
extends_documentation_fragment:
  - fireworks.byoc.attributes
attributes:
  check_mode:
    support: full
    details: Prints, and writes the file, in check mode as otherwise.
  diff_mode:
    support: none
    details: There is nothing to compare.
  idempotent:
    support: full
options:
  state:
    description: Whether the run has ended, or has only begun.
    type: str
    choices: [begun, ended]
    default: ended
  playbook:
    description: The playbook that was run.
    type: str
    required: true
  run_id:
    description: The number of the run.
    type: str
    default: ""
  outcomes:
    description: What came of each cluster, as P(fireworks.byoc.every_outcome#filter) gives it.
    type: list
    elements: dict
    default: []
  reports:
    description: What is shown above. Each has a C(title), and C(rows) with C(columns), or C(text).
    type: list
    elements: dict
    default: []
  failed:
    description: What ended the run before any cluster's turn, as C(ansible_failed_result) holds it.
    type: dict
  task:
    description: The name of the task that O(failed) is of.
    type: str
    default: ""
  file:
    description: Where the document is written, whole or not at all, with mode 0600.
    type: path
  query:
    description: A JMESPath expression. What it finds in the document is printed, and nothing else.
    type: str
notes:
  - Runs on the controller only.
  - Cannot be used under the C(free) strategy, where no host stands for all.
"""

EXAMPLES = r"""
- name: Show how it ended
  fireworks.byoc.run_result:
    playbook: onboard
    outcomes: "{{ outcomes }}"
    file: result.json
"""

RETURN = r"""
run:
  description: The document.
  type: dict
  returned: success, where O(state=ended)
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["begun", "ended"], "default": "ended"},
            "playbook": {"type": "str", "required": True},
            "run_id": {"type": "str", "default": ""},
            "outcomes": {"type": "list", "elements": "dict", "default": []},
            "reports": {"type": "list", "elements": "dict", "default": []},
            "failed": {"type": "dict"},
            "task": {"type": "str", "default": ""},
            "file": {"type": "path"},
            "query": {"type": "str"},
        },
        supports_check_mode=True,
    )
    module.fail_json(
        msg="fireworks.byoc.run_result runs on the controller, by the action plugin of its name, which did not run"
    )


if __name__ == "__main__":
    main()
