# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of the grid as tests: whatever goes wrong on the way to a cluster, no run says what is not so, and the next
one finishes.

The results are a table in build/troubled.txt, shown at the end of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.integration.journey import bare
from tests.integration.troubles import TROUBLES
from tests.soak.grid import SHARES, World
from tests.soak.grid_operations import BY_NAME, GRID
from tests.soak.grid_table import note


@pytest.fixture(scope="module")
def world(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cluster whose state the cells hand on to each other."""
    folder = tmp_path_factory.mktemp("world")
    with bare(bed["acme"], folder) as cluster:
        yield World(cluster, folder, GRID)


def cells(*operations: str) -> Any:
    """Every trouble with every share; the operations beside each other, since each begins where the one before ends."""
    names = [trouble.name for trouble in TROUBLES]
    grid = [(name, trouble, share) for trouble, share, name in product(names, SHARES, operations)]
    return pytest.mark.parametrize(("name", "trouble", "share"), grid, ids=["-".join(map(str, one)) for one in grid])


def run(world: World, name: str, trouble: str, share: int) -> None:
    """One cell."""
    seed = os.environ["BYOC_SOAK_SEED"]
    cell = world.cell(world.toward(BY_NAME[name]), trouble, share, seed)
    wrong = "\n".join([*cell.problems, cell.output]) if cell.problems else ""
    note(cell.row(seed), wrong)
    assert not wrong, f"seed {seed}: {wrong[:10000]}"
