# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that are rolled out, rolled back and retired, by the operation alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import Forked
from tests.integration.governed import governed
from tests.integration.interrupting import Operation, Site, everything, site_on
from tests.integration.models import LLAMA, Models

_HISTORY = 200
"""All revisions that the kills make: the first two are gone back to."""
CONTEXTS = {"1": 1024, "2": 2048}


@contextmanager
def model_site(bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster with one model, of which two revisions are recorded."""
    with governed(bed["acme"]) as contract, site_on(bed["acme"], folder) as site:
        site.more["models"] = Models(bed["acme"], contract, folder)
        for revision in CONTEXTS:
            _have(site, revision)
        yield site


def _models(site: Site) -> Models:
    found: Models = site.more["models"]
    return found


def _version(site: Site, goal: str) -> dict[str, Any]:
    """The version of a goal, such as ``1``, or ``1 crash`` for one whose replicas do."""
    number, _space, behaviour = goal.partition(" ")
    return _models(site).version(CONTEXTS[number], behaviour=behaviour, history=_HISTORY)


def _have(site: Site, version: str) -> None:
    done = _models(site).roll(_version(site, version))
    assert not done.get("failed"), done


def _roll(site: Site, change: dict[str, Any], purpose: str) -> Forked:
    [options] = _models(site).task(change).values()
    return site.operation("model_rollout", purpose, **options)


def _deploy(site: Site, goal: str) -> Forked:
    return _roll(site, _version(site, goal), "deploy_models")


def _roll_back(site: Site, goal: str) -> Forked:
    return _roll(site, _models(site).back_to(goal, history=_HISTORY), "rollback_model")


def _retire(site: Site, _goal: str) -> Forked:
    return site.operation("model_retire", "retire_model", name=LLAMA)


def running(site: Site) -> set[str]:
    """The context lengths of the pods that are there."""
    commands = [word for pod in _models(site).pods() for word in pod["spec"]["containers"][0]["command"]]
    return {word.partition("=")[2] for word in commands if word.startswith("--max-model-len=")}


def _on_the_other(site: Site, goal: str) -> None:
    other = "2" if goal.startswith("1") else "1"
    if running(site) != {str(CONTEXTS[other])}:
        _have(site, other)


def _there(site: Site, _goal: str) -> None:
    if not _models(site).revisions():
        _have(site, "1")


def _model(site: Site) -> dict[str, Any]:
    """All that is there; of revisions, which differ by how often was tried, what the last came to and what is open."""
    states = [state for _number, state in _models(site).revisions()]
    told = {"last": states[-1:], "open": [state for state in states if state in ("pending", "failing")]}
    return {**everything(site, without=("controllerrevisions",)), **told, "running": running(site)}


DEPLOY = Operation(
    "deploy_models",
    _on_the_other,
    _deploy,
    _model,
    goals=("1", "2 crash", "2", "1 crash"),
    failing=frozenset({"1 crash", "2 crash"}),
)
ROLLBACK = Operation("rollback_model", _on_the_other, _roll_back, _model, goals=("1", "2"))
RETIRE = Operation("retire_model", _there, _retire, _model)
