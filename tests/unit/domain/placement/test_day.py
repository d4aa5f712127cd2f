# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's day: where replicas land at birth, which go first, and what counts as moved twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import BLOCK, Move, Package, Plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Pod
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin
from tests.benchmarks.placement.day import Curve, Day, Hour, born, cluster, run, twice
from tests.unit.domain.placement.scenes import node, other, replica, scene

ZONE = "topology.kubernetes.io/zone"
NODES = [node(name, labels={ZONE: zone}) for name, zone in (("a", "z0"), ("b", "z0"), ("c", "z1"), ("d", "z1"))]
BIRTHS: list[tuple[str, list[Pod], bool, str]] = [
    ("the emptiest of all", [other("o", "d", requests={"cpu": 9_000})], False, "c"),
    ("beside another model", [replica("one", "b", model="mistral")], False, "b"),
    ("not beside its own", [replica("one", "d")], False, "c"),
    ("of a critical one, another zone", [replica("one", "d")], True, "b"),
    ("another host of a zone that has one", [replica("one", "d"), replica("two", "b")], True, "c"),
    ("nowhere", [other(name, name, 8) for name in "abcd"], False, ""),
]


@pytest.mark.parametrize(("pods", "critical", "to"), [row[1:] for row in BIRTHS], ids=[row[0] for row in BIRTHS])
def test_where_a_replica_lands_at_birth(pods: list[Pod], critical: bool, to: str) -> None:
    assert born(Twin(scene(NODES, pods)), replica("new"), critical) == to


def test_replicas_follow_the_curve_and_the_newest_go_first() -> None:
    curve = Curve("m", 8, 1, 3, 12, 60.0)
    assert [curve.replicas(hour) for hour in (0, 12, 24, 36)] == [1, 3, 1, 3]
    day = Day(cluster()[:2], [curve])
    day.scale(12)
    assert (day.used(), day.waiting()) == (16, {"m": 8})
    day.scale(24)
    assert [pod.key for pod in day.pods.values()] == ["fireworks-models/m-00001"]


def _hour(hour: int, *pods: str) -> Hour:
    moves = tuple(Move(pod, "m", "a", "b", 1, 1.0, 1.0, measured=True) for pod in pods)
    return Hour(hour, 0, 0, Plan((Package(BLOCK, "a", moves, 9.0),)), 0, 0)


def test_what_moves_again_within_a_day_is_counted() -> None:
    assert twice([_hour(0, "x", "y"), _hour(5, "z")]) == 0
    assert twice([_hour(0, "x", "y"), _hour(5, "x"), _hour(24, "y")]) == 1


def test_a_day_with_plans_keeps_the_cooldown_and_serves_what_would_wait() -> None:
    small = [Curve(f"s{number}", 1, 1, 1, 0, 60.0) for number in range(2)]
    start = Day(cluster()[:2], [*small, Curve("large", 8, 0, 1, 12, 600.0)], {"large": 0.5})
    start.scale(0)
    hosts = [one.name for one in start.nodes]
    apart = zip(start.pods.values(), hosts, strict=True)
    start.pods = {pod.key: replace(pod, node=host) for pod, host in apart}
    before = dict(start.pods)
    hours, none = run(start, 0, Efficiency()), run(start, 0, None)
    assert [len(one.plan.moves) for one in hours if one.plan.moves] == [1]
    assert sum(one.late for one in hours) == 0 < sum(one.late for one in none)
    assert twice(hours) == sum(one.again for one in hours) == 0
    assert start.pods == before
