# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ServiceAccount's token says of itself. It is read, never verified: whether it is good, the API server says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.others_json import read_json
from ..moments import shown_moment

_KUBERNETES = "kubernetes.io"


@dataclass(frozen=True)
class Claims:
    """Whose token it is, how long it lives, and whom it is for; ``issued`` and ``expires`` in seconds since 1970."""

    user: str
    namespace: str
    account: str
    account_uid: str
    issued: int
    expires: int
    audiences: tuple[str, ...] = ()

    @property
    def until(self) -> str:
        """When it ends, as people write it."""
        return shown_moment(self.expires)


def read_claims(token: str) -> Claims:
    """The claims of a ServiceAccount's token. Raises ValueError, without repeating any of it, for anything else."""
    try:
        _header, payload, _signature = token.split(".")
        said: Mapping[str, Any] = read_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        ours = said[_KUBERNETES]
        return Claims(
            user=str(said["sub"]),
            namespace=str(ours["namespace"]),
            account=str(ours["serviceaccount"]["name"]),
            account_uid=str(ours["serviceaccount"]["uid"]),
            issued=int(said["iat"]),
            expires=int(said["exp"]),
            audiences=_each(said.get("aud", ())),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        raise ValueError("it is no short-lived token of a ServiceAccount") from None


def _each(audiences: Any) -> tuple[str, ...]:
    """One is written as a text, several as a list: RFC 7519, 4.1.3."""
    return (audiences,) if isinstance(audiences, str) else tuple(map(str, audiences))


def is_due(claims: Claims, now: float, renew_below: float) -> bool:
    """Whether less than this share of the token's life is left. With a share of 0: whether it is over."""
    return claims.expires - now <= (claims.expires - claims.issued) * renew_below
