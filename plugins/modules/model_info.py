#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the revisions of models."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_info
short_description: Read the revisions of models, with what runs
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Lists what M(fireworks.byoc.model_rollout) has recorded of each model, with who requested it, why and when,
    and what runs of it.
  - Shows what differs between any two revisions of a model, field by field.
  - A unit holds no Secret, so nothing secret is shown.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  name:
    description: One model. Unless given, all that have revisions.
    type: str
  compare:
    description: The numbers of two revisions of O(name), the older one first.
    type: list
    elements: str
seealso:
  - module: fireworks.byoc.model_rollout
"""

EXAMPLES = r"""
- name: Compare two revisions
  fireworks.byoc.model_info:
    connection: "{{ byoc_connection }}"
    name: llama-3-1-8b
    compare: ["3", "4"]
  register: model
"""

RETURN = r"""
models:
  description:
    - Each model with its C(name), the number and C(state) of its current C(revision), C(replicas), how many are
      C(ready), C(status) (V(ready), or what it waits for), C(before) (the number of the last good revision before the
      current one; what a rollback has replaced does not count), C(pods) (what its pods are marked with, a digest of all
      that they are), and its C(revisions), newest first.
    - Each of those has C(number), C(state), C(requested_by), C(reason), C(when), C(restores) (the number of the
      revision whose unit it is again), C(strategy), C(arithmetic) (why that strategy), C(failure) (why it failed) and
      C(unit) (a digest).
    - A revision is V(pending) while it is rolled out, V(good) once it has passed, V(failing) while the one before is
      restored, and V(failed).
  type: list
  elements: dict
  returned: success
release:
  description: The stack release that is installed; empty where none is, or where this identity may not read it.
  type: str
  returned: success
  sample: 2026.11.0
presetup_version:
  description: The version of the prerequisites; null where there are none, or where C(release) is empty.
  type: int
  returned: success
  sample: 2
differences:
  description: Each field that differs, with C(object), C(field), C(old) and C(new); null stands for what is not there.
  type: list
  elements: dict
  returned: when O(compare) is given
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.model_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
