# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods can leave a node, which pod is which, and which budget holds one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.pods import pod_of
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.annotations import REPLACED_ANNOTATION
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.selector import selects

OWNER = {"kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}


def live(*owners: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "n", "uid": "u", "ownerReferences": list(owners)}, "status": status}


def test_who_stays_and_who_leaves() -> None:
    assert pod_of(live(OWNER)).stays == ""
    assert "DaemonSet" in pod_of(live({**OWNER, "kind": "DaemonSet"})).stays
    mirror = live({**OWNER, "kind": "Node"})
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert "mirror" in pod_of(mirror).stays


def test_what_a_pod_says() -> None:
    pod = pod_of(live(OWNER, {**OWNER, "controller": False}, conditions=[{"type": "Ready", "status": "True"}]))
    assert (pod.key, pod.owner, pod.ready, pod.finished, pod.unschedulable) == (
        "n/a", "ReplicaSet web-1 (r)", True, False, "")  # fmt: skip
    assert pod_of(live(phase="Failed")).finished
    assert pod_of(live()).owner == ""
    lost = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    assert pod_of(live(conditions=[lost])).unschedulable == "0/2 nodes"
    assert pod_of(live(conditions=[{**lost, "reason": "SchedulingGated"}])).unschedulable == ""


@pytest.mark.parametrize(
    ("said", "owner", "replaced"),
    [
        ("ReplicaSet web-1 (r) 3", "ReplicaSet web-1 (r)", 3),
        ("ReplicaSet web-1 (r)", "", 0),
        ("ReplicaSet web-1 (r) \u00b2", "", 0),  # a digit, and no number
        ("3", "", 0),
        ("", "", 0),
    ],
)
def test_a_pod_that_was_orphaned_says_whose_it_was(said: str, owner: str, replaced: int) -> None:
    pod = live()
    pod["metadata"]["annotations"] = {REPLACED_ANNOTATION: said}
    assert (pod_of(pod).owner, pod_of(pod).replaced) == (owner, replaced)
    pod["metadata"]["ownerReferences"] = [OWNER]
    assert (pod_of(pod).owner, pod_of(pod).replaced) == ("ReplicaSet web-1 (r)", 0), (
        "it was returned to its owner, or not orphaned yet"
    )


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_which_budget_selects_a_pod(selector: Any, holds: bool) -> None:
    assert selects(selector, {"app": "web"}) is holds
