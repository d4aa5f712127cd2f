# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the identity of a session is and what it may do, asked of the API server itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .session import Session

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ATTRIBUTES = ("verb", "group", "resource", "subresource", "namespace", "name")


def who_am_i(session: Session) -> str:
    """The name under which the API server knows this session's user."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = session.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")


def ask_permissions(session: Session, questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each question with the answer: ``allowed`` and the authorizer's ``reason``.

    :param questions: mappings of ``verb`` and ``resource``, and ``group``, ``subresource``, ``namespace``, ``name``.
    """

    def ask(question: Mapping[str, Any]) -> dict[str, Any]:
        attributes = {key: question[key] for key in _ATTRIBUTES if question.get(key)}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        status = session.request("POST", _PATH, body=review).get("status") or {}
        return {**attributes, "allowed": bool(status.get("allowed")), "reason": str(status.get("reason") or "")}

    return session.in_parallel(ask, questions)
