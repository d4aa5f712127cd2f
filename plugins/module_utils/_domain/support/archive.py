# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A support bundle as one file: the same content is the same bytes, and it is never larger than it may be."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_BYTES = 5 * 1024 * 1024
"""Of the whole archive."""
_EACH = 512 * 1024
"""Of one file that is no log."""
#: What tar adds to a file, and to all of them; and what the list of them takes.
_BLOCK, _END, _LIST = 512, 10_240, 256 * 1024


@dataclass
class Contents:
    """Files by name, and what was left out of them, in words."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, rows: Sequence[Any]) -> None:
        """A file of rows, one JSON a line; the first ones, as far as they fit."""
        lines = [json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) for row in rows]
        kept = _fitting(lines, min(_EACH, self.room()))
        if kept < len(lines):
            self.left_out.append(f"{name}: the last {len(lines) - kept} of {len(lines)} rows")
        self.files[name] = _text(lines[:kept])

    def add_logs(self, logs: Mapping[str, Sequence[tuple[str, str]]], around: str) -> None:
        """Logs, by the name of each file; of each the lines that are nearest to a moment, and of all as much."""
        waiting = sorted(logs.items(), key=lambda each: (sum(len(text) for _at, text in each[1]), each[0]))
        for number, (name, lines) in enumerate(waiting):
            share = self.room() // (len(waiting) - number)
            written = [f"{at} {text}" for at, text in lines]
            first, end = _nearest(
                written, next((n for n, one in enumerate(lines) if one[0] >= around), len(lines)), share
            )
            if end - first < len(lines):
                self.left_out.append(
                    f"{name}: {len(lines) - end + first} of {len(lines)} lines, those furthest from {around}"
                )
            self.files[name] = _text(written[first:end])

    def room(self) -> int:
        """How many bytes one more file may have."""
        return max(0, MOST_BYTES - _LIST - _END - sum(_padded(data) for data in self.files.values()) - 2 * _BLOCK)

    def archive(self, about: Mapping[str, Any]) -> bytes:
        """The tar file, with a list of what is in it and what is not, and of whom it is about."""
        listed = [
            {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(self.files.items())
        ]
        left_out = self.left_out[:500] + ([f"and {len(self.left_out) - 500} more"] if len(self.left_out) > 500 else [])
        first = {**about, "files": listed, "left_out": left_out}
        text = json.dumps(first, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"
        return _tar([("about.json", text.encode()), *sorted(self.files.items())])


def _tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files:
            entry = tarfile.TarInfo(f"bundle/{name}")
            entry.size, entry.mode = len(data), 0o600  # neither time nor owner: those of this run say nothing
            tar.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _fitting(lines: Sequence[str], room: int) -> int:
    used = 0
    for number, line in enumerate(lines):
        used += len(line.encode()) + 1
        if used > room:
            return number
    return len(lines)


def _nearest(lines: Sequence[str], at: int, room: int) -> tuple[int, int]:
    """From which to which line around a place they fit: one before and one after it in turns."""
    first = end = at
    used = 0
    while first > 0 or end < len(lines):
        for step in (-1, 1):
            place = first - 1 if step < 0 else end
            if not 0 <= place < len(lines):
                continue
            used += len(lines[place].encode()) + 1
            if used > room:
                return first, end
            first, end = (place, end) if step < 0 else (first, place + 1)
    return first, end


def _padded(data: bytes) -> int:
    return _BLOCK * 3 + -(-len(data) // _BLOCK) * _BLOCK  # a long name takes two blocks more
