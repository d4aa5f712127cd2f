#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a model out of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_retire
short_description: Take a model out of a cluster, traffic first
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Tells the routers that there is no such model any more, and waits until each of them goes by that.
  - Removes the model's routes and scalers and lets its Services select nothing; waits until no endpoint is left;
    deletes its pods, which finish what they are at; then everything else of its set, and its recorded revisions.
  - Looks at the end for anything that carries the model's label, and fails if there is something.
  - A run that was interrupted anywhere is finished by the next one. A model that is not there is no failure.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the objects of the set that would be deleted.
  idempotent:
    support: full
options:
  name:
    description: The model's name.
    type: str
    required: true
  drain_timeout:
    description: How long endpoints may take to go, in seconds. Until they are gone no pod is deleted.
    type: int
    default: 60
  wait_timeout:
    description: How long the rest may take to go, in seconds.
    type: int
    default: 600
  http_request:
    description: Whether each router is asked, through the API server's proxy, whether it knows the model no more.
    type: bool
    default: true
seealso:
  - module: fireworks.byoc.model_rollout
"""

EXAMPLES = r"""
- name: Take a model out
  fireworks.byoc.model_retire:
    connection: "{{ byoc_connection }}"
    name: llama-3-1-8b
"""

RETURN = r"""
set:
  description: The name of the model's set.
  type: str
  returned: success
  sample: model-llama-3-1-8b
objects:
  description: The objects of the set that were (in check mode, would be) deleted.
  type: list
  elements: dict
  returned: success
also:
  description: What is written besides these objects, as they are listed. The set's own record, the revisions, and
    what the routers are told.
  type: list
  elements: dict
  returned: success
revisions:
  description: The numbers of the recorded revisions that were (would be) deleted.
  type: list
  elements: int
  returned: success
steps:
  description: What was done, in order, with the proof at the end.
  type: list
  elements: str
  returned: success
unproven:
  description: What was done and not seen. That the routers do not know it any more, where none of them said so.
  type: list
  elements: str
  returned: success
owner:
  description: Who has to act; V(operator), V(fireworks) or V(customer).
  type: str
  returned: failure
  sample: operator
code:
  description: What went wrong, as a stable word. C(what), C(where) and C(next_step) describe it.
  type: str
  returned: failure
  sample: unreachable
error:
  description: The kind of failure.
  type: str
  returned: failure
  sample: DeadlineError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.model_retire import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
