# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An onboarding that is killed at any task is finished by the next one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import write_fleet
from tests.integration.journey import NO_BAKE, NO_REQUESTS, agreed, bare, onboard, ours
from tests.integration.killing import begin_playbook, kill, wait_for_task

# Where it is killed: at a task, and how many seconds after that has begun.
POINTS = (
    ("Read the cluster and the credential's permissions", 0.0),
    ("Compare the cluster with its contract", 0.03),
    ("Acquire the cluster lock", 0.06),
    ("Apply the prerequisites and guardrails", 0.09),
    ("Install the stack", 0.12),
    ("Apply the stack", 0.15),
    ("Roll out the models", 0.18),
    ("Roll out the models", 0.6),
    ("Read the cluster until its endpoints are up to date", 0.24),
    ("Evaluate the five checks", 0.27),
)


@pytest.fixture(scope="module")
def whole(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What there is after an onboarding that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    with bare(bed["acme"], folder) as cluster:
        assert onboard(folder, agreed(cluster)).returncode == 0
        return ours(cluster)


@pytest.fixture
def cluster(bed: Any, whole: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    with bare(bed["acme"], tmp_path) as it:
        yield it


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(("task", "after"), POINTS)
def test_killed_at_any_task_it_converges(
    cluster: Any, whole: dict[str, str], tmp_path: Path, task: str, after: float
) -> None:
    contract = agreed(cluster)
    inventory = write_fleet(tmp_path, [contract])
    chosen = ("-i", str(inventory), "-e", "clusters=byoc", "-e", "lock_duration=6", *NO_REQUESTS, *NO_BAKE)
    running = begin_playbook("fireworks.byoc.onboard", *chosen)
    wait_for_task(running, task)
    time.sleep(after)
    kill(running)
    done = onboard(tmp_path, contract)
    assert done.returncode == 0, done.stdout
    assert ours(cluster) == whole
