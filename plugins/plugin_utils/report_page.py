# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet as one static page: it asks nobody for anything, and what clusters say is text in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import Table, tables

Data = Mapping[str, Any]

MOST_BYTES = 3 * 1024 * 1024
"""Of the page. Where there is more, the longest tables are cut, the last rows first; the JSON file has all."""
_FEWEST = 20
_HERE = Path(__file__)
_CLASSES = {
    **dict.fromkeys(("critical", "error", "unreachable", "spent", "failed", "failing", "ended"), "b"),
    **dict.fromkeys(("warning", "degraded", "soon", "not measured", "pending", "withdrawing"), "w"),
    **dict.fromkeys(("ready", "good", "valid", "left"), "g"),
}


def report_page(report: Data, most: int = MOST_BYTES) -> str:
    """The page, in no more bytes than may be, as long as that can be had with some rows of each table."""
    shown = tables(report)
    bodies = {table.id: [_row(table, row) for row in table.rows] for table in shown}
    while True:
        page = _page(report, shown, bodies)
        size = len(page.encode())
        longest = max(shown, key=lambda table: sum(map(len, bodies[table.id][: len(table.rows)])))
        if size <= most or len(longest.rows) <= _FEWEST:
            return page
        shown = [_cut(table, bodies[table.id], size - most) if table is longest else table for table in shown]


def _cut(table: Table, body: Sequence[Markup], bytes_too_many: int) -> Table:
    """Without so many of its last rows that about so many bytes are saved."""
    kept, saved = len(table.rows), 0
    while kept > _FEWEST and saved < bytes_too_many:
        kept -= 1
        saved += len(body[kept].encode())
    return replace(table, rows=table.rows[:kept], left_out=table.left_out + len(table.rows) - kept)


def _page(report: Data, shown: Sequence[Table], bodies: Mapping[str, Sequence[Markup]]) -> str:
    script = _HERE.with_suffix(".js").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    template = environment.from_string(_HERE.with_suffix(".html.j2").read_text(encoding="utf-8"))
    return template.render(
        made=report["made"],
        tables=shown,
        sums=list(_sums(report["totals"])),
        body=lambda table: Markup("").join(bodies[table.id][: len(table.rows)]),
        script=Markup(script),  # noqa: S704 (our own file)
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _row(table: Table, row: Data) -> Markup:
    """A row by itself: a template takes ten times as long for thousands of them."""
    cells = (_cell(table, key, row.get(key, "")) for key, _heading in table.columns)
    return Markup("<tr>{}</tr>\n").format(Markup("").join(cells))


def _cell(table: Table, key: str, value: Any) -> Markup:
    if key == "bar":
        left, wide = value
        place = Markup('<td class=t data-v="{}"><i style="left:{:.1f}%;width:{:.1f}%"></i></td>')
        return place.format(left, left / 10, min(wide, 1000 - left) / 10)
    kind = "n" if key in table.numbers else _CLASSES.get(str(value), "") if key == table.grave else ""
    return (
        Markup("<td class={}>{}</td>").format(kind, value) if kind else Markup("<td>") + escape(value) + Markup("</td>")
    )


def _sums(totals: Data) -> Iterable[tuple[str, str]]:
    yield "Clusters", f"{totals['clusters']}: {_listed(totals['states'])}"
    yield "Stack releases", _listed(totals["stacks"]) or "none"
    for product, counts in totals["gpus"].items():
        yield (
            product,
            f"{counts['ours']} ours, {counts['others']} others', {counts['free']} free of {counts['allocatable']}",
        )
    yield "Models", str(totals["models"])
    yield "Findings", _listed(totals["findings"]) or "none"
    yield "Error budgets", _listed(totals["budgets"]) or "none"
    yield "Open incidents by whose action", _listed(totals["incidents"]) or "none"
    yield "Clusters that differ from their contract", str(totals["drifting"])
    yield "Credentials that end soon", str(totals["credentials_end_soon"])


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
