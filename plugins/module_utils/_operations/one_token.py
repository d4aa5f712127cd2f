# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request for one token, through the API server's proxy: the least that shows that a model answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .._kube.errors import KubeError
from .._kube.session import Session

SECONDS = 30.0
"""A busy engine may have others to answer before."""


@dataclass(frozen=True)
class Answer:
    """What came of it.

    :param error: empty where the model answered. :param forbidden: the API server did not let the request through.
    """

    error: str
    milliseconds: int = 0
    forbidden: bool = False


def ask_for_one_token(session: Session, proxy: str, model: str) -> Answer:
    """Ask once, of whatever answers at this path of the API server's proxy."""
    body = {"model": model, "prompt": "Hi", "max_tokens": 1, "temperature": 0}
    started = time.monotonic()
    try:
        answer = session.exchange("POST", f"{proxy}/v1/completions", body=body, retry=False, read_seconds=SECONDS)
    except KubeError as error:
        return Answer(str(error.what))
    took = round((time.monotonic() - started) * 1000)
    if answer.status == 200:
        return Answer("" if answer.json().get("choices") else "200, without a completion", took)
    refused = answer.refused()
    text = f"{answer.status} {refused.get('message') or ''}".strip()[:200]
    # The API server itself, and not the engine, answers so.
    return Answer(text, took, forbidden=answer.status == 403 and bool(refused))
