#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the facts of one cluster in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Gather the facts of one cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads what a play wants to know of a cluster in one call. This covers its version, identity, platform, provider and
    served APIs, its GPUs by product with what is used and free, the health of its nodes, our stack and our models.
  - Lists are read in pages and made smaller as they arrive, so a cluster of thousands of nodes costs little memory.
  - What the identity may not read comes out empty and is named in C(unreadable).
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  gather_subset:
    description:
      - The facts to gather, by their names in RV(facts). V(all) is all of them. C(uid), C(permissions), C(scalers) and
        C(unreadable) are always there. What is not gathered is not in RV(facts), not even empty.
      - Only what these are made of is read. That takes most requests and seconds from a sweep over a large fleet.
    type: list
    elements: str
    choices:
      - all
      - annotations
      - api_server
      - apis
      - bounds
      - default_storage_class
      - device_plugin
      - endpoints
      - gateways
      - gpus
      - lock
      - models
      - namespaces
      - nodes
      - platform
      - pods
      - presetup_version
      - provider
      - quotas
      - region
      - sets
      - signature
      - stack
      - storage_classes
      - token_audiences
      - user
      - version
    default: [all]
    version_added: 0.1.0
  can_i:
    description: Questions to the API server whether this identity may do something; the answers are in C(permissions).
    type: list
    elements: dict
    default: []
    suboptions:
      verb:
        description: The verb, for instance V(create).
        type: str
        required: true
      group:
        description: The API group; empty for the core group.
        type: str
        default: ''
      resource:
        description: The resource's plural name.
        type: str
        required: true
      subresource:
        description: The subresource, for instance V(status).
        type: str
      namespace:
        description: The namespace; all of them, or the cluster's own objects, when not given.
        type: str
      name:
        description: One object's name.
        type: str
  scalers:
    description: Whether to read what scales the models, too.
    type: bool
    default: false
  contract:
    description: The cluster's contract. Where it is given, the error budgets of its objectives are read, too.
    type: dict
"""

EXAMPLES = r"""
- name: Read the cluster
  fireworks.byoc.cluster_info:
    connection: "{{ byoc_connection }}"
    can_i:
      - {verb: create, group: apps, resource: deployments, namespace: fireworks-models}
  register: cluster

- name: Read its GPUs, and nothing else
  fireworks.byoc.cluster_info:
    connection: "{{ byoc_connection }}"
    gather_subset: [gpus]
  register: measured

- name: Show the free GPUs
  ansible.builtin.debug:
    msg: "{{ cluster.facts.gpus.total.free }} of {{ cluster.facts.gpus.total.allocatable }} GPUs are free"
"""

RETURN = r"""
facts:
  description: The cluster's facts.
  type: dict
  returned: success
  contains:
    uid:
      description: The UID of the C(kube-system) namespace.
      type: str
      returned: success
    version:
      description: The server's version, as C(major), C(minor) and C(git).
      type: dict
      returned: success
    platform:
      description: V(kubernetes) or V(openshift).
      type: str
      returned: success
    provider:
      description: The provider that most nodes name; empty where none does.
      type: str
      returned: success
    region:
      description: The region that most nodes are labelled with; empty where none is.
      type: str
      returned: success
    apis:
      description: The served kinds of each API version.
      type: dict
      returned: success
    nodes:
      description:
        - Counts of nodes (C(total), C(ready), C(gpu)) and the C(problems) of those in trouble,
          with the state in which C(remediation) has them.
        - C(unlabelled) are GPU nodes without the label C(nvidia.com/gpu.product), by which models select theirs, with
          the C(product) that their cloud's labels (C(by)) tell.
      type: dict
      returned: success
    gpus:
      description:
        - The GPUs by product and in C(total), each with C(capacity), C(allocatable), C(used) and C(free).
        - C(free) is what a new pod of a model could get. C(closed) is what nobody uses and such a pod cannot get,
          with C(why); a taint that it does not tolerate, for example.
      type: dict
      returned: success
    device_plugin:
      description: The NVIDIA device plugin's DaemonSet.
      type: dict
      returned: success
    stack:
      description:
        - Our stack's C(components), or nothing. Its C(release) is the one that is there whole, as its set says; and
          C(since) when, where it was upgraded to.
        - C(unfinished) is the release of an upgrade that has not come to its end, C(failed) what is remembered of the
          last one that did not pass (C(release), C(digest), C(at), C(reason)).
      type: dict
      returned: success
    models:
      description: Our models, with wanted and ready replicas and their GPUs.
      type: list
      elements: dict
      returned: success
    default_storage_class:
      description: The storage class that a claim gets which names none. Empty where there is none, or none may be read.
      type: str
      returned: success
    gateways:
      description: The gateways of the Gateway API, with C(namespace), C(name), C(programmed), and C(addresses) from
        their status, each with C(type) and C(value).
      type: list
      elements: dict
      returned: success
    pods:
      description:
        - Our pods that have not finished, with C(namespace), C(name), C(uid), C(restarts) and C(ready_since).
        - C(ready_since) is the moment from which a pod has been ready without a gap, and empty when it is not ready.
      type: list
      elements: dict
      returned: success
    annotations:
      description: Our annotations on the namespace C(fireworks-system), such as an approval or a freeze.
      type: dict
      returned: success
    presetup_version:
      description: The version of the prerequisites that are applied; none where there are none.
      type: int
      returned: success
    bounds:
      description: The bounds of the contract by which the prerequisites were applied; none where they remember none.
      type: dict
      returned: success
    token_audiences:
      description: Whom the API server takes for itself in tokens, as the applied prerequisites remember it.
      type: list
      elements: str
      returned: success
    sets:
      description: The names of our sets.
      type: list
      elements: str
      returned: success
    user:
      description: The name under which the API server knows the identity that asked.
      type: str
      returned: success
    permissions:
      description: The questions of O(can_i) with C(allowed) and C(reason).
      type: list
      elements: dict
      returned: success
    scalers:
      description:
        - What scales the models, with C(kind), C(name), C(model) and C(conditions), by type. Those are what its own
          controller says, with C(status), C(reason) and C(message). Null unless O(scalers).
      type: list
      elements: dict
      returned: success
    signature:
      description:
        - What may be why a change fails here and not elsewhere. By kind (C(driver), C(image) of the nodes, C(product),
          C(kubernetes), C(release)) the values, each with how many GPU nodes have it.
      type: dict
      returned: success
    budgets:
      description:
        - Of each objective C(model), C(objective), what is C(promised), the C(window), how many times
          its budget is C(spent), C(bad) events, C(since) when it is measured, its C(state) (V(left), V(spent) or
          V(not measured)), and what is C(left) in words.
      type: list
      elements: dict
      returned: with O(contract)
    lock:
      description: Who works on the cluster, with C(holder), C(purpose), C(since) and C(expires); null when nobody does.
      type: dict
      returned: success
    unreadable:
      description: What this identity may not read.
      type: list
      elements: str
      returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.cluster_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
