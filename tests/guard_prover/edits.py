# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of an object as data: what is put where, and what is taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""What a place holds that is not there."""


@dataclass(frozen=True)
class Edit:
    """A value at a place. One behind the end of a list is appended; :data:`ABSENT` removes."""

    path: Path
    value: Any

    def __str__(self) -> str:
        return f"{spelled(self.path)} = {self.value!r}"


@dataclass(frozen=True)
class Mutation:
    """Edits that belong together."""

    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.edits)) or "nothing changed"

    @property
    def path(self) -> Path:
        """Where the last of them is, which the others only make way for."""
        return self.edits[-1].path if self.edits else ()


def spelled(path: Path) -> str:
    """A place as a person writes it: ``spec.containers[0].image``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def general(path: Path) -> tuple[str, ...]:
    """A place without the numbers of items."""
    return tuple("[]" if isinstance(step, int) else step for step in path)


def edited(thing: Any, mutation: Mutation) -> Any:
    """Another object with the edits made, which shares with the first one what is not edited."""
    made = thing
    for edit in mutation.edits:
        made = _with(made, edit.path, edit.value)
    return made


def _with(thing: Any, path: Path, value: Any) -> Any:
    """What is at a place, with a value somewhere below it."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return _with_item([*(thing or ())], step, rest, value)
    made = dict(thing or {})
    if value is ABSENT and not rest:
        made.pop(step, None)
    else:
        made[step] = _with(made.get(step), rest, value)
    return made


def _with_item(made: list[Any], number: int, rest: Path, value: Any) -> list[Any]:
    if number >= len(made):
        made.append(_with(None, rest, value))
    elif value is ABSENT and not rest:
        del made[number]
    else:
        made[number] = _with(made[number], rest, value)
    return made


def leaves(thing: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The values of an object with their places; of an empty map or list, itself."""
    if isinstance(thing, Mapping) and thing:
        for key, value in thing.items():
            yield from leaves(value, (*path, key))
    elif isinstance(thing, list) and thing:
        for number, value in enumerate(thing):
            yield from leaves(value, (*path, number))
    else:
        yield path, thing


def changed(old: Any, new: Any) -> list[tuple[Path, Any]]:
    """The values of ``new`` that ``old`` has not at the same place, and those of ``old`` that are gone."""
    before, after = dict(leaves(old)), dict(leaves(new))
    added = [(path, value) for path, value in after.items() if path not in before or before[path] != value]
    return added + [(path, ABSENT) for path in before if path not in after]


def merge_patch(old: Any, new: Any) -> Any:
    """The merge patch (RFC 7386) that makes ``new`` of ``old``."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    patch = {key: merge_patch(old.get(key), value) for key, value in new.items() if old.get(key) != value}
    return {**patch, **{key: None for key in old if key not in new}}
