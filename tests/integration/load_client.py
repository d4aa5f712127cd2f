# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load on one model, each request counted: ``python load_client.py URL MODEL RATE MOST OUT PATIENCE``.

A request is due every 1/RATE seconds whatever became of the ones before, on a connection of its own, and is never tried
again. Every tenth one is answered as a stream of more tokens. OUT gets a line for each: when it was due
(CLOCK_MONOTONIC), seconds until its answer was there, what became of it, and which version answered. It ends with its
standard input, after MOST requests, or after a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import sys
import time
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

_SECONDS = 900
_OPEN = 100
# The testbed's own addresses, which nobody else has (RFC 2544).
_INSIDE = ipaddress.ip_network("198.18.0.0/15")


class Client:
    """Sends requests to one place and writes down what became of each."""

    def __init__(self, url: str, model: str, out: TextIO, patience: float) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)
        if ipaddress.ip_address(self.host) not in _INSIDE:
            raise SystemExit(f"{self.host} is not an address of the testbed")
        self._signed = f'"model":{json.dumps(model)}'.encode()
        asked = {"model": model, "prompt": "Say a few words.", "max_tokens": 8}
        self._requests = [self._as_sent({**asked, "stream": True, "max_tokens": 200}), *[self._as_sent(asked)] * 9]
        self._out, self._patience = out, patience

    def _as_sent(self, asked: dict[str, object]) -> bytes:
        body = json.dumps(asked).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    async def send(self, due: float, number: int) -> None:
        """One request, from when it was due: a client that comes too late shows in the latency."""
        version = "-"
        try:
            async with asyncio.timeout(self._patience):
                outcome, version = await self._exchange(self._requests[number % len(self._requests)])
        except TimeoutError:
            outcome = "timeout"
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, type(error).__name__)
        self._out.write(f"{due:.6f} {time.monotonic() - due:.6f} {outcome} {version}\n")

    async def _exchange(self, request: bytes) -> tuple[str, str]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(request)
            answer = await reader.read(-1)
        finally:
            writer.close()
        head, _gap, body = answer.partition(b"\r\n\r\n")
        if not head:
            return "closed-without-answer", "-"
        lines = head.decode("latin-1").split("\r\n")
        status = lines[0].split()[1]
        headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:])}
        if status != "200":
            return f"http-{status}", "-"
        if headers.get("content-type") == "text/event-stream":
            whole = body.endswith(b"0\r\n\r\n") and b"data: [DONE]" in body
        else:
            whole = len(body) == int(headers.get("content-length", -1)) and b'"choices"' in body
        outcome = "ok" if self._signed in body else "wrong-model"
        return (outcome if whole else "cut-short"), headers.get("x-standin-version") or "-"


async def load(client: Client, rate: float, most: int) -> None:
    """Send until standard input ends, and wait for every answer."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, stop.set)
    started = time.monotonic()
    running: set[asyncio.Task[None]] = set()
    for number in range(most):
        due = started + number / rate
        if due > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
        while len(running) >= _OPEN:  # whoever cannot keep up is not buried; the latency says how late it was
            await asyncio.sleep(0.01)
        if stop.is_set() or time.monotonic() - started > _SECONDS:
            break
        task = asyncio.create_task(client.send(due, number))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def main(url: str, model: str, rate: str, most: str, out: str, patience: str) -> None:
    with Path(out).open("w", encoding="utf-8", buffering=1) as file:
        asyncio.run(load(Client(url, model, file, float(patience)), float(rate), int(most)))


if __name__ == "__main__":
    main(*sys.argv[1:])
