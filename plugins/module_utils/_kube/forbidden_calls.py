# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forbidden calls, attempted as other identities and only as server dry runs: which layer refuses them?

The tokens live ten minutes, the least that an API server gives, and are kept in memory only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._vocabulary.owner import Owner
from .errors import ForbiddenError, KubeError
from .session import JSON, Session

TOKEN_SECONDS = 600
_MERGE_PATCH = "application/merge-patch+json"
_LAYERS = (
    (re.compile(r"ValidatingAdmissionPolicy '([^']+)'"), "admission policy {0}"),
    (re.compile(r'admission webhook "([^"]+)"'), "admission webhook {0}"),
    (re.compile(r"exceeded quota: ([^,]+)"), "quota {0}"),
    (re.compile(r"violates PodSecurity"), "pod security"),
    (re.compile(r'cannot \S+ (?:resource|path) "'), "authorization"),
    (re.compile(r"attempting to grant RBAC permissions not currently held"), "authorization (no escalation)"),
)


def try_calls(session: Session, calls: Iterable[Mapping[str, Any]], users: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each call with its status and the layer that refused it; no layer means that it was not refused.

    :param users: the user name of each identity, ``system:serviceaccount:<namespace>:<name>``.
    """
    calls = list(calls)
    names = sorted({call["identity"] for call in calls})
    sessions = dict(zip(names, session.in_parallel(lambda name: _session_as(session, users[name]), names), strict=True))
    return session.in_parallel(lambda call: _try(sessions[call["identity"]], call), calls)


def _session_as(session: Session, user: str) -> Session:
    namespace, name = user.split(":")[2:4]
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    try:
        token = session.request("POST", path, body=wanted)["status"]["token"]
    except ForbiddenError:
        raise KubeError(
            f"this identity may not try calls as {user}; it lacks create on serviceaccounts/token in {namespace}",
            where=session.where,
            next_step="run without `probe`, or with an identity that has that right",
            owner=Owner.CUSTOMER,
        ) from None
    access = replace(
        session.access,
        source=f"a token of {user}",
        token=token,
        token_file=None,
        cert_pem=None,
        key_pem=None,
        exec_spec={},
    )
    return Session(access, expected_uid=session.expected_uid, run=session.run)


def _try(session: Session, call: Mapping[str, Any]) -> dict[str, Any]:
    method = call["method"]
    answer = session.exchange(
        method,
        call["path"],
        query={} if method == "GET" else {"dryRun": "All"},
        body=call.get("body"),
        content_type=_MERGE_PATCH if method == "PATCH" else JSON,
        retry=False,
    )
    message = str(answer.json().get("message") or "") if answer.status >= 400 else ""
    return {
        "identity": call["identity"],
        "sentence": call["sentence"],
        "method": method,
        "path": call["path"],
        "status": answer.status,
        "refused_by": refusing_layer(answer.status, message),
        "message": message,
    }


def refusing_layer(status: int, message: str) -> str:
    """The layer of the API server that refused; empty if none did."""
    if status < 400:
        return ""
    for shape, layer in _LAYERS:
        found = shape.search(message)
        if found:
            return layer.format(*found.groups())
    return {400: "validation", 401: "authentication", 422: "validation"}.get(status, f"HTTP {status}")
