# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's scheduler: where replicas land by what they prefer, and which models end on one host."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Node
from tests.benchmarks.placement.scored import births, models_of, on_one_host
from tests.benchmarks.placement.trace import Asked, filled

ASKED = [Asked(f"p{number}", 1_000, 1_000, 1, 0) for number in range(24)]
ROOM = {"cpu": 96_000, "memory": 96_000, "pods": 250, GPU: 8}
NODES = [Node(f"n{number}", ROOM, product="H100") for number in range(8)]


@pytest.mark.parametrize(("way", "used"), [("spread over hosts", 8), ("by priority", 6)])
def test_so_many_nodes_are_in_use_after_birth(way: str, used: int) -> None:
    born = filled(NODES, ASKED, births(ASKED)[way])
    assert len({pod.node for pod in born.pods}) == used


def test_only_batch_models_are_on_one_host() -> None:
    models = models_of(ASKED)
    found = on_one_host(filled(NODES, ASKED, births(ASKED)["by priority"]), models)
    assert (found["critical"][0], found["standard"][0]) == (0, 0)
    assert found["batch"][0] > 0
    assert set(models) == {one.name for one in ASKED}
