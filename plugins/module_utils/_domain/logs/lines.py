# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of logs as they are shown: one moment in UTC, one place, one text without secrets; sorted as text they are
in the order of time."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..._vocabulary.harmless import one_line
from ..._vocabulary.times import rfc3339
from ..redaction import redacted_lines
from .sources import Source

MOST_CHARACTERS = 4000
"""Of one line."""
_WIDTH = len("2026-11-29T21:00:00.000000000Z")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Log:
    """What was read of one container.

    lines: moment and text of each. cut: what of it is not there, in words; unread: why it could not be read.
    redacted: of how many lines something is hidden.
    """

    source: Source
    lines: Sequence[tuple[str, str]] = ()
    cut: str = ""
    unread: str = ""
    redacted: int = 0


@dataclass(frozen=True)
class Asked:
    """What of a log is wanted. grep: only lines with it. since, until: only from and to these moments, as in lines."""

    grep: str = ""
    since: str = ""
    until: str = ""
    pattern: re.Pattern[str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(self.grep) if self.grep else None)

    def wants(self, moment: str, text: str) -> bool:
        return (
            moment >= self.since
            and (not self.until or moment <= self.until)
            and (self.pattern is None or bool(self.pattern.search(text)))
        )


def log_of(source: Source, data: bytes, asked: Asked, *, cut: str = "", part: bool = False) -> Log:
    """What an API server gave of a log, with a moment before each line.

    :param part: the last line may be the beginning of one only, and with it of a secret: it is left out.
    """
    text = data.decode(errors="replace")
    raw = text.split("\n")
    last = raw.pop()
    if last and not part:
        raw.append(last)
    timed = [_timed(line) for line in raw]
    if raw and not any(moment for moment, _text in timed):
        # A kubelet answers so where the file is gone.
        return Log(source, unread=f"its kubelet says: {one_line(' '.join(redacted_lines(raw)))[:200]}")
    shown = redacted_lines([said for _moment, said in timed])
    lines, moment = [], ""
    for (at, _said), line in zip(timed, shown, strict=True):
        moment = at or moment
        # After what is hidden: what is looked for must not tell what that is.
        if asked.wants(moment, line):
            lines.append((moment, _short(one_line(line))))
    hidden = sum(before != after for (_at, before), after in zip(timed, shown, strict=True))
    return Log(source, lines, cut, redacted=hidden)


def moment_text(seconds: float) -> str:
    """A moment as lines have it."""
    whole = int(seconds)
    return _padded(rfc3339(datetime.fromtimestamp(whole, UTC))[:-1], f"{int((seconds - whole) * 1e9):09}")


def merged(logs: Iterable[Log], most: int) -> tuple[list[str], int]:
    """The newest lines of some logs in the order of time, and how many older ones are left out."""
    every = sorted(
        (moment, log.source.place, index, text) for log in logs for index, (moment, text) in enumerate(log.lines)
    )
    newest = every[max(0, len(every) - most) :]
    return [f"{moment} {place} {text}" for moment, place, _index, text in newest], len(every) - len(newest)


def merged_clusters(lines: Mapping[str, Sequence[str]], most: int) -> tuple[list[str], int]:
    """The newest lines of many clusters, each with its cluster's name, and how many older ones are left out."""
    placed = [[f"{line[:_WIDTH]} {name}{line[_WIDTH:]}" for line in found] for name, found in sorted(lines.items())]
    every = list(heapq.merge(*placed, key=lambda line: line[:_WIDTH]))
    newest = every[max(0, len(every) - most) :]
    return newest, len(every) - len(newest)


def _timed(line: str) -> tuple[str, str]:
    """The moment and the text of a line; no moment where none is said."""
    said, _space, text = line.partition(" ")
    found = _MOMENT.fullmatch(said)
    if not found:
        return "", line
    whole, fraction, zone = found.groups()
    if zone != "Z":
        whole = rfc3339(datetime.fromisoformat(f"{whole}{zone}"))[:-1]
    return _padded(whole, fraction or ""), text.rstrip("\r")


def _padded(whole: str, fraction: str) -> str:
    return f"{whole}.{fraction.ljust(9, '0')}Z"


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text)} characters)"
