# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the records on this controller how long an operation took on each cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
name: past_durations
short_description: Read how long past operations took
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the records of all clusters on this controller, without contacting any cluster. Only
    completed operations count.
options:
  _terms:
    description: Operations, by the names that they have in the records.
    type: list
    elements: str
    required: true
  directories:
    description: Folders of records, of one controller each. Missing folders are skipped.
    type: list
    elements: path
    default: ~/.byoc/records
    env:
      - name: BYOC_RECORDS_DIR
"""

EXAMPLES = r"""
- name: Show how long upgrades took
  ansible.builtin.debug:
    msg: "{{ lookup('fireworks.byoc.past_durations', 'upgrade') }}"
"""

RETURN = r"""
_raw:
  description: For each operation the seconds that it took, oldest first, by cluster.
  type: list
  elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.durations import past_durations


class LookupModule(LookupBase):
    """Seconds by cluster, for each operation."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        lines: dict[str, list[str]] = {}
        for directory in self.get_option("directories"):
            for path in sorted(Path(directory).expanduser().glob("*.jsonl")):
                lines.setdefault(path.stem, []).extend(_lines(path))
        found = [{name: past_durations(each, str(term)) for name, each in lines.items()} for term in terms]
        return [{name: seconds for name, seconds in each.items() if seconds} for each in found]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AnsibleLookupError(f"cannot read {path}: {error}") from None
