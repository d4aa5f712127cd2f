# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object that is deleted and stays says why, above all a namespace that a broken APIService holds."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import answer_error
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.readiness import readiness
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.staying import (
    APISERVICES,
    FINALIZERS,
    held_namespaces,
    told,
    why_it_stays,
)

BROKEN = {
    "type": "NamespaceDeletionDiscoveryFailure",
    "status": "True",
    "reason": "DiscoveryFailed",
    "message": "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
    "custom.metrics.k8s.io/v1beta1: stale GroupVersion discovery: custom.metrics.k8s.io/v1beta1",
}
LEFT = {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances"}
OVER = {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"}


def namespace(*conditions: dict[str, str], **metadata: Any) -> dict[str, Any]:
    metadata = {"name": "n", "deletionTimestamp": "2026-11-29T10:00:00Z", **metadata}
    return {"kind": "Namespace", "metadata": metadata, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("live", "why", "step"),
    [
        (namespace(OVER, LEFT, BROKEN), f"{BROKEN['message']}; {LEFT['message']}", APISERVICES),
        (namespace(LEFT), LEFT["message"], FINALIZERS),
        (namespace({"type": "NamespaceFinalizersRemaining", "status": "True", "message": "in 1 resource\ninstances"}),
         "in 1 resource instances", FINALIZERS),
        (namespace({"type": "NamespaceDeletionContentFailure", "status": "True"}),
         "NamespaceDeletionContentFailure", FINALIZERS),
        (namespace(OVER), "", FINALIZERS),
        ({"kind": "Pod", "metadata": {"finalizers": ["a/b"]}, "status": {"conditions": [{"status": "True"}]}},
         "it has the finalizers a/b", FINALIZERS),
        ({"kind": "ConfigMap", "metadata": {}}, "", FINALIZERS),
    ],
)  # fmt: skip
def test_what_an_object_says_of_its_staying_is_told(live: dict[str, Any], why: str, step: str) -> None:
    ref = Ref(live["kind"], "", "", "n")
    assert why_it_stays(live) == why
    assert told({ref: live}) == (f"{ref} ({why})" if why else str(ref), step)


def test_nothing_new_goes_into_a_namespace_that_is_held() -> None:
    ref = Ref("Namespace", "", "", "n")
    [(held, reason)] = held_namespaces({ref: namespace(BROKEN)})
    assert held == ref
    assert "is being deleted, and stays: Discovery failed" in reason
    assert reason.endswith("kubectl get apiservices shows which is False")
    assert held_namespaces({ref: namespace(OVER)}) == []
    assert held_namespaces({ref: {**namespace(BROKEN), "metadata": {"name": "n"}}}) == []
    assert readiness(namespace(BROKEN)).reason == f"is being deleted: {BROKEN['message']}"


def test_a_refusal_since_the_namespace_goes_asks_for_no_permission() -> None:
    body = {"message": "forbidden", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    assert "once the namespace is gone" in answer_error(403, body, where="c", request="POST x").next_step
    assert "grant this identity" in answer_error(403, {"message": "forbidden"}, where="c", request="POST x").next_step
