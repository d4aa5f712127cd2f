# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of proofs, kept in build/ from run to run, as a table that a person can read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .prover import Report

_BUILD = Path(__file__).resolve().parents[2] / "build"
_HEADS = (
    "kind | identity | mutants | refused by RBAC | by which policy | by other admission | by validation"
    " | admitted: needed | admitted: free | **admitted that the oracle forbids** | **needed and refused**"
)
_OTHERS = ("Pod Security", "quota", "admission", "fault")

Row = dict[str, Any]


def note(report: Report, name: str) -> Path:
    """Keep what became of a cell, and write the table of all. Workers may do so beside each other."""
    _BUILD.mkdir(exist_ok=True)
    noted = _BUILD / f"{name}.jsonl"
    with noted.open("a") as file:
        for kind, counts in report.counts.items():
            row = {"contract": report.contract, "identity": report.identity, "kind": kind, "counts": dict(counts)}
            file.write(json.dumps(row) + "\n")
    written = _BUILD / f"{name}.md"
    written.write_text(table(map(json.loads, noted.read_text().splitlines())), encoding="utf-8")
    return written


def table(rows: Iterable[Row]) -> str:
    """By kind and identity, the last result of each contract added up."""
    latest = {(row["contract"], row["identity"], row["kind"]): row for row in rows}
    totals: dict[tuple[str, str], Counter[str]] = {}
    for row in latest.values():
        totals.setdefault((row["kind"], row["identity"]), Counter()).update(row["counts"])
    everything: Counter[str] = Counter()
    for counts in totals.values():
        everything.update(counts)
    contracts = ", ".join(sorted({row["contract"] for row in latest.values()}))
    lines = [f"| {_HEADS} |", "|" + "---|" * (_HEADS.count("|") + 1)]
    lines += [_line(kind, identity, totals[kind, identity]) for kind, identity in sorted(totals)]
    lines.append(_line("all", "all", everything))
    return "\n".join([f"Mutants of what the product makes, tried under the contracts: {contracts}.", "", *lines, ""])


def _line(kind: str, identity: str, counts: Mapping[str, int]) -> str:
    policies = {name.removeprefix("policy "): n for name, n in sorted(counts.items()) if name.startswith("policy ")}
    others = {name: counts[name] for name in _OTHERS if counts.get(name)}
    cells = (
        kind,
        identity,
        counts.get("mutants", 0),
        counts.get("RBAC", 0),
        _listed(policies),
        _listed(others),
        counts.get("validation", 0),
        counts.get("admitted needed", 0),
        counts.get("admitted free", 0),
        counts.get("admitted forbidden", 0),
        counts.get("needed refused", 0),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items()) or "0"
