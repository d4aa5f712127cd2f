# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parallel work in threads that do not delay the end of the process.

Python waits for every thread of a ``ThreadPoolExecutor`` before it exits. These end with the process: a call that was
abandoned because it took too long must not be waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """``function`` over ``items`` in up to so many threads, this one among them, in its context.

    The results come in order. All items are done; then the first error, in their order, is raised.
    """
    work = list(items)
    found: list[Any] = [None] * len(work)
    errors: dict[int, BaseException] = {}
    left = iter(range(len(work)))  # its next() is one step that no other thread can come between

    def run() -> None:
        for index in left:
            try:
                found[index] = function(work[index])
            except BaseException as error:  # noqa: BLE001 (raised in the caller)
                errors[index] = error

    helpers = [
        threading.Thread(target=copy_context().run, args=(run,), daemon=True)
        for _number in range(min(threads, len(work)) - 1)
    ]
    for helper in helpers:
        helper.start()
    run()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[min(errors)]
    return found
