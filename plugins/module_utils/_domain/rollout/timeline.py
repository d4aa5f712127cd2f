# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a picture of when each cluster has its turn: for a terminal, and as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from ..._vocabulary.harmless import harmless
from ..._vocabulary.listing import amount
from ..._vocabulary.times import local_time, upcoming
from ..._vocabulary.wording import action_required, assignee
from ..table import table
from .approval import SHORTEST
from .approval_words import approval_word, request_text
from .blockers import waits_for_approval

Data = Mapping[str, Any]

_COLUMNS = 60
_LINE, _LEFT, _WIDE = 18, 260, 640
_LOOK = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12"'
_COLOURS = {"go": "#2f7d4f", "wait": "#c78a1a"}


def timeline_text(plan: Data) -> str:
    """A line for each turn: ``#`` while a cluster is changed, ``=`` where that has to wait for something first.

    Empty where no cluster has a turn.
    """
    if next(_turns(plan), None) is None:
        return ""
    first, last = _scale(plan)
    lines = [f"{local_time(first)} to {local_time(last)}; # goes, = after a wait"]
    rows = []
    for wave, row in _turns(plan):
        line = ""
        if row["ends_at"]:
            start = round(_part(row["next_at"], first, last) * (_COLUMNS - 1))
            end = max(start + 1, round(_part(row["ends_at"], first, last) * _COLUMNS))
            line = "." * start + ("#" if row["decision"] == "go" else "=") * (end - start)
        rows.append({"wave": wave, "cluster": row["cluster"], "turn": line or "nobody knows when"})
    return "\n".join([*lines, table(rows, {"wave": "WAVE", "cluster": "CLUSTER", "turn": "TURN"})])


def timeline_svg(plan: Data) -> str:
    """The same as an SVG document; what is not in a wave is listed below, with its reason."""
    first, last = _scale(plan)
    turns = list(_turns(plan))
    others = [row for row in plan["clusters"] if row["wave"] is None]
    height = (len(turns) + len(others) + 4) * _LINE
    title = f"{plan['kind']} to {plan['target']}: {local_time(first)} to {local_time(last)}"
    parts = [
        f'<svg {_LOOK} width="{_LEFT + _WIDE + 20}" height="{height}">',
        f"<title>{_safe(title)}</title>",
        _words(10, 1, title),
    ]
    for line, (wave, row) in enumerate(turns, start=2):
        parts.append(_words(10, line, f"{wave}  {row['cluster']}"))
        parts.append(_bar(row, line, first, last))
    for line, row in enumerate(others, start=len(turns) + 3):
        parts.append(_words(10, line, f"{row['decision']}  {row['cluster']}: {row['reason']}"))
    return "\n".join([*parts, "</svg>", ""])


def _turns(plan: Data) -> Iterator[tuple[int, Data]]:
    rows = {row["cluster"]: row for row in plan["clusters"]}
    for wave in plan["waves"]:
        for name in wave["clusters"]:
            yield wave["number"], rows[name]


def _scale(plan: Data) -> tuple[datetime, datetime]:
    first = datetime.fromisoformat(plan["now"])
    done = plan["feasibility"]["complete_at"]
    return first, datetime.fromisoformat(done) if done else first + timedelta(hours=1)


def _part(moment: str, first: datetime, last: datetime) -> float:
    return (datetime.fromisoformat(moment) - first) / (last - first)


def _bar(row: Data, line: int, first: datetime, last: datetime) -> str:
    if not row["ends_at"]:
        return _words(_LEFT, line, "nobody knows when")
    start, end = (_part(row[key], first, last) * _WIDE for key in ("next_at", "ends_at"))
    about = f"{row['next_at']} to {row['ends_at']}: {row['reason']}"
    return (
        f'<rect x="{_LEFT + start:.1f}" y="{line * _LINE - 12}" width="{max(2.0, end - start):.1f}" height="14" '
        f'fill="{_COLOURS[row["decision"]]}"><title>{_safe(about)}</title></rect>'
    )


def _safe(text: str) -> str:
    return escape(harmless(text))


def _words(x: int, line: int, text: str) -> str:
    return f'<text x="{x}" y="{line * _LINE}">{_safe(text)}</text>'


def plan_rows(plan: Data) -> list[dict[str, Any]]:
    """The plan as rows of a table, in the order of the waves; those in none come last."""
    turns: Sequence[Data] = [row for _wave, row in _turns(plan)]
    others = [row for row in plan["clusters"] if row["wave"] is None]
    dated = any(row["next_at"] for row in plan["clusters"])
    return [
        {
            "wave": row["wave"] or "-",
            "cluster": row["cluster"],
            "ring": row["ring"],
            "from": row["from"] or "-",
            "decision": row["decision"],
            **({"next": upcoming(row["next_at"], plan["now"])} if dated else {}),
            "approval": approval_word(row["approval"]),
            "digest": row["digest"][:SHORTEST],
            "minutes": -(-row["estimated_seconds"] // 60),
            "action_required_by": assignee(row["owner"], row["contact"]),
            "reason": row["reason"],
        }
        for row in [*turns, *others]
    ]


def approval_requests(plan: Data) -> str:
    """What to paste so that the clusters are approved that wait for it; empty where none does."""
    return "\n".join(
        request_text({**row, "now": plan["now"]}, "upgrade", f" -e release={plan['target']}")
        for row in plan["clusters"]
        if waits_for_approval(row["blockers"])
    )


def feasibility_text(plan: Data) -> str:
    """By when the fleet can be done, and what stands in the way, in words."""
    found = plan["feasibility"]
    counts = ", ".join(f"{count} {action}" for action, count in found["counts"].items())
    done = (
        f"All that have a time are done by {found['complete_at']}."
        if found["complete_at"]
        else "No cluster can be given a time yet."
    )
    lines = [f"Plan {plan['digest']}: {plan['kind']} to {plan['target']}. {counts}.", done]
    if found["deadline"]:
        verdict = "holds" if found["in_time"] else "does not hold"
        late = f" Late: {', '.join(found['late'])}." if found["late"] else ""
        lines.append(f"The deadline {found['deadline']} {verdict}.{late}")
    if not found["whole_fleet"]:
        count = len(found["blockers"])
        lines.append(f"In the way of the whole fleet: {amount(count, 'cluster')}.")
        lines += [
            f"  {row['cluster']}: {row['reason']}. {action_required(row['owner'], row['contact']) or 'It has to wait.'}"
            for row in found["blockers"]
        ]
    return "\n".join(lines)
