# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations run on a cluster to which the way is troubled, and what became of each: cells of a grid.

A cell is an operation, a trouble and a share of calls. Its run finishes, and then what it says is so; or it fails and
says clearly why, and the next run, on a good way, finishes. Anything else is a problem, and each is named.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from demo.contracts import Contract
from tests.integration.ansible_runs import run_playbook
from tests.integration.guarded import until
from tests.integration.journey import agreed, command, ours, wipe, without_approvals
from tests.integration.troubled import troubled
from tests.integration.troubles import BY_NAME, ByShare, prepare_session

BARE, ONBOARDED, UPGRADED, SHORTENED = "bare", "onboarded", "upgraded", "with a shorter context"
#: An operation that hangs is a problem as well.
MOST_SECONDS = 240.0
SHARES = (10, 30)

Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Operation:
    """One playbook in the grid.

    :param starts: the state that it begins with. :param ends: that in which it leaves the cluster.
    :param model: what is different in its contract's model.
    :param options: of the playbook, in this world.
    :param finished: whether a run says that it got where it was to get.
    :param untrue: what is not as such a run says, beside the cluster's objects.
    :param before: what has to be done before each run of a cell. after: once the cell is over.
    """

    name: str
    starts: str
    ends: str
    model: dict[str, Any] = field(default_factory=dict)
    options: Callable[[World], tuple[str, ...]] = lambda _world: ()
    finished: Callable[[Run], bool] = lambda done: done.returncode == 0
    untrue: Callable[[World, Run], list[str]] = lambda _world, _done: []
    before: Callable[[World], None] = lambda _world: None
    after: Callable[[World], None] = lambda _world: None


@dataclass
class Cell:
    """What became of one."""

    operation: str
    trouble: str
    share: int
    calls: int = 0
    struck: int = 0
    outcome: str = ""
    code: str = ""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    output: str = ""

    def row(self, seed: str) -> dict[str, str]:
        """As the table has it."""
        return {
            "operation": self.operation,
            "trouble": self.trouble,
            "share": f"{self.share} %",
            "struck": f"{self.struck} of {self.calls}",
            "outcome": self.outcome,
            "code": self.code if self.outcome != "finished" else "",
            "seconds": f"{self.seconds:.1f}",
            "seed": seed,
        }


