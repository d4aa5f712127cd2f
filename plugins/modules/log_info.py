#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the logs of the pods in our two namespaces."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_info
short_description: Read the logs of the pods in our two namespaces
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the newest lines of many containers at once, through the API server, and merges them by time. Nothing is kept.
  - What looks like a credential, and what users asked or were answered, is left out of the lines. No engine of this
    collection logs the latter, for the flags of engines that would have it logged are refused.
  - Of a container that was restarted, the log of the one before is read too.
  - Of each container at most 1 MiB is read, and all of them for at most 25 seconds. What was cut is said.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  of:
    description: Whose logs, as the name of a component of the stack, of a model or of a pod. Unless given, all.
    type: str
    default: ''
  since:
    description: How far back, by the clock of each node, like V(15m) or V(1h30m).
    type: str
    default: 15m
  grep:
    description:
      - A regular expression. Only lines with it are returned. It is looked for in the lines as they are shown, in the
        newest 5000 of each container.
    type: str
    default: ''
  lines:
    description: How many lines at most, the newest ones.
    type: int
    default: 500
"""

EXAMPLES = r"""
- name: Read what the router said in the last quarter of an hour
  fireworks.byoc.log_info:
    connection: "{{ byoc_connection }}"
    of: router
    grep: upstream
  register: logs
"""

RETURN = r"""
lines:
  description:
    - The lines in the order of time. Each begins with its moment in UTC and its namespace, pod and container.
  type: list
  elements: str
  returned: success
  sample: ["2026-11-29T21:00:00.123456789Z fireworks-system/router-6d4cf56db6-x2x7p/envoy starting main dispatch loop"]
containers:
  description: How many logs were read.
  type: int
  returned: success
  sample: 2
redacted:
  description: Of how many lines something is hidden.
  type: int
  returned: success
  sample: 0
left_out:
  description: What was not read, as it was not meant to be, and why.
  type: list
  elements: str
  returned: success
unread:
  description: What was meant and could not be read, and why.
  type: list
  elements: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.log_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
