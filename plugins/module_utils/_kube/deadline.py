# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline for a whole answer. A socket's timeout bounds each read only: one byte a second never exceeds it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread = threading.local()


@contextmanager
def whole_answer_within(seconds: float) -> Iterator[None]:
    """Reads of this thread from a :class:`BoundedSocket` end with ``TimeoutError`` once so many seconds have passed."""
    _thread.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _thread.until = None


def chunks_until(end: float, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What a stream brings until a moment of ``time.monotonic``, however slowly it does."""
    while True:
        with whole_answer_within(end - time.monotonic()):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


class BoundedSocket(ssl.SSLSocket):
    """A TLS socket that keeps to the deadline of the thread that reads from it."""

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        until = getattr(_thread, "until", None)
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("The read operation timed out")
            self.settimeout(left)
        return super().recv_into(*arguments, **options)
