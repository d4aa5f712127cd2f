# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the oracle is written: rows, one for each place in an object, and rules about an object as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..edits import Path
from .bounds import Bounds

NEEDED, FREE, FORBIDDEN = "needed", "free", "forbidden"
"""The product does this, so it must be allowed; neither harmful nor needed; must be refused."""

UNLISTED = "unlisted"


@dataclass(frozen=True)
class Asked:
    """A write: by whom, how (``create``, ``patch``, ``delete``), where, of what, and what was there before."""

    identity: str
    verb: str
    namespace: str
    kind: str
    new: Mapping[str, Any]
    bounds: Bounds
    old: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return str((self.new.get("metadata") or {}).get("name", ""))


Holds = Callable[[Any, Asked, Path], bool]


@dataclass(frozen=True)
class Row:
    """A place that an object may use.

    :param clause: the rule that a value breaks for which ``holds`` is false.
    :param where: steps, of which ``[]`` is any item, ``*`` any key and ``**`` whatever follows.
    :param needs: for which values the product needs it; others that hold are free.
    :param why: why what is free is free, or what is needed is needed.
    """

    clause: str
    where: str
    why: str
    holds: Holds | None = None
    needs: Holds | None = None


@dataclass(frozen=True)
class Finding:
    """What of an object breaks which clause."""

    clause: str
    path: Path
    why: str


def always(_value: Any, _asked: Asked, _path: Path) -> bool:
    return True


def never(_value: Any, _asked: Asked, _path: Path) -> bool:
    return False


def unset(value: Any, _asked: Asked, _path: Path) -> bool:
    """Whether it says nothing, as if it were not there."""
    return value in (None, "", 0, False) or value in ([], {})


def one_of(*known: Any) -> Holds:
    return lambda value, _asked, _path: value in known


def at_most(limit: int) -> Holds:
    return lambda value, _asked, _path: isinstance(value, int) and 0 <= value <= limit


def matches(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a place, without the numbers of items, is one of a pattern's."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return True
    return bool(path) and pattern[0] in (path[0], "*") and matches(pattern[1:], path[1:])


def at(thing: Any, *path: str | int) -> Any:
    """What is at a place; None where nothing is."""
    for step in path:
        if isinstance(thing, list) and isinstance(step, int):
            thing = thing[step] if step < len(thing) else None
        else:
            thing = thing.get(step) if isinstance(thing, Mapping) else None
    return thing
