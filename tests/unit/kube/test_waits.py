# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is waited for is said from time to time."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import waits
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.threads import in_threads
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.waits import SAY_SECONDS, Waits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(waits, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_what_lasts_is_said_every_so_often_as_it_is_then(clock: SimpleNamespace) -> None:
    said: list[str] = []
    one = Waits(said.append)
    for second in range(40):
        clock.now = 100.0 + second
        one.on(f"{40 - second} pods")
    assert SAY_SECONDS == 15
    assert said == ["25 pods", "10 pods"]


def test_what_is_over_soon_is_not_said_and_the_next_begins_anew(clock: SimpleNamespace) -> None:
    said: list[str] = []
    one = Waits(said.append)
    for _wait in range(5):
        one.on("a pod")
        clock.now += 10
        one.on("a pod")
        one.over()
    assert said == []


def test_a_wait_that_is_made_of_short_ones_is_said_every_so_often(clock: SimpleNamespace) -> None:
    said: list[str] = []
    one = Waits(said.append)
    together = threading.Barrier(3)

    def helped(name: str) -> None:
        together.wait(5)  # each in a thread of its own
        one.on(name)

    with one.lasting() as say:
        for second in range(0, 40, 2):
            clock.now = 100.0 + second
            one.on("one object")
            one.over()
            in_threads(helped, ["one", "two", "three"], 3)
            say(f"the bake, {40 - second} s left")
    assert said == ["the bake, 24 s left", "the bake, 8 s left"]
    clock.now += 20
    one.on("a pod")
    assert len(said) == 2


def test_what_is_looked_at_meanwhile_may_end_the_wait(clock: SimpleNamespace) -> None:
    def lost() -> None:
        raise InterruptedError

    said: list[str] = []
    with pytest.raises(InterruptedError):
        Waits(said.append).looking(lost).on("a pod")
    assert said == []


def test_what_several_threads_wait_for_is_said_together(clock: SimpleNamespace) -> None:
    said: list[str] = []
    one, done = Waits(said.append), threading.Event()

    def wait(text: str) -> None:
        one.on(text)
        done.wait(10)

    one.on("a")
    others = [threading.Thread(target=wait, args=(text,)) for text in ("b", "a")]
    for number, other in enumerate(others):
        other.start()
        while len(one._now) < number + 2:
            pass
    clock.now += 20
    one.on("a")
    done.set()
    for other in others:
        other.join()
    assert said == ["a; b"]
