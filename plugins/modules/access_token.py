#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue, renew or end the short-lived token of a ServiceAccount."""

from __future__ import annotations

DOCUMENTATION = r"""
module: access_token
short_description: Issue, renew or end the short-lived token of a ServiceAccount
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Keeps a kubeconfig with a token of the account. A token that is alive at the server and has enough of its life
    left is kept; otherwise a new one is issued, tried, and put in the place of the old one in one step, so that readers
    never find a gap.
  - Old tokens are not ended; they die at their time. V(absent) ends all of them, by deleting the account, and proves
    that the very token in the file is answered with 401 from then on.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: A credential is never shown.
  idempotent:
    support: full
options:
  service_account:
    description: The account.
    type: str
    required: true
  namespace:
    description: The account's namespace.
    type: str
    default: fireworks-system
  state:
    description:
      - V(present) keeps a token in O(kubeconfig).
      - V(absent) deletes the account, waits until the token in O(kubeconfig) is refused, and removes that file.
    type: str
    choices: [present, absent]
    default: present
  kubeconfig:
    description:
      - The file, written with mode 0600. Its folder must exist.
      - Without it a new token is issued each time and returned as RV(kubeconfig), for a task that hands it to a vault.
        Such a task needs C(no_log).
    type: path
  lifetime:
    description:
      - How long a new token lives, in seconds.
      - The API server issues none shorter than 600, and may issue shorter ones than asked.
    type: int
    default: 3600
  renew_below:
    description: Renew a token when less than this share of its life is left, from 0 to 1.
    type: float
    default: 0.5
  notes:
    description: Lines of comment at the head of the file.
    type: list
    elements: str
    default: []
  refusal_timeout:
    description: How long the server may go on accepting a token whose account is gone, in seconds.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Keep the operator's credential alive
  fireworks.byoc.access_token:
    connection: "{{ byoc_connection }}"
    service_account: operator
    kubeconfig: credentials/acme-eu-1-operator.kubeconfig
    lifetime: 86400

- name: End the setup access, and prove it
  fireworks.byoc.access_token:
    connection: "{{ byoc_connection }}"
    namespace: fireworks-setup
    service_account: setup-jane-onboarding-20261124-1800
    kubeconfig: setup.kubeconfig
    state: absent
  register: ended
"""

RETURN = r"""
user:
  description: The name under which the API server knows the account.
  type: str
  returned: when O(state=present)
valid_until:
  description: When the token ends.
  type: str
  returned: when O(state=present)
  sample: "2026-11-24T18:00:00Z"
lifetime:
  description: How long the token lives from its beginning to its end, in seconds.
  type: int
  returned: when O(state=present)
kubeconfig:
  description: The kubeconfig, when it was not written to a file.
  type: str
  returned: when O(state=present) without O(kubeconfig)
proof:
  description: The status with which the server answered the token, and how many seconds after the account's end.
  type: dict
  returned: when O(state=absent) and there was a token
  sample: {status: 401, seconds: 3.5}
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.access_token import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
