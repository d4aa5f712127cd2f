# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep in several processes: threads of one share one processor, however many the machine has.

They are forked, so that each has what was loaded before: Ansible, its variables and this collection.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from ansible_collections.fireworks.byoc.plugins.plugin_utils.sweeping import Limits, Work, sweep

Result = TypeVar("Result")

#: More of them would cost memory, and a sweep of a thousand clusters does not need them.
MOST = 4
#: So few names are not worth a process.
_WORTH = 16
#: What a process gets to end by itself after the time for all is over.
_GRACE_SECONDS = 2.0

_forks = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class _Process:
    pipe: Connection
    process: BaseProcess


def processes_for(names: int) -> int:
    """In how many processes so many names are done: one for each processor that this one may use, if it is worth it."""
    return max(1, min(MOST, len(os.sched_getaffinity(0)), names // _WORTH))


def sweep_in_processes(names: Iterable[str], work: Work[Result], limits: Limits, processes: int) -> dict[str, Result]:
    """As :func:`sweep`, in so many processes; the results have to survive ``pickle``.

    A process that ends before its work does costs the results of its names, and of no others.
    """
    order = list(dict.fromkeys(names))
    if processes == 1:
        return sweep(order, work, limits)
    share = replace(limits, parallel=-(-limits.parallel // processes))
    began: list[_Process] = []
    for number in range(processes):
        began.append(_begin(order[number::processes], work, share, [each.pipe for each in began]))
    open_pipes = {each.pipe for each in began}
    found: dict[str, Result] = {}
    end, looked = time.monotonic() + limits.whole + _GRACE_SECONDS, time.monotonic()
    try:
        while open_pipes and (now := time.monotonic()) < end:
            ready = wait(open_pipes, timeout=min(end, looked + limits.tick) - now)
            for pipe in open_pipes.intersection(ready):
                try:
                    name, found[name] = pipe.recv()
                except (EOFError, OSError):
                    open_pipes.discard(pipe)
                else:
                    work.ended(name, found[name])
            if time.monotonic() - looked >= limits.tick:
                looked = time.monotonic()
                work.looked()
    finally:
        for each in began:
            each.process.kill()
            each.process.join()
            each.pipe.close()
    for name in order:
        if name not in found:
            found[name] = work.late(name, "the process that read it ended before its answer came")
            work.ended(name, found[name])
    return {name: found[name] for name in order}


def _begin(names: list[str], work: Work[Result], limits: Limits, others: list[Connection]) -> _Process:
    ours, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=_sweep, args=(theirs, [*others, ours], names, work, limits), daemon=True)
    process.start()
    theirs.close()  # so that its end is seen here when the process ends
    return _Process(ours, process)


def _sweep(pipe: Connection, inherited: list[Connection], names: list[str], work: Work[Result], limits: Limits) -> None:
    """A process's whole life. It ends when nobody takes its results, and says nothing itself."""
    gc.freeze()  # looking for garbage in what was inherited would write to it, and so copy it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the run, and the run ends this process
    for each in inherited:
        each.close()  # else nobody would see that the run is gone, who alone reads from them
    run = os.getppid()

    def looked() -> None:
        if os.getppid() != run:
            os._exit(1)

    def ended(name: str, result: Result) -> None:
        try:
            pipe.send((name, result))
        except OSError:
            os._exit(1)

    sweep(names, replace(work, ended=ended, looked=looked), limits)
    pipe.close()
    os._exit(0)  # not by Python's way out, which would wait for what was given up, and run what Ansible registered
