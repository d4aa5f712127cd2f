#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a set of Kubernetes objects, or remove it, as one unit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply_set
short_description: Apply a set of Kubernetes objects as one unit
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Brings a cluster to hold exactly the given objects, in one call and over one connection, by server-side apply.
  - The server dry-runs every object first. A set with one object that it would refuse is refused whole, with every
    reason at once, and nothing is written.
  - Objects are written ordered by kind (namespaces, definitions, accounts and quotas, bindings, services, workloads,
    the rest), in parallel inside each step, and then waited for by watch, on what their controllers say of this very
    generation.
  - The set remembers its members as an ApplySet (KEP-3659), so what is no longer in it is deleted, and nothing else.
    Its parent is a ConfigMap named as the set.
  - Where a HorizontalPodAutoscaler, or a ScaledObject of KEDA's, in the set scales a workload of it, the C(replicas) of
    the manifest are what a new workload starts with. Those of a live one are left as they are, until the autoscaler
    leaves the set.
  - A rerun after an interruption at any point finishes the work.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The server dry-runs every object. What a namespace or a definition that does not exist yet would hold is
      checked in the C(default) namespace, or (custom resources) not at all.
  diff_mode:
    support: full
    details: The diff is between the live object and the server's dry-run of it; the values of Secrets are hidden.
  idempotent:
    support: full
options:
  name:
    description: The set's name, which is its parent ConfigMap's.
    type: str
    required: true
  namespace:
    description: The namespace of the parent. It must exist, or be in the set.
    type: str
    default: fireworks-system
  state:
    description:
      - V(present) applies the set and prunes what left it.
      - V(absent) deletes the set's members, wherever they are, and then the parent. A namespace of the set that holds
        objects of others is not deleted; the task fails and names them, having written nothing.
    type: str
    choices: [present, absent]
    default: present
  definition:
    description:
      - The manifests, as a list of mappings, one mapping, or YAML text of many documents.
      - Text, and the files of O(src) and O(template), is read as kubectl reads it. Where kubectl would silently drop or
        alter something (a document after C(...), a tag such as C(!vault)), it is refused.
      - A mapping in a playbook was read by Ansible, by other rules. There C(22:00) is a number, so put it in quotes.
    type: raw
  src:
    description: Files of manifests, or directories of them, on the controller (also the role's C(files)).
    type: list
    elements: path
  template:
    description: Templates of manifests, rendered on the controller with the task's variables
      (also the role's C(templates)).
    type: list
    elements: path
  annotations:
    description: Annotations to keep on the set's parent, for instance the release it came from.
    type: dict
    default: {}
  adopt:
    description:
      - What to do with a live object of the same name that belongs to no set. V(never) refuses, V(unowned) takes it.
      - An object of another set is never taken over.
    type: str
    choices: [never, unowned]
    default: never
  force_conflicts:
    description: Take fields that another field manager owns. Otherwise the task fails and names manager and field.
    type: bool
    default: false
  wait:
    description: Wait until everything in the set is ready, and what has left it is gone.
    type: bool
    default: true
  wait_timeout:
    description: How long to wait, in seconds. Late objects fail the task, each with what it waits for.
    type: int
    default: 600
seealso:
  - module: fireworks.byoc.cluster_info
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Apply everything that belongs together, in one call
  fireworks.byoc.apply_set:
    connection: "{{ byoc_connection }}"
    name: telemetry
    template:
      - namespace.yml.j2
      - collector.yml.j2
    wait_timeout: 300

- name: Remove it again, and nothing else
  fireworks.byoc.apply_set:
    connection: "{{ byoc_connection }}"
    name: telemetry
    state: absent
"""

RETURN = r"""
also:
  description: What is written besides these objects, as they are listed. The set's own record, a ConfigMap, where it
    changes.
  type: list
  elements: dict
  returned: success
  sample: [{kind: ConfigMap, namespace: fireworks-system, name: telemetry, action: created}]
set:
  description: The set's name.
  type: str
  returned: success
  sample: telemetry
counts:
  description: How many objects were (in check mode, would be) C(created), C(updated), C(deleted) and left C(unchanged).
  type: dict
  returned: success
  sample: {created: 1, updated: 0, deleted: 0, unchanged: 11}
objects:
  description:
    - Each object with its C(kind), C(namespace), C(name), C(action), and C(ready) when it was waited for.
    - One that changes also with the SHA-256 of what it was and of what it becomes, as C(before) and C(after).
  type: list
  elements: dict
  returned: success
  sample: [{kind: Service, namespace: fireworks-system, name: router, action: unchanged}]
owner:
  description: Who has to act; V(operator), V(fireworks) or V(customer).
  type: str
  returned: failure
  sample: operator
policies:
  description: The admission policies that refused something of the set.
  type: list
  elements: str
  returned: when the set is refused
  sample: [fireworks-workloads]
code:
  description: What went wrong, as a stable word. C(what), C(where) and C(next_step) describe it.
  type: str
  returned: failure
  sample: unreachable
error:
  description: The kind of failure.
  type: str
  returned: failure
  sample: RefusedError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.apply_set import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
