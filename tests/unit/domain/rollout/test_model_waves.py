# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models over a fleet go wave by wave."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_waves import held_back, model_waves
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy

WAVES = [["a"], ["b", "c"], ["d"]]


def contract(name: str, customer: str, ring: str = "general") -> dict[str, Any]:
    return {"identity": {"name": name, "customer": customer, "ring": ring}}


def outcome(cluster: str, result: str, code: str = "") -> dict[str, Any]:
    return {"cluster": cluster, "result": result, "code": code}


def test_canaries_come_first_and_never_all_of_a_customer() -> None:
    fleet = [
        contract("b1", "birch"),
        contract("b2", "birch"),
        contract("a1", "acme", "canary"),
        contract("c1", "cedar"),
    ]
    waves = model_waves(fleet, Policy(wave_percent=100))
    assert waves[0] == ["a1"]
    assert sorted(name for wave in waves for name in wave) == ["a1", "b1", "b2", "c1"]
    assert not [wave for wave in waves if {"b1", "b2"} <= set(wave)]
    assert model_waves([], Policy()) == []


@pytest.mark.parametrize(
    ("cluster", "outcomes", "policy", "why"),
    [
        ("a", [], {}, ""),
        ("b", [outcome("a", "done")], {}, ""),
        ("b", [outcome("a", "unchanged")], {}, ""),
        ("b", [outcome("a", "failed")], {}, "in wave 1 1 failed (a), and 0 may"),
        ("b", [outcome("a", "failed", "unreachable")], {}, ""),
        ("c", [outcome("b", "failed")], {}, ""),
        ("d", [outcome("a", "done"), outcome("c", "failed")], {}, "in wave 2 1 failed (c), and 0 may"),
        ("b", [outcome("a", "failed")], {"wave_failures": 1, "fleet_failures": 1}, ""),
        (
            "d",
            [outcome("a", "failed"), outcome("b", "failed")],
            {"wave_failures": 1, "fleet_failures": 1},
            "up to wave 2 2 failed (a, b), and 1 may",
        ),
        ("unknown", [], {}, ""),
    ],
)
def test_a_wave_begins_only_when_those_before_have_done_well(
    cluster: str, outcomes: list[dict[str, Any]], policy: dict[str, int], why: str
) -> None:
    assert held_back(cluster, WAVES, outcomes, Policy(**policy)) == why
