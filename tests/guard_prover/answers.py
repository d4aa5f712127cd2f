# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an API server answers to a write, and by which layer of it a write is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ADMITTED, VALIDATION, ROLES, STANDARDS, QUOTA, ADMISSION, FAULT = (
    "admitted",
    "validation",
    "RBAC",
    "Pod Security",
    "quota",
    "admission",
    "fault",
)
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([a-z0-9.-]+)'")
_OK, _INVALID, _FORBIDDEN, _CONFLICT, _SERVERS = 300, 422, 403, 409, 500


@dataclass(frozen=True)
class Answer:
    """By whom a write was refused, or :data:`ADMITTED`, and what was said.

    stored: what the server would store, where it says so.
    """

    layer: str
    said: str = ""
    stored: Any = None

    @property
    def admitted(self) -> bool:
        return self.layer == ADMITTED

    @property
    def guarded(self) -> bool:
        """Whether something refused that has an opinion: not a field's own form."""
        return self.layer not in (ADMITTED, VALIDATION)


def answer_of(status: int, body: Any) -> Answer:
    """What an answer means.

    Of an object that is there already the server says so only after every admission: so much was admitted.
    """
    said = str(body.get("message", "")) if isinstance(body, dict) else str(body)
    reason = str(body.get("reason", "")) if isinstance(body, dict) else ""
    if status == _CONFLICT and reason == "AlreadyExists":
        return Answer(ADMITTED)
    if status < _OK:
        return Answer(ADMITTED, stored=body if isinstance(body, dict) and "metadata" in body else None)
    policy = _POLICY.search(said)
    if policy:
        return Answer(f"policy {policy.group(1)}", said)
    if status == _FORBIDDEN:
        return Answer(_by_words(said), said)
    return Answer(FAULT if status >= _SERVERS else VALIDATION, said)


def _by_words(said: str) -> str:
    for layer, mark in ((STANDARDS, "violates PodSecurity"), (QUOTA, "exceeded quota"), (ROLES, '" cannot ')):
        if mark in said:
            return layer
    return ADMISSION
