# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells of the grid of troubled ways: what only reads, and credentials."""

from __future__ import annotations

import pytest

from tests.soak.grid import World
from tests.soak.troubled_cells import cells, run, world

__all__ = ["world"]


@pytest.mark.soak(sample=1)
@cells("status", "health")
def test_what_reads_concludes_nothing_that_is_not_so(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)


@cells("rotate_credentials")
def test_credentials_are_renewed(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)
