# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads part by part: what cannot be read is left out and told, several things of one reason together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .._domain.health.prometheus_text import NoResultError
from .._kube.errors import KubeError

Found = TypeVar("Found")


class Gaps:
    """What could not be read, and why."""

    def __init__(self) -> None:
        self._by_reason: dict[str, dict[str, None]] = {}

    def tried(self, what: str, read: Callable[[], Found], otherwise: Found) -> Found:
        """What is read; ``otherwise``, and a note, where it cannot be."""
        try:
            return read()
        except (KubeError, NoResultError) as error:
            self.note(what, str(error.what if isinstance(error, KubeError) else error))
            return otherwise

    def note(self, what: str, why: str) -> None:
        self._by_reason.setdefault(why, {})[what] = None

    def told(self) -> list[str]:
        """Each reason once, after all that it kept from being read."""
        return [f"{', '.join(whats)}: {why}" for why, whats in self._by_reason.items()]
