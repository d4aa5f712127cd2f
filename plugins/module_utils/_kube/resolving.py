# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline for looking up a name. The C library has none: it asks each name server several times, 5 s each."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


def is_looked_up(server: str, seconds: float) -> bool:
    """Whether the look-up of the name in an address ends in time, whatever comes of it."""
    looking = threading.Thread(target=_look_up, args=(server,), daemon=True)
    looking.start()
    looking.join(seconds)
    return not looking.is_alive()


def _look_up(server: str) -> None:
    with suppress(OSError, ValueError):  # who connects meets the same, and says it
        socket.getaddrinfo(urlsplit(server).hostname, None, type=socket.SOCK_STREAM)
