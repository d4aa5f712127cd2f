# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the grid, kept in build/ from run to run, as a table that a person can read."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.ansible_runs import ROOT
from tests.soak.grid import Cell

_NOTED = ROOT / "build" / "troubled.jsonl"
TABLE = ROOT / "build" / "troubled.txt"
_COLUMNS = ("operation", "trouble", "share", "struck", "outcome", "code", "seconds", "seed")


def note(cell: Cell, seed: str) -> None:
    """Keep what became of a cell; a line is written whole, so workers may do so at once."""
    row = {
        "operation": cell.operation,
        "trouble": cell.trouble,
        "share": f"{cell.share} %",
        "struck": f"{cell.struck} of {cell.calls}",
        "outcome": cell.outcome,
        "code": cell.code if cell.outcome != "finished" else "",
        "seconds": f"{cell.seconds:.1f}",
        "seed": seed,
    }
    _NOTED.parent.mkdir(exist_ok=True)
    with _NOTED.open("a") as file:
        file.write(json.dumps(row) + "\n")


def table() -> str:
    """The last result of each cell; empty when there is none. It is written to build/ as well."""
    if not _NOTED.exists():
        return ""
    latest: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in _NOTED.read_text().splitlines():
        row = json.loads(line)
        latest[row["operation"], row["trouble"], row["share"]] = row
    rows = [dict(zip(_COLUMNS, _COLUMNS, strict=True)), *(latest[key] for key in sorted(latest))]
    widths = {column: max(len(row[column]) for row in rows) for column in _COLUMNS}
    lines = ["  ".join(row[column].ljust(widths[column]) for column in _COLUMNS).rstrip() for row in rows]
    said = "\n".join(lines)
    TABLE.write_text(said + "\n")
    return said
