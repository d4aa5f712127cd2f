# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is long by nature: many kills, drills, grids of faults. `make test` runs a sample, `make soak` all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.soak.grid_table import tables

HERE = Path(__file__).parent
BEGAN = time.time()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and not item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="module")
def course(request: pytest.FixtureRequest, bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What is killed on one cluster: a course of tests/soak/killed_courses.py."""
    # Only now: the seed is settled after this file is read.
    from tests.soak.killed_courses import COURSES, Killed

    prepared, _operations = COURSES[request.param]
    with prepared(bed, tmp_path_factory.mktemp("site")) as site:
        killed = Killed(site)
        yield killed
        killed.tell()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The cells that this run has tried. The table of all is in build/troubled.txt."""
    if said := tables(since=BEGAN):
        terminalreporter.write_line(f"troubled ways:\n{said}")