class World:
    """One cluster, in a state that is known, and the ways from each state to the next."""

    def __init__(self, cluster: Any, folder: Path, steps: Iterable[Operation]) -> None:
        self.cluster = cluster
        self.folder = folder
        self.memory: dict[str, Any] = {}
        self._steps = {(step.starts, step.ends): step for step in steps}
        self._at = BARE
        self._wholes: dict[str, dict[str, str]] = {}

    def toward(self, operations: Sequence[Operation]) -> Operation:
        """Of operations that are one in several directions that which the cluster's state is the beginning of."""
        return next((each for each in operations if each.starts == self._at), operations[0])

    def bring(self, state: str) -> None:
        """The cluster to a state, by runs on a good way."""
        if self._at == state:
            return
        if state == BARE or (self._at, state) not in self._steps:
            wipe(self.cluster)
            self._at = BARE
        if state != BARE and (self._at, state) not in self._steps:
            self.bring(ONBOARDED)
        if state != BARE:
            before, step = objects(self.cluster), self._steps[self._at, state]
            self._wholes.setdefault(self._at, before)
            self._at = "not known"
            done = self.run(step)
            assert step.finished(done), done.stdout
            assert objects(self.cluster) != before, f"a clean {step.name} changed nothing: {done.stdout}"
        self._at = state
        self._wholes.setdefault(state, objects(self.cluster))

    def run(self, operation: Operation, server: str = "", trouble: str = "") -> Run:
        """A run of an operation, by another address of the API server where one is given."""
        contract = self._contract(self.cluster.kubeconfig_with(self.folder / "way.kubeconfig", server=server))
        contract["models"][0] |= operation.model
        asked = command(operation.name, self.folder, [contract], "-v", *operation.options(self))
        return run_playbook(*asked, seconds=MOST_SECONDS, prepare=partial(prepare_session, trouble))

    def _contract(self, kubeconfig: Path) -> Contract:
        made = agreed(self.cluster, kubeconfig=kubeconfig)
        made["change"] = without_approvals()
        made["actions"] = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "auto")
        made["remediation"] = {"drain_deadline": "20s", "healthy_for": "1h"}
        return made

    def different(self, state: str) -> list[str]:
        """The objects that are not as they are in a state."""
        now, whole = objects(self.cluster), self._wholes[state]
        return sorted(place for place in {*now, *whole} if now.get(place) != whole.get(place))

    def cell(self, operation: Operation, trouble: str, share: int, seed: str) -> Cell:
        """Run one, and leave the cluster in a state that is known."""
        if operation.ends not in self._wholes:
            self.bring(operation.ends)  # to see what a clean run makes
        self.bring(operation.starts)
        operation.before(self)
        cell = Cell(operation.name, trouble, share)
        choose = ByShare(BY_NAME[trouble], share / 100, f"{seed} {operation.name} {share}")
        began = time.monotonic()
        self._at = "not known"
        try:
            with troubled(self.cluster, choose) as server:
                done = self.run(operation, server, trouble)
        except subprocess.TimeoutExpired as hung:
            done = subprocess.CompletedProcess([], -9, str(hung.output))
            cell.problems.append(f"it did not end in {MOST_SECONDS:.0f} s")
        cell.seconds = time.monotonic() - began
        cell.calls, cell.struck, cell.output = choose.calls, choose.struck, done.stdout
        cell.code = code_of(done)
        if operation.finished(done):
            cell.outcome = "finished"
            cell.problems += self._not_so(operation, done)
        else:
            cell.outcome = "failed clearly, rerun"
            cell.problems += unclear(done)
            again = self.run(operation)
            if not operation.finished(again):
                cell.problems.append(f"the rerun did not finish: {again.stdout[-3000:]}")
            cell.problems += [f"after the rerun: {what}" for what in self._not_so(operation, again)]
        if "Traceback" in done.stdout:
            cell.problems.append("a traceback")
        if cell.problems:
            cell.outcome = "WRONG"
        else:
            self._at = operation.ends
        operation.after(self)
        return cell

    def _not_so(self, operation: Operation, done: Run) -> list[str]:
        different = self.different(operation.ends)
        return [f"other objects than of a clean run: {', '.join(different)}"] * bool(different) + operation.untrue(
            self, done
        )


def objects(cluster: Any) -> dict[str, str]:
    """What runs are compared by: our objects without the entries of upgrades and the revisions of models, which count
    runs."""
    return {
        place: digest
        for place, digest in ours(cluster).items()
        if "/stack-upgrade-" not in place and "controllerrevisions" not in place
    }


def code_of(done: Run) -> str:
    """The last code that a run gave of the cluster, in what ``-v`` shows of results."""
    found = [code for code in re.findall(r"^ +code: ([a-z_]+)$", done.stdout, re.MULTILINE) if code != "not_completed"]
    return found[-1] if found else ""


def unclear(done: Run) -> list[str]:
    """What is missing for a failure to be clear to whoever reads it."""
    found = []
    if not code_of(done):
        found.append("it failed without a code")
    if "Action required by" not in " ".join(done.stdout.split()):
        found.append("it does not say who has to act")
    if "task_failed" in done.stdout:
        found.append("it failed in a way that nobody foresaw")
    if "MODULE FAILURE" in done.stdout or "unexpectedly:" in done.stdout:
        found.append("it failed unexpectedly")
    if done.returncode not in (0, 2, -9):
        found.append(f"its exit status is {done.returncode}")
    return found


def until_settled(cluster: Any) -> None:
    """Wait until every Deployment of ours has its pods ready."""

    def settled() -> bool:
        selector = "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dfireworks-byoc"
        found = cluster.request("GET", f"/apis/apps/v1/deployments{selector}")["items"]
        return all(one["status"].get("readyReplicas", 0) == one["spec"]["replicas"] for one in found)

    until(settled, "the deployments are not ready", 60)
