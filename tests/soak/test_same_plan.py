# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""1,500 nodes and 4,000 pods have the same plan a hundred times: each time listed in another order, and by processes
whose hashes differ, so that the order of a set shows."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from tests.benchmarks.placement.large import NODES, PODS, large, listed_anew

HASH_SEEDS, TIMES = range(5), 20
MOVES = 20


def plans(seed: int) -> Iterator[str]:
    """The digests of its plans, each of the scene in another order."""
    scene, draw = large(), random.Random(seed)  # noqa: S311 (an order, and no secret)
    for _time in range(TIMES):
        made = plan_of(listed_anew(scene, draw), Efficiency(max_moves=MOVES))
        assert len(made.moves) == MOVES
        yield hashlib.sha256(json.dumps(made.to_dict()).encode()).hexdigest()


@pytest.mark.timeout(1800)
def test_a_large_cluster_has_the_same_plan_a_hundred_times() -> None:
    scene = large()
    assert (len(scene.nodes), len(scene.pods)) == (NODES, PODS) == (1500, 4000)
    found = []
    for seed in HASH_SEEDS:
        program = f"from tests.soak.test_same_plan import plans; print(*plans({seed}))"
        environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        found += done.stdout.split()
    assert (len(found), len(set(found))) == (100, 1), found
