# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of operations that a test interrupts at one of their writes, and what a run leaves that nobody interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.contracts import Contract, write_fleet
from tests.integration.ansible_runs import Forked, ansible_environment, begin_forked_playbook
from tests.integration.guarded import until
from tests.integration.journey import agreed, ours
from tests.integration.killing import everyone, is_running, signal_all
from tests.integration.one_operation import under_lock
from tests.integration.plays import connection_to
from tests.integration.trap import AFTER, BEFORE, Point, Trap
from tests.integration.troubled import RESET, by_status, troubled

SEED = os.environ.get("BYOC_SOAK_SEED", "")
"""Set for each run of the tests, and printed: tests/tools/soak.py. With ``SEED=`` the same points are chosen again."""
LOCK_SECONDS = 6
_RUN_SECONDS = 180.0
_OURS = "byoc.fireworks.ai/"


class Site:
    """A cluster on which operations are interrupted, by an address at which a trap is.

    :param address: where the trap is. :param folder: what the runs read and write.
    """

    def __init__(self, cluster: Any, folder: Path, trap: Trap, address: str) -> None:
        self.cluster = cluster
        self.folder = folder
        self.trap = trap
        self.kubeconfig = cluster.kubeconfig_with(folder / "trapped.kubeconfig", server=address)
        self.contract: Contract = agreed(cluster, kubeconfig=self.kubeconfig)
        self.connection = connection_to(cluster, kubeconfig_file=str(self.kubeconfig))
        self.files = folder / "files"
        self.files.mkdir()
        self.more: dict[str, Any] = {}
        """What else an operation keeps of its cluster."""
        self._wholes: dict[tuple[str, str], Whole] = {}

    def playbook(self, name: str, *options: str, **changes: Any) -> Forked:
        """Begin ``fireworks.byoc.<name>``; ``changes`` are sections of the contract."""
        inventory = write_fleet(self.folder, [{**self.contract, **changes}])
        chosen = ("-i", str(inventory), "-e", "clusters=byoc", "-e", f"lock_duration={LOCK_SECONDS}", *options)
        return begin_forked_playbook(f"fireworks.byoc.{name}", *chosen)

    def operation(self, module: str, purpose: str, **options: Any) -> Forked:
        """Begin a module's operation, alone and under the lock."""
        given = json.dumps({"connection": self.connection, **options})
        return Forked(under_lock, module, purpose, given, LOCK_SECONDS, environment=ansible_environment())

    def whole(self, operation: Operation, goal: str) -> Whole:
        """What there is after a run that nobody interrupted."""
        key = (operation.name, goal)
        if key not in self._wholes:
            operation.make_ready(self, goal)
            self.trap.set(None)
            began = time.monotonic()
            complete(self, operation, goal)
            self._wholes[key] = Whole(operation.found(self), self.trap.count, time.monotonic() - began)
        return self._wholes[key]


@dataclass(frozen=True)
class Whole:
    """What a run that nobody interrupted leaves, how many writes it takes, and how many seconds."""

    found: Mapping[str, Any]
    writes: int
    seconds: float


@dataclass(frozen=True)
class Operation:
    """An operation as it is interrupted.

    :param goals: where runs of it lead; each case takes the next one.
    :param make_ready: prepares the cluster so that a run for the goal has all its work to do.
    :param begin: the run. :param found: all that there is afterwards, without what differs from run to run.
    :param failing: the goals at which a run ends as failed.
    """

    name: str
    make_ready: Callable[[Site, str], None]
    begin: Callable[[Site, str], Forked]
    found: Callable[[Site], Mapping[str, Any]]
    goals: tuple[str, ...] = ("done",)
    failing: frozenset[str] = frozenset()


@contextmanager
def site_on(cluster: Any, folder: Path) -> Iterator[Site]:
    """A cluster with a trap on the way to it."""
    trap = Trap()
    with troubled(cluster, by_status(trap.before, trap.after)) as address:
        yield Site(cluster, folder, trap, address)


def complete(site: Site, operation: Operation, goal: str) -> str:
    """Run it to its end; what it said."""
    run = operation.begin(site, goal)
    status = run.wait(_RUN_SECONDS)
    assert "Traceback" not in run.said, run.said
    assert bool(status) is (goal in operation.failing), f"{operation.name} to {goal}: {run.said}"
    return run.said


# --- killed ------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of an operation that was killed again and again."""

    kills: int = 0
    had_ended: int = 0
    converged: int = 0
    left_over: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        left = "; ".join(self.left_over) or "none"
        return f"{self.kills} | {self.had_ended} | {self.converged} | {left} | {self.seconds:.0f}"


