# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into a hub, from this machine's loopback: ``python -m byoc_testbed.real.relay HOLDER PORT``.

A socket stays in the network namespace that it was made in, so the listening one is made before entering the hub. The
API server of a sealed cluster is so reached at the very address that it would have without a hub.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
import threading


async def _serve(listening: socket.socket, port: int) -> None:
    async def pair(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    server = await asyncio.start_server(pair, sock=listening)
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


def _die_with_owner() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def main(holder: int, port: int) -> None:
    """Relay until standard input ends."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(512)
    with open(f"/proc/{holder}/ns/net", "rb") as namespace:  # noqa: PTH123 (a namespace, and no text)
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
    threading.Thread(target=_die_with_owner, daemon=True).start()
    asyncio.run(_serve(listening, port))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
