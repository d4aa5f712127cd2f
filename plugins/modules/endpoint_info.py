#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a public endpoint from here."""

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_info
short_description: Look at a public endpoint from here
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Looks up names, reads the certificate of an endpoint and sends it one C(GET /v1/models), from the machine that the
    task runs on. Asks no cluster.
  - Connects only to O(addresses), and to none that is private, link-local or a cloud's metadata service. Whatever else
    a name leads to is looked up and not asked.
  - Sends no credential, follows no redirect, reads at most 64 KiB of an answer and shows nothing of its body. A proxy
    of the environment (E(HTTPS_PROXY), E(ALL_PROXY)) is not used; RV(endpoint) says that there is one.
  - The certificate is verified by the trust store of the machine. One that is not trusted is read all the same.
  - Whatever does not work is a result, not a failure of the task. All is over within three times O(timeout).
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
requirements:
  - cryptography (which ansible-core requires)
options:
  domain:
    description: The endpoint's name.
    type: str
    required: true
  hosts:
    description: More names to look up.
    type: list
    elements: str
    default: []
  addresses:
    description: The addresses of the entry point, each an IP address or a host name. Without any, nothing is asked.
    type: list
    elements: str
    default: []
  ask_private_addresses:
    description: Whether the machine is in the customer's network, so that private addresses are the customer's too.
    type: bool
    default: false
  port:
    description: The port.
    type: int
    default: 443
  timeout:
    description: The deadline of each step, in seconds.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Look at the public endpoint
  fireworks.byoc.endpoint_info:
    domain: llm.acme.example
    hosts: [llama.llm.acme.example]
    addresses: [198.51.100.7]
  register: seen
"""

RETURN = r"""
endpoint:
  description: What was seen.
  type: dict
  returned: success
  contains:
    domain:
      description: The endpoint's name.
      type: str
      returned: success
    asked_from:
      description: The name of the machine that asked.
      type: str
      returned: success
    asked_at:
      description: When.
      type: str
      returned: success
    proxy:
      description: Whether the environment names a proxy, which was not used.
      type: bool
      returned: success
    names:
      description: The domain and O(hosts), each with C(name), C(addresses), C(error), and C(answered), which tells a
        name without an address from a look-up that failed.
      type: list
      elements: dict
      returned: success
    entry:
      description: The same of O(addresses).
      type: list
      elements: dict
      returned: success
    not_tested:
      description: Why nothing was asked; else empty.
      type: str
      returned: success
    answer:
      description:
        - The C(address) that was asked, whether it C(connected), the C(status) of its answer and the C(error).
        - Its C(certificate) with C(names) and C(not_after), and its C(trust), which is V(verified),
          V(unknown_authority), V(expired), V(not_yet_valid), V(other_name) or V(not_trusted).
        - Empty where nothing was asked.
      type: dict
      returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.endpoint_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
