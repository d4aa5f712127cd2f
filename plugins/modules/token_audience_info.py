#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whom the API server takes for itself in tokens."""

from __future__ import annotations

DOCUMENTATION = r"""
module: token_audience_info
short_description: Tell whom the API server takes for itself in tokens
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - The audiences of a token that is good for the API server, and for nobody else. The guardrail C(fireworks-tokens) is
    compiled from them.
  - Only the answer to a request for a token tells them. So one is requested for the account C(default) of the namespace
    C(default), in a dry run and for ten minutes, and thrown away.
  - An identity that may not request it gets what the prerequisites in the cluster remember, or else whom its own token
    is for, where that is one audience only.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
"""

EXAMPLES = r"""
- name: Read whom tokens are for
  fireworks.byoc.token_audience_info:
    connection: "{{ byoc_connection }}"
  register: tokens
"""

RETURN = r"""
audiences:
  description: The audiences. Never empty; where none is known, the task fails.
  type: list
  elements: str
  returned: success
  sample: [https://kubernetes.default.svc]
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.token_audience_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
