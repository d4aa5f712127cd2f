# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what an exec plugin printed. Nothing of it is repeated: it may be a secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TEXTS = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
#: RFC 3339, as Go reads it: with a zone, always.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NO_CREDENTIAL = "did not answer with an ExecCredential"


class UnusableAnswerError(ValueError):
    """The answer is no credential; the text says why, as a predicate of the plugin."""


@dataclass(frozen=True, repr=False)  # no repr: it would print secrets
class ExecCredential:
    """What the plugin answered. ``expires`` is POSIX seconds, or ``None`` when it does not say."""

    token: str | None
    cert_pem: str | None
    key_pem: str | None
    expires: float | None


def read_answer(printed: bytes, version: str) -> ExecCredential:
    """The credential in what a plugin printed.

    :param version: the ``apiVersion`` that it was asked in.
    :raises UnusableAnswerError: there is none.
    """
    status = _status(printed, version)
    texts = {key: status.get(key) for key in _TEXTS}
    if wrong := [key for key, text in texts.items() if not (text is None or isinstance(text, str))]:
        raise UnusableAnswerError(f"{_NO_CREDENTIAL}: its status.{wrong[0]} is no text")
    token, cert, key, expires = texts.values()
    if bool(cert) != bool(key):
        raise UnusableAnswerError("answered with a client certificate or its key, and not with both")
    if not token and not cert:
        raise UnusableAnswerError("answered with neither a token nor a certificate")
    return ExecCredential(token or None, cert or None, key or None, _posix(expires))


def _status(printed: bytes, version: str) -> dict[str, Any]:
    answer = _json(printed)
    if not isinstance(answer, dict):
        raise UnusableAnswerError(f"{_NO_CREDENTIAL}: what it printed is no JSON object")
    if answer.get("apiVersion") != version:
        raise UnusableAnswerError("answered with another apiVersion than the kubeconfig's")
    if answer.get("kind") != "ExecCredential":
        raise UnusableAnswerError(f"{_NO_CREDENTIAL}: the kind of its answer is another")
    status = answer.get("status")
    if not isinstance(status, dict):
        raise UnusableAnswerError(f"{_NO_CREDENTIAL}: its answer has no status")
    return status


def _json(printed: bytes) -> Any:
    if not printed.strip():
        raise UnusableAnswerError(f"{_NO_CREDENTIAL}: it printed nothing")
    try:
        return json.loads(printed.decode())
    except (ValueError, RecursionError):
        return None


def _posix(timestamp: str | None) -> float | None:
    if not timestamp:
        return None
    try:
        if _MOMENT.fullmatch(timestamp):
            return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        pass
    raise UnusableAnswerError("answered with an expirationTimestamp that is no time of RFC 3339 with a zone")
