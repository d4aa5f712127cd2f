# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any write is finished by the next one, and nothing else is left.

Every operation that writes: before the API server has the n-th write, or after it acted and before the run knows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.interruptible import access, models, nodes, stack
from tests.integration.interrupting import SEED, Operation, Site, Tally, complete, kill_and_rerun, killed_at
from tests.integration.trap import AFTER, Point

KILLS = 15
Prepared = Callable[[Any, Path], AbstractContextManager[Site]]

# What shares a cluster: where one ends, the other begins.
COURSES: dict[str, tuple[Prepared, tuple[Operation, ...]]] = {
    "stack of a cluster": (access.bare_site, (access.ONBOARD, access.OFFBOARD)),
    "setup access": (access.bare_site, (access.GRANT, access.REVOKE)),
    "credentials": (access.governed_site, (access.ROTATE,)),
    "releases": (stack.stack_site, (stack.UPGRADE,)),
    "releases, back": (stack.stack_site, (stack.ROLLBACK,)),
    "models": (models.model_site, (models.DEPLOY,)),
    "models, back": (models.model_site, (models.ROLLBACK, models.RETIRE)),
    "nodes": (nodes.node_site, (nodes.REMEDIATE,)),
    "one node": (nodes.node_site, (nodes.REMEDIATE_NODE,)),
}
_OPERATIONS = {operation.name: (prepared, operation) for prepared, some in COURSES.values() for operation in some}


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The cluster of a course."""
    prepared, _operations = COURSES[request.param]
    with prepared(bed, tmp_path_factory.mktemp("site")) as it:
        yield it


@pytest.fixture(scope="module")
def tallies() -> Iterator[dict[str, Tally]]:
    found: dict[str, Tally] = {}
    yield found
    print(
        f"\nSEED={SEED}\n| operation | kills | had ended | converged | left over | seconds |\n|---|---|---|---|---|---|"
    )
    for name, tally in found.items():
        print(f"| {name} | {tally} |")
    rarely = [name for name, tally in found.items() if tally.had_ended > max(1, tally.kills)]
    assert not rarely, f"most runs ended before they were killed: {rarely}"


def _cases(course: str) -> Any:
    _prepared, operations = COURSES[course]
    cases = [
        pytest.param(course, operation.name, number, id=f"{operation.name}-{number + 1}")
        for number in range(KILLS)
        for operation in operations
    ]
    return pytest.mark.parametrize(("site", "name", "number"), cases, indirect=["site"])


def _kill(site: Site, tallies: dict[str, Tally], name: str, number: int) -> None:
    kill_and_rerun(site, _OPERATIONS[name][1], number, tallies.setdefault(name, Tally()))


@_cases("stack of a cluster")
def test_onboarding_and_offboarding_are_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("setup access")
def test_granting_and_revoking_are_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("credentials")
def test_a_rotation_is_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("releases")
def test_an_upgrade_is_finished_on_its_way_and_on_its_way_back(
    site: Site, tallies: Any, name: str, number: int
) -> None:
    _kill(site, tallies, name, number)


@_cases("releases, back")
def test_a_rollback_of_the_stack_is_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("models")
def test_a_rollout_is_finished_on_its_way_and_on_its_way_back(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("models, back")
def test_a_rollback_and_a_retirement_of_a_model_are_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("nodes")
def test_a_remediation_is_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@_cases("one node")
def test_a_remediation_of_one_node_is_finished(site: Site, tallies: Any, name: str, number: int) -> None:
    _kill(site, tallies, name, number)


@pytest.mark.soak(sample=1)
def test_an_operation_that_the_seed_draws_is_finished(bed: Any, tmp_path: Path) -> None:
    """What `make test` takes of all these."""
    chance = random.Random(SEED)  # noqa: S311
    prepared, operation = _OPERATIONS[chance.choice(sorted(_OPERATIONS))]
    with prepared(bed, tmp_path) as site:
        kill_and_rerun(site, operation, chance.randrange(KILLS), Tally())


def test_a_rollout_that_wants_something_else_than_the_killed_one_has_its_way(bed: Any, tmp_path: Path) -> None:
    with models.model_site(bed, tmp_path) as site:
        whole = models.DEPLOY.found(site)
        assert killed_at(site, models.DEPLOY, "1 hang", Point(5, AFTER))
        left = models.DEPLOY.found(site)
        assert (left["open"], left["objects"] != whole["objects"]) == (["pending"], True), left
        site.trap.set(None)
        complete(site, models.DEPLOY, "2")
        assert models.DEPLOY.found(site) == whole
        assert [state for _number, state in site.more["models"].revisions()][-2:] == ["failed", "good"]
