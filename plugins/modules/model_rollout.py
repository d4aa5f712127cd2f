#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll models out, each as one unit that is gated and rolled back whole."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_rollout
short_description: Roll models out, each as one unit
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Brings each model to its manifests (workload, service, budget, route, scaler, all of them as one unit), records the
    unit as an immutable C(ControllerRevision) with who, why and when, and makes it good only after it has passed its
    health gate. What fails is rolled back whole - the last good revision is restored, object by object.
  - How replicas are replaced is chosen from what is free at that moment. With room for a whole replica they are added
    before old ones go (V(surge)); without, they are replaced one by one where the PodDisruptionBudget and a second
    replica allow it (V(replace)); all are taken away first only where O(models[].downtime) allows it (V(drain)).
    What can do none of these is refused, with its arithmetic, and nothing of it is written.
  - A replica passes when it is ready, answers a request for one token, and its heartbeat (the engine's count of
    iterations) does not stand still while it has requests. It has to hold for O(models[].bake) before the next one is
    replaced, which Kubernetes itself keeps to. Where no request may be sent, whether it answers is unproven, and the
    result says so.
  - Before a new version replaces replicas that serve, one replica of it is tried without traffic, where there is room.
  - Everything that it must remember is in the cluster. A run that was killed anywhere is finished by the next one.
  - Several models are rolled side by side as far as there is room, the more important first.
  - A model's Service has no address of its own. One of an earlier version that has an address cannot lose it, so it is
    deleted and made again (C(recreated)); where routers find replicas through it, only if O(models[].downtime) allows.
  - Where the unit is good already and nothing was changed since, it costs a list for each kind and no write.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The server dry-runs every object, and the strategy is chosen from what is free now; nothing is recorded.
  diff_mode:
    support: full
    details: The diff is between the live objects and the server's dry-run of the unit.
  idempotent:
    support: full
options:
  models:
    description: The models, as P(fireworks.byoc.model_changes#filter) makes them of a contract. Times are in seconds.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The model's name.
        type: str
        required: true
      definition:
        description: All manifests of the model. A Secret must not be among them, for a revision can be read.
        type: raw
      revision:
        description: Instead of manifests, the number of a recorded revision to go back to. That is recorded as a
          revision of its own, which names the one that it restores.
        type: str
      priority:
        description: Who goes first where there is not room for all at once.
        type: str
        choices: [critical, standard, batch]
        default: standard
      downtime:
        description: Whether all replicas may be taken away before new ones come, where nothing else is possible.
        type: bool
        default: false
      bake:
        description: How long a new replica has to be ready before the next one is replaced.
        type: int
        default: 120
      deadline:
        description: When a rollout that has not passed has failed. Unless given, O(models[].load_seconds) and
          O(models[].bake) for each step.
        type: int
      history:
        description: How many revisions are kept. What runs, and what would be restored, always is.
        type: int
        default: 10
      load_seconds:
        description: How long a replica may take to become ready, pulling included.
        type: int
        default: 1800
      canary_request:
        description: Whether each new replica is asked for one token.
        type: bool
        default: true
      heartbeat_grace:
        description: How long a replica with requests may go without a token before it counts as hung.
        type: int
        default: 120
      engine:
        description: The engine, which tells how its metrics are called.
        type: str
      served_name:
        description: What a request asks for. Unless given, the model's name.
        type: str
  requested_by:
    description: Who asked for this change. Unless given, the name under which the API server knows this identity.
    type: str
  reason:
    description: Why, in a few words.
    type: str
    default: ""
  http_request:
    description: Whether requests may be sent to replicas and routers, through the API server's proxy. Without them
      nothing proves that a replica answers, or that each router knows the models.
    type: bool
    default: true
  adopt:
    description: What to do with a live object of the same name that belongs to no set, as in
      M(fireworks.byoc.apply_set).
    type: str
    choices: [never, unowned]
    default: never
  force_conflicts:
    description: Take fields that another field manager owns. Otherwise the model fails and names manager and field.
    type: bool
    default: false
  after_stack:
    description: Whether the stack is applied before this in the same run. In check mode it is not there then, and what
      the routers would be told is announced all the same.
    type: bool
    default: false
seealso:
  - module: fireworks.byoc.model_info
  - module: fireworks.byoc.model_retire
  - module: fireworks.byoc.apply_set
"""

EXAMPLES = r"""
- name: Bring all models to what the contract says
  fireworks.byoc.model_rollout:
    connection: "{{ byoc_connection }}"
    models: "{{ contract | fireworks.byoc.model_changes(['llama-3-1-8b'], release) }}"
    requested_by: alice
    reason: longer context

- name: Go back
  fireworks.byoc.model_rollout:
    connection: "{{ byoc_connection }}"
    models:
      - name: llama-3-1-8b
        revision: previous
    reason: answers are worse
"""

RETURN = r"""
models:
  description:
    - Each model with its C(name), C(changed), C(from) (the revision that was there, 0 for none), C(tried) (the
      newest that was recorded, one that failed included), C(change), C(revision), C(strategy), C(why) (the arithmetic
      of the strategy), C(gate) (V(passed) or V(unproven)), C(evidence) and C(replicas).
    - C(change) is V(new_revision); V(bounds), where only the bounds of its autoscaler differ; V(resumed), what a
      killed run had begun; V(drift), back to what is recorded as good; or V(none).
    - One that failed has C(failed), C(msg), C(code), C(owner), C(what), C(where) and C(next_step) instead.
  type: list
  elements: dict
  returned: always
  sample:
    - name: llama-3-1-8b
      changed: true
      from: 3
      change: new_revision
      revision: 4
      strategy: surge
      why: "free GPUs of NVIDIA-H100-80GB-HBM3 by node: gpu-0 4, the quota leaves 12; with 2 for each replica that is
        room for at least 2 replicas more, so 2 replicas can be added before old ones go"
      gate: passed
      evidence: 2 of 2 replicas
objects:
  description: The objects that were (in check mode, would be) changed, each with its C(kind), C(namespace), C(name) and
    C(action).
  type: list
  elements: dict
  returned: always
also:
  description: What is written besides these objects, as they are listed. The set's own record, and the revisions.
  type: list
  elements: dict
  returned: always
routers:
  description: What the routers show of the models they were told, or why that is not known; empty where there is none.
  type: str
  returned: always
  sample: 2 routers show it
unproven:
  description:
    - What was done and not seen. That the routers are up to date, where none of them said so; and that what scales a
      changed model works, where the conditions of its ScaledObject or HorizontalPodAutoscaler do not say so.
  type: list
  elements: str
  returned: always
unproven_scaling:
  description: Of C(unproven), what is said of what scales models. By the time of a validation it may be proved.
  type: list
  elements: str
  returned: always
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
  description: The kind of the first failure.
  type: str
  returned: failure
  sample: RolloutError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.model_rollout import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
