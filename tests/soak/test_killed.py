# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` takes of the killed runs, and a killed rollout that is followed by another wish."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.integration.interruptible import models
from tests.integration.interrupting import SEED, Tally, complete, kill_and_rerun, killed_at
from tests.integration.trap import AFTER, Point
from tests.soak.killed_courses import KILLS, OPERATIONS


@pytest.mark.soak(sample=1)
def test_an_operation_that_the_seed_draws_is_finished(bed: Any, tmp_path: Path) -> None:
    """What `make test` takes of all these."""
    chance = random.Random(SEED)  # noqa: S311
    prepared, operation = OPERATIONS[chance.choice(sorted(OPERATIONS))]
    with prepared(bed, tmp_path) as site:
        kill_and_rerun(site, operation, chance.randrange(KILLS), Tally())


def test_a_rollout_that_wants_something_else_than_the_killed_one_has_its_way(bed: Any, tmp_path: Path) -> None:
    with models.model_site(bed, tmp_path) as site:
        whole = models.DEPLOY.found(site)
        assert killed_at(site, models.DEPLOY, "1 hang", Point(3, AFTER))
        left = models.DEPLOY.found(site)
        assert (left["open"], left["objects"] != whole["objects"]) == (["pending"], True), left
        site.trap.set(None)
        complete(site, models.DEPLOY, "2")
        assert models.DEPLOY.found(site) == whole
        assert [state for _number, state in site.more["models"].revisions()][-2:] == ["failed", "good"]
