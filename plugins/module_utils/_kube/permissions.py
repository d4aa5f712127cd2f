# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the identity of a session is and what it may do, asked of the API server itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .session import Session

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES_PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_ATTRIBUTES = ("verb", "group", "resource", "subresource", "namespace", "name")
#: So many questions about one namespace cost more than its rules.
_MANY = 8
#: Stands for the whole cluster where rules are asked for. No namespace can have this name, so nothing is bound in it,
#: and what may be done in it is what may be done everywhere.
_EVERYWHERE = "*"


def who_am_i(session: Session) -> str:
    """The name under which the API server knows this session's user."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = session.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")


def ask_permissions(session: Session, questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each question with the answer: ``allowed`` and the authorizer's ``reason``.

    Many about one namespace, or the whole cluster, are answered by the rules for this user there, where the server
    knows them all: that is one request. Where another authorizer than RBAC has a say, it does not, and each is asked.

    :param questions: mappings of ``verb`` and ``resource``, and ``group``, ``subresource``, ``namespace``, ``name``.
    """
    todo = [{key: question[key] for key in _ATTRIBUTES if question.get(key)} for question in questions]
    counts = Counter(each.get("namespace", "") for each in todo)
    many = [namespace for namespace, count in counts.items() if count >= _MANY]
    known = dict(zip(many, session.in_parallel(lambda namespace: _rules(session, namespace), many), strict=True))

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        rules = known.get(question.get("namespace", ""))
        if rules is None:
            return _ask(session, question)
        return {**question, "allowed": any(_covers(rule, question) for rule in rules), "reason": ""}

    return session.in_parallel(answer, todo)


def _rules(session: Session, namespace: str) -> list[Mapping[str, Any]] | None:
    """What this user may do in a namespace, or everywhere; None where the server does not know all of it."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace or _EVERYWHERE},
    }
    status = session.request("POST", _RULES_PATH, body=review).get("status") or {}
    if status.get("incomplete") or status.get("evaluationError"):
        return None
    return list(status.get("resourceRules") or ())


def _covers(rule: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    """Whether a rule lets this be done, as RBAC itself compares them."""
    resource, sub = str(question["resource"]), str(question.get("subresource") or "")
    resources = {"*", f"{resource}/{sub}", f"*/{sub}"} if sub else {"*", resource}
    names = rule.get("resourceNames") or ()
    return bool(
        {"*", question["verb"]} & set(rule.get("verbs") or ())
        and {"*", str(question.get("group") or "")} & set(rule.get("apiGroups") or ())
        and resources & set(rule.get("resources") or ())
        and (not names or question.get("name") in names)
    )


def _ask(session: Session, question: dict[str, Any]) -> dict[str, Any]:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": question},
    }
    status = session.request("POST", _PATH, body=review).get("status") or {}
    return {**question, "allowed": bool(status.get("allowed")), "reason": str(status.get("reason") or "")}
