# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request wrote, by its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.answers import Answer, Asked
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.writes import write_of

PODS, POD = "/api/v1/namespaces/ns/pods", "/api/v1/namespaces/ns/pods/a"
ACCOUNT = "/api/v1/namespaces/ns/serviceaccounts/op"
ROUTE = "/apis/route.openshift.io/v1/namespaces/ns/routes/r"
LIVE: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "a", "namespace": "ns", "resourceVersion": "7"}}
SUCCESS: dict[str, Any] = {"kind": "Status", "status": "Success"}
OPTIONS: dict[str, Any] = {"kind": "DeleteOptions"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "answered", "wrote"),
    [
        ("GET", POD, None, 200, LIVE, None),
        ("POST", PODS, LIVE, 201, LIVE, "Pod ns/a created"),
        ("PATCH", POD, {"kind": "Pod"}, 201, LIVE, "Pod ns/a created"),
        ("PATCH", POD, {"kind": "Pod"}, 200, LIVE, "Pod ns/a updated"),
        ("PATCH", POD, {"metadata": {"resourceVersion": "6"}}, 200, LIVE, "Pod ns/a updated"),
        ("PATCH", POD, {"metadata": {"resourceVersion": "7"}}, 200, LIVE, None),
        ("PUT", POD, LIVE, 409, SUCCESS, None),
        ("DELETE", POD, OPTIONS, 200, LIVE, "Pod ns/a deleted"),
        ("DELETE", POD, OPTIONS, 404, SUCCESS, None),
        ("DELETE", ROUTE, OPTIONS, 200, SUCCESS, "Route ns/r deleted"),
        ("DELETE", POD, OPTIONS, 200, SUCCESS, "pods ns/a deleted"),
        ("PATCH", "/api/v1/nodes/n", {}, 200, {"kind": "Node"}, "Node n updated"),
        ("DELETE", "/api/v1/namespaces/ns", OPTIONS, 200, {"kind": "Namespace"}, "Namespace ns deleted"),
        ("POST", f"{POD}/eviction", {"kind": "Eviction"}, 201, SUCCESS, "Pod ns/a evicted"),
        ("POST", f"{POD}/eviction", {"kind": "Eviction"}, 429, SUCCESS, None),
        ("POST", f"{ACCOUNT}/token", {"kind": "TokenRequest"}, 201, {"kind": "TokenRequest"},
         "ServiceAccount ns/op token_issued"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, 201, {"kind": "SelfSubject"}, None),
        ("POST", "/api/v1/namespaces/ns/services/s:80/proxy/v1/chat/completions", {}, 200, {}, None),
    ],
)  # fmt: skip
def test_a_write_is_told_by_its_answer(
    method: str, path: str, sent: Any, status: int, answered: dict[str, Any], wrote: str | None
) -> None:
    answer = Answer(status, {}, json.dumps(answered).encode())
    kinds = {("route.openshift.io/v1", "routes"): "Route"}
    asked = Asked(method, path, "", sent)
    found = write_of(asked, None, answer, kinds, lost=False)
    told = found and f"{found['kind']} {'/'.join(filter(None, (found['namespace'], found['name'])))} {found['action']}"
    assert told == wrote
    assert write_of(asked, {"dryRun": "All"}, answer, kinds, lost=False) is None


@pytest.mark.parametrize(
    ("method", "path", "status", "action"),
    [
        ("DELETE", POD, 404, "deleted"),
        ("POST", PODS, 409, "created"),
        ("DELETE", POD, 403, None),
        ("POST", f"{POD}/eviction", 409, None),
    ],
)
def test_what_is_done_already_after_a_lost_answer_counts(method: str, path: str, status: int, action: str) -> None:
    answer = Answer(status, {}, json.dumps({"kind": "Status", "status": "Failure"}).encode())
    asked = Asked(method, path, "", {**LIVE, "kind": "Pod"})
    found = write_of(asked, None, answer, {}, lost=True)
    assert (found and found["action"]) == action
    assert write_of(asked, None, answer, {}, lost=False) is None
