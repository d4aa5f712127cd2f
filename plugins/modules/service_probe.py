#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one request to a service in the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_probe
short_description: Send one request to a service in the cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Sends one HTTP request to a service through the API server's proxy, so only the API server need be reachable.
  - An error answer is a result (RV(ok) is false), not a failure of the task. The request is not repeated.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The request is sent in check mode too; use it for requests that change nothing.
  diff_mode:
    support: N/A
    details: A request is no state.
  idempotent:
    support: full
    details: The module never reports a change.
options:
  namespace:
    description: The service's namespace.
    type: str
    required: true
  service:
    description: The service's name.
    type: str
    required: true
  port:
    description: The port's number or name.
    type: str
    default: '80'
  path:
    description: The path to ask for.
    type: str
    default: /
  method:
    description: The HTTP method.
    type: str
    choices: [GET, POST]
    default: GET
  body:
    description: The JSON body of a V(POST).
    type: dict
  timeout:
    description: How long the answer may take, in seconds.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Ask the router whether it is well
  fireworks.byoc.service_probe:
    connection: "{{ byoc_connection }}"
    namespace: fireworks-system
    service: router
    path: /health
  register: probe
"""

RETURN = r"""
ok:
  description: Whether the answer was a success (2xx).
  type: bool
  returned: success
status:
  description: The HTTP status.
  type: int
  returned: success
elapsed_ms:
  description: How long the answer took, in milliseconds.
  type: int
  returned: success
error:
  description:
    - What the API server says is wrong, or the HTTP status; empty for a success.
    - What the service itself says of an error is not repeated, since there may be a secret in it.
  type: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.service_probe import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
