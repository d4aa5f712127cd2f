# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says is real, and that nothing beside it is waited for forever."""

from __future__ import annotations

import threading
import time

import pytest

from demo.aside import Aside
from demo.reality import Reality, found


@pytest.mark.parametrize(
    ("reality", "answers", "scales", "words"),
    [
        (Reality("", ""), True, True, ["Real on a: nodes, containers, DNS, the router", "Real on a too: KEDA"]),
        (Reality("", "not built"), True, False, ["Simulated there too: KEDA and Prometheus: not built."]),
        (Reality("no root", ""), False, False, ["the nodes and pods of a, so that nothing answers requests: no root."]),
    ],
)
def test_what_is_simulated_is_said_and_why(reality: Reality, answers: bool, scales: bool, words: list[str]) -> None:
    told = "\n".join(reality.told("a", "b and c"))
    assert (reality.answers, reality.scales) == (answers, scales)
    assert all(each in told for each in [*words, "the nodes and pods of b and c"])


def test_a_reader_may_have_all_nodes_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYOC_DEMO_SIMULATED", "1")
    assert not found().answers


def test_what_is_done_beside_the_demo_is_waited_for_once_and_its_failure_told() -> None:
    def fail() -> None:
        raise ValueError("no index")

    never = threading.Event()
    started = time.monotonic()
    assert Aside(lambda: None).problem(10) == ""
    assert Aside(fail).problem(10) == "no index"
    assert Aside(never.wait).problem(0.05) == "not done after 0 s more"
    assert time.monotonic() - started < 5
    never.set()
