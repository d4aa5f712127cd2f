# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to one address: what comes is whole, in time and small, or an error that names the address."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.plain_http import NoAnswerError, get_plain

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def server(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A port where each who asks gets this, and then the end."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.create_server((host, 0), family=family)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    with listening.accept()[0] as asking, suppress(OSError):
                        asking.recv(65536)
                        answer(asking)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])


def says(data: bytes) -> Callable[[socket.socket], None]:
    return lambda asking: asking.sendall(data)


def drips(head: bytes) -> Callable[[socket.socket], None]:
    """A byte each tenth of a second, forever: no single read takes long."""

    def answer(asking: socket.socket) -> None:
        asking.sendall(head)
        while True:
            asking.sendall(b"a")
            time.sleep(0.1)

    return answer


def test_an_answer_comes_whole_from_either_kind_of_address() -> None:
    for host in ("127.0.0.1", "::1"):
        with server(says(HEAD + b"Content-Length: 3\r\n\r\nup\n"), host) as port:
            assert get_plain(host, port, "/metrics", 5) == b"up\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.9/\r\nContent-Length: 0\r\n\r\n"), "HTTP 302"),
        (says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), "HTTP 503"),
        (says(b"220 smtp.example ESMTP\r\n"), "the answer is not HTTP, or not whole"),
        (says(HEAD + b"Content-Length: 30\r\n\r\nup"), "the answer is not HTTP, or not whole"),
        (says(HEAD + b"\r\n" + b"a" * (4 * 2**20 + 1)), "the answer is larger than 4 MiB"),
        (lambda _asking: time.sleep(2), "no whole answer within 0.5 s"),
        (drips(b"HTTP/1.1 200 OK\r\nX-"), "no whole answer within 0.5 s"),
        (drips(HEAD + b"Content-Length: 99999\r\n\r\n"), "no whole answer within 0.5 s"),
        (drips(HEAD + b"\r\n"), "no whole answer within 0.5 s"),
    ],
)
def test_what_is_no_answer_is_an_error_that_names_the_address(
    answer: Callable[[socket.socket], None], why: str
) -> None:
    with server(answer) as port, pytest.raises(NoAnswerError) as raised:
        get_plain("127.0.0.1", port, "/metrics", 0.5)
    assert str(raised.value).startswith(f"http://127.0.0.1:{port}/metrics: {why}")


def test_an_address_where_nobody_listens_is_named_as_it_is_written() -> None:
    with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as taken:
        port = int(taken.getsockname()[1])
    with pytest.raises(NoAnswerError, match=rf"^http://\[::1\]:{port}/metrics: Connection refused$"):
        get_plain("::1", port, "/metrics", 5)
