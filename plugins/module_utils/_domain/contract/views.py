# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading data that may be broken: each function gives what is asked for, or nothing of that kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(parent: Mapping[Any, Any], key: str) -> Mapping[Any, Any]:
    """The mapping at ``key``, else an empty one."""
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def entries(parent: Mapping[Any, Any], key: str) -> list[tuple[int, Mapping[Any, Any]]]:
    """The mappings in the list at ``key``, each with its index."""
    value = parent.get(key)
    return [
        (index, item)
        for index, item in enumerate(value if isinstance(value, list) else [])
        if isinstance(item, Mapping)
    ]


def number(parent: Mapping[Any, Any], key: str) -> int | None:
    """The whole number at ``key``, else None."""
    value = parent.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def word(parent: Mapping[Any, Any], key: str) -> str | None:
    """The text at ``key``, else None."""
    value = parent.get(key)
    return value if isinstance(value, str) else None
