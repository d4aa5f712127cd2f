# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in threads: in order, at once, the first error raised; and a fleet's sweep, which nothing holds up."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.threads import in_threads
from ansible_collections.fireworks.byoc.plugins.plugin_utils.sweeping import Limits, Work, sweep


@pytest.mark.parametrize("threads", [1, 3, 50])
def test_results_come_in_order_and_each_item_is_done_once(threads: int) -> None:
    done: list[int] = []
    assert in_threads(lambda n: done.append(n) or n * n, range(200), threads) == [n * n for n in range(200)]
    assert sorted(done) == list(range(200))
    assert in_threads(str, [], threads) == []


def test_so_many_at_once_and_no_more() -> None:
    together = threading.Barrier(4, timeout=10)
    in_threads(lambda _: together.wait(), range(8), 4)
    at_work: set[int] = set()
    in_threads(lambda _: at_work.add(threading.get_ident()), range(100), 4)
    assert len(at_work) <= 4


def test_whoever_is_done_first_waits_for_the_others() -> None:
    asking = threading.current_thread()
    together = threading.Barrier(2, timeout=10)

    def work(n: int) -> int:
        together.wait()
        if threading.current_thread() is not asking:
            time.sleep(0.2)
        return n

    assert in_threads(work, range(2), 2) == [0, 1]


def test_the_first_error_in_the_order_of_the_items_is_raised_when_all_are_done() -> None:
    done: list[int] = []

    def work(n: int) -> None:
        done.append(n)
        if n in (3, 5):
            raise ValueError(n)

    with pytest.raises(ValueError, match="3"):
        in_threads(work, range(9), 4)
    assert sorted(done) == list(range(9))


def test_a_program_ends_though_a_thread_of_it_does_not() -> None:
    program = (
        "import threading, time\n"
        "from ansible_collections.fireworks.byoc.plugins.module_utils._kube.threads import in_threads\n"
        "work = lambda: in_threads(lambda _: time.sleep(60), range(3), 3)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, env={"PYTHONPATH": ":".join(sys.path)})
    assert time.monotonic() - began < 20


def swept(
    seconds: dict[str, float], *, parallel: int = 10, each: float = 5, whole: float = 10
) -> tuple[dict[str, str], list[str], int]:
    """Work that takes so long by name: what was found, in which order it ended, how often somebody looked."""
    order: list[str] = []
    looks: list[float] = []

    def do(name: str, _until: float) -> str:
        time.sleep(seconds[name])
        return f"{name} done"

    work = Work(
        do=do,
        late=lambda name, what: f"{name}: {what}",
        ended=lambda name, _: order.append(name),
        looked=lambda: looks.append(0),
    )
    return sweep(seconds, work, Limits(parallel, each, whole, 0.1)), order, len(looks)


def test_all_are_swept_at_once_in_the_order_of_their_names() -> None:
    began = time.monotonic()
    found, order, looks = swept({"a": 0.4, "b": 0.0, "c": 0.2})
    assert list(found.items()) == [("a", "a done"), ("b", "b done"), ("c", "c done")]
    assert order == ["b", "c", "a"] and looks >= 2
    assert time.monotonic() - began < 2


def test_what_takes_too_long_is_given_up_and_its_place_goes_to_the_next() -> None:
    began = time.monotonic()
    found, _order, _looks = swept({"slow": 60, "slower": 60, "well": 0.1, "also": 0.1}, parallel=2, each=0.5)
    assert time.monotonic() - began < 5
    assert found == {
        "slow": "slow: it took longer than 0.5 s",
        "slower": "slower: it took longer than 0.5 s",
        "well": "well done",
        "also": "also done",
    }


def test_when_the_time_for_all_is_over_what_is_left_says_so() -> None:
    found, _order, _looks = swept({"first": 60, "second": 60, "third": 0}, parallel=2, each=30, whole=0.5)
    assert found == {
        "first": "first: it was not over after 0.5 s",
        "second": "second: it was not over after 0.5 s",
        "third": "third: its turn had not come after 0.5 s",
    }


def test_an_empty_fleet_is_swept_at_once() -> None:
    assert swept({})[0] == {}
