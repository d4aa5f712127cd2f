# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is waited for while that takes long, so that a run that stands still is not mistaken for one that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: So long nothing is said, at most.
SAY_SECONDS = 15.0
#: Whether this thread, or the one that it works for, waits for something that is made of short waits.
_LASTING: ContextVar[bool] = ContextVar("lasting", default=False)


def _nobody(_text: str) -> None:
    """Where nobody listens."""


def _nothing() -> None:
    """Where nothing ends a wait before its time."""


class Waits:
    """What the threads of one operation wait for.

    :param say: called with all of it, every :data:`SAY_SECONDS` while something is waited for.
    :param look: called at each turn of a wait; what it raises ends the wait.
    """

    def __init__(self, say: Callable[[str], None] = _nobody, look: Callable[[], None] = _nothing) -> None:
        self._say = say
        self._look = look
        self._now: dict[int, str] = {}
        self._since = 0.0
        self._lock = threading.Lock()

    def looking(self, look: Callable[[], None]) -> Waits:
        """The same, with this look."""
        return Waits(self._say, look)

    def on(self, text: str) -> None:
        """This thread waits for that, now; to be called again and again while it does."""
        if _LASTING.get():
            self._look()
        else:
            self._on(text)

    def _on(self, text: str) -> None:
        self._look()
        with self._lock:
            now = time.monotonic()
            self._since = self._since if self._now else now
            self._now[threading.get_ident()] = text
            if now - self._since < SAY_SECONDS:
                return
            self._since, said = now, "; ".join(dict.fromkeys(self._now.values()))
        self._say(said)

    def over(self) -> None:
        """This thread waits no longer, unless what it waited for was part of a longer wait."""
        if not _LASTING.get():
            with self._lock:
                self._now.pop(threading.get_ident(), None)

    @contextmanager
    def lasting(self) -> Iterator[Callable[[str], None]]:
        """Gives what to call instead of ``on``: of the short waits that it is made of, nothing is said."""
        before = _LASTING.set(True)
        try:
            yield self._on
        finally:
            _LASTING.reset(before)
            self.over()
