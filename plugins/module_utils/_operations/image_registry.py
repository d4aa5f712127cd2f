# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a registry has an image, by its digest: at most three requests, no redirect, an end in time and in size.

Nothing is pulled. The login is sent only after the registry asked for one, and only to it or to servers of its domain.
"""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .._domain.registry_login import Challenge, Login, api_host, challenge, registry_of, token_server
from .._kube.deadline import whole_answer_within
from .._kube.resolving import addresses_of
from .._vocabulary.others_json import read_json
from .public_endpoint import Ways, trusting, why

PRESENT, MISSING, UNKNOWN = "present", "missing", "unknown"
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True)
class _Answer:
    status: int
    asks: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Asker:
    """One registry, the login to ask it with, and until which moment (of ``time.monotonic``)."""

    registry: str
    login: Login
    ways: Ways
    until: float

    def state_of(self, image: str) -> dict[str, str]:
        """Whether the registry has an image: its ``state``, and for what is not known ``why``."""
        _host, repository, digest = registry_of(image)
        try:
            state, reason = self._state(repository, digest)
        except (OSError, http.client.HTTPException, ValueError) as error:
            state, reason = UNKNOWN, why(error, max(0.0, self.until - time.monotonic()))
        return {"image": image, "state": state, "why": reason}

    def _state(self, repository: str, digest: str) -> tuple[str, str]:
        path = f"/v2/{repository}/manifests/{digest}"
        answer = self._ask(path, "HEAD")
        if answer.status == http.client.UNAUTHORIZED:
            header = self._authorization(challenge(answer.asks), repository)
            if not header:
                return UNKNOWN, "it wants a login in a way, or sent to a server, that is not trusted here"
            answer = self._ask(path, "HEAD", authorization=header)
        if answer.status == http.client.OK:
            return PRESENT, ""
        if answer.status == http.client.NOT_FOUND:
            return MISSING, ""
        return UNKNOWN, f"HTTP {answer.status}"

    def _authorization(self, asked: Challenge | None, repository: str) -> str:
        """What to answer a challenge with; empty where nothing can be."""
        if asked is None:
            return ""
        if asked.scheme == "basic":
            return self.login.basic
        server = token_server(asked.realm, self.registry)
        if server is None:
            return ""
        query = urlencode({"service": asked.service, "scope": f"repository:{repository}:pull"})
        where = (str(server.hostname), server.port or 443)
        answer = self._ask(f"{server.path or '/'}?{query}", "GET", where, authorization=self.login.basic)
        said = read_json(answer.body) if answer.status == http.client.OK else {}
        token = (said.get("token") or said.get("access_token")) if isinstance(said, dict) else ""
        return f"Bearer {token}" if isinstance(token, str) and token.isascii() and token.isprintable() and token else ""

    def _ask(self, path: str, method: str, where: tuple[str, int] | None = None, *, authorization: str = "") -> _Answer:
        host, port = where or api_host(self.registry)
        headers: dict[str, Any] = {"Accept": _KINDS if where is None else "application/json", "Connection": "close"}
        if authorization:
            headers["Authorization"] = authorization
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        address = addresses_of(host, left, self.ways.resolve)[0]
        plain = self.ways.connect((address, port), max(0.1, self.until - time.monotonic()))
        with (
            plain,
            trusting().wrap_socket(plain, server_hostname=host) as tls,
            closing(http.client.HTTPConnection(host, port)) as connection,
            whole_answer_within(max(0.1, self.until - time.monotonic())),
        ):
            connection.sock = tls
            connection.request(method, path, headers=headers)
            with connection.getresponse() as answer:
                return _Answer(answer.status, answer.getheader("WWW-Authenticate", ""), answer.read())
