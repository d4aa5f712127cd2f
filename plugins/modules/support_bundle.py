#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect what is known of a node or a model around a moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: support_bundle
short_description: Collect what is known of a node or a model around a moment
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads findings, objects, events, metrics and logs of a node or a model, and writes them to one file on the
    controller, an archive of at most 5 MiB. Nothing is written in the cluster.
  - Secrets and texts of requests are left out. Of environments and of others' annotations there are only the names.
  - The file says itself what was left out since it had no room, and what could not be read.
  - The same content is the same bytes.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: In check mode all is read, and no file is written.
  diff_mode:
    support: none
    details: What is in the archive is new each time.
  idempotent:
    support: none
    details: What is known of a cluster changes, and with it the archive.
options:
  node:
    description: The node that it is about. Either this or O(model) is given.
    type: str
    default: ''
  model:
    description: The model that it is about, with the nodes that its pods are on.
    type: str
    default: ''
  around:
    description: The moment, in RFC 3339. Unless given, now, by the clock of the API server.
    type: str
    default: ''
  before:
    description: How much time before that moment.
    type: str
    default: 30m
  after:
    description: How much time after it.
    type: str
    default: 10m
  findings:
    description: What M(fireworks.byoc.node_health_info) found. Those of the node or the model are kept.
    type: list
    elements: dict
    default: []
  path:
    description: The file on the controller. It gets mode 0600, and its folder is made if need be.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Collect what is known of a node
  fireworks.byoc.support_bundle:
    connection: "{{ byoc_connection }}"
    node: gpu-7
    around: "2026-11-29T21:00:00Z"
    path: /tmp/gpu-7.tar
  register: bundle
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
sha256:
  description: Its digest.
  type: str
  returned: success
bytes:
  description: Its size.
  type: int
  returned: success
files:
  description: What is in it.
  type: list
  elements: str
  returned: success
left_out:
  description: What is not in it since there was no room, or nothing to read.
  type: list
  elements: str
  returned: success
unread:
  description: What could not be read, and why.
  type: list
  elements: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.support_bundle import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
