# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Much work of the same kind at once in one process, of which none may hold up the rest.

A thread cannot be stopped. What takes too long is therefore left alone: its answer is not waited for, its place is
given to the next, and its thread dies with the process. So they are none of a ``ThreadPoolExecutor``, whose
every thread is waited for when Python ends.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """How much at once, and how long: seconds for each, for all, and between two looks at how far it is."""

    parallel: int
    each: float
    whole: float
    tick: float


@dataclass(frozen=True)
class Work(Generic[Result]):
    """What is done, and what is said of it.

    do: the work on one name, with the moment (of ``time.monotonic``) by which it has to be over. Raises nothing.
    late: the result of one that took too long, or never began, with what is to be said of it.
    ended: told of each result as it comes. looked: told from time to time. Both in the calling thread.
    """

    do: Callable[[str, float], Result]
    late: Callable[[str, str], Result]
    ended: Callable[[str, Result], None]
    looked: Callable[[], None]


def sweep(names: Iterable[str], work: Work[Result], limits: Limits) -> dict[str, Result]:
    """The result of each name, in the order of the names, after ``limits.whole`` seconds at the latest."""
    order = list(dict.fromkeys(names))
    waiting = list(reversed(order))
    end = time.monotonic() + limits.whole
    running: dict[str, float] = {}
    found: dict[str, Result] = {}
    answers: queue.SimpleQueue[tuple[str, Result]] = queue.SimpleQueue()
    seen = time.monotonic()

    def keep(name: str, result: Result) -> None:
        found[name] = result
        work.ended(name, result)

    def begin(name: str, until: float) -> None:
        running[name] = until
        run = threading.Thread(target=lambda: answers.put((name, work.do(name, until))), daemon=True)
        run.start()

    while running or waiting:
        now = time.monotonic()
        while waiting and len(running) < limits.parallel and now < end:
            begin(waiting.pop(), min(now + limits.each, end))
        wake = min([*running.values(), seen + limits.tick, end])
        try:
            name, result = answers.get(timeout=max(0.0, wake - now))
        except queue.Empty:
            pass
        else:
            if running.pop(name, None) is not None:  # else it was given up
                keep(name, result)
        now = time.monotonic()
        for name in [one for one, until in running.items() if until <= now and answers.empty()]:
            began_late = running.pop(name) < end
            text = (
                f"it took longer than {limits.each:g} s" if began_late else f"it was not over after {limits.whole:g} s"
            )
            keep(name, work.late(name, text))
        if now >= end:
            while waiting:
                keep(name := waiting.pop(), work.late(name, f"its turn had not come after {limits.whole:g} s"))
        if now - seen >= limits.tick:
            seen = now
            work.looked()
    return {name: found[name] for name in order}
