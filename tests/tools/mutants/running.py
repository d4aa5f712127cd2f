# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each mutant against the tests that run its function, the narrowest first, until one fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalogue import Mutant
from .covering import Covering
from .scratch import Ended, Scratch

#: pytest's exit codes for tests that failed and for tests that could not be loaded.
_FAILED = (1, 2)
#: So many files at once: the first few usually notice, and loading them all takes longer than running one.
_FIRST = 2
KILLED, SURVIVED, UNCOVERED, TIMEOUT, GONE, UNTRIED = "killed", "survived", "uncovered", "timeout", "gone", "untried"


@dataclass(frozen=True)
class Budget:
    """What a run may take: seconds beside those that the tests took when they were measured, and how much longer.

    :param slowest: files of integration tests that took longer are left out; a mutant that would need them is untried.
    """

    more: float = 90
    factor: float = 4
    slowest: float = 0


class Runner:
    """Runs mutants on one scratch copy."""

    def __init__(self, scratch: Scratch, covering: Covering, budget: Budget) -> None:
        self._scratch = scratch
        self._covering = covering
        self._budget = budget

    def run(self, mutant: Mutant) -> dict[str, Any]:
        """What became of it, and by which test."""
        tests, missing = self._covering.of(self._scratch.root, mutant), self._covering.missing(self._scratch.root)
        if not tests and not missing:
            return {**mutant.to_dict(), "result": UNCOVERED, "by": "", "seconds": 0}
        units = [test for test in tests if test.startswith("tests/unit/")]
        slow = sorted((test for test in tests if test not in units), key=self._covering.seconds)
        affordable = [test for test in slow if self._covering.seconds(test) <= self._budget.slowest]
        content = mutant.applied((self._scratch.root / mutant.file).read_bytes())
        seconds, tried = 0.0, 0
        with self._scratch.changed(mutant.file, content):
            for batch in [*_batches(units), *([test] for test in affordable)]:
                ended = self._pytest(batch)
                seconds, tried = seconds + ended.seconds, tried + len(batch)
                result = _result(ended)
                if result != SURVIVED:
                    return {**mutant.to_dict(), "result": result, "by": _by(ended), "seconds": round(seconds, 1)}
        result = UNTRIED if missing or len(affordable) < len(slow) else SURVIVED
        return {**mutant.to_dict(), "result": result, "by": "", "seconds": round(seconds, 1), "tried": tried,
                "left": [test for test in slow if test not in affordable], "unmeasured": len(missing)}  # fmt: skip

    def _pytest(self, files: list[str]) -> Ended:
        expected = sum(map(self._covering.seconds, files))
        return self._scratch.pytest(files, "-x", "-rfE", seconds=self._budget.more + self._budget.factor * expected)


def _batches(files: list[str]) -> Iterator[list[str]]:
    size, left = _FIRST, files
    while left:
        yield left[:size]
        left, size = left[size:], 4 * size


def _result(ended: Ended) -> str:
    if ended.code is None:
        return TIMEOUT
    if ended.code < 0:
        return KILLED  # Python itself gave up: a recursion without an end
    if ended.code in _FAILED or (ended.code == 4 and "ImportError while loading" in ended.output):
        return KILLED
    if ended.code == 0:
        return SURVIVED
    raise SystemExit(f"pytest ended with {ended.code}:\n{ended.output[-3000:]}")


def _by(ended: Ended) -> str:
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", ended.output, re.MULTILINE)
    return found.group(1) if found else ""


class Results:
    """Results of a tree, a line for each; a run that was cut short goes on where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """The last word on each mutant."""
        if not self.path.exists():
            return {}
        entries = [json.loads(line) for line in self.path.read_text().splitlines()]
        return {entry["id"]: entry for entry in entries}

    def add(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as handle:
            handle.write(json.dumps(entry, sort_keys=True) + "\n")


def run_all(
    wanted: Iterable[tuple[str, Mutant | None]], runner: Runner, results: Results, tell: Callable[[str], None]
) -> None:
    """Run those that have no result yet; ``wanted`` names each as it was called where it was chosen."""
    done = results.read()
    pairs = list(wanted)
    for number, (name, mutant) in enumerate(pairs, start=1):
        if name in done:
            continue
        entry = {"result": GONE, "by": "", "seconds": 0} if mutant is None else runner.run(mutant)
        results.add({**entry, "id": name, **({} if mutant is None or mutant.id == name else {"now": mutant.id})})
        tell(f"{number}/{len(pairs)} {entry['result']:<9} {entry['seconds']:>6} s  {name}  {entry['by']}")
