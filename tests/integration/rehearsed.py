# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's answers of a real API server, given again to the same run: all of them, but for one place that is falsified.

A run takes a few milliseconds so, whatever it waited for, and it finds the cluster as it was: what it writes is only
heard once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import session as session_module
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.answers import Answer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session

Falsify = Callable[[bytes], bytes]
#: How long what is no answer is asked for again.
PATIENCE_SECONDS = 0.02


class Rehearsed:
    """Stands between sessions and the API server of one operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._heard: dict[tuple[str, str], list[Any]] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._rehearsing = True
        self._place = ""
        self._falsify: Falsify = bytes
        self._ask = Session._try_once
        self.unheard_of: list[str] = []
        """Writes that the real run did not make."""
        monkeypatch.setattr(Session, "_try_once", lambda *asked: self._answer(*asked))
        monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", PATIENCE_SECONDS)
        monkeypatch.setattr(session_module, "RETRY_SECONDS", PATIENCE_SECONDS)

    @property
    def places(self) -> list[str]:
        """Where the real run asked, each place once."""
        return list(dict.fromkeys(_place(*asked) for asked in self._heard))

    def falsify(self, place: str, make: Falsify) -> None:
        """From now on, what is asked for at this place is answered so, and all else as it was."""
        self._rehearsing, self._place, self._falsify = False, place, make
        self._turns.clear()
        self.unheard_of.clear()

    def _answer(self, session: Session, method: str, url: str, *more: Any) -> Any:
        asked = (method, url)
        if self._rehearsing:
            heard = self._ask(session, method, url, *more)
            self._heard.setdefault(asked, []).append(heard)
            return heard
        if asked not in self._heard:
            if method == "GET":
                return self._ask(session, method, url, *more)
            self.unheard_of.append(f"{method} {urlsplit(url).path}")
            return Answer(403, {}, b'{"kind": "Status", "message": "not rehearsed"}'), None
        answers = self._heard[asked]
        answer, failure = answers[min(self._turns[asked], len(answers) - 1)]
        self._turns[asked] += 1
        if answer is None:
            return answer, failure
        if _place(*asked) == self._place:
            return Answer(200, answer.headers, self._falsify(answer.data)), None
        return Answer(answer.status, answer.headers, answer.data), None  # who reads it may change what it holds


def _place(method: str, url: str) -> str:
    parts = urlsplit(url)
    dry = " (dry run)" if "dryRun=" in parts.query else ""
    return f"{method} {parts.path}{dry}"
