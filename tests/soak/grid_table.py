# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the grid, kept in build/ from run to run, as a table that a person can read."""

from __future__ import annotations

import json
import time
from pathlib import Path

_BUILD = Path(__file__).resolve().parents[2] / "build"
_NOTED = _BUILD / "troubled.jsonl"
TABLE = _BUILD / "troubled.txt"
_COLUMNS = ("operation", "trouble", "share", "struck", "outcome", "code", "seconds", "seed")

Row = dict[str, str]


def note(row: Row, wrong: str) -> None:
    """Keep what became of a cell; the line is written at once, so workers may do so beside each other.

    :param wrong: what is to be kept of one that is wrong, in a file of its own.
    """
    _BUILD.mkdir(exist_ok=True)
    with _NOTED.open("a") as file:
        file.write(json.dumps({**row, "at": time.time()}) + "\n")
    name = "-".join(row[key] for key in ("operation", "trouble", "share")).replace(" ", "_")
    if wrong:
        (_BUILD / f"troubled-{name}.log").write_text(wrong)


def tables(since: float) -> str:
    """The last results of the cells that were tried since then; those of all cells are written to build/."""
    if not _NOTED.exists():
        return ""
    latest = {}
    for line in _NOTED.read_text().splitlines():
        row = json.loads(line)
        latest[row["operation"], row["trouble"], row["share"]] = row
    rows = [latest[cell] for cell in sorted(latest)]
    TABLE.write_text(_table(rows) + "\n")
    recent = [row for row in rows if row["at"] >= since]
    return _table(recent) if recent else ""


def _table(rows: list[Row]) -> str:
    whole = [dict(zip(_COLUMNS, _COLUMNS, strict=True)), *rows]
    widths = {column: max(len(row[column]) for row in whole) for column in _COLUMNS}
    return "\n".join("  ".join(row[column].ljust(widths[column]) for column in _COLUMNS).rstrip() for row in whole)
