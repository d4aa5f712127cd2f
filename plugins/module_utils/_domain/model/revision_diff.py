# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different between two units, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .unit import Manifest, Unit

Difference = dict[str, Any]


def unit_diff(old: Unit, new: Unit) -> list[Difference]:
    """Each field that differs: ``object``, ``field``, ``old`` and ``new``; null stands for what is not there.

    An object that only one of them has is one difference, with an empty ``field``.
    """
    before, after = _by_name(old), _by_name(new)
    found: list[Difference] = []
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            there, gone = ("present", None) if name in before else (None, "present")
            found.append({"object": name, "field": "", "old": there, "new": gone})
        else:
            found += [
                {"object": name, "field": field, "old": one, "new": other}
                for field, one, other in _fields("", before[name], after[name])
            ]
    return found


def _by_name(unit: Unit) -> dict[str, Manifest]:
    return {
        f"{m['kind']} {m['metadata'].get('namespace', '')}/{m['metadata']['name']}".replace(" /", " "): m for m in unit
    }


def _fields(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _fields(_below(path, key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _fields(f"{path}[{number}]", one, other)
    elif old != new:
        yield path, old, new


def _below(path: str, key: str) -> str:
    plain = key.isalnum()
    return (f"{path}.{key}" if path else key) if plain else f"{path}[{key}]"
