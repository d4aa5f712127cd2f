# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline for looking up a name. The C library has none: it asks each name server several times, 5 s each."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Resolve = Callable[..., list[Any]]


def is_looked_up(server: str, seconds: float) -> bool:
    """Whether the look-up of the name in an address ends in time, whatever comes of it."""
    try:
        addresses_of(urlsplit(server).hostname, seconds, socket.getaddrinfo)
    except TimeoutError:
        return False
    except (OSError, ValueError):
        pass  # who connects meets the same, and says it
    return True


def addresses_of(name: str | None, seconds: float, resolve: Resolve) -> list[str]:
    """The addresses of a name, each once.

    :raises TimeoutError: the look-up did not end in time.
    :raises OSError: it failed, or there is no such name.
    :raises ValueError: it is no name.
    """
    found: list[str] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            found.extend(dict.fromkeys(str(each[4][0]) for each in resolve(name, None, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            failed.append(error)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(seconds)
    if looking.is_alive():
        raise TimeoutError(f"the look-up did not end within {seconds:g} s")
    if failed:
        raise failed[0]
    return found
