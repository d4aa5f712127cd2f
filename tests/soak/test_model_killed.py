# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that is killed anywhere ends, after the next run, in the new or the old revision, whole."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.governed import governed
from tests.integration.killing import begin_playbook, kill_after, wait_for_task
from tests.integration.models import LLAMA, Models

NEW, OLD = "new", "old"
# At which share of the time that a whole rollout takes, and what the version does.
KILLS = [
    *((share, "", NEW) for share in (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)),
    *((share, "crash", OLD) for share in (0.15, 0.5, 0.8)),
]


@pytest.fixture(scope="module")
def models(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("models")
    with governed(bed["acme"]) as contract:
        yield Models(bed["acme"], contract, folder)


@pytest.fixture(scope="module")
def wholes(models: Models) -> dict[int, dict[str, str]]:
    """What there is of each version after a rollout that nobody killed, by its context length."""
    found = {}
    for context in (1024, 2048):
        assert not models.roll(models.version(context)).get("failed")
        found[context] = models.whole()
    return found


@pytest.fixture(scope="module")
def taken(models: Models, wholes: dict[int, dict[str, str]]) -> dict[str, float]:
    """How long a whole rollout takes, by what its version does."""
    return {
        behaviour: _run(models, models.version(1024, behaviour=behaviour), seconds=120.0)[1]
        for behaviour in ("crash", "")
    }


@pytest.fixture(scope="module")
def states(models: Models) -> Iterator[list[str]]:
    """The state in which each kill left the newest revision."""
    found: list[str] = []
    yield found
    if len(found) == len(KILLS):
        assert "pending" in found, "no kill hit a rollout in the middle"


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(("share", "behaviour", "end"), KILLS)
def test_killed_anywhere_it_is_whole_after_the_next_run(
    models: Models,
    wholes: dict[int, dict[str, str]],
    taken: dict[str, float],
    states: list[str],
    share: float,
    behaviour: str,
    end: str,
) -> None:
    [now] = {_context(pod) for pod in models.pods()}
    other = 1024 if now == 2048 else 2048
    change = models.version(other, behaviour=behaviour)
    after = share * taken[behaviour]
    killed, _seconds = _run(models, change, after)
    ended = "was at work" if killed else "had ended"
    states.append(models.revisions()[-1][1])
    done = models.roll(change)
    assert bool(done.get("failed")) is (end == OLD), done
    now = other if end == NEW else now
    assert models.whole() == wholes[now], f"after a kill at {after:.1f} s ({ended}): a mix"
    assert models.revisions()[-1][1] == ("good" if end == NEW else "failed")
    assert not [state for _number, state in models.revisions() if state in ("pending", "failing")]
    assert {_context(pod) for pod in models.pods()} == {now}


def _run(models: Models, change: dict[str, Any], seconds: float) -> tuple[bool, float]:
    """Begin a rollout, and kill it with all its workers if it takes longer than this once its task has begun.

    Gives whether it was killed, and how long the task was at work.
    """
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/fireworks.byoc.cluster": {"connection": models.connection}},
        "tasks": [{"name": "Roll", **models.task(change)}],
    }
    playbook = Path(models.folder, "killed.yml")
    playbook.write_text(json.dumps([play]))
    running = begin_playbook("-i", "localhost,", "-c", "local", str(playbook))
    wait_for_task(running, "Roll")
    began = time.monotonic()
    return kill_after(running, seconds), time.monotonic() - began


def _context(pod: dict[str, Any]) -> int:
    command = pod["spec"]["containers"][0]["command"]
    return next(int(word.partition("=")[2]) for word in command if word.startswith("--max-model-len="))


def test_a_run_that_wants_something_else_than_the_killed_one_has_its_way(models: Models) -> None:
    assert not models.roll(models.version(1024)).get("failed")
    whole = models.whole()
    assert _run(models, models.version(4096, behaviour="hang"), 1.5)[0]
    done = models.roll(models.version(1024))
    assert not done.get("failed"), done
    assert models.whole() == whole
    assert [state for _number, state in models.revisions()][-2:] == ["failed", "good"]
    assert not models.retire(LLAMA).get("failed")
