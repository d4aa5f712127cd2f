# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that a test pauses at one of their writes until their lock has expired and another run had its way."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass

from tests.integration.ansible_runs import Forked
from tests.integration.audit_log import Call, calls
from tests.integration.guarded import until
from tests.integration.interrupting import Operation, Site, complete
from tests.integration.killing import everyone, signal_all
from tests.integration.plays import perform
from tests.integration.trap import BEFORE, Point
from tests.integration.troubled import AGENT

_LATE_SECONDS = 0.4
"""How long after the run went on the write that was held up reaches the API server."""
_RECORDS = "operation-records"
_READS = ("get", "list", "watch")
_NEXT = {"run_id": "next", "holder": "bob@ctl-2", "purpose": "upgrade", "duration": 600}


@dataclass(frozen=True)
class Resumed:
    """What became of a run that was paused beyond its lock.

    :param at: where it was paused. :param said: what it said. :param status: how it ended.
    :param later: the writes of it that the API server received later than 0.1 s after it went on.
    :param late: the one of these that was on its way when it was paused.
    :param over: whether the next run had written the object of that one.
    :param as_before: whether all is as the next run left it.
    """

    at: str
    said: str
    status: int
    later: list[Call]
    late: Call | None
    over: bool
    as_before: bool


def pause(
    site: Site,
    elsewhere: Site,
    run: tuple[Operation, str],
    point: Point,
    following: tuple[Operation, str],
    *,
    late: bool,
    keeps: bool,
) -> Resumed:
    """Pause a run, let another one take the lock and do its work, and let the first one go on.

    :param elsewhere: the same cluster, by another address. :param following: the other run, and its goal.
    :param late: the write at which it is paused is held up, or its answer, until the run goes on.
    :param keeps: the other one still holds the lock then.
    """
    operation, goal = run
    paused, resumed = threading.Event(), threading.Event()
    runs: list[Forked] = []
    begun = threading.Event()
    stopped: list[int] = []

    def spring() -> None:
        begun.wait()
        for _twice in range(2):  # a worker may just have been started
            stopped[:] = everyone(runs[0].pid)
            signal_all(stopped, signal.SIGSTOP)
        paused.set()
        if late:
            resumed.wait()
            time.sleep(_LATE_SECONDS)

    operation.make_ready(site, goal)
    site.trap.set(point, spring)
    runs.append(operation.begin(site, goal))
    begun.set()
    log = site.cluster.audit_log
    try:
        assert paused.wait(120), f"it never came to {point}: {runs[0].said}"
        begins = log.stat().st_size
        complete(elsewhere, *following)
        if keeps:
            assert perform(elsewhere.connection, "fireworks.byoc.operation_lock", **_NEXT)["held"]
        before = operation.found(site)
        offset, moment = log.stat().st_size, time.time()
    finally:
        signal_all(stopped, signal.SIGCONT)
        resumed.set()
    status, at = runs[0].wait(180), site.trap.sprung_at
    site.trap.wait_until_quiet()
    site.trap.set(None)
    if late and point.when == BEFORE:
        until(lambda: any(_is_ours(call) for call in calls(log, after=offset)), "the late write is not in the log")
    as_before = operation.found(site) == before
    if keeps:
        perform(elsewhere.connection, "fireworks.byoc.operation_lock", **{**_NEXT, "state": "absent"})
    later = [call for call in calls(log, after=offset) if _is_ours(call) and call.received > moment + 0.1]
    held_up = later[0] if late and point.when == BEFORE else None
    over = held_up is not None and any(_wrote(call, held_up.path) for call in calls(log, after=begins))
    return Resumed(at, runs[0].said, status, later, held_up, over, as_before)


def _wrote(call: Call, path: str) -> bool:
    """Whether it is a write of the next run to the object at this path, and was accepted."""
    by_next = not call.agent.endswith(AGENT) and call.agent.startswith("fireworks-byoc") and call.verb not in _READS
    same = call.path.partition("?")[0] == path.partition("?")[0]
    return by_next and same and "dryRun=All" not in call.path and call.code < 400


def _is_ours(call: Call) -> bool:
    """Whether it is a write of the run that was paused. Its record is none: that it lost its lock is recorded, too."""
    asks = "dryRun=All" in call.path or call.resource.endswith("reviews")
    records = (call.resource, call.name) == ("configmaps", _RECORDS)
    return call.agent.endswith(AGENT) and call.verb not in _READS and not asks and not records
