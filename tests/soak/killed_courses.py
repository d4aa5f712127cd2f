# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of every operation that writes, killed before the API server has the n-th write, or just after it acted.

The cases are in a file for each part of the stack, so that workers share them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.interruptible import access, consolidations, incidents, models, nodes, stack
from tests.integration.interrupting import SEED, Operation, Site, Tally, kill_and_rerun

KILLS = 15
Prepared = Callable[[Any, Path], AbstractContextManager[Site]]

# What shares a cluster: where one ends, the other begins.
COURSES: dict[str, tuple[Prepared, tuple[Operation, ...]]] = {
    "stack of a cluster": (access.bare_site, (access.ONBOARD, access.OFFBOARD)),
    "setup access": (access.bare_site, (access.GRANT, access.REVOKE)),
    "credentials": (access.governed_site, (access.ROTATE,)),
    "approvals": (access.governed_site, (access.APPROVE, access.REVOKE_APPROVAL)),
    "evictions": (access.governed_site, (access.GRANT_EVICTION, access.REVOKE_EVICTION)),
    "incidents": (access.governed_site, (incidents.OPEN, incidents.CLOSE)),
    "releases": (stack.stack_site, (stack.UPGRADE,)),
    "releases, back": (stack.stack_site, (stack.ROLLBACK,)),
    "models": (models.model_site, (models.DEPLOY,)),
    "models, back": (models.model_site, (models.ROLLBACK,)),
    "models, away": (models.model_site, (models.RETIRE,)),  # and with them the revisions that a rollback needs
    "nodes": (nodes.node_site, (nodes.REMEDIATE,)),
    "consolidations": (consolidations.scattered_site, (consolidations.CONSOLIDATE,)),
    "handovers": (consolidations.scattered_site, (consolidations.HAND_OVER,)),
    "one node": (nodes.node_site, (nodes.REMEDIATE_NODE,)),
}
OPERATIONS = {operation.name: (prepared, operation) for prepared, some in COURSES.values() for operation in some}


class Killed:
    """The cluster of a course, and what became of the runs that were killed on it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tallies: dict[str, Tally] = {}

    def kill(self, name: str, number: int) -> None:
        """Kill this operation at the write that the seed chooses for the case, and have the next run finish it."""
        kill_and_rerun(self._site, OPERATIONS[name][1], number, self._tallies.setdefault(name, Tally()))

    def tell(self) -> None:
        head = "| operation | kills | had ended | converged | left over | seconds |"
        print(f"\nSEED={SEED}\n{head}\n{'|---' * 6}|")
        for name, tally in self._tallies.items():
            print(f"| {name} | {tally} |")
        rarely = [name for name, tally in self._tallies.items() if tally.had_ended > max(1, tally.kills)]
        assert not rarely, f"most runs ended before they were killed: {rarely}"


def kills_of(name: str) -> Any:
    """The cases of a course, as parameters."""
    _prepared, operations = COURSES[name]
    cases = [
        pytest.param(operation.name, number, id=f"{operation.name}-{number + 1}")
        for number in range(KILLS)
        for operation in operations
    ]
    # The course by itself: beside parameters that are no fixtures it would be one for each case.
    of_the_course = pytest.mark.parametrize("course", [name], indirect=True, ids=[pytest.HIDDEN_PARAM])
    of_each_case = pytest.mark.parametrize(("operation", "number"), cases)
    return lambda test: of_the_course(of_each_case(test))
