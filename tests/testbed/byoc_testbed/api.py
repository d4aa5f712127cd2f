# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny client of one API server: JSON in, JSON out, many requests at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3

from .errors import ApiError, TestbedError

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Api:
    """Requests to one server as one bearer of a token."""

    def __init__(self, server: str, ca_file: Path, token: str, threads: int = 32) -> None:
        self.server = server
        self._pool = urllib3.PoolManager(
            maxsize=threads,
            ca_certs=str(ca_file),
            headers={"Authorization": f"Bearer {token}", "Accept": JSON},
            timeout=urllib3.Timeout(connect=5, read=60),
            retries=False,
        )
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One request. Gives the parsed answer, or its text where it is not JSON."""
        return self._answer(method, path, body, content_type, headers)[0]

    def warned(self, method: str, path: str, body: Any = None, content_type: str = "") -> list[str]:
        """One request. Gives the warnings that came with its answer."""
        return self._answer(method, path, body, content_type)[1]

    def _answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, list[str]]:
        sent = {**self._pool.headers, **(headers or {})}
        data: bytes | None = None
        if body is not None:
            sent["Content-Type"] = content_type or (MERGE if method == "PATCH" else JSON)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, self.server + path, body=data, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise TestbedError(f"{method} {path}: {self.server} cannot be reached: {error}") from None
        parsed = _parse(answer.data)
        if answer.status >= 400:
            raise ApiError(method, path, answer.status, parsed)
        return parsed, answer.headers.getlist("Warning")

    def is_ready(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            return bool(self.request("GET", "/readyz") == "ok")
        except TestbedError:
            return False

    def create(self, thing: Mapping[str, Any]) -> Any:
        """Create one object."""
        return self.request("POST", self.collection(thing), thing)

    def create_many(self, things: Iterable[Mapping[str, Any]], threads: int = 16) -> list[Any]:
        """Create many objects at once; gives them in the order given."""
        with ThreadPoolExecutor(threads) as workers:
            return list(workers.map(self.create, things))

    def collection(self, thing: Mapping[str, Any]) -> str:
        """The path of the collection that an object belongs to."""
        version, kind = thing["apiVersion"], thing["kind"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        with self._lock:
            if kind not in self._plurals.get(version, {}):
                self._plurals[version] = {
                    each["kind"]: (each["name"], each["namespaced"])
                    for each in self.request("GET", base)["resources"]
                    if "/" not in each["name"]
                }
        if kind not in self._plurals[version]:
            raise TestbedError(f"{self.server} does not serve {kind} of {version}")
        plural, namespaced = self._plurals[version][kind]
        namespace = thing.get("metadata", {}).get("namespace", "default")
        return f"{base}/namespaces/{namespace}/{plural}" if namespaced else f"{base}/{plural}"

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
