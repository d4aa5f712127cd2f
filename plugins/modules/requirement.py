#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: requirement
short_description: Refuse what does not meet a requirement
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Like M(ansible.builtin.assert), with what an outcome needs as data. The result of a refusal says what happened,
    where, what to do next and who has to do it, and summaries and records carry that on.
extends_documentation_fragment:
  - fireworks.byoc.attributes
attributes:
  check_mode:
    support: full
    details: Judges, and changes nothing, in check mode as otherwise.
  diff_mode:
    support: none
    details: There is nothing to compare.
  idempotent:
    support: full
options:
  that:
    description: The conditions, as for M(ansible.builtin.assert); a text, or a list of texts, all of which must hold.
    type: raw
    required: true
  what:
    description:
      - What is wrong where one does not hold, as a sentence without its full stop.
      - The host is put before it, unless it is V(localhost) or the play sets C(byoc_of_the_run).
    type: str
    required: true
  next_step:
    description: What to do about it.
    type: str
    required: true
  owner:
    description: Who has to do it.
    type: str
    choices: [operator, fireworks, customer]
    default: operator
  code:
    description: A stable word for this refusal, for machines.
    type: str
    required: true
  details:
    description: A verdict of several lines, which is shown as it is, instead of sentences made of the other options.
    type: str
    default: ""
notes:
  - Runs on the controller only.
"""

EXAMPLES = r"""
- name: Assert that the removal is confirmed
  fireworks.byoc.requirement:
    that: confirm | default('') == 'offboard'
    what: this removes every model; nothing was changed
    next_step: to do so, add -e confirm=offboard
    code: not_confirmed
"""

RETURN = r"""
code:
  description: The option O(code), where a condition does not hold.
  returned: failure
  type: str
error:
  description: Always V(RequirementError).
  returned: failure
  type: str
next_step:
  description: What to do about it.
  returned: failure
  type: str
owner:
  description: Who has to act.
  returned: failure
  type: str
what:
  description: What is wrong.
  returned: failure
  type: str
where:
  description: The host; empty where it is V(localhost).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "that": {"type": "raw", "required": True},
            "what": {"type": "str", "required": True},
            "next_step": {"type": "str", "required": True},
            "owner": {"type": "str", "default": "operator", "choices": ["operator", "fireworks", "customer"]},
            "code": {"type": "str", "required": True},
            "details": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    module.fail_json(
        msg="fireworks.byoc.requirement runs on the controller, by the action plugin of its name, which did not run"
    )


if __name__ == "__main__":
    main()
