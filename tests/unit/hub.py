# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Hub that answers as its documentation says: a revision's files with their digests, redirects to where they lie, and
ranges. It can be told what goes wrong.

``python -m tests.unit.hub ADDRESS PORT LOG`` serves ``FILES`` in another network, and writes a line for each request.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY, REVISION = "acme/llama", "0e9e39f"
FILES = {"model-1.safetensors": b"weights " * 8_000_000, "config.json": b'{"a": 1}'}


class Hub:
    """What it has, what goes wrong there, and what it was asked.

    :ivar cut: files whose next answer ends in the middle. :ivar flipped: files of which it sends a wrong byte.
    :ivar refusal: its words for who has another token.
    :ivar asked: path, range and token of each request to the Hub; ``elsewhere`` of those to where files lie.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut: set[str] = set()
        self.flipped: set[str] = set()
        self.token = ""
        self.refusal = "Unauthorized"
        self.asked: list[tuple[str, str, str]] = []
        self.elsewhere: list[tuple[str, str, str]] = []

    @property
    def fetched(self) -> list[str]:
        """The files that were asked for, each time."""
        return [path.rpartition("/files/")[2] for path, _range, _token in self.elsewhere]

    def about(self) -> bytes:
        return json.dumps({"siblings": [_sibling(name, data) for name, data in self.files.items()]}).encode()

    def data(self, name: str) -> bytes:
        data = self.files[name]
        return data[:-1] + bytes([data[-1] ^ 1]) if name in self.flipped else data


def _sibling(name: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324
    large = {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
    return {"rfilename": name, "size": len(data), "blobId": blob, **(large if name.endswith("safetensors") else {})}


def _handler(hub: Hub, storage: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization") or ""
            seen = (self.path, self.headers.get("Range") or "", token)
            if self.path.startswith("/files/"):
                hub.elsewhere.append(seen)
                return self._send_file(self.path.removeprefix("/files/"))
            hub.asked.append(seen)
            if hub.token and token != f"Bearer {hub.token}":
                self.send_response(401, hub.refusal)
                return self.end_headers()
            if self.path == f"/api/models/{REPOSITORY}/revision/{REVISION}?blobs=true":
                return self._send(200, hub.about())
            name = self.path.removeprefix(f"/{REPOSITORY}/resolve/{REVISION}/")
            if name not in hub.files:
                return self._send(404, b"no such file")
            self.send_response(302)
            self.send_header("Location", f"{storage[0]}/files/{name}")
            self.send_header("Content-Length", "0")
            return self.end_headers()

        def _send(self, status: int, body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def _send_file(self, name: str) -> None:
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            body = hub.data(name)[start:]
            sent = body[: len(body) // 2] if name in hub.cut else body
            hub.cut.discard(name)
            self.close_connection = True
            self._send(206 if start else 200, sent, len(body))

        def log_message(self, *_said: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_about: Any) -> None:
        """A pod that is told to end hangs up, as some tests want."""


@contextmanager
def serving(files: dict[str, bytes], host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[Hub, str]]:
    """A Hub that answers, and its address. Files lie with another server, as with the real one."""
    hub, storage = Hub(files), [""]
    servers = [_Server((host, each), _handler(hub, storage)) for each in (port, 0)]
    storage[0] = f"http://{host}:{servers[1].server_port}"
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub, f"http://{host}:{servers[0].server_port}"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _forever(host: str, port: int, log: Path) -> None:
    with serving(FILES, host, port) as (hub, _address):
        while True:
            log.write_text("".join(f"{path} {span}\n" for path, span, _token in (*hub.asked, *hub.elsewhere)))
            time.sleep(0.1)


if __name__ == "__main__":
    _forever(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
