# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which nodes a model's replicas are born, by its priority.

They only prefer: no replica waits that a node has room for. docs/decisions/0034-replicas-prefer-their-nodes.md.
"""

from __future__ import annotations

from typing import Any

from ..names import GPU_PRODUCT_LABEL, MODEL_LABEL

Manifest = dict[str, Any]

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
APART, TOGETHER = 100, 5
"""What one replica of the same model counts against a place, and one of any model for a node. A node of 16 GPUs that is
full of other replicas counts less than one of the same model."""
_APART_OVER = {"critical": (ZONE, HOST), "standard": (HOST,), "batch": ()}


def preferences(name: str, priority: str) -> Manifest:
    """What the pod of a replica says of it."""
    own = {"matchLabels": {MODEL_LABEL: name}}
    any_model = {"matchExpressions": [{"key": MODEL_LABEL, "operator": "Exists"}]}
    affinity = {"podAffinity": {PREFERRED: [_term(HOST, any_model, TOGETHER)]}}
    if places := _APART_OVER[priority]:
        affinity["podAntiAffinity"] = {PREFERRED: [_term(place, own, APART) for place in places]}
    return {"affinity": affinity, "topologySpreadConstraints": [_no_spread_of_the_scheduler(own)]}


def _term(place: str, selector: Manifest, weight: int) -> Manifest:
    return {"weight": weight, "podAffinityTerm": {"topologyKey": place, "labelSelector": selector}}


def _no_spread_of_the_scheduler(own: Manifest) -> Manifest:
    """A pod without a constraint is spread by the scheduler's own. All nodes for a replica have the same product."""
    return {
        "maxSkew": 1,
        "topologyKey": GPU_PRODUCT_LABEL,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": own,
    }
