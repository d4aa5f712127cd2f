# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to one address, and no more: no credential, no proxy, no redirect; an end in time, and in size."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import suppress

_MOST_BYTES = 4 * 1024 * 1024
"""Sixteen GPUs with every metric there is are a tenth of it."""
_NOT_WHOLE = "the answer is not HTTP, or not whole"


class NoAnswerError(Exception):
    """Nothing that could be used came back; in words that name the address."""


def get_plain(address: str, port: int, path: str, seconds: float) -> bytes:
    """What ``http://address:port/path`` answers within so many seconds.

    The standard library's client and not urllib3's, since the end is that of the whole answer: one that comes byte by
    byte meets every timeout of a single read, so the connection is cut, for which it has to be at hand.

    :raises NoAnswerError: nothing came in time, or something else than HTTP 200, or more than is sensible.
    """
    where = f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"
    until = time.monotonic() + seconds
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    cut: threading.Timer | None = None
    try:
        connection.connect()
        # The client forgets its socket as soon as the last answer has begun.
        cut = threading.Timer(until - time.monotonic(), _cut, [connection.sock])
        cut.daemon = True
        cut.start()
        connection.request("GET", path, headers={"Accept": "text/plain", "Connection": "close"})
        with connection.getresponse() as answer:
            data = answer.read(_MOST_BYTES + 1)
            lacking = answer.length
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"{where}: {_plain(error, seconds, until)}") from None
    finally:
        if cut:
            cut.cancel()
        connection.close()
    if answer.status != http.client.OK:
        raise NoAnswerError(f"{where}: HTTP {answer.status}")
    if time.monotonic() >= until:  # what was cut off may look like the whole
        raise NoAnswerError(f"{where}: {_late(seconds)}")
    if len(data) > _MOST_BYTES:
        raise NoAnswerError(f"{where}: the answer is larger than {_MOST_BYTES // 2**20} MiB")
    if lacking:
        raise NoAnswerError(f"{where}: {_NOT_WHOLE}")
    return data


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _plain(error: Exception, seconds: float, until: float) -> str:
    if isinstance(error, TimeoutError) or time.monotonic() >= until:
        return _late(seconds)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _NOT_WHOLE


def _late(seconds: float) -> str:
    return f"no whole answer within {seconds:g} s"
