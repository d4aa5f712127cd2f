# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule lets be done, as RBAC compares them, and how many requests it takes to know."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.permissions import _covers, ask_permissions

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


class Server:
    """An API server whose rules let pods be read. Where another authorizer has a say, it says that it knows not all."""

    def __init__(self, *, incomplete: bool) -> None:
        self.incomplete = incomplete
        self.asked: list[str] = []

    @staticmethod
    def in_parallel(work: Any, items: Any) -> list[Any]:
        return [work(each) for each in items]

    def request(self, _verb: str, path: str, *, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body["spec"].get("namespace", path.rpartition("/")[2]))
        if body["kind"] == "SelfSubjectRulesReview":
            return {"status": {"resourceRules": [READS_PODS], "incomplete": self.incomplete}}
        return {"status": {"allowed": body["spec"]["resourceAttributes"]["resource"] == "pods"}}


@pytest.mark.parametrize(
    ("where", "asked"), [({"namespace": "a"}, "a"), ({}, "*")], ids=["of one namespace", "of the whole cluster"]
)
def test_many_questions_are_one_request_where_the_server_knows_all_rules(where: dict[str, str], asked: str) -> None:
    questions = [{"verb": "get", "resource": resource, **where} for resource in ("pods", *"bcdefgh")]
    knows, knows_not_all = Server(incomplete=False), Server(incomplete=True)
    of_rules, one_by_one = (ask_permissions(each, questions) for each in (knows, knows_not_all))  # type: ignore[arg-type]
    assert of_rules == one_by_one and [each["allowed"] for each in of_rules] == [True] + [False] * 7
    assert knows.asked == [asked]
    assert len(knows_not_all.asked) == 9
