# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sweep in several processes: the same results as in one, and one that dies or hangs costs only its own names."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ansible_collections.fireworks.byoc.plugins.plugin_utils import processes
from ansible_collections.fireworks.byoc.plugins.plugin_utils.processes import processes_for, sweep_in_processes
from ansible_collections.fireworks.byoc.plugins.plugin_utils.sweeping import Limits, Work

NAMES = [f"cluster-{number}" for number in range(40)]
QUICK = Limits(parallel=8, each=5, whole=10, tick=0.1)


def work(do: object) -> tuple[Work[str], list[str], list[float]]:
    """Work, the names that ended, and the moments at which it was looked."""
    ended: list[str] = []
    looked: list[float] = []
    told = Work[str](
        do=do,  # type: ignore[arg-type]
        late=lambda name, what: f"{name}: {what}",
        ended=lambda name, _result: ended.append(name),
        looked=lambda: looked.append(time.monotonic()),
    )
    return told, ended, looked


@pytest.mark.parametrize("count", [1, 3])
def test_each_name_has_its_result_in_the_order_of_the_names(count: int) -> None:
    told, ended, _looked = work(lambda name, _until: name.upper())
    assert sweep_in_processes([*NAMES, NAMES[0]], told, QUICK, count) == {name: name.upper() for name in NAMES}
    assert sorted(ended) == sorted(NAMES)


def test_they_are_processes_of_their_own_and_share_what_may_be_done_at_once() -> None:
    told, _ended, _looked = work(lambda _name, _until: str(os.getpid()))
    assert len(set(sweep_in_processes(NAMES, told, QUICK, 3).values()) - {str(os.getpid())}) == 3


def test_a_process_that_dies_costs_only_what_it_had_not_told() -> None:
    def die(name: str, _until: float) -> str:
        if name == NAMES[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        return "read"

    told, ended, _looked = work(die)
    found = sweep_in_processes(NAMES, told, QUICK, 2)
    assert list(found) == NAMES
    assert all(found[name] == "read" for name in NAMES[::2])
    assert "the process that read it ended" in found[NAMES[1]]
    assert sorted(ended) == sorted(NAMES)


def test_what_hangs_is_given_up_in_time_and_somebody_looks_meanwhile() -> None:
    told, _ended, looked = work(lambda name, _until: time.sleep(60) or name)
    began = time.monotonic()
    found = sweep_in_processes(NAMES, told, Limits(parallel=40, each=0.5, whole=20, tick=0.1), 2)
    assert time.monotonic() - began < 30 and looked
    assert all("it took longer than 0.5 s" in text for text in found.values())


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.2)

    def stop(name: str, _until: float) -> str:
        os.kill(os.getpid(), signal.SIGSTOP)
        return name

    told, _ended, _looked = work(stop)
    began = time.monotonic()
    found = sweep_in_processes(NAMES, told, Limits(parallel=4, each=1, whole=1, tick=0.1), 2)
    assert time.monotonic() - began < 30
    assert all("ended before its answer came" in text for text in found.values())


@pytest.mark.parametrize(
    ("names", "processors", "count"), [(1, 8, 1), (31, 8, 1), (32, 8, 2), (1000, 2, 2), (1000, 64, 4), (0, 2, 1)]
)
def test_few_names_are_worth_no_process(
    monkeypatch: pytest.MonkeyPatch, names: int, processors: int, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
    assert processes_for(names) == count
