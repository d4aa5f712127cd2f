# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When to ask an API server again, and how long to wait before it: pure rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._vocabulary.numbers import whole_number
from .answers import Answer, Asked

#: Answers that mean "later", not "no": load shedding, a proxy without a back end, a server that starts.
_LATER = frozenset({429, 502, 503, 504})
#: What the API server passes on as a 500 while etcd elects a leader or is overloaded. A write may have been done.
_ETCD = re.compile(r"etcdserver: (leader changed|no leader|request timed out|too many requests|server stopped)")
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0


def may_pass(asked: Asked, answer: Answer) -> bool:
    """Whether asking again may help."""
    if answer.status < 400:
        return False
    body = answer.json()
    if is_of_the_back_end(asked.path, answer.status, body):
        return False
    return says_later(answer.status, answer.headers, body) or is_passing_conflict(answer.status, asked.sent, body)


def says_later(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    """Whether asking again may help.

    As in client-go, another server error only when it says so itself, because a 500 is also how the API server answers
    what will never succeed (a field that its schema does not know).
    """
    if status in _LATER or (status >= 500 and "Retry-After" in headers):
        return True
    return status == 500 and bool(_ETCD.search(str(body.get("message") or "")))


def is_of_the_back_end(path: str, status: int, body: Mapping[str, Any]) -> bool:
    """Whether it is the API server's proxy that says what is behind it does not answer: no word about the API server.

    Where a Service has no pod, or a firewall is between the control plane and the pods, this does not pass.
    """
    return "/proxy/" in path and status >= 500 and body.get("kind") == "Status"


def is_passing_conflict(status: int, sent: object, body: Mapping[str, Any]) -> bool:
    """Whether a 409 is a race inside the API server: we named no version, and no other manager owns a field."""
    if status != 409 or body.get("reason") != "Conflict" or not isinstance(sent, Mapping):
        return False
    metadata = sent.get("metadata") or {}
    named = {"resourceVersion", "uid"} & set(metadata) or sent.get("preconditions") or sent.get("deleteOptions")
    return not named and not (body.get("details") or {}).get("causes")


def delay_before(attempt: int, headers: Mapping[str, str], *, jitter: float) -> float:
    """Seconds to wait before asking again.

    It doubles from 0.1 s up to 5 s, spread by jitter. ``Retry-After`` is honoured when the server asks for more
    (seconds: what the API server's flow control uses); a server that asks for none is not asked in a tight loop.

    :param attempt: how often it was asked so far, from 1.
    :param jitter: a random number in [0, 1).
    """
    own = min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY) * (0.5 + jitter / 2)
    return max(own, float(whole_number(headers.get("Retry-After", "")) or 0))
