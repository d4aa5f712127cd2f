# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, each said in one clear message."""

from __future__ import annotations

from typing import Any


class TestbedError(Exception):
    """The testbed cannot do what was asked; the message says why and what to do."""

    __test__ = False  # its name makes pytest think it is a test


class ApiError(TestbedError):
    """An API server refused a request."""

    def __init__(self, method: str, path: str, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        said = body.get("message") if isinstance(body, dict) else str(body)[:500]
        super().__init__(f"{method} {path} answered {status}: {said}")
