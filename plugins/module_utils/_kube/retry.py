# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When to ask an API server again, and how long to wait before it: a pure rule."""

from __future__ import annotations

from collections.abc import Mapping

#: Answers that say "later", not "no": load shedding, a proxy without a backend, a server that starts.
_LATER = frozenset({429, 502, 503, 504})
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0


def says_later(status: int, headers: Mapping[str, str]) -> bool:
    """Whether asking again may help. As in client-go: another server error only when it says so itself, because a
    500 is how the API server answers what will never succeed (a field that its schema does not know)."""
    return status in _LATER or (status >= 500 and "Retry-After" in headers)


def delay_before(attempt: int, headers: Mapping[str, str], *, jitter: float) -> float:
    """Seconds to wait before asking again.

    ``Retry-After`` is honoured when the server sends it (seconds: what the API server's flow control
    uses); otherwise the delay doubles from 0.1 s up to 5 s, spread by jitter.

    :param attempt: how often it was asked so far, from 1.
    :param jitter: a random number in [0, 1).
    """
    asked_for = headers.get("Retry-After", "")
    if asked_for.isdigit():
        return float(asked_for)
    return min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY) * (0.5 + jitter / 2)
