# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small API server and proxies on loopback, which note what they were sent."""

from __future__ import annotations

import contextlib
import http.server
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_testbed.pki import Authority, Pair


@dataclass
class Listening:
    """Where it listens, and what it was sent: of a request the credential, of a CONNECT all headers."""

    port: int = 0
    credentials: list[str | None] = field(default_factory=list)
    connects: list[dict[str, str]] = field(default_factory=list)


def written(folder: Path, pair: Pair) -> tuple[Path, Path]:
    certificate, key = folder / "pair.crt", folder / "pair.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    return certificate, key


@contextmanager
def api_server(folder: Path, authority: Authority) -> Iterator[Listening]:
    """Answers everybody, over TLS. Of a client certificate it notes the name."""
    seen = Listening()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            peer = self.connection.getpeercert() or {}  # type: ignore[attr-defined]
            names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
            seen.credentials.append(self.headers.get("Authorization") or (names[0] if names else None))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*written(folder, authority.server()))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(authority.certificate_file)
    with _serving(Handler, context, seen):
        yield seen


@contextmanager
def proxy(status: int = 200, context: ssl.SSLContext | None = None, wants: str = "") -> Iterator[Listening]:
    """A proxy that connects, or answers CONNECT with a status; 407 where what it wants is not sent."""
    seen = Listening()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            seen.connects.append({key.lower(): value for key, value in self.headers.items()})
            sent = self.headers.get("Proxy-Authorization", "")
            code = 407 if wants and sent != wants else status
            self.send_response(code, "s3cr3t is not the password" if code != 200 else None)
            self.end_headers()
            self.wfile.flush()
            if code == 200:
                host, _colon, port = self.path.rpartition(":")
                with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as behind:
                    _relayed(self.connection, behind)

        def log_message(self, *_arguments: object) -> None:
            pass

    with _serving(Handler, context, seen):
        yield seen


def _relayed(front: socket.socket, behind: socket.socket) -> None:
    while True:
        waiting = getattr(front, "pending", int)()
        ready = [front] if waiting else select.select([front, behind], [], [], 5)[0]
        for one in ready:
            data = one.recv(65536)
            if not data:
                return
            (behind if one is front else front).sendall(data)
        if not ready:
            return


@contextmanager
def _serving(handler: Any, context: ssl.SSLContext | None, seen: Listening) -> Iterator[None]:
    server = _Quiet(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    seen.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        with contextlib.suppress(OSError):
            server.server_close()


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_arguments: object) -> None:
        """Whoever does not trust it hangs up: what the tests see of that is at the other end."""
