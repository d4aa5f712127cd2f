# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule lets be done, as RBAC compares them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.permissions import _covers

READS_PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("rule", "question", "covered"),
    [
        (READS_PODS, {"verb": "get", "resource": "pods"}, True),
        (READS_PODS, {"verb": "get", "resource": "pods", "name": "a"}, True),
        (READS_PODS, {"verb": "patch", "resource": "pods"}, False),
        (READS_PODS, {"verb": "get", "resource": "pods", "group": "metrics.k8s.io"}, False),
        (READS_PODS, {"verb": "get", "resource": "pods", "subresource": "log"}, False),
        ({**READS_PODS, "resources": ["pods/log"]}, {"verb": "get", "resource": "pods", "subresource": "log"}, True),
        ({**READS_PODS, "resources": ["pods/log"]}, {"verb": "get", "resource": "pods"}, False),
        ({**READS_PODS, "resources": ["*/scale"]}, {"verb": "get", "resource": "pods", "subresource": "scale"}, True),
        ({**READS_PODS, "resources": ["*"]}, {"verb": "get", "resource": "pods", "subresource": "log"}, True),
        ({**READS_PODS, "resourceNames": ["a"]}, {"verb": "get", "resource": "pods", "name": "a"}, True),
        ({**READS_PODS, "resourceNames": ["a"]}, {"verb": "get", "resource": "pods", "name": "b"}, False),
        ({**READS_PODS, "resourceNames": ["a"]}, {"verb": "get", "resource": "pods"}, False),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verb": "x", "group": "y", "resource": "z"}, True),
        ({"verbs": ["*"]}, {"verb": "get", "resource": "pods"}, False),
    ],
)
def test_a_rule(rule: dict[str, Any], question: dict[str, Any], covered: bool) -> None:
    assert _covers(rule, question) is covered
