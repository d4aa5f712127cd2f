# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short-lived tokens of ServiceAccounts: asked for, looked at, and proved dead.

A token is bound to its account's UID: deleting the account ends it. The API server may remember a token that it has
accepted for 10 s (``TokenSuccessCacheTTL`` in kube-apiserver), so the proof is waited for.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass, replace

from .errors import CUSTOMER, DeadlineError, KubeError, NotFoundError, UnauthorizedError
from .permissions import who_am_i
from .session import Session

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Life:
    """When a token was issued and when it ends, in seconds since 1970."""

    issued: float
    ends: float

    def share_left(self, now: float) -> float:
        """How much of its life is left, from 0 to 1."""
        span = self.ends - self.issued
        return min(1.0, max(0.0, self.ends - now) / span) if span > 0 else 0.0


def life_of(token: str) -> Life | None:
    """The life that a token says it has; ``None`` of what is not such a token. Its signature is for the server."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return Life(float(claims["iat"]), float(claims["exp"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def request_token(session: Session, namespace: str, account: str, seconds: int) -> str:
    """A new token of an account.

    :raises NotFoundError: there is no such account.
    """
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    answer = session.request("POST", f"{_account(namespace, account)}/token", body=body)
    return str(answer["status"]["token"])


def session_as(session: Session, token: str) -> Session:
    """A session with the same server as this one, as whoever the token belongs to."""
    access = replace(session.access, token=token, token_file=None, cert_pem=None, key_pem=None, exec_spec={})
    return Session(access, cluster_name=session.cluster_name, expected_uid=session.expected_uid)


def user_of(session: Session, token: str) -> str:
    """The user whom the server takes the token's bearer for; empty when it accepts the token no more."""
    try:
        return who_am_i(session_as(session, token))
    except UnauthorizedError:
        return ""


def delete_account(session: Session, namespace: str, account: str) -> bool:
    """Delete an account, and with it every token of its; whether there was one."""
    path = _account(namespace, account)
    try:
        live = session.get(path)
        session.request("DELETE", path, body={"preconditions": {"uid": live["metadata"]["uid"]}})
    except NotFoundError:
        return False
    return True


def prove_refused(session: Session, token: str, *, seconds: float) -> float:
    """How many seconds it took until the server answered this very token with 401.

    :raises DeadlineError: it still accepts the token.
    """
    started = time.monotonic()
    while user_of(session, token):
        if time.monotonic() - started > seconds:
            raise DeadlineError(
                f"the token is still accepted after {seconds:.0f} s",
                where=session.where,
                next_step="see that its ServiceAccount is gone; until then whoever has the token may use it",
                owner=CUSTOMER,
            )
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def require_user(session: Session, token: str, user: str) -> None:
    """See that the server takes the token's bearer for this user, before anybody relies on it."""
    found = user_of(session, token)
    if found != user:
        raise KubeError(
            f"a token just issued for {user} is {'the one of ' + found if found else 'not accepted'}",
            where=session.where,
            next_step="look at the API server's service account keys; nothing was replaced",
            owner=CUSTOMER,
        )


def _account(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