def kill_and_rerun(site: Site, operation: Operation, number: int, tally: Tally) -> None:
    """Kill a run at a write that the seed chooses: the next one comes to the same end, and nothing else is left."""
    chance = random.Random(f"{SEED}-{operation.name}-{number}")  # noqa: S311
    goal = operation.goals[number % len(operation.goals)]
    whole = site.whole(operation, goal)
    point = Point(chance.randint(1, whole.writes), chance.choice((BEFORE, AFTER)))
    alone = chance.random() < 0.25  # who is killed by hand, or for want of memory, leaves its workers behind
    operation.make_ready(site, goal)
    began = time.monotonic()
    killed = killed_at(site, operation, goal, point, alone=alone)
    said = (
        f"SEED={SEED} {operation.name} {number + 1} to {goal}: killed{' without its workers' * alone} {point} of "
        f"{whole.writes}, {site.trap.sprung_at}"
        if killed
        else f"SEED={SEED} {operation.name} {number + 1} to {goal}: ended before write {point.number}"
    )
    site.trap.set(None)
    try:
        complete(site, operation, goal)
    except AssertionError as error:
        raise AssertionError(f"{said}, and the next run: {error}") from None
    tally.kills += killed
    tally.had_ended += not killed
    tally.converged += 1
    tally.seconds += time.monotonic() - began
    print(f"{said}; {time.monotonic() - began:.1f} s")
    found = operation.found(site)
    if found != whole.found:
        tally.left_over.append(said)
    assert found == whole.found, f"{said}: {differing(found, whole.found)}"


def killed_at(site: Site, operation: Operation, goal: str, point: Point, *, alone: bool = False) -> bool:
    """Begin a run and kill it at this point; whether it got there.

    :param alone: its workers are left to themselves; they are waited for.
    """
    runs: list[Forked] = []
    begun, sprung = threading.Event(), threading.Event()
    left: list[int] = []

    def spring() -> int:
        begun.wait()
        pids = everyone(runs[0].pid)
        signal_all(pids[:1] if alone else pids, signal.SIGKILL)
        left.extend(pids)
        sprung.set()
        return RESET

    site.trap.set(point, spring)
    runs.append(operation.begin(site, goal))
    begun.set()
    try:
        runs[0].wait(_RUN_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"it does not end: {error.output}") from None
    until(lambda: not any(map(is_running, left)), "what it started is still there", 60)
    site.trap.wait_until_quiet()
    return sprung.is_set()


# --- what there is -----------------------------------------------------------------------------


def differing(found: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as it is after a run that nobody killed: of each part what is there, and what should be."""
    parts = {key: (found.get(key), whole.get(key)) for key in {*found, *whole} if found.get(key) != whole.get(key)}
    there, wanted = parts.pop("objects", ({}, {}))
    places = {place for place in {*there, *wanted} if there.get(place) != wanted.get(place)}
    return parts | {place: (place in there, place in wanted) for place in sorted(places)}


def everything(site: Site, *, without: tuple[str, ...] = (), as_read: Callable[[str], str] = str) -> dict[str, Any]:
    """All that an operation could leave: objects, locks, marks of nodes, pods that nobody looks after, files."""
    cluster = site.cluster
    objects = ours(cluster, as_read)
    pods = [
        pod for space in ("system", "models") for pod in _items(cluster, f"/api/v1/namespaces/fireworks-{space}/pods")
    ]
    return {
        "objects": {place: text for place, text in objects.items() if not any(part in place for part in without)},
        "locks": [one["metadata"]["name"] for one in _items(cluster, f"{_LEASES}/fireworks-system/leases")],
        "nodes": {one["metadata"]["name"]: marks_of(one) for one in _items(cluster, "/api/v1/nodes")},
        "stray pods": sorted(pod["metadata"]["name"] for pod in pods if _is_stray(pod)),
        "files": sorted(path.name for path in site.files.iterdir()),
    }


_LEASES = "/apis/coordination.k8s.io/v1/namespaces"


def marks_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """What our operations may have made of a node; of marks that hold times, only that they are there."""
    metadata, spec = node["metadata"], node["spec"]
    notes = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    own = {key.removeprefix(_OURS): text for key, text in notes.items() if key.startswith(_OURS)}
    told = {"remediation-state", "remediation-goal", "remediation-faults", "remediation-cordoned"}
    return {
        "cordoned": bool(spec.get("unschedulable")),
        "taints": sorted(taint["key"] for taint in spec.get("taints") or ()),
        "says": {key: text if key in told else "" for key, text in own.items()},
    }


def _is_stray(pod: Mapping[str, Any]) -> bool:
    metadata = pod["metadata"]
    marks = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    return not metadata.get("ownerReferences") or f"{_OURS}replaced-by" in marks or f"{_OURS}canary" in marks


def _items(cluster: Any, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.request("GET", path)["items"]
    return found
