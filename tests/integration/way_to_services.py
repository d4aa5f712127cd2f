# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server of simulated nodes reaches Services by a proxy that nobody plays (components.no_egress): here it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def way_to(cluster: Any, port: int) -> Iterator[None]:
    """Until the block ends, what the API server asks of any Service is answered by a port of this machine."""
    path = Path(cluster.audit_log).parent / "no-data-plane.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(64)
        threading.Thread(target=_accept, args=(listening, port), daemon=True).start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _accept(listening: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            asking, _address = listening.accept()
            threading.Thread(target=_connect, args=(asking, port), daemon=True).start()


def _connect(asking: socket.socket, port: int) -> None:
    with asking, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            head += asking.recv(4096)
        with socket.create_connection(("127.0.0.1", port)) as answering:
            asking.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pump, args=(answering, asking), daemon=True)
            back.start()
            _pump(asking, answering)
            back.join(60)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
