# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps plugins of others quiet while they work: with ``-vvvv`` lookups tell what they look up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ansible.utils.display import Display

_display = Display()
_counting = Lock()
_before: list[int] = []
"""The verbosity that each of those that are at work has found. It is the process's: only the first found the run's."""


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is shown for ``-v`` by this process. Of several threads at once, the last one ends that."""
    with _counting:
        _before.append(_display.verbosity)
        _display.verbosity = 0
    try:
        yield
    finally:
        with _counting:
            _display.verbosity = _before[0] if len(_before) == 1 else 0
            _before.pop()
