# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What past loads are read of, and when a prediction by them is known to come true."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.loads import (
    load_of,
    not_calibrated,
    past_loads,
)
from tests.unit.domain.placement.scenes import model

PLACED, READY = "2026-11-29T10:00:00Z", "2026-11-29T10:05:00Z"


def pod(placed: str = PLACED, ready: str = READY, status: str = "True", restarts: int = 0) -> dict[str, Any]:
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": placed},
        {"type": "Ready", "status": status, "lastTransitionTime": ready},
    ]
    return {"status": {"conditions": conditions, "containerStatuses": [{"restartCount": restarts}]}}


NONE: list[tuple[str, dict[str, Any]]] = [
    ("it is not Ready", pod(status="False")),
    ("a container was started anew", pod(restarts=1)),
    ("its times cannot be read", pod(ready="yesterday")),
    ("its times contradict each other", pod(ready="2026-11-29T09:00:00Z")),
    ("nothing is said of it", {}),
]


def test_a_load_is_from_its_placement_until_it_is_ready() -> None:
    assert (load_of(pod()) or (0, 0))[1] == 300.0


@pytest.mark.parametrize("one", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_of_some_replicas_no_load_is_known(one: dict[str, Any]) -> None:
    assert load_of(one) is None


def test_loads_are_in_the_order_in_which_they_began() -> None:
    later = pod("2026-11-29T11:00:00Z", "2026-11-29T11:00:10Z")
    assert past_loads([("llama", later), ("llama", pod()), ("qwen", later), ("qwen", {})]) == {
        "llama": (300.0, 10.0),
        "qwen": (10.0,),
    }


CALIBRATED: list[tuple[tuple[float, ...], str]] = [
    ((100.0,) * 6, ""),
    ((100.0,) * 5 + (125.0,), ""),
    ((100.0,) * 5 + (75.0,), ""),
    ((2.0,) * 5 + (3.0,), ""),
    ((100.0,) * 5 + (126.0,), "llama: its last load took 126 s, and 100 s were predicted"),
    ((100.0,) * 5 + (74.0,), "llama: its last load took 74 s, and 100 s were predicted"),
    ((100.0,) * 5, "llama: 5 loads are known, and 6 are needed to hold one against a prediction by the others"),
    ((), "llama: 0 loads are known, and 6 are needed to hold one against a prediction by the others"),
]


@pytest.mark.parametrize(("loads", "doubt"), CALIBRATED)
def test_a_model_is_moved_when_its_last_load_was_as_predicted(loads: tuple[float, ...], doubt: str) -> None:
    known = {"llama": model(loads=loads), "other": model("other", loads=())}
    assert not_calibrated(known, ["llama", "llama"]) == ([doubt] if doubt else [])
