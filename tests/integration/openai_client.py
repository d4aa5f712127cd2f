# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stock ``openai`` client with its default retries, run by a Python that has it (requirements/openai.txt).

``openai_client.py through URL MODEL OUT``: one request after the other, every fourth a stream, until standard input
ends. OUT gets a line for each: when it was begun (CLOCK_MONOTONIC), seconds, and ``ok`` or what was raised.
``openai_client.py waits``: standard input is what a router answers for a model that sleeps, and after how many seconds
it is served. The client asks a server that answers so, on a clock that jumps as far as the client wants to wait.
"""

from __future__ import annotations

import json
import select
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai

_WORDS = [{"role": "user", "content": "Say a few words."}]


def through(url: str, model: str, out: str) -> None:
    client = openai.OpenAI(base_url=url, api_key="none")
    with Path(out).open("w", encoding="utf-8", buffering=1) as file:
        number = 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            started = time.monotonic()
            said = _ask(client, model, stream=number % 4 == 3)
            file.write(f"{started:.6f} {time.monotonic() - started:.6f} {said} -\n")
            number += 1
            time.sleep(0.05)


def _ask(client: openai.OpenAI, model: str, *, stream: bool) -> str:
    try:
        if stream:
            parts = list(client.completions.create(model=model, prompt="Hi", max_tokens=40, stream=True))
            return "ok" if len(parts) == 40 else "cut-short"
        said = client.chat.completions.create(model=model, messages=_WORDS, max_tokens=8)
        return "ok" if said.model == model and said.choices[0].message.content else "wrong-model"
    except openai.OpenAIError as error:
        return type(error).__name__


class Clock:
    """Seconds that pass only while the client waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waits() -> None:
    asked = json.load(sys.stdin)
    for seconds, retries in asked["cases"]:
        clock, asked_at = Clock(), list[float]()
        server = HTTPServer(("127.0.0.1", 0), _answering(asked, seconds, clock, asked_at))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = _waiting(f"http://127.0.0.1:{server.server_port}/v1", retries, clock)
        server.shutdown()
        print(json.dumps({"ready": seconds, "retries": retries, "asked_at": asked_at, "said": said}), flush=True)


def _waiting(url: str, retries: int | None, clock: Clock) -> str:
    more: dict[str, Any] = {} if retries is None else {"max_retries": retries}
    really = time.sleep
    time.sleep = clock.sleep
    try:
        return _ask(openai.OpenAI(base_url=url, api_key="none", **more), "m", stream=False)
    finally:
        time.sleep = really


def _answering(
    asked: dict[str, Any], ready: float, clock: Clock, asked_at: list[float]
) -> type[BaseHTTPRequestHandler]:
    good = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    good["choices"] = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked_at.append(clock.now)
            served = clock.now >= ready
            body = json.dumps(good) if served else asked["body"]
            self.send_response(200 if served else asked["status"])
            for name, value in ({"content-type": "application/json"} if served else asked["headers"]).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


if __name__ == "__main__":
    modes: dict[str, Callable[..., None]] = {"through": through, "waits": waits}
    modes[sys.argv[1]](*sys.argv[2:])
