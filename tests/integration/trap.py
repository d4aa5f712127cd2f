# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trap on a run's way to the API server: at its n-th write something happens to the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.guarded import until
from tests.integration.troubled import RESET

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Point:
    """At which write of a run, from 1; and whether before the API server has it, or after it acted and before the run
    knows."""

    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.when} write {self.number}"


def is_write(method: str, path: str) -> bool:
    """Whether a request may change something. How often a lock is renewed depends on how long things take, so it does
    not count."""
    asks = "dryRun=All" in path or path.rpartition("/")[2].partition("?")[0].endswith("reviews")
    renews = method == "PUT" and "/leases/" in path
    return method != "GET" and not asks and not renews


class Trap:
    """Counts the writes of one run, and springs at one of them. Its methods are what ``troubled`` asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread = threading.local()
        self.set(None)

    def set(self, point: Point | None, spring: Callable[[], int | None] = lambda: RESET) -> None:
        """Count from the beginning.

        :param spring: what happens at the point; what it returns is answered to the run, or, with None, what the API
            server says.
        """
        with self._lock:
            self._point, self._spring = point, spring
            self.count, self._under_way = 0, 0
            self.sprung_at = ""

    def before(self, method: str, path: str) -> int | None:
        self._thread.mine = False
        if not is_write(method, path):
            return None
        with self._lock:
            self.count += 1
            self._under_way += 1
            self._thread.mine = self._point is not None and self.count == self._point.number
            if self._thread.mine:
                self.sprung_at = f"{method} {path.partition('?')[0]}"
        return self._sprung(BEFORE, method, path)

    def after(self, method: str, path: str) -> int | None:
        answer = self._sprung(AFTER, method, path)
        if is_write(method, path):
            with self._lock:
                self._under_way -= 1
        return answer

    def wait_until_quiet(self) -> None:
        """Wait until the API server has answered all writes that are under way."""
        until(lambda: self._under_way <= 0, "the API server does not answer a write")

    def _sprung(self, when: str, method: str, path: str) -> int | None:
        if not (self._thread.mine and self._point and self._point.when == when):
            return None
        answer = self._spring()
        if when == BEFORE and answer is not None:
            with self._lock:
                self._under_way -= 1  # the API server never gets it
        return answer
