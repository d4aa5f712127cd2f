# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends TLS before a plain address, as a customer's gateway does, until it is killed.

``python -m tests.integration.tls_front <address> <port> <file of certificate and key> <address> <port>``. Says that it
listens.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def _copy(reader: Reader, writer: Writer) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(host: str, port: int, pem: str, behind: str, behind_port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def handle(reader: Reader, writer: Writer) -> None:
        try:
            back_reader, back_writer = await asyncio.open_connection(behind, behind_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))

    server = await asyncio.start_server(handle, host, port, ssl=context)
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    _, listen, at, file, behind, behind_at = sys.argv
    asyncio.run(serve(listen, int(at), file, behind, int(behind_at)))
