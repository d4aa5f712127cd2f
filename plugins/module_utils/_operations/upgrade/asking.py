# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the router which models it serves, and each of them for one token, as those who use it do."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from ..._domain.names import ROUTER, ROUTER_PORT, SYSTEM_NAMESPACE
from ..._domain.upgrade.answers import Data, is_list, listed, worse
from ..._kube.errors import KubeError
from ..._kube.session import Session
from ..one_token import ask_for_one_token

_PROXY = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/{ROUTER}:{ROUTER_PORT}/proxy"
_LIST_SECONDS = 5.0


def ask_router(session: Session, asleep: Collection[str] = ()) -> dict[str, Any]:
    """What it answers now (see ``_domain/upgrade/answers``). :param asleep: models that are not to be woken."""
    error, names = _list(session, asleep)
    told = session.in_parallel(lambda name: (name, ask_for_one_token(session, _PROXY, name)), names)
    return {
        "error": error,
        "models": {name: {"error": answer.error, "ms": answer.milliseconds} for name, answer in told},
    }


def _list(session: Session, asleep: Collection[str]) -> tuple[str, list[str]]:
    try:
        answer = session.exchange("GET", f"{_PROXY}/v1/models", retry=False, read_seconds=_LIST_SECONDS)
    except KubeError as error:
        return str(error.what), []
    said = answer.json()
    if answer.status == 200 and is_list(said):
        return "", listed(said, asleep)
    why = (
        "without a list of models"
        if answer.status == 200
        else str(answer.refused().get("message") or "").partition("\n")[0]
    )
    return f"{answer.status} {why}".strip()[:200], []


class Requests:
    """The same again and again. What was no worse than before may hold for a while; what was is asked again at once."""

    _HOLD_SECONDS = 10.0

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, Any] = {}
        self._until = 0.0

    def look(self, before: Data, asleep: Collection[str] = (), *, lately: bool = False) -> dict[str, Any]:
        """What the router answers.

        :param asleep: models that are not asked for. :param lately: what it answered a moment ago will do.
        """
        if not lately or time.monotonic() >= self._until:
            self._known = ask_router(self._session, asleep)
            self._until = time.monotonic() + (0.0 if worse(before, self._known, asleep=0) else self._HOLD_SECONDS)
        return self._known
