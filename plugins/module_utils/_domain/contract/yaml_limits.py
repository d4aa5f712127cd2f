# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that would exhaust the machine that reads them, detected cheaply."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 50
MAX_VALUES = 100_000

# Every nested value on one line takes one of these. Fewer than this many are no danger, and most contracts have fewer.
_SUSPICIOUS = 1000
_NESTING = "[{-?"


def is_too_deep(text: str, yaml: Any) -> bool:
    """Whether values in ``text`` are nested so deep that composing them would exhaust the C stack, which ends Python.

    yaml: PyYAML, whose event parser does not recurse. Text that cannot be parsed is not too deep.
    """
    if sum(map(text.count, _NESTING)) < _SUSPICIOUS:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                return True
    except yaml.YAMLError:
        pass
    return False


def is_too_large(data: Any, text: str) -> bool:
    """Whether ``data``, with every alias of ``text`` written out, has more values than any contract, or no end."""
    return "*" in text and _size(data, {}) > MAX_VALUES


def _size(data: Any, sizes: dict[int, float]) -> float:
    if not isinstance(data, (dict, list)):
        return 1
    if id(data) not in sizes:
        # A container that holds itself meets this while it is being counted.
        sizes[id(data)] = float("inf")
        sizes[id(data)] = 1 + sum(_size(item, sizes) for item in (data.values() if isinstance(data, dict) else data))
    return sizes[id(data)]
