# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that was paused for longer than its lock lasts writes nothing more, by the API server's own log.

What it had sent already comes before the lock expires. Held up on its way for longer than that, it is refused where the
next run has written the object or replaced it (docs/decisions/0011).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.interruptible import models, nodes, stack
from tests.integration.interrupting import SEED, Operation, Site
from tests.integration.pausing import pause
from tests.integration.trap import AFTER, BEFORE, Point

Step = tuple[Operation, str]
Prepared = Callable[[Any, Path], AbstractContextManager[Site]]
# What is paused, and what the next run wants.
POINTS: tuple[tuple[Prepared, Step, Step], ...] = (
    (stack.stack_site, (stack.UPGRADE, "b"), (stack.ROLLBACK, "a")),
    (stack.stack_site, (stack.UPGRADE, "b"), (stack.UPGRADE, "b")),
    (stack.stack_site, (stack.UPGRADE, "b crashes"), (stack.ROLLBACK, "a")),
    (stack.stack_site, (stack.ROLLBACK, "a"), (stack.UPGRADE, "b")),
    (models.model_site, (models.DEPLOY, "1"), (models.DEPLOY, "2")),
    (models.model_site, (models.DEPLOY, "1 crash"), (models.DEPLOY, "2")),
    (models.model_site, (models.ROLLBACK, "1"), (models.ROLLBACK, "2")),
    (models.model_site, (models.RETIRE, "done"), (models.DEPLOY, "1")),
    (nodes.node_site, (nodes.REMEDIATE, nodes.OUT), (nodes.REMEDIATE, nodes.OUT)),
    (nodes.node_site, (nodes.REMEDIATE_NODE, nodes.OUT), (nodes.REMEDIATE_NODE, nodes.OUT)),
)


@pytest.fixture(scope="module")
def logged() -> Iterator[dict[str, Any]]:
    """A cluster that keeps a log, by the names of those that tests share."""
    spec = ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)
    with Testbed.start([spec]) as bed:
        yield dict.fromkeys(("acme", "birch", "cedar"), bed["acme"])


@pytest.mark.soak
@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
@pytest.mark.parametrize("number", range(len(POINTS)), ids=lambda number: str(number + 1))
def test_a_run_that_was_paused_beyond_its_lock_writes_nothing_more(
    logged: dict[str, Any], tmp_path: Path, number: int, late: bool
) -> None:
    chance = random.Random(f"{SEED}-{number}-{late}")  # noqa: S311
    prepared, (operation, goal), following = POINTS[number]
    with prepared(logged, tmp_path) as site:
        (tmp_path / "elsewhere").mkdir()
        elsewhere = Site(site.cluster, tmp_path / "elsewhere", site.trap, site.cluster.server)
        elsewhere.more, elsewhere.files = site.more, site.files
        # The first write acquires the lock, and the last one releases it.
        point = Point(chance.randint(2, site.whole(operation, goal).writes - 1), chance.choice((BEFORE, AFTER)))
        keeps = chance.random() < 0.5
        found = pause(site, elsewhere, (operation, goal), point, following, late=late, keeps=keeps)
    said = (
        f"SEED={SEED} {operation.name} to {goal}, paused {point}, {found.at}; then {following[0].name} {following[1]}"
    )
    late_one = ""
    if found.late:
        to = "had written" if found.over else "had left alone"
        late_one = f"; it came late to what the next run {to}, and was answered {found.late.code}"
    print(f"{said}{'' if keeps else ', and its lock was released'}: ended with {found.status}{late_one}")
    assert "Traceback" not in found.said, found.said
    assert [call for call in found.later if call is not found.late] == [], f"{said}\n{found.said}"
    alone = found.late is not None and found.late.code < 400 and not found.over
    assert found.as_before or alone, f"{said}{late_one}\n{found.said}"
