# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as a plain text table, aligned by what a terminal shows rather than by the count of characters."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from .._vocabulary.wording import owner_word

_GAP = "  "


def width(text: str) -> int:
    """The columns a terminal needs for a text: two for wide characters, none for combining ones."""
    columns = 0
    for character in text:
        if unicodedata.category(character) in ("Cf", "Mn", "Me"):
            continue
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def wrapped(text: str, head: str, wide: int) -> list[str]:
    """The text behind its head, and what does not fit there below it. A word that is longer than a line stays whole."""
    indent = " " * max(2, min(width(head), wide // 2))
    found: list[str] = []
    for number, line in enumerate(text.splitlines() or [""]):
        found += textwrap.wrap(
            line,
            wide,
            initial_indent=indent if number else head,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [head.rstrip()]
    return found


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | Mapping[str, str] = ()) -> str:
    """A heading, a rule, and a line for each row.

    ``columns`` chooses keys and their order, as a mapping also their headings; without it the keys of the first row
    count. Numbers are aligned to the right. Line breaks in a value become spaces: a row is a line. An owner is said as
    messages say it.
    """
    if not columns:
        columns = list(rows[0]) if rows else []
    if isinstance(columns, Mapping):
        headings = {str(key): str(heading) for key, heading in columns.items()}
    else:
        headings = {key: key.replace("_", " ").upper() for key in columns}
    cells = [[_cell(key, row.get(key)) for key in headings] for row in rows]
    right = [bool(rows) and all(_is_number(row.get(key)) for row in rows) for key in headings]
    lines = [list(headings.values()), *cells]
    widths = [max(width(line[i]) for line in lines) for i in range(len(headings))]
    rule = ["-" * wide for wide in widths]
    return "\n".join(_line(line, widths, right) for line in [lines[0], rule, *cells])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, wide, to_right in zip(cells, widths, right, strict=True):
        space = " " * (wide - width(cell))
        padded.append(space + cell if to_right else cell + space)
    return _GAP.join(padded).rstrip()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(key: str, value: Any) -> str:
    return owner_word(_text(value)) if key == "owner" else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
