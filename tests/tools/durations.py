# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a test run's time goes: seconds of each test and fixture, in build/durations.json.

pytest's own ``--durations`` names the slowest calls and forgets them; this keeps all of them, workers' included, so that
two runs can be compared (``python -m tests.tools.durations``). tests/conftest.py takes the hooks from here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

DURATIONS = Path(__file__).resolve().parents[2] / "build" / "durations.json"
#: Fixtures below this many seconds are not worth a line.
LEAST = 0.05
_FIXTURE = "fixture seconds"


class Durations:
    """What the reports of one run say, on the process that gathers them."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, float]] = {}
        self.fixtures: list[dict[str, Any]] = []
        self.started = time.time()

    def add(self, report: pytest.TestReport) -> None:
        phases = self.tests.setdefault(report.nodeid, {})
        phases[report.when] = round(report.duration, 3)
        if report.when == "teardown":
            worker = getattr(report, "worker_id", "master")
            self.fixtures += [
                {**value, "test": report.nodeid, "worker": worker}
                for name, value in report.user_properties
                if name == _FIXTURE
            ]

    def write(self) -> None:
        DURATIONS.parent.mkdir(parents=True, exist_ok=True)
        found = {"seconds": round(time.time() - self.started, 1), "tests": self.tests, "fixtures": self.fixtures}
        DURATIONS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


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
    if len(_gathered.tests) % 20 == 0:
        _gathered.write()  # a run that is stopped has told where its time went


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


def main(arguments: list[str]) -> int:
    """``python -m tests.tools.durations [FILE]``: the slowest files, tests and fixtures of a run."""
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
