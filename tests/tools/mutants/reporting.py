# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the mutants, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .running import GONE, KILLED, SURVIVED, TIMEOUT, UNCOVERED, UNTRIED

_NOTICED = {KILLED, TIMEOUT}
_COLUMNS = (KILLED, TIMEOUT, SURVIVED, UNTRIED, UNCOVERED, GONE)
Entry = Mapping[str, Any]


def report(entries: Iterable[Entry], equivalent: Mapping[str, str]) -> str:
    """A table by operator and one by package, the part that was killed, and each that was not, with what it changes."""
    known = list(entries)
    counted = [entry for entry in known if entry["id"] not in equivalent]
    lines = [*_table(counted, "operator"), "", *_table(counted, "package"), ""]
    lines += [f"{_killed(counted)}; {len(known) - len(counted)} equivalent ones are left out", ""]
    for entry in counted:
        if entry["result"] not in _NOTICED | {GONE}:
            lines += [
                f"{entry['result']}: {entry['id']}",
                f"  - {_short(entry['before'])}",
                f"  + {_short(entry['after'])}",
            ]
            lines += [f"  left: {', '.join(entry['left'])}"] if entry.get("left") else []
    return "\n".join(lines)


def _killed(entries: list[Entry]) -> str:
    here = [entry for entry in entries if entry["result"] != GONE]
    noticed = sum(entry["result"] in _NOTICED for entry in here)
    part = 100 * noticed / len(here) if here else 0
    return f"{noticed} of {len(here)} mutants are killed ({part:.1f} %), {len(entries) - len(here)} are gone"


def _table(entries: list[Entry], key: str) -> list[str]:
    rows: dict[str, Counter[str]] = {}
    for entry in entries:
        rows.setdefault(_group(entry, key), Counter())[entry["result"]] += 1
    width = max(map(len, [*rows, key]), default=0)
    head = f"{key:<{width}} " + " ".join(f"{column:>9}" for column in _COLUMNS)
    body = (f"{name:<{width}} " + " ".join(f"{row[c]:>9}" for c in _COLUMNS) for name, row in sorted(rows.items()))
    total = Counter(entry["result"] for entry in entries)
    return [head, *body, f"{'all':<{width}} " + " ".join(f"{total[c]:>9}" for c in _COLUMNS)]


def _group(entry: Entry, key: str) -> str:
    parts = entry["id"].split("::")
    if key == "operator":
        return str(parts[2])
    folders = parts[0].split("/")
    if folders[1] != "module_utils":
        return "shells"
    return str(folders[2]) if len(folders) > 3 else "module_utils"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return (line if len(line) <= 150 else line[:150] + " …") or "(nothing)"


def compare(before: Mapping[str, Entry], after: Mapping[str, Entry], equivalent: Mapping[str, str]) -> tuple[str, bool]:
    """Both tables, and whether all that was killed before is killed after, or gone.

    A mutant that has no result afterwards is not killed.
    """
    lost = []
    for name, entry in before.items():
        now = after.get(name, {"result": UNTRIED})["result"]
        if entry["result"] in _NOTICED and now not in _NOTICED | {GONE} and name not in equivalent:
            lost.append(f"  {now}: {name}")
    counted = {side: [e for e in entries.values() if e["id"] not in equivalent]
               for side, entries in (("before", before), ("after", after))}  # fmt: skip
    lines = [f"{side}: {_killed(entries)}" for side, entries in counted.items()]
    lines += ["Killed before and not any more:", *lost] if lost else ["None that was killed before survives."]
    return "\n".join(lines), not lost
