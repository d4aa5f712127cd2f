# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.room import Room, room_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.strategy import Now, Strategy, choose
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import Shape
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.views import node_view, pod_view
from tests.unit.domain.raw import H100, L40S, node, pod


def room(*free: int, held: tuple[int, ...] = (), quota: int | None = None, whole: bool = True) -> Room:
    """Nodes n0, n1, … with so many free GPUs, and so many held by the model itself."""
    return Room(H100, {f"n{i}": gpus for i, gpus in enumerate(free)}, {f"n{i}": g for i, g in enumerate(held) if g},
                quota, whole)  # fmt: skip


def now(replicas: int, gpus: int = 1, *, available: int | None = None, away: int = 1, product: str = H100) -> Now:
    return Now(Shape(replicas, gpus, product), replicas if available is None else available, away)


def wanted(replicas: int, gpus: int = 1, product: str = H100) -> Shape:
    return Shape(replicas, gpus, product)


# (what runs, what is wanted, the room, options) -> strategy, extra, steps, words of the arithmetic
CHOICES: list[tuple[str, Now | None, Shape, Room, dict[str, Any], str, int, int, str]] = [
    ("nothing runs and there is room", None, wanted(2), room(8), {}, "first", 2, 1, "nothing runs yet"),
    ("nothing runs and there is no room", None, wanted(2, 8), room(7, 7), {}, "refused", 0, 1,
     "2 replicas of 8 GPUs would be added; free GPUs of NVIDIA-H100-80GB-HBM3 by node: n0 7, n1 7"),
    ("only labels change", now(2), wanted(2), room(0), {"same_pods": True}, "apply", 0, 1, "the pods stay"),
    ("more of the same with room", now(2), wanted(4), room(2), {"same_pods": True}, "apply", 2, 1, "the pods stay"),
    ("more of the same without room", now(2), wanted(4), room(1), {"same_pods": True}, "refused", 0, 1,
     "2 replicas of 1 GPU would be added"),
    ("it is scaled to zero", now(0), wanted(0), room(0), {}, "idle", 0, 1, "scaled to zero"),
    ("room for all", now(2), wanted(2), room(8), {}, "surge", 2, 1, "2 replicas can be added before old ones go"),
    ("room for one of four", now(4, 2), wanted(4, 2), room(3), {}, "surge", 1, 4, "1 replica can be added"),
    ("free, but not on one node", now(2, 8), wanted(2, 8), room(4, 4, held=(8, 8)), {}, "replace", 0, 2,
     "n0 4, n1 4; with 8 for each replica that is room for 0 replicas more"),
    ("free, but the quota is used up", now(2), wanted(2), room(8, held=(2,), quota=0), {}, "replace", 0, 2,
     "the quota leaves 0"),
    ("none free, and a budget", now(3), wanted(3), room(0, held=(3,)), {}, "replace", 0, 3,
     "the budget lets 1 of 3 be away"),
    ("none free, and one replica", now(1), wanted(1), room(0, held=(1,)), {}, "refused", 0, 1,
     "it has 1 replica, and with that away nothing serves; draining first is not allowed: rollout.downtime is false"),
    ("none free, one replica, and downtime", now(1), wanted(1), room(0, held=(1,)), {"downtime": True}, "drain", 0, 1,
     "rollout.downtime allows"),
    ("none free, one replica that serves nobody", now(1, available=0), wanted(1), room(0, held=(1,)), {}, "replace",
     0, 1, "none of its replicas serves"),
    ("none free, and a budget of nothing", now(3, away=0), wanted(3), room(0, held=(3,)), {}, "refused", 0, 1,
     "its PodDisruptionBudget lets none of 3 replicas be away"),
    ("larger replicas that do not fit instead", now(2, 4), wanted(2, 8), room(2, held=(4,)), {}, "refused", 0, 1,
     "8 GPUs do not fit where a replica of 4 is taken away"),
    ("larger replicas that fit once all are gone", now(2, 4), wanted(1, 8), room(0, held=(8,)), {"downtime": True},
     "drain", 0, 1, "8 GPUs do not fit where a replica of 4 is taken away"),
    ("larger replicas that never fit", now(2, 4), wanted(2, 8), room(0, held=(8,)), {"downtime": True}, "refused", 0,
     1, "draining first leaves room for 1 replica of 2"),
    ("larger replicas that fit beside what is free", now(2, 4), wanted(2, 8), room(4, held=(8,)), {}, "replace", 0, 2,
     "replaced one by one"),
    ("another product without room", now(2, product=L40S), wanted(2), room(0), {}, "refused", 0, 1,
     "it moves from NVIDIA-L40S to NVIDIA-H100-80GB-HBM3"),
    ("another product with room", now(2, product=L40S), wanted(2), room(2), {}, "surge", 2, 1, "can be added"),
    ("more replicas of another version", now(2), wanted(3), room(2), {}, "surge", 2, 3, "1 replica can be added"),
    ("more replicas, and room for the new ones only", now(2), wanted(3), room(1, held=(2,)), {}, "replace", 1, 3,
     "room for 1 replica more"),
    ("more replicas, and no room", now(2), wanted(4), room(1, held=(2,)), {}, "refused", 0, 1,
     "2 replicas would be added and 1 fit"),
    ("fewer replicas", now(4), wanted(2), room(1), {}, "surge", 1, 2, "1 replica can be added"),
    ("no GPUs at all", now(2, 0, product=""), wanted(2, 0, ""), room(), {}, "surge", 2, 1, "it needs no GPUs"),
    ("the pods of others unseen", now(2), wanted(2), room(8, whole=False), {}, "surge", 2, 1,
     "if no others hold them (their pods cannot be seen)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "target", "free", "options", "name", "extra", "steps", "words"),
    [case[1:] for case in CHOICES],
    ids=[case[0] for case in CHOICES],
)
def test_the_strategy_follows_what_is_free(
    runs: Now | None, target: Shape, free: Room, options: dict[str, Any], name: str, extra: int, steps: int, words: str
) -> None:
    found = choose(runs, target, free, **{"same_pods": False, "downtime": False, **options})
    assert (found.name, found.extra, found.steps) == (name, extra, steps), found.why
    assert words in found.why


@pytest.mark.parametrize(
    ("strategy", "manifest"),
    [
        (Strategy("surge", "", 3, surge=2),
         {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}),
        (Strategy("replace", ""), {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        (Strategy("drain", ""), {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}),
        (Strategy("apply", ""), None),
    ],
    ids=lambda value: value.name if isinstance(value, Strategy) else "",
)  # fmt: skip
def test_a_strategy_as_the_deployment_takes_it(strategy: Strategy, manifest: dict[str, Any] | None) -> None:
    assert strategy.manifest == manifest


def test_what_earlier_models_take_is_not_free_for_later_ones() -> None:
    free = room(8, 4, quota=16)
    assert free.without(4, 1).free == {"n0": 8, "n1": 0}
    assert free.without(4, 2).free == {"n0": 4, "n1": 0}
    assert free.without(4, 2).quota == 8
    other = free.without(4, 2, same_product=False)
    assert (other.free, other.quota) == (free.free, 8)
    assert free.without(16, 1).free == free.free
    assert room(8).without(8, 1).quota is None


def test_room_is_read_node_by_node_and_only_where_pods_may_go() -> None:
    nodes = [node("a"), node("b", cordoned=True), node("c", product=L40S), node("d", allocatable=4), node("e", 0)]
    pods = [
        pod("p1", 2, on="a", model="llama"),
        pod("p2", 1, on="a", model="qwen"),
        pod("p3", 4, on="b", model="llama"),
        pod("p4", 1, on="a", phase="Succeeded"),
        pod("p5", 1),
        pod("p6", 1, on="d", model="llama", namespace="theirs"),
    ]
    quotas = [
        {"spec": {"hard": {"requests.nvidia.com/gpu": "16"}}, "status": {"used": {"requests.nvidia.com/gpu": "8"}}},
        {"spec": {"hard": {"pods": "4"}}},
    ]
    found = room_of("llama", H100, map(node_view, nodes), map(pod_view, pods), quotas)
    assert found.free == {"a": 5, "d": 3, "e": 0}
    assert found.held == {"a": 2}
    assert found.quota == 8
    assert room_of("llama", H100, [], [], [], whole=False) == Room(H100, {}, {}, None, whole=False)
