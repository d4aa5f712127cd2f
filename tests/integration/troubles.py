# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the way to an API server, as data: a name, where it strikes, what it does; and by which share."""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from importlib import import_module
from urllib.parse import unquote

from tests.integration.troubled import HANDSHAKE, Call, Deed, Exchange

SESSION = "ansible_collections.fireworks.byoc.plugins.module_utils._kube.session"
JSON = {"Content-Type": "application/json"}
LOGIN = b"<html><body>Sign in to continue</body></html>"
OTHER_KIND = b'{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "session", "uid": "1"}}'
#: The session's waits, so that a call that is never answered costs a moment. It goes on asking for as long as ever.
READ_SECONDS, CONNECT_SECONDS = 1.5, 0.5
#: Lists of the testbed fit on one page otherwise.
PAGE_SIZE = 10
SLOW_AT_MOST = 8


@dataclass(frozen=True)
class Trouble:
    """One way in which calls go wrong.

    :param strikes: whether this call is one that it can happen to.
    :param slow: it takes time, which a run would spend minutes on: it happens :data:`SLOW_AT_MOST` times.
    """

    name: str
    strikes: Callable[[Call], bool]
    does: Deed
    slow: bool = False


def a_call(call: Call) -> bool:
    return call.method != HANDSHAKE


def a_handshake(call: Call) -> bool:
    return call.method == HANDSHAKE


def a_write(call: Call) -> bool:
    return call.method not in ("GET", HANDSHAKE)


def a_later_page_or_a_watch(call: Call) -> bool:
    return call.method == "GET" and (call.is_watch or "continue=" in call.path)


def status(code: int, reason: str, message: str, **more: object) -> bytes:
    said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code}
    return json.dumps({**said, "reason": reason, "message": message, **more}).encode()


def refuse(exchange: Exchange, code: int, body: bytes, **headers: str) -> None:
    """Before the API server has it."""
    exchange.send(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refuse_afterwards(exchange: Exchange, code: int, body: bytes) -> None:
    """Once the API server has acted, which its answer would have said."""
    _body(exchange, exchange.forward())
    exchange.send(code, body, JSON)


def _body(exchange: Exchange, answer: HTTPResponse) -> bytes:
    """The answer; of a watch, which has no end, its first part."""
    return answer.read1(65536) if exchange.call.is_watch else answer.read()


def too_many(exchange: Exchange) -> None:
    wait = random.choice(("0", "0", "0", "1"))  # noqa: S311
    refuse(exchange, 429, status(429, "TooManyRequests", "try again later"), Retry_After=wait)


def reset_afterwards(exchange: Exchange) -> None:
    _body(exchange, exchange.forward())
    exchange.cut()


def reset_in_the_middle(exchange: Exchange) -> None:
    answer = exchange.forward()
    body = _body(exchange, answer)
    exchange.begin(answer.status, answer.headers, len(body))
    exchange.write(body[: len(body) // 2])
    exchange.rest(0.05)  # what was written arrives before the reset
    exchange.cut()


def truncate(exchange: Exchange) -> None:
    """Half of the answer, as if it were all of it."""
    answer = exchange.forward()
    body = _body(exchange, answer)
    exchange.send(answer.status, body[: len(body) // 2], answer.headers)


def expire(exchange: Exchange) -> None:
    if exchange.call.is_watch:
        event = {"type": "ERROR", "object": json.loads(status(410, "Expired", "too old resource version"))}
        exchange.send(200, json.dumps(event).encode() + b"\n", JSON)
        return
    # The API server gives a token by which the list goes on; the one that was asked with does here.
    [token] = re.findall(r"[?&]continue=([^&]*)", exchange.call.path)
    resume = {"continue": unquote(token)}
    body = status(410, "Expired", "the provided continue parameter is too old", metadata=resume)
    exchange.send(410, body, JSON)


def conflict(exchange: Exchange) -> None:
    refuse(exchange, 409, status(409, "Conflict", "the object has been modified"), Content_Type="application/json")


def say_nothing(exchange: Exchange) -> None:
    exchange.rest(3 * READ_SECONDS)
    exchange.cut()


def drip(exchange: Exchange) -> None:
    answer = exchange.forward()
    body = _body(exchange, answer)
    exchange.begin(answer.status, answer.headers, len(body))
    for byte in body:
        exchange.write(bytes([byte]))
        exchange.rest(1)


TROUBLES = (
    Trouble("login page", a_call, partial(refuse, code=200, body=LOGIN, Content_Type="text/html")),
    Trouble("truncated JSON", a_call, truncate),
    Trouble("another kind", a_call, partial(refuse, code=200, body=OTHER_KIND, Content_Type="application/json")),
    Trouble("reset after it acted", a_call, reset_afterwards),
    Trouble("410", a_later_page_or_a_watch, expire),
    Trouble("409", a_write, conflict),
    Trouble("429", a_call, too_many),
    Trouble("503", a_call, partial(refuse, code=503, body=b"no healthy upstream", Content_Type="text/plain")),
    Trouble(
        "etcd's 500", a_call, partial(refuse_afterwards, code=500, body=status(500, "", "etcdserver: leader changed"))
    ),
    Trouble("reset before it acted", a_call, Exchange.cut),
    Trouble("reset mid-body", a_call, reset_in_the_middle),
    Trouble("TLS cut", a_handshake, Exchange.cut),
    Trouble("silence", a_call, say_nothing, slow=True),
    Trouble("one byte a second", a_call, drip, slow=True),
)
BY_NAME = {trouble.name: trouble for trouble in TROUBLES}


class ByShare:
    """Chooses by a seed: whether a call is struck depends on what it asks for and how often that was asked before, and
    not on which of two threads came first.
    """

    def __init__(self, trouble: Trouble, share: float, seed: str) -> None:
        self._trouble, self._share, self._seed = trouble, share, seed
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.calls = 0
        self.struck = 0

    def __call__(self, call: Call) -> Deed | None:
        with self._lock:
            self.calls += call.method != HANDSHAKE
            if not self._trouble.strikes(call) or (self._trouble.slow and self.struck >= SLOW_AT_MOST):
                return None
            place = f"{call.method} {re.sub(r'(continue|resourceVersion|timeoutSeconds)=[^&]*', '', call.path)}"
            self._asked[place] += 1
            chance = random.Random(f"{self._seed} {place} {self._asked[place]}")  # noqa: S311
            if chance.random() >= self._share:
                return None
            self.struck += 1
            return self._trouble.does


def prepare_session(trouble: str) -> None:
    """In the process of a run: what the testbed is too small and a test too short for."""
    session = import_module(SESSION)
    if trouble == "410":
        session.PAGE_SIZE = PAGE_SIZE
    if trouble and BY_NAME[trouble].slow:
        session.CONNECT_SECONDS = CONNECT_SECONDS
        session.Session.exchange.__kwdefaults__["read_seconds"] = READ_SECONDS
