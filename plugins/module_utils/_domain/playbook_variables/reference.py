# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference page of all variables, docs/variables.md, from their declarations."""

from __future__ import annotations

from collections.abc import Iterator

from .declared import EVERY, VARIABLES
from .variable import Variable

_HEAD = """\
# Variables of playbooks

What an operator may give to each playbook, by `-e name=value`, `-e '{"name": …}'`, `-e @file.yml` or a survey. This
page is made from `plugins/module_utils/_domain/playbook_variables/declared.py` by `python docs/generate.py`.

- **Refused**, before any cluster is asked: a name that is not here (with the nearest known one), one of another
  playbook, a value of a wrong type, and whatever begins with `byoc_` or would replace what the inventory says of a
  cluster (`contract`).
- **Let pass**: `ansible_…`, `awx_…`, `tower_…`, and the options of the roles (`ansible-doc -t role
  fireworks.byoc.model`), except those that a playbook sets itself.
- A playbook outside this collection names its own in `byoc_variables` ([how to write a playbook](playbooks.md)).
"""


def reference_page() -> str:
    """The whole page."""
    common = [variable for variable in VARIABLES if variable.playbooks == EVERY]
    parts = [_HEAD, "## Every playbook", "", *_table(common, ""), ""]
    for playbook in sorted(EVERY):
        own = [
            each
            for each in VARIABLES
            if playbook in each.playbooks and (each not in common or playbook in each.required)
        ]
        parts += [f"## {playbook}", "", *_table(own, playbook), ""]
    return "\n".join(parts).rstrip() + "\n"


def _table(variables: list[Variable], playbook: str) -> Iterator[str]:
    yield "| variable | is | value | unless given |"
    yield "|---|---|---|---|"
    for each in variables:
        default = "**required**" if playbook in each.required else each.default or "none"
        yield f"| `{each.name}` | {each.what} | {each.allowed()} | {default} |"
