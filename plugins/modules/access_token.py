#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a ServiceAccount's short-lived credential to a file, or end it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: access_token
short_description: A short-lived credential of a ServiceAccount
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Keeps a kubeconfig file that holds a short-lived token of a ServiceAccount, and renews it in time. The token comes
    from the API server's TokenRequest, and no Secret is made.
  - The file is replaced in one step, and only once the API server has accepted the new token as this account. It has
    mode C(0600). The token that was in it is left to end at its time, so whoever still uses it is not disturbed.
  - Ending it deletes the ServiceAccount, and with it every token of it. With the file at hand, it is proved that its
    very token is refused.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: Looks at the file and asks the API server whether it accepts its token. No token is requested.
  diff_mode:
    support: none
    details: What would differ is a secret. RV(why) says why it is renewed.
  idempotent:
    support: partial
    details: Without O(kubeconfig) nothing is kept between runs, so each requests a token.
options:
  service_account:
    description: The ServiceAccount's name.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    default: fireworks-system
  state:
    description:
      - V(present) sees to it that the file holds a good token. It is renewed when the file is of another account or
        another server, when the account was recreated, when too little of its life is left, when others could read
        the file, or when the API server does not accept the token.
      - V(absent) deletes the ServiceAccount, waits until the API server refuses the token of the file with 401, and
        removes the file. If the token is still accepted at the end of O(delete_timeout), the task fails and the file
        stays.
    type: str
    choices: [present, absent]
    default: present
  kubeconfig:
    description:
      - The path of the kubeconfig. Folders that are missing are made, with mode C(0700).
      - Without it the kubeconfig is returned, for whoever hands it to a vault. Such a task must say C(no_log=true).
    type: path
  context:
    description: The name of the kubeconfig's only context. The cluster's name when not given.
    type: str
  lifetime:
    description:
      - How long a new token is to live, in seconds, 600 at least. The API server may grant less; then there is a
        warning.
    type: int
    default: 28800
  renew_below:
    description: A token is renewed when less than this share of its life is left. With V(0), only when it is over.
    type: float
    default: 0.5
  annotations:
    description: What the comments at the head of the kubeconfig say besides account, end and how to revoke it, for
      instance for whom and what for.
    type: dict
    default: {}
  delete_timeout:
    description: How long the API server may go on to accept the token of a deleted account, in seconds. It remembers
      tokens for about 10.
    type: int
    default: 30
notes:
  - A token ends by itself at its time, or with its account. A single token cannot be revoked.
"""

EXAMPLES = r"""
- name: Renew the observer's credential when less than half of its life is left
  fireworks.byoc.access_token:
    connection: "{{ byoc_connection }}"
    service_account: observer
    kubeconfig: ~/.byoc/acme-eu-1-observer.kubeconfig
    annotations:
      reason: health checks

- name: Get one for a vault
  fireworks.byoc.access_token:
    connection: "{{ byoc_connection }}"
    service_account: observer
  register: credential
  no_log: true

- name: End an account, and prove that its token is refused
  fireworks.byoc.access_token:
    connection: "{{ byoc_connection }}"
    namespace: fireworks-setup
    service_account: setup-alice-onboarding-20261124-1800
    kubeconfig: setup.kubeconfig
    state: absent
"""

RETURN = r"""
user:
  description: The name under which the API server knows the account.
  type: str
  returned: success
  sample: system:serviceaccount:fireworks-system:observer
valid_until:
  description: When the token ends; empty when check mode would renew it.
  type: str
  returned: when O(state=present)
  sample: "2026-11-24T18:00:00Z"
lifetime:
  description: For how many seconds the token was granted; 0 when check mode would renew it.
  type: int
  returned: when O(state=present)
  sample: 28800
why:
  description: Why the token was (in check mode, would be) renewed; empty when it was not.
  type: str
  returned: when O(state=present)
  sample: too little of its life is left
kubeconfig:
  description: The kubeconfig, which is a secret.
  type: str
  returned: when O(state=present), when O(kubeconfig) is not given
evidence:
  description: The answer to the token after its account was deleted, and after how many seconds it came. Empty when
    there was no file, and in check mode.
  type: dict
  returned: when O(state=absent)
  sample: {status: 401, seconds: 8.4}
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
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.access_token import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
