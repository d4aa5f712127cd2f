# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback ports that stay ours."""

from __future__ import annotations

import random
import socket


class HeldPort:
    """A port that is bound, never listened on, for as long as this object is open.

    The API server binds the same port beside it (both with SO_REUSEPORT, which only
    the same user may), so nobody takes the port before it starts or while it is stopped.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


#: Linux gives connections and servers that name no port those from 32768 on (ip_local_port_range in ip(7)).
_NOT_GIVEN_OUT = range(20_000, 32_000)


def quiet_ports(count: int) -> list[int]:
    """Free ports for programs that bind them later, when a port that the system chose may be another one's."""
    found: list[int] = []
    for number in random.sample(_NOT_GIVEN_OUT, len(_NOT_GIVEN_OUT)):
        if len(found) == count:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(("127.0.0.1", number)) != 0:
                found.append(number)
    return found
