# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS that says where the replicas of each model are, as a cluster's does of its headless Service."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping, Sequence

_A, _ANSWERS, _NO_SUCH_NAME = 1, 0x8180, 0x8183


class Names:
    """Answers on the loopback, until the process ends. ``known`` may change at any time."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self.known = dict(known)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            self._socket.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        name, end = _name(question)
        (kind,) = struct.unpack_from("!H", question, end)
        found = self.known.get(name)
        there = (found or ()) if kind == _A else ()
        flags = _ANSWERS if found is not None else _NO_SUCH_NAME
        head = question[:2] + struct.pack("!HHHHH", flags, 1, len(there), 0, 0)
        lines = [struct.pack("!HHHIH", 0xC00C, _A, 1, 1, 4) + socket.inet_aton(one) for one in there]
        return head + question[12 : end + 4] + b"".join(lines)


def _name(question: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1
