#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open, show, continue or close an incident of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident
short_description: Open, show, continue or close an incident of a cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - An incident is a ConfigMap C(incident-<number>) in C(fireworks-system), which both sides read. Its entries are only
    appended to, one request each, by the clock of the API server. The guardrail C(fireworks-incidents) enforces it.
  - Symptoms that are of one cause are one incident. Two controllers that open one at once open one.
  - Credentials and texts of requests are left out of what is written.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The API server is asked for a dry run of what is written now. What would come after that is not planned.
  diff_mode:
    support: full
  idempotent:
    support: full
    details: A symptom that an incident has is not written again, nor a note that is the last one already.
options:
  contract:
    description: The contract of the cluster.
    type: dict
    required: true
  do:
    description:
      - V(open) brings the incidents up to what pages now. It opens one for each cause, and adds what is new to those
        that are open.
      - V(note) adds a note, whose action it is, or a support bundle. V(close) says how it ended.
    type: str
    choices: [open, show, note, close]
    default: show
  number:
    description: Which incident. To show, all of them unless given, without their timelines.
    type: int
  by:
    description: Who does it. Unless given, the user that runs this.
    type: str
  note:
    description: What is noted, or how it ended. To open an incident, what somebody reports.
    type: str
    default: ''
  owner:
    description: Who has to act from now on, with O(ask).
    type: str
    choices: [customer, fireworks]
  topic:
    description: Of the customer, which of the contract's contacts.
    type: str
    choices: [networking, account, capacity, security, support]
    default: support
  ask:
    description: What exactly is asked of them.
    type: str
    default: ''
  bundle:
    description: A support bundle, as C(file) and C(sha256).
    type: dict
  alert:
    description: The alert that opens it, as its labels C(alertname), C(severity), C(owner) and C(contact).
    type: dict
  nodes:
    description: The nodes that the alert, or what is reported, is about.
    type: list
    elements: str
    default: []
  model:
    description: The model that it is about.
    type: str
    default: ''
  component:
    description: The component of the stack that it is about.
    type: str
    default: ''
  findings:
    description: What M(fireworks.byoc.node_health_info) found. What is critical of it opens an incident.
    type: list
    elements: dict
    default: []
  directory:
    description:
      - The folder of the records that this controller wrote, for the timeline.
      - Unless given, the environment variable E(BYOC_RECORDS_DIR).
    type: str
    default: ~/.byoc/records
  page_file:
    description: Where the page of one incident is written, with mode 0600. Its folder is made if need be.
    type: str
"""

EXAMPLES = r"""
- name: Open incidents for what pages now
  fireworks.byoc.incident:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    do: open

- name: Hand it over
  fireworks.byoc.incident:
    connection: "{{ byoc_connection }}"
    contract: "{{ contract }}"
    do: note
    number: 7
    owner: customer
    topic: capacity
    ask: Replace the switch of rack r7.
"""

RETURN = r"""
incidents:
  description: A row for each incident that was opened, changed or shown; to open, all that are open then.
  type: list
  elements: dict
  returned: success
timeline:
  description: Of one incident, what happened when, as C(at), C(source) and C(what).
  type: list
  elements: dict
  returned: success
impact:
  description: Of one incident, the requests and the share of the budget that it cost each model, or V(not measured).
  type: list
  elements: dict
  returned: success
page:
  description: Of one incident, the page of the review in Markdown.
  type: str
  returned: success
page_file:
  description: Where the page was written; empty where it was not.
  type: str
  returned: success
objects:
  description: The ConfigMaps that were written.
  type: list
  elements: dict
  returned: success
unread:
  description: What could not be read, and why.
  type: list
  elements: str
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.incident import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
