# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of ServiceAccounts: ask for one, and prove that one is accepted no more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._vocabulary.owner import Owner
from .errors import ConflictError, DeadlineError, ForbiddenError, NotFoundError
from .kubeconfig import Access
from .session import Session

REST_SECONDS = 0.2
_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


@dataclass(frozen=True)
class Account:
    """One ServiceAccount."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """The name under which the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}"


def uid_of(session: Session, account: Account) -> str:
    """The account's UID; empty when there is no such account."""
    try:
        return str(session.get(account.path)["metadata"]["uid"])
    except NotFoundError:
        return ""


def request_token(session: Session, account: Account, *, seconds: int) -> str:
    """A new token. The API server may grant another life than asked for: the token itself says which."""
    return str(_ask(session, account, seconds)["status"]["token"])


def asked_audiences(session: Session, account: Account, *, seconds: int) -> list[str]:
    """Whom the API server takes for itself in tokens: whom it issues one for where none is named.

    Nothing else tells it. The token that comes with the answer is thrown away. Nothing where this identity may not ask.
    """
    try:
        answer = _ask(session, account, seconds, {"dryRun": "All"})
    except (ForbiddenError, NotFoundError):
        return []
    return [str(audience) for audience in answer["spec"]["audiences"]]


def _ask(
    session: Session, account: Account, seconds: int, query: Mapping[str, object] | None = None
) -> Mapping[str, Any]:
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    return session.request("POST", f"{account.path}/token", query=query, body=asked)


def with_token(access: Access, token: str) -> Access:
    """The same API server, reached the same way, with nothing but this token."""
    return replace(access, token=token, token_file=None, cert_pem=None, key_pem=None, exec_spec={})


def delete_account(session: Session, account: Account, *, uid: str) -> None:
    """Delete exactly this account, and with it every token of it. A newer one of the same name is left alone."""
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
    with contextlib.suppress(NotFoundError, ConflictError):  # already gone: as wanted
        session.request("DELETE", account.path, body=body)


def status_of_token(session: Session) -> int:
    """How the API server answers the question who the session's token is: 201 while it is good, 401 when it is not."""
    return session.exchange("POST", _REVIEWS, body=_REVIEW).status


def prove_refused(session: Session, *, seconds: float) -> float:
    """Ask with the session's token until it is refused with 401 (the server may remember it for about 10 s).

    :returns: after how many seconds it was.
    :raises DeadlineError: it is still accepted.
    """
    started = time.monotonic()
    while True:
        status = status_of_token(session)
        elapsed = time.monotonic() - started
        if status == 401:
            return elapsed
        if elapsed + REST_SECONDS > seconds:
            raise DeadlineError(
                f"the token is still not refused after {elapsed:.0f} s: the API server answered {status}",
                where=session.where,
                next_step="run again; if it persists, check how long the API server caches answers of an authentication"
                " webhook, and treat the token as still valid",
                owner=Owner.CUSTOMER,
            )
        time.sleep(REST_SECONDS)
