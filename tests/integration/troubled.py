# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a real API server on which things go wrong: requests that are refused, cut off, or the end of who asks.

A TLS server with the testbed's certificate that passes everything on, streams included, unless the test says otherwise.
"""

from __future__ import annotations

import http.client
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RESET = 0
"""The connection is cut instead of an answer."""

AGENT = "(by way of trouble)"
"""Ends the name of the client, by which the API server's log tells these requests from others."""

Asked = Callable[[str, str], int | None]


@contextmanager
def troubled(cluster: Any, before: Asked, after: Asked = lambda _method, _path: None) -> Iterator[str]:
    """A server's address.

    :param before: asked for each request by method and path; a status is answered instead of the API server's, and
        :data:`RESET` cuts the connection.
    :param after: the same once the API server has answered, and before its answer is passed on.
    """
    target = urlsplit(cluster.server)
    folder = Path(cluster.ca_file).parent
    trust = ssl.create_default_context(cafile=str(cluster.ca_file))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            trouble = before(self.command, self.path)
            if trouble is None:
                upstream = http.client.HTTPSConnection(str(target.hostname), target.port, context=trust, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
                headers["User-Agent"] = f"{headers.get('User-Agent', '')} {AGENT}"
                upstream.request(self.command, self.path, body or None, headers)
                answer = upstream.getresponse()
                trouble = after(self.command, self.path)
                if trouble is None:
                    _pass_on(self, answer)
                    upstream.close()
                    return
                upstream.close()
            if trouble:
                said = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "trouble"}'
                self.send_response(trouble)
                self.send_header("Content-Length", str(len(said)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(said)
            self.close_connection = True

        def handle(self) -> None:
            with suppress(OSError):  # who asked is gone
                super().handle()

        def log_message(self, *_arguments: object) -> None:
            pass

    for verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.answer)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _pass_on(to: http.server.BaseHTTPRequestHandler, answer: http.client.HTTPResponse) -> None:
    to.send_response(answer.status)
    for name in ("Content-Type", "Content-Length", "Retry-After"):
        if answer.getheader(name):
            to.send_header(name, str(answer.getheader(name)))
    # A watch has no length, and each of its events is there when it is sent.
    stream = answer.getheader("Content-Length") is None
    if stream:
        to.send_header("Transfer-Encoding", "chunked")
    to.send_header("Connection", "close")
    to.end_headers()
    while part := answer.read1(65536):
        to.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if stream else part)
        to.wfile.flush()
    if stream:
        to.wfile.write(b"0\r\n\r\n")
