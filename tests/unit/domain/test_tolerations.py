# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod tolerates a taint as Kubernetes says, and GPUs behind one that it does not tolerate are not free."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import gpu_inventory, node_view
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.room import room_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.tolerations import (
    OF_CANARIES,
    OF_MODELS,
    repelling,
    tolerates,
)
from tests.unit.domain.raw import H100, node

DEDICATED = {"key": "dedicated", "value": "team", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "dedicated", "operator": "Equal", "value": "team", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "team"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "", "operator": "Exists", "effect": ""}, True),
        ({"key": "dedicated"}, False),
        ({"key": "dedicated", "operator": "Equal", "value": "Team"}, False),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicate", "operator": "Exists"}, False),
        ({"key": "dedicated", "operator": "Gt", "value": "1"}, False),
        ({}, False),
    ],
)
def test_a_toleration_is_for_a_taint_by_key_operator_value_and_effect(
    toleration: dict[str, Any], tolerated: bool
) -> None:
    assert tolerates(toleration, DEDICATED) is tolerated


def test_it_is_as_kubernetes_says_in_every_combination() -> None:
    """The reading of the documentation, one sentence after the other, beside ours."""
    keys, values, effects = (None, "", "a", "b"), (None, "", "x", "y"), (None, "", "NoSchedule", "NoExecute")
    seen = 0
    for key, value, effect, operator in itertools.product(keys, values, effects, (None, "", "Equal", "Exists")):
        said = {"key": key, "value": value, "effect": effect, "operator": operator}
        toleration = {name: each for name, each in said.items() if each is not None}
        for taint in (
            {"key": k, "effect": e, **v}
            for k, e, v in itertools.product("ab", ("NoSchedule", "NoExecute"), ({}, {"value": "x"}))
        ):
            wanted = (not effect or effect == taint["effect"]) and (not key or key == taint["key"])
            wanted = wanted and (operator == "Exists" or (value or "") == taint.get("value", ""))
            assert tolerates(toleration, taint) is wanted, (toleration, taint)
            seen += 1
    assert seen == 4 * 4 * 4 * 4 * 8


FOREIGN = (
    ("ToBeDeletedByClusterAutoscaler", "1700000000", "NoSchedule"),
    ("karpenter.sh/disrupted", "", "NoSchedule"),
    ("karpenter.sh/unregistered", "", "NoExecute"),
    ("example.com/startup", "", "NoSchedule"),
    ("dedicated", "ml", "NoSchedule"),
    ("sku", "gpu", "NoSchedule"),
    ("kubernetes.azure.com/scalesetpriority", "spot", "NoSchedule"),
    ("cloud.google.com/gke-spot", "true", "NoSchedule"),
    ("virtual-kubelet.io/provider", "azure", "NoSchedule"),
    ("node.cloudprovider.kubernetes.io/uninitialized", "true", "NoSchedule"),
    ("node.cilium.io/agent-not-ready", "true", "NoExecute"),
    ("node.kubernetes.io/not-ready", "", "NoSchedule"),
    ("node.kubernetes.io/unreachable", "", "NoExecute"),
    ("node.kubernetes.io/memory-pressure", "", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "", "NoSchedule"),
    ("node.kubernetes.io/out-of-service", "nodeshutdown", "NoExecute"),
    ("byoc.fireworks.ai/quarantined", "true", "NoSchedule"),
    ("amd.com/gpu", "", "NoSchedule"),
    ("nvidia.com/gpu", "", "NoExecute"),
    ("nvidia.com/gpu-driver-upgrade", "", "NoSchedule"),
)
IN_NOBODYS_WAY = (
    ("nvidia.com/gpu", "", "NoSchedule"),
    ("nvidia.com/gpu", "present", "NoSchedule"),
    ("DeletionCandidateOfClusterAutoscaler", "1700000000", "PreferNoSchedule"),
    ("dedicated", "ml", "PreferNoSchedule"),
)


def test_gpus_behind_a_taint_that_models_do_not_tolerate_are_free_nowhere() -> None:
    for (key, value, effect), free in [(one, 0) for one in FOREIGN] + [(one, 8) for one in IN_NOBODYS_WAY]:
        nodes = [node_view(node("a", taints=({"key": key, "value": value, "effect": effect},)))]
        found = gpu_inventory(nodes, [])["products"][H100]
        assert (found["free"], sum(room_of("m", H100, nodes, [], []).free.values())) == (free, free), key
        said = "cordoned" if key.endswith("/unschedulable") else f"taint {key}{'=' + value if value else ''}:{effect}"
        assert found["closed"] == ([] if free else [{"why": said, "gpus": 8}])


def test_a_cordon_is_a_taint_too_and_told_once() -> None:
    assert repelling([], True, OF_MODELS) == ["cordoned"]
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    assert repelling([taint], True, OF_MODELS) == ["cordoned"]
    quarantined = {"key": "byoc.fireworks.ai/quarantined", "value": "true", "effect": "NoSchedule"}
    assert repelling([taint, quarantined], True, OF_CANARIES) == []
    assert repelling([DEDICATED], True, OF_CANARIES) == ["taint dedicated=team:NoSchedule"]
