# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells of the grid of troubled ways: the stack, from nothing and back."""

from __future__ import annotations

import pytest

from tests.soak.grid import World
from tests.soak.troubled_cells import cells, run, world

__all__ = ["world"]


@pytest.mark.soak(together=8)
@cells("onboard", "offboard")
def test_a_cluster_is_onboarded_and_offboarded(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)


@pytest.mark.soak(together=8)
@cells("upgrade", "rollback_stack")
def test_a_stack_is_upgraded_and_rolled_back(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)
