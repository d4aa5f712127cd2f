# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and one API server, each said in one readable message.

Every error says what happened, where, what to do next and who has to act. They are raised
here and turned into ``fail_json`` in one place (``_operation.py``).
"""

from __future__ import annotations

from typing import Any, ClassVar

from .._vocabulary.failure import failed_result
from .._vocabulary.owner import Owner
from .._vocabulary.wording import message


class KubeError(Exception):
    """Base of every error of this package.

    :param what: what happened, one sentence without the final full stop.
    :param where: the cluster, file or object that it happened to.
    :param next_step: what to do about it.
    :param owner: who has to act.
    """

    code: ClassVar[str] = "not_possible"
    """A stable word for what went wrong, for machines."""

    def __init__(self, what: str, *, where: str = "", next_step: str = "", owner: Owner = Owner.OPERATOR) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step
        self.owner = owner

    def __str__(self) -> str:
        return message(self.what, where=self.where, next_step=self.next_step, owner=self.owner)

    def as_result(self) -> dict[str, Any]:
        """The failed result of the module or action in which it happened."""
        return failed_result(
            error=type(self).__name__,
            code=self.code,
            what=self.what,
            where=self.where,
            next_step=self.next_step,
            owner=self.owner,
        )


class CredentialError(KubeError):
    """The credential cannot be read, is ambiguous, or names something that is not there."""

    code = "unusable_credential"


class TlsError(KubeError):
    """The server's certificate is not the one that the credential trusts."""

    code = "untrusted_certificate"


class UnreachableError(KubeError):
    """No answer from the API server within the deadline."""

    code = "unreachable"


class NotAnAnswerError(UnreachableError):
    """Something answered that is not the API server, or not whole. Nothing can be concluded from it."""

    code = "not_an_answer"


class WrongClusterError(KubeError):
    """The cluster that answered is not the one that the contract names."""

    code = "wrong_cluster"


class DeadlineError(KubeError):
    """Something did not become so in time."""

    code = "deadline_exceeded"


class AnswerError(KubeError):
    """The API server answered with an error status.

    :param status: the HTTP status code.
    :param body: the ``Status`` object the server sent, or an empty dictionary.
    """

    code = "api_error"

    def __init__(
        self,
        what: str,
        *,
        status: int,
        body: dict[str, Any] | None = None,
        where: str = "",
        next_step: str = "",
        owner: Owner = Owner.OPERATOR,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step, owner=owner)
        self.status = status
        self.body = body or {}


class UnauthorizedError(AnswerError):
    """401: the credential is not, or no longer, accepted."""

    code = "unauthorized"


class ForbiddenError(AnswerError):
    """403: the identity may not do this, or admission refused it."""

    code = "forbidden"


class NotFoundError(AnswerError):
    """404: no such object, or no such resource."""

    code = "not_found"


class ConflictError(AnswerError):
    """409: the object changed meanwhile, or fields belong to another manager."""

    code = "conflict"


class ExpiredError(AnswerError):
    """410: the version that a list or a watch began with is no longer kept."""

    code = "expired"

    @property
    def resume(self) -> str:
        """With which token a list can go on in what is there now; empty when the server gave none."""
        return str((self.body.get("metadata") or {}).get("continue") or "")


class InvalidError(AnswerError):
    """400 and 422: the server does not accept the object."""

    code = "invalid_object"


_BY_STATUS: dict[int, type[AnswerError]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
    422: InvalidError,
}

_NEXT_BY_STATUS: dict[int, tuple[str, Owner]] = {
    401: ("renew the credential that the contract refers to; it has expired or was revoked", Owner.CUSTOMER),
    403: ("grant this identity the permission named above, or use the identity meant for this work", Owner.CUSTOMER),
    429: ("try again later; the API server sheds load", Owner.CUSTOMER),
}


def answer_error(status: int, body: dict[str, Any], *, where: str, request: str) -> AnswerError:
    """The typed error for one HTTP answer.

    :param status: the HTTP status code, 400 or above.
    :param body: the ``Status`` object, or anything else the server sent as JSON.
    :param where: the cluster.
    :param request: method and path, for the message.
    """
    said = str(body.get("message") or f"HTTP {status}").rstrip(".")
    next_step, owner = _NEXT_BY_STATUS.get(status, ("", Owner.OPERATOR))
    causes = (body.get("details") or {}).get("causes") or []
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        next_step = "run this again once the namespace is gone; its status.conditions say what it waits for"
    if not next_step and status >= 500:
        next_step, owner = ("look at the API server's health", Owner.CUSTOMER)
    kind = _BY_STATUS.get(status, AnswerError)
    return kind(
        f"the API server refused {request} with {status}: {said}",
        status=status,
        body=body,
        where=where,
        next_step=next_step,
        owner=owner,
    )
