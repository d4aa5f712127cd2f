# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a test run's time goes: seconds of each test and fixture, in build/durations.json.

pytest's own ``--durations`` names the slowest calls and forgets them; this keeps all of them, workers' included. Two
runs can be compared (``python -m tests.tools.durations``). tests/conftest.py names it as a plugin.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

DURATIONS = Path(__file__).resolve().parents[2] / "build" / "durations.json"
SECONDS = Path(__file__).with_name("seconds.json")
#: Fixtures below this many seconds are not worth a line.
LEAST = 0.05
#: Seconds. A test that takes less is not worth a line either.
_MOMENT = 1.0
#: All of it is written each time, so seldom: thousands of tests are a file of megabytes.
WRITTEN_EVERY_SECONDS = 30.0
_FIXTURE = "fixture seconds"


class Durations:
    """What the reports of one run say, on the process that gathers them."""

    def __init__(self) -> None:
        self.file = DURATIONS
        self.tests: dict[str, dict[str, float]] = {}
        self.fixtures: list[dict[str, Any]] = []
        self.outcomes = {"passed": 0, "failed": 0, "skipped": 0}
        self.started = self.written = time.time()

    def add(self, report: pytest.TestReport) -> None:
        phases = self.tests.setdefault(report.nodeid, {})
        phases[report.when] = round(report.duration, 3)
        if report.when == "call" or not report.passed:
            self.outcomes[report.outcome] += 1
        if report.when == "teardown":
            worker = getattr(report, "worker_id", "master")
            self.fixtures += [
                {**value, "test": report.nodeid, "worker": worker}
                for name, value in report.user_properties
                if name == _FIXTURE
            ]

    def write_now_and_then(self) -> None:
        """A run that is stopped has told where its time went."""
        if time.time() - self.written >= WRITTEN_EVERY_SECONDS:
            self.write()

    def write(self) -> None:
        self.written = time.time()
        DURATIONS.parent.mkdir(parents=True, exist_ok=True)
        found = {
            "seconds": round(time.time() - self.started, 1),
            "outcomes": self.outcomes,
            "tests": self.tests,
            "fixtures": self.fixtures,
        }
        self.file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


_gathered = Durations()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
    """Time each fixture where it is made. A fixture that needs another one waits for it before this begins."""
    started = time.monotonic()
    try:
        return (yield)
    finally:
        seconds = time.monotonic() - started
        if seconds >= LEAST:
            made = {"fixture": fixturedef.argname, "scope": fixturedef.scope, "seconds": round(seconds, 3)}
            request.node.session._byoc_fixtures = [*getattr(request.node.session, "_byoc_fixtures", []), made]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Fixtures travel with the report of the test that they were made for."""
    made = item.session.__dict__.pop("_byoc_fixtures", [])
    item.user_properties += [(_FIXTURE, each) for each in made]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _gathered.add(report)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _gathered.write_now_and_then()


def pytest_configure(config: pytest.Config) -> None:
    """A soak has a file of its own: the run before it is asked about more often."""
    if config.option.soak == "only":
        _gathered.file = DURATIONS.with_name("durations-soak.json")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _gathered.tests and not hasattr(session.config, "workerinput"):
        _gathered.write()


def slowest(found: dict[str, Any], most: int = 20) -> list[tuple[float, str]]:
    """The tests that took longest, set-up and teardown included."""
    totals = ((round(sum(phases.values()), 1), name) for name, phases in found["tests"].items())
    return sorted(totals, reverse=True)[:most]


def by_file(found: dict[str, Any]) -> list[tuple[float, str]]:
    """Seconds of each file of tests."""
    totals: dict[str, float] = {}
    for name, phases in found["tests"].items():
        totals[name.partition("::")[0]] = totals.get(name.partition("::")[0], 0.0) + sum(phases.values())
    return sorted(((round(seconds, 1), name) for name, seconds in totals.items()), reverse=True)


def total(files: list[Path]) -> str:
    """What several runs came to together, in the words of their own last lines."""
    runs = [json.loads(file.read_text())["outcomes"] for file in files if file.exists()]
    return ", ".join(f"{sum(run[word] for run in runs)} {word}" for word in ("passed", "failed", "skipped"))


def keep(found: dict[str, Any], file: Path) -> None:
    """Note for the next runs what takes longer than a moment, and of each file the mean of what does not: by it workers
    take their files and samples are drawn."""
    took = {name: sum(phases.values()) for name, phases in found["tests"].items()}
    moments: dict[str, list[float]] = {}
    for name, seconds in took.items():
        if seconds < _MOMENT:
            moments.setdefault(name.partition("::")[0], []).append(seconds)
    known = {name: seconds for name, seconds in _read(file).items() if name not in took}
    long = {name: round(seconds, 1) for name, seconds in took.items() if seconds >= _MOMENT}
    means = {path: round(sum(each) / len(each), 3) for path, each in moments.items()}
    file.write_text(json.dumps({**known, **long, **means}, indent=0, sort_keys=True) + "\n")


def _read(file: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    return found


def main(arguments: list[str]) -> int:
    """``python -m tests.tools.durations [FILE]``: the slowest files, tests and fixtures of a run.

    ``--total FILE...`` says what runs came to together, ``--keep FILE`` notes a run in tests/tools/seconds.json.
    """
    if arguments[:1] == ["--total"]:
        print(total([Path(each) for each in arguments[1:]]))
        return 0
    if arguments[:1] == ["--keep"]:
        keep(json.loads(Path(arguments[1]).read_text()), SECONDS)
        return 0
    found = json.loads(Path(arguments[0] if arguments else DURATIONS).read_text())
    print(f"{found['seconds']:.0f} s in all, {len(found['tests'])} tests")
    print("\nfiles")
    for seconds, name in by_file(found)[:40]:
        print(f"{seconds:8.1f}  {name}")
    print("\ntests")
    for seconds, name in slowest(found):
        print(f"{seconds:8.1f}  {name}")
    print("\nfixtures")
    for each in sorted(found["fixtures"], key=lambda one: -one["seconds"])[:20]:
        print(f"{each['seconds']:8.1f}  {each['fixture']} ({each['scope']}) for {each['test']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
