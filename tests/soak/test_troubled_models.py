# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells of the grid of troubled ways: models and nodes."""

from __future__ import annotations

from tests.soak.grid import World
from tests.soak.troubled_cells import cells, run, world

__all__ = ["world"]


@cells("deploy_models")
def test_models_are_rolled_out(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)


@cells("remediate")
def test_a_node_is_drained_before_its_repair(world: World, name: str, trouble: str, share: int) -> None:
    run(world, name, trouble, share)
