#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a cluster what each identity may do, and compare it with what it should."""

from __future__ import annotations

DOCUMENTATION = r"""
module: access_info
short_description: Ask a cluster what each identity may do
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Asks the API server (SubjectAccessReview) about each identity, each resource that it serves, subresources too, each
    verb that it serves there, and each namespace of interest, and says what is more or less than expected. It also asks
    for C(escalate), C(bind), C(impersonate), C(approve) and C(sign), and for C(/metrics), C(/logs/), C(/debug/pprof/)
    and C(/configz).
  - What everybody may who has logged in is asked once. What Kubernetes itself gives them is expected, the rest is
    reported for the identity C(everybody) and not again for each other one.
  - A right that is limited to objects by name is asked for with each name, with another name, and with none.
  - It needs C(create) on C(subjectaccessreviews) and C(get) on the namespace C(kube-system). With C(list) on roles,
    cluster roles and their bindings it also names every binding that reaches the identities and should not, and asks
    only for what RBAC gives, for what is expected, and for the rights that lead to others (secrets, pods, tokens,
    roles, webhooks). When another authorizer than RBAC gives one of those, it asks everything about that identity.
  - Without that C(list), or with O(exhaustive), it asks everything, about 1,900 questions for each identity in a
    cluster of 110 resources.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  expectations:
    description: Each identity and what it should be able to do, as P(fireworks.byoc.access_expectations#filter) gives
      it.
    type: list
    elements: dict
    required: true
    suboptions:
      identity:
        description: Its name, for the result.
        type: str
        required: true
      user:
        description: The user name that the API server knows it by.
        type: str
        required: true
      groups:
        description: The groups that it is in.
        type: list
        elements: str
        default: []
      rules:
        description: What it should be able to do.
        type: list
        elements: dict
        default: []
        suboptions:
          scope:
            description: A namespace; empty for the whole cluster.
            type: str
            default: ""
          group:
            description: The API group.
            type: str
            default: ""
          resource:
            description: The resource, with its subresource as in C(pods/log).
            type: str
            required: true
          verbs:
            description: The verbs.
            type: list
            elements: str
            required: true
          names:
            description: The only objects meant; none for all.
            type: list
            elements: str
            default: []
          optional:
            description: Whether it may be missing, as what the customer grants for an hour.
            type: bool
            default: false
      bindings:
        description: The bindings that give it this.
        type: list
        elements: dict
        default: []
        suboptions:
          kind:
            description: The kind.
            type: str
            choices: [RoleBinding, ClusterRoleBinding]
            required: true
          namespace:
            description: Its namespace.
            type: str
            default: ""
          name:
            description: Its name.
            type: str
            required: true
  namespaces:
    description: Where to ask, beside the namespaces of the rules and the cluster as a whole.
    type: list
    elements: str
    default: [default, kube-system]
  exhaustive:
    description: Ask everything, whatever RBAC's objects say.
    type: bool
    default: false
  probe:
    description: Also try the calls in O(probes), as server dry-runs that change nothing. It needs C(create) on
      C(serviceaccounts/token) of the identities; their tokens live ten minutes and are kept in memory.
    type: bool
    default: false
  probes:
    description: Calls that must be refused. Required with O(probe).
    type: list
    elements: dict
    suboptions:
      identity:
        description: Who tries it; a ServiceAccount.
        type: str
        required: true
      method:
        description: The HTTP method. A V(PATCH) is a merge patch.
        type: str
        choices: [GET, POST, PUT, PATCH, DELETE]
        required: true
      path:
        description: The path.
        type: str
        required: true
      body:
        description: The object.
        type: dict
      sentence:
        description: A description of what must not be possible.
        type: str
        required: true
seealso:
  - module: fireworks.byoc.set_info
"""

EXAMPLES = r"""
- name: Ask what our identities may do
  fireworks.byoc.access_info:
    connection: "{{ byoc_connection }}"
    expectations: "{{ contract | fireworks.byoc.access_expectations }}"
  register: access
"""

RETURN = r"""
summary:
  description: For each identity, how many rights were C(asked) about and are C(expected), C(too_many) and C(too_few).
  type: list
  elements: dict
  returned: success
  sample: [{identity: observer, asked: 1940, expected: 71, too_many: 0, too_few: 0}]
everybody:
  description: How many rights everybody has who has logged in, C(expected) ones and C(too_many).
  type: dict
  returned: success
  sample: {expected: 3, too_many: 0}
too_many:
  description: The rights that are there and not expected, each with C(identity), C(namespace) (empty for what has none,
    V(*) for every one), C(group), C(resource), C(name), C(verbs), and the C(reason) that the API server gives, which
    names the binding.
  type: list
  elements: dict
  returned: success
too_few:
  description: The rights that are expected and not there, in the same form.
  type: list
  elements: dict
  returned: success
matrix:
  description: For each identity and resource the C(expected) and C(actual) verbs, where either is something.
  type: list
  elements: dict
  returned: success
foreign_bindings:
  description: The bindings that reach an identity, another account in its namespace, or a group of them, and are not
    expected; C(others) counts their other subjects.
  type: list
  elements: dict
  returned: success
  sample:
    - kind: ClusterRoleBinding
      namespace: ""
      name: debugging
      role: ClusterRole view
      subject: ServiceAccount fireworks-system/observer
      others: 0
unlisted:
  description: What of RBAC this identity may not list, so foreign bindings may be there unseen.
  type: list
  elements: str
  returned: success
namespaces:
  description: The namespaces that were asked about.
  type: list
  elements: str
  returned: success
exhaustive:
  description: Whether everything was asked, whatever RBAC's objects say.
  type: bool
  returned: success
questions:
  description: How many questions were asked.
  type: int
  returned: success
probes:
  description: Each call that was tried, with its C(status) and the layer that it was C(refused_by), empty when it was
    not.
  type: list
  elements: dict
  returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.access_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
