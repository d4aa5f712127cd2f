# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else may do, asked of the API server itself (SubjectAccessReview): every authorizer counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._vocabulary.owner import Owner
from .errors import ForbiddenError, KubeError
from .rights import Answer, Right
from .session import Session

_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_AT_ONCE = 50


class MayNotAskError(KubeError):
    """The identity of the session may not ask what others may do."""

    code = "may_not_ask"


@dataclass(frozen=True)
class Subject:
    """The subject of a question; without a user, any member of the groups."""

    user: str
    groups: tuple[str, ...]


def ask(session: Session, subject: Subject, right: Right) -> Answer:
    """One question.

    :raises MayNotAskError: the session's identity may not ask.
    """
    who = {"user": subject.user, "groups": list(subject.groups)} if subject.user else {"groups": list(subject.groups)}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**who, **right.attributes()},
    }
    try:
        status = session.request("POST", _PATH, body=review).get("status") or {}
    except ForbiddenError:
        raise MayNotAskError(
            "this identity may not ask what others may do; it lacks create on subjectaccessreviews of the group "
            "authorization.k8s.io, cluster-wide",
            where=session.where,
            next_step="run it as an administrator, or with an identity that may do that and read the set's objects",
            owner=Owner.CUSTOMER,
        ) from None
    return Answer(bool(status.get("allowed")), str(status.get("reason") or status.get("evaluationError") or ""))


def ask_all(session: Session, questions: Iterable[tuple[Subject, Right]]) -> dict[tuple[Subject, Right], Answer]:
    """Many questions, in parallel; errors as for :func:`ask`."""
    todo = list(questions)
    parts: list[Sequence[tuple[Subject, Right]]] = [todo[at : at + _AT_ONCE] for at in range(0, len(todo), _AT_ONCE)]
    answered = session.in_parallel(lambda part: [ask(session, *each) for each in part], parts)
    return dict(zip(todo, (answer for part in answered for answer in part), strict=True))
