# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that is killed anywhere ends, after the next run, in the new or the old revision, whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.governed import governed
from tests.integration.models import LLAMA, Models
from tests.integration.plays import ROOT, ansible_environment

NEW, OLD = "new", "old"
# Seconds after the rollout began, and what the version does. A good one takes about 4 s, a bad one about 3 s to be
# found out and 3 s to be given back.
KILLS = [
    *((after, "", NEW) for after in (0.1, 0.4, 0.8, 1.3, 2.0, 2.8, 3.6)),
    *((after, "crash", OLD) for after in (0.6, 2.2, 3.5)),
]


@pytest.fixture(scope="module")
def models(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("models")
    with governed(bed["acme"], folder) as contract:
        yield Models(bed["acme"], contract, folder)


@pytest.mark.slow
def test_killed_at_ten_points_it_is_whole_after_the_next_run(models: Models) -> None:
    wholes: dict[int, dict[str, str]] = {}
    for context in (1024, 2048):
        assert not models.roll(models.version(context)).get("failed")
        wholes[context] = models.whole()
    now, interrupted = 2048, []
    for after, behaviour, end in KILLS:
        other = 1024 if now == 2048 else 2048
        change = models.version(other, behaviour=behaviour)
        ended = _kill(models, change, after)
        interrupted.append(models.revisions()[-1][1])
        done = models.roll(change)
        assert bool(done.get("failed")) is (end == OLD), done
        now = other if end == NEW else now
        assert models.whole() == wholes[now], f"after a kill at {after} s ({ended}): a mix"
        assert models.revisions()[-1][1] == ("good" if end == NEW else "failed")
        assert not [state for _number, state in models.revisions() if state in ("pending", "failing")]
        assert {_context(pod) for pod in models.pods()} == {now}
    assert "pending" in interrupted, "no kill hit a rollout in the middle"


def _kill(models: Models, change: dict[str, Any], after: float) -> str:
    """Begin a rollout, and kill it with all its workers so many seconds after the cluster was first asked for it."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/fireworks.byoc.cluster": {"connection": models.connection}},
        "tasks": [{"name": "Roll", **models.task(change)}],
    }
    playbook = Path(models.folder, "killed.yml")
    playbook.write_text(json.dumps([play]))
    running = subprocess.Popen(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(playbook)],
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
        if text.startswith("TASK [Roll]"):
            break
    else:
        raise AssertionError("the rollout did not begin")
    time.sleep(after)
    ended = "had ended" if running.poll() is not None else "was at work"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return ended


def _context(pod: dict[str, Any]) -> int:
    command = pod["spec"]["containers"][0]["command"]
    return next(int(word.partition("=")[2]) for word in command if word.startswith("--max-model-len="))


def test_a_run_that_wants_something_else_than_the_killed_one_has_its_way(models: Models) -> None:
    assert not models.roll(models.version(1024)).get("failed")
    whole = models.whole()
    _kill(models, models.version(4096, behaviour="hang"), 1.5)
    done = models.roll(models.version(1024))
    assert not done.get("failed"), done
    assert models.whole() == whole
    assert [state for _number, state in models.revisions()][-2:] == ["failed", "good"]
    assert not models.retire(LLAMA).get("failed")
