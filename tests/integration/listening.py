# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that keeps all that arrives: whose credentials were drawn to it is then a question of what it heard."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byoc_testbed.pki import Authority


class Listener:
    """On loopback, as an API server by TLS and, on another port, as a proxy that ends TLS itself."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        authority = Authority(folder, name)
        pair = authority.server()
        self.ca_file, self.heard = authority.certificate_file, bytearray()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (folder / "pair.pem").write_bytes(pair.certificate + pair.key)
        self._context.load_cert_chain(folder / "pair.pem")
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _way in range(2)]
        self.server, self.proxy = (
            f"{scheme}://127.0.0.1:{each.getsockname()[1]}"
            for scheme, each in zip(("https", "http"), self._sockets, strict=True)
        )
        for each, proxied in zip(self._sockets, (False, True), strict=True):
            threading.Thread(target=self._accept, args=(each, proxied), daemon=True).start()

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def _accept(self, listening: socket.socket, proxied: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listening.accept()
                threading.Thread(target=self._answer, args=(connection, proxied), daemon=True).start()

    def _answer(self, connection: socket.socket, proxied: bool) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError), connection:
            if proxied:
                self.heard += connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with self._context.wrap_socket(connection, server_side=True) as spoken:
                while data := spoken.recv(65536):
                    self.heard += data
                    spoken.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def listening(folder: Path, name: str) -> Iterator[Listener]:
    """One of them, for as long as it is needed."""
    listener = Listener(folder / name, name)
    try:
        yield listener
    finally:
        listener.close()
