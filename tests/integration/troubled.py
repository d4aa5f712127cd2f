# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a real API server on which things go wrong: a TLS proxy with the testbed's certificate.

It passes everything on, streams included, unless the test says otherwise: of each call it is asked what is done with
it. What can be done is the methods of :class:`Exchange`; :mod:`tests.integration.troubles` has a table of it as data.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RESET = 0
"""The connection is cut instead of an answer."""

AGENT = "(by way of trouble)"
"""Ends the name of the client, by which the API server's log tells these requests from others."""

HANDSHAKE = "HANDSHAKE"
"""The method of a call that is no request yet: somebody connects. All that can be done with it is to break it off."""

#: These belong to one of the two connections. A body is never compressed here, since troubles are done to it.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Call:
    """One request; ``path`` is with its query."""

    method: str
    path: str

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.path


class Exchange:
    """One call on its way, and what can be done with it."""

    def __init__(self, handler: _Handler, call: Call, sent: bytes) -> None:
        self._handler = handler
        self._sent = sent
        self.call = call

    def forward(self) -> http.client.HTTPResponse:
        """Let the API server act. Its answer is not passed on yet."""
        headers = {name: value for name, value in self._handler.headers.items() if name.lower() not in _NOT_PASSED_ON}
        headers["User-Agent"] = f"{headers.get('User-Agent', '')} {AGENT}"
        upstream = self._handler.upstream
        upstream.request(self.call.method, self.call.path, self._sent or None, headers)
        return upstream.getresponse()

    def pass_on(self, answer: http.client.HTTPResponse) -> None:
        """The API server's answer as it is. A watch's events are passed on one by one."""
        if not self.call.is_watch:
            self.send(answer.status, answer.read(), answer.headers)
            return
        self.begin(answer.status, answer.headers, length=None)
        while part := answer.read1(65536):
            self.write_chunk(part)
        self.write(b"0\r\n\r\n")

    def send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        self.begin(status, headers or {}, len(body))
        self.write(body)

    def begin(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        """An answer's head; without a length its body comes in chunks."""
        self._handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self._handler.send_header(name, value)
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        self._handler.send_header(*framing)
        self._handler.end_headers()

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def write_chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%s\r\n" % (len(data), data))

    def cut(self) -> None:
        """Reset the connection, whatever has been sent on it."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        raise ConnectionResetError

    def rest(self, seconds: float) -> None:
        """Say nothing for so long, or until the proxy is closed."""
        if self._handler.closed.wait(seconds):
            raise ConnectionAbortedError


Deed = Callable[[Exchange], None]
Choose = Callable[[Call], Deed | None]
Asked = Callable[[str, str], int | None]


def by_status(before: Asked = lambda _m, _p: None, after: Asked = lambda _m, _p: None) -> Choose:
    """Troubles that are a status, or :data:`RESET`.

    :param before: asked for each request by method and path: what is answered instead of asking the API server.
    :param after: the same once the API server has answered, and before its answer is passed on.
    """

    def choose(call: Call) -> Deed | None:
        if call.method == HANDSHAKE:
            return None
        status = before(call.method, call.path)
        return _unless if status is None else (lambda exchange: _instead(exchange, status))

    def _unless(exchange: Exchange) -> None:
        answer = exchange.forward()
        status = after(exchange.call.method, exchange.call.path)
        if status is None:
            exchange.pass_on(answer)
        else:
            _instead(exchange, status)

    return choose


def _instead(exchange: Exchange, status: int) -> None:
    if status == RESET:
        exchange.cut()
    exchange.send(status, b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "trouble"}')


@contextmanager
def troubled(cluster: Any, choose: Choose) -> Iterator[str]:
    """A server's address. The credential has to be a token: a client's certificate would end at the proxy."""
    target = urlsplit(cluster.server)
    folder = Path(cluster.ca_file).parent
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    trust = ssl.create_default_context(cafile=str(cluster.ca_file))

    class Handler(_Handler):
        def setup(self) -> None:
            if choose(Call(HANDSHAKE, "")):
                self.request.recv(1)
                raise ConnectionAbortedError
            self.request = tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            self.upstream = http.client.HTTPSConnection(str(target.hostname), target.port, context=trust, timeout=660)
            self.closed = closed
            super().setup()

        def do(self, exchange: Exchange) -> None:
            deed = choose(exchange.call)
            if deed:
                deed(exchange)
            else:
                exchange.pass_on(exchange.forward())

    closed = threading.Event()
    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        closed.set()
        server.shutdown()
        server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was broken off in its handshake."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: http.client.HTTPSConnection
    closed: threading.Event

    def do(self, exchange: Exchange) -> None:
        raise NotImplementedError

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do(Exchange(self, Call(self.command, self.path), sent))
        if "watch=true" in self.path:
            self.close_connection = True

    def handle(self) -> None:
        # Who asked is gone, or was cut off.
        with suppress(OSError, http.client.HTTPException):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.upstream.close()
        self.connection.close()

    def log_message(self, *_arguments: object) -> None:
        pass


for _verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_verb}", _Handler.answer)
