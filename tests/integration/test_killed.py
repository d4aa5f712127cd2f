# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An onboarding that is killed at any task is finished by the next one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import write_fleet
from tests.integration.journey import NO_REQUESTS, agreed, offboard, onboard, ours
from tests.integration.plays import ROOT, ansible_environment

TASKS = (
    "Read the cluster and the credential's permissions",
    "Compare the cluster with its contract",
    "Make what governs us",
    "Apply the prerequisites and guardrails",
    "Install the stack",
    "Apply the stack",
    "Roll out the models",
    "Roll out the models",  # a moment later
    "Read the cluster until its endpoints are up to date",
    "Evaluate the five checks",
)


@pytest.mark.slow
def test_killed_at_ten_points_it_converges_each_time(bed: Any, tmp_path: Path) -> None:
    cluster = bed["acme"]
    contract = agreed(cluster)
    inventory = write_fleet(tmp_path, [contract])
    assert onboard(tmp_path, contract).returncode == 0
    whole = ours(cluster)
    for number, task in enumerate(TASKS):
        assert offboard(tmp_path, contract).returncode == 0
        _kill_at(task, inventory, after=number * 0.03)
        done = onboard(tmp_path, contract)
        assert done.returncode == 0, f"after a kill at {task!r}: {done.stdout}"
        assert ours(cluster) == whole, f"after a kill at {task!r}"
    assert offboard(tmp_path, contract).returncode == 0


def _kill_at(task: str, inventory: Path, *, after: float) -> None:
    """Start onboarding, and kill it with all its workers so many seconds after a task began."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "fireworks.byoc.onboard", "-i", str(inventory)]
    running = subprocess.Popen(
        [*command, "-e", "clusters=byoc", "-e", "lock_duration=10", *NO_REQUESTS],
        cwd=ROOT,
        env=ansible_environment(PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    for text in running.stdout:
        if re.match(rf"TASK \[(.* : )?{re.escape(task)}\]", text):
            break
    else:
        raise AssertionError(f"onboarding has no task {task!r}")
    time.sleep(after)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
