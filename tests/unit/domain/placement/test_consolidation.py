# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is moved, what is not, and why: the traps of consolidation as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.economy import (
    demands,
    percentile,
    price_of,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.limits import Limits
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.options import options
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import Plan, rehearse, surprise
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Budget, Quota, Scene
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin
from tests.unit.domain.placement.scenes import DAY, NOW, model, node, other, replica, scene

LARGE = model("large", 8, desired=1, needed=0, most=2, wanted=0.5)
SMALL = model("llama")


def _scattered(*more: Any, small: Any = SMALL, **said: Any) -> Scene:
    """Two nodes with one replica of a small model each, and a large model that wants a node of its own."""
    pods = [replica("one", "a"), replica("two", "b"), *more]
    return scene(said.pop("nodes", [node("a"), node("b")]), pods, small, LARGE, **said)


def _moves(plan: Plan) -> list[tuple[str, str, str]]:
    return [(move.pod.split("/")[1], move.source, move.destination) for move in plan.moves]


def _plan(there: Scene, **agreed: Any) -> Plan:
    return plan_of(there, Efficiency(**agreed))


def test_a_block_is_freed_for_what_wants_one() -> None:
    made = _plan(_scattered())
    assert _moves(made) == [("one", "a", "b")]
    assert (made.price, made.gain) == (100.0, 8 * 0.5 * DAY)
    assert made.to_dict()["ratio"] == 3456.0
    assert made.to_dict()["moves"][0]["load_is"] == "p95 of its past loads"


WITHOUT: list[tuple[str, Scene, dict[str, Any], str]] = [
    ("nobody wants a block", scene([node("a"), node("b")], [replica("one", "a"), replica("two", "b")], SMALL), {},
     "no move is worth its price"),
    ("nobody knows whether a block is wanted",
     scene([node("a"), node("b")], [replica("one", "a"), replica("two", "b")], SMALL, replace(LARGE, wanted=None)), {},
     "no move is worth its price"),
    ("all nodes are under-used, and there are blocks enough",
     scene([node(name) for name in "abcdef"], [replica(name, name) for name in "abcd"], SMALL, LARGE), {},
     "no move is worth its price"),
    ("a load costs more than half of what the block gains",
     _scattered(small=replace(SMALL, loads=(200_000.0,) * 9)), {},
     "no move is worth its price"),
    ("the cache that is lost counts",
     _scattered(small=replace(SMALL, warm=200_000.0)), {}, "no move is worth its price"),
    ("two loads say nothing, and the longest is dear",
     _scattered(small=replace(SMALL, loads=(1.0, 2.0), load_limit=200_000.0)), {}, "no move is worth its price"),
    ("the contract forbids it", _scattered(), {"mode": "never"}, "the contract's efficiency.mode is never"),
    ("the last plan was an hour ago", _scattered(consolidated=NOW - 3600), {},
     "the last plan was carried out 1.0 h ago, and efficiency.cooldown is 24 h"),
    ("more moves than agreed are needed",
     scene([node("a"), node("b")], [replica(str(n), "ab"[n % 2]) for n in range(4)], SMALL, LARGE), {"max_moves": 1},
     "no move is worth its price"),
    ("the replicas are of two products",
     scene([node("a"), node("b", product="L40S")],
           [replica("one", "a"), replica("two", "b", model="l", product="L40S")],
           SMALL, model("l", product="L40S"), LARGE), {},
     "no move is worth its price"),
]  # fmt: skip


@pytest.mark.parametrize(("there", "agreed", "why"), [row[1:] for row in WITHOUT], ids=[row[0] for row in WITHOUT])
def test_nothing_moves_without_gain(there: Scene, agreed: dict[str, Any], why: str) -> None:
    made = _plan(there, **agreed)
    assert (_moves(made), made.why) == ([], why)


LABELS = {MODEL_LABEL: "llama"}
BUDGET = Budget("fireworks-models/llama", {"matchLabels": LABELS}, 1)
QUOTA = Quota("fireworks-models/approved-gpus", {f"requests.{GPU}": 0})
HELD: list[tuple[str, dict[str, Any], str]] = [
    ("a budget without room", {"budgets": (replace(BUDGET, allowed=0),)},
     "the disruption budget fireworks-models/llama allows no disruption now"),
    ("two budgets", {"budgets": (BUDGET, replace(BUDGET, key="fireworks-models/own"))},
     "several disruption budgets select it: fireworks-models/llama, fireworks-models/own"),
    ("a full quota", {"quotas": (QUOTA,)},
     "the quota fireworks-models/approved-gpus leaves 0 of requests.nvidia.com/gpu, and its replacement needs 1"),
    ("a full quota of pods", {"quotas": (replace(QUOTA, left={"pods": 0}),)},
     "the quota fireworks-models/approved-gpus leaves 0 of pods, and its replacement needs 1"),
    ("a full quota of its class", {"quotas": (replace(QUOTA, scopes=(
        {"scopeName": "PriorityClass", "operator": "In", "values": [""]},)),)},
     "the quota fireworks-models/approved-gpus leaves 0 of requests.nvidia.com/gpu, and its replacement needs 1"),
    ("it is rolling", {"small": replace(SMALL, busy="it is rolling")}, "llama: it is rolling"),
    ("its error budget is spent", {"small": replace(SMALL, budget_spent="its error budget is spent")},
     "llama: its error budget is spent"),
    ("traffic needs more than is ready", {"small": replace(SMALL, desired=3, needed=3)},
     "llama has 2 ready replicas, and its traffic needs 3"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "why"), [row[1:] for row in HELD], ids=[row[0] for row in HELD])
def test_a_replica_that_is_held_stays_and_the_plan_says_why(said: dict[str, Any], why: str) -> None:
    made = _plan(_scattered(**said))
    assert _moves(made) == []
    assert made.stays == ((why, 2),)


FREE: list[tuple[str, dict[str, Any]]] = [
    ("a budget that lets one go", {"budgets": (BUDGET,)}),
    ("a budget of others", {"budgets": (replace(BUDGET, selector={"matchLabels": {"app": "x"}}, allowed=0),)}),
    ("a budget of another namespace", {"budgets": (replace(BUDGET, key="apps/llama", allowed=0),)}),
    ("a quota of another class", {"quotas": (replace(QUOTA, scopes=(
        {"scopeName": "PriorityClass", "operator": "In", "values": ["other"]},)),)}),
    ("a quota of jobs", {"quotas": (replace(QUOTA, scopes=({"scopeName": "Terminating", "operator": "Exists"},)),)}),
    ("a quota with room for one more", {"quotas": (replace(QUOTA, left={f"requests.{GPU}": 1}),)}),
]  # fmt: skip


@pytest.mark.parametrize("said", [row[1] for row in FREE], ids=[row[0] for row in FREE])
def test_a_replica_that_nothing_holds_moves(said: dict[str, Any]) -> None:
    assert len(_plan(_scattered(**said)).moves) == 1


CLOSED: list[tuple[str, Any]] = [
    ("cordoned", node("b", cordoned=True)),
    ("not ready", node("b", closed="it is not ready")),
    ("tainted", node("b", taints=({"key": "x", "effect": "NoSchedule"},))),
    ("of another product", node("b", product="L40S")),
    ("full of somebody else's", node("b", allocatable={GPU: 1})),
    ("out of CPU", node("b", allocatable={"cpu": 2_000})),
]  # fmt: skip


@pytest.mark.parametrize("second", [row[1] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_nothing_goes_where_a_replica_could_not_run(second: Any) -> None:
    made = _plan(_scattered(nodes=[node("a"), second]))
    assert [move for move in _moves(made) if move[2] == "b"] == []


def test_a_spent_error_budget_does_not_hold_replicas_on_the_node_that_may_have_spent_it() -> None:
    short = replace(SMALL, budget_spent="its error budget is spent")
    made = _plan(_scattered(nodes=[node("a", leave=True, closed="gpu_ecc"), node("b")], small=short))
    assert [move[:2] for move in _moves(made)] == [("one", "a")]
    assert made.stays == (("llama: its error budget is spent", 1),)


def test_a_replica_was_moved_yesterday_and_not_today() -> None:
    small = [replica("one", "a", moved=NOW - DAY / 2), replica("two", "b", moved=NOW - DAY)]
    made = _plan(scene([node("a"), node("b")], small, SMALL, LARGE))
    assert _moves(made) == [("two", "b", "a")]
    assert made.stays == (("it was moved less than a day ago", 1),)


def test_a_second_run_moves_nothing() -> None:
    there = _scattered()
    later, found = rehearse(there, _plan(there).moves)
    assert not found
    assert _plan(replace(later, taken=NOW + 2 * DAY)).moves == ()


def test_nothing_lands_where_it_came_from() -> None:
    there = scene([node(name) for name in "abc"], [replica(f"{n}", "abc"[n % 3]) for n in range(6)], SMALL,
                  replace(LARGE, most=9))  # fmt: skip
    made = _plan(there)
    assert len(made.moves) == 4
    later, _found = rehearse(there, made.moves)
    left = {move.pod: move.source for move in made.moves}
    assert all(pod.node != left.get(pod.key) for pod in later.pods)
    assert sorted(Counter(pod.node for pod in later.pods).values()) == [6]


def test_a_replica_that_waits_gets_room() -> None:
    waits = replica("new", gpus=8, model="large", ready=False)
    made = _plan(_scattered(waits))
    assert [(one.aim, one.target) for one in made.packages] == [
        ("room for a replica that waits", "fireworks-models/new")
    ]
    assert made.gain == 8 * DAY
    later, _found = rehearse(_scattered(waits), made.moves)
    assert next(pod.node for pod in later.pods if pod.key == waits.key) == "a"


def test_somebody_elses_pod_that_would_take_the_room_makes_a_plan_worthless() -> None:
    thief = other("thief", gpus=8, priority=2_000_000_000, requests={"cpu": 100})
    assert _plan(_scattered(thief)).moves == ()


@pytest.mark.parametrize("why", ["gpu_ecc", "its owner has it in maintenance"])
def test_a_node_to_be_left_is_left_first_and_why_is_said(why: str) -> None:
    there = _scattered(nodes=[node("a"), node("b", leave=True, closed=why), node("c")])
    made = _plan(there)
    assert (made.packages[0].aim, made.packages[0].target) == (f"off a node ({why})", "b")
    assert _moves(made)[0] == ("two", "b", "a")


def test_a_critical_model_keeps_two_hosts() -> None:
    critical = replace(SMALL, critical=True)
    assert _plan(_scattered(small=critical)).moves == ()
    on_one = [replica("one", "a"), replica("two", "a"), replica("three", "b")]
    assert _plan(scene([node("a"), node("b")], on_one, critical, LARGE)).moves == ()


def test_a_critical_model_keeps_two_zones() -> None:
    zone = "topology.kubernetes.io/zone"
    nodes = [node("a", labels={zone: "1"}), node("b", labels={zone: "2"}), node("c", labels={zone: "1"})]
    pods = [replica("one", "a"), replica("two", "b"), other("x", "c", 1)]
    there = scene(nodes, pods, replace(SMALL, critical=True), LARGE)
    assert _moves(_plan(there)) == [("one", "a", "c")]


def test_the_last_node_of_a_critical_model_is_not_left_for_one_that_has_a_replica() -> None:
    """Its owner labelled it for maintenance; what is left would put both replicas on one host."""
    nodes = [node("a"), node("b", leave=True, closed="its owner has it in maintenance")]
    critical = replace(SMALL, critical=True)
    pods = [replica("one", "a"), replica("two", "b")]
    assert _plan(scene(nodes, pods, critical, LARGE)).moves == ()
    assert _moves(_plan(scene([*nodes, node("c")], pods, critical, LARGE))) == [("two", "b", "c")]


def test_a_group_stays_and_its_domain_is_filled_up_beside_it() -> None:
    group = model("group", 8, nodes=2, desired=1, most=2, wanted=0.5)
    nodes = [node(name, domain=name[0]) for name in ("x1", "x2", "x3", "x4", "y1", "y2")]
    part = ("it is part of a replica that spans nodes, which moves only as a whole",)
    leader = [replica(f"g{n}", f"x{n}", 8, model="group", stays=part) for n in (1, 2)]
    pods = [*leader, replica("one", "x3"), replica("two", "y1"), other("o", "y2", 1)]
    made = _plan(scene(nodes, pods, SMALL, group))
    assert _moves(made) == [("one", "x3", "y1")]
    assert made.gain == 16 * 0.5 * DAY


SURPRISES: list[tuple[str, Any, str]] = [
    ("nothing", _scattered(), ""),
    ("the destination fell sick", _scattered(nodes=[node("a"), node("b", leave=True, closed="gpu_ecc")]),
     "b takes nothing now: gpu_ecc"),
    ("somebody else took the room", _scattered(other("thief", "b", 7)),
     "b does not take fireworks-models/one: 0 of 1 nvidia.com/gpu free"),
    ("the destination was cordoned", _scattered(nodes=[node("a"), node("b", cordoned=True)]),
     "b does not take fireworks-models/one: cordoned"),
    ("the destination is gone", _scattered(nodes=[node("a")]), "b is not there any more"),
    ("the budget lets none go any more", _scattered(budgets=(replace(BUDGET, allowed=0),)),
     "fireworks-models/one stays: the disruption budget fireworks-models/llama allows no disruption now"),
    ("the model began to roll", _scattered(small=replace(SMALL, busy="it is rolling")),
     "fireworks-models/one stays: llama: it is rolling"),
    ("the replica is elsewhere already",
     scene([node("a"), node("b")], [replica("one", "b"), replica("two", "b")], SMALL, LARGE),
     "fireworks-models/one is on b, and was on a when this was planned"),
    ("the model became critical", _scattered(small=replace(SMALL, critical=True)),
     "llama is critical, and would be on one host or in one zone"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "expected"), [row[1:] for row in SURPRISES], ids=[row[0] for row in SURPRISES])
def test_a_move_is_not_made_when_the_cluster_is_not_as_it_was_planned_for(now: Scene, expected: str) -> None:
    [move] = _plan(_scattered()).moves
    assert surprise(Twin(now), Limits(now), move) == expected


def test_a_rehearsal_ends_at_the_first_surprise() -> None:
    there = _scattered(replica("three", "a"))
    moves = _plan(there).moves
    later, found = rehearse(there, [*moves, *moves])
    assert "when this was planned" in found
    assert [pod.node for pod in later.pods] == [pod.node for pod in rehearse(there, moves)[0].pods]


def test_the_cheapest_replicas_move() -> None:
    dear = model("dear", 1, loads=(900.0,) * 9)
    there = scene([node("a"), node("b")], [replica("one", "a", model="dear"), replica("two", "b")], SMALL, dear, LARGE)
    assert _moves(_plan(there)) == [("two", "b", "a")]


def test_a_block_is_freed_where_moves_cost_least_though_they_are_more() -> None:
    slow, quick = model("slow", loads=(1500.0,) * 9), model("quick", loads=(20.0,) * 9)
    pods = [replica("one", "a", model="slow"), *(replica(name, "b", model="quick") for name in ("two", "three"))]
    there = scene([node("a"), node("b"), node("c", 4)], [*pods, replica("four", "c")], SMALL, slow, quick, LARGE)
    made = _plan(there)
    assert _moves(made) == [("three", "b", "c"), ("two", "b", "c")]
    assert made.price == 40.0


def test_what_nobody_measured_is_named() -> None:
    made = _plan(_scattered(small=replace(SMALL, loads=()), unread=("error budgets",)))
    assert made.unproven == (
        "error budgets",
        "load times of llama: the longest that a load may take is assumed",
        "wishes for another replica of llama: a block for one counts nothing",
    )


PRICES: list[tuple[tuple[float, ...], float, float, float, bool]] = [
    ((), 1800.0, 0.0, 1800.0, False),
    ((2000.0,), 1800.0, 0.0, 2000.0, False),
    ((1.0,) * 4, 60.0, 0.0, 60.0, False),
    (tuple(map(float, range(1, 21))), 60.0, 0.0, 19.0, True),
    ((10.0,) * 5, 60.0, 5.0, 15.0, True),
]


def test_a_price_is_of_measured_loads_or_of_the_longest_that_may_be() -> None:
    for loads, limit, warm, each, measured in PRICES:
        price = price_of(model(gpus=2, loads=loads, load_limit=limit, warm=warm))
        assert (price.gpu_seconds, price.measured) == (2 * each, measured), loads
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_a_node_gives_up_as_few_replicas_as_it_can() -> None:
    found = {one.freed: one.sizes for one in options([1, 1, 2, 4])}
    assert found == {1: (1,), 2: (2,), 3: (2, 1), 4: (4,), 5: (4, 1), 6: (4, 2), 7: (4, 2, 1), 8: (4, 2, 1, 1)}


def test_models_that_want_the_same_want_it_together() -> None:
    wants = [model(name, 8, desired=1, needed=0, most=3, wanted=0.5) for name in ("one", "two")]
    [demand] = demands(wants, DAY)
    assert (demand.count, demand.seconds, demand.worth) == (4, DAY / 2, 4 * DAY)


def test_another_replica_makes_way_where_room_is_scattered() -> None:
    """A node has the GPU and no CPU, another one CPU and a GPU that somebody small holds."""
    nodes = [node("a"), node("b", 2, allocatable={"cpu": 40_000}), node("c", 2, allocatable={"cpu": 4_000})]
    heavy = replica("heavy", "a", model="heavy", requests={"cpu": 30_000, GPU: 1, "pods": 1})
    kept = [replica(f"kept-{name}", name, stays=("it is not a replica of ours",)) for name in ("b", "c")]
    there = scene(nodes, [heavy, replica("light", "b"), *kept], SMALL, model("heavy"), LARGE)
    made = _plan(there)
    assert _moves(made) == [("light", "b", "c"), ("heavy", "a", "b")]
    assert [one.aim for one in made.packages] == ["a block of free GPUs"]


def test_a_plan_is_shown_as_a_table_with_its_sums() -> None:
    heading, _rule, move, _blank, sums, *_rest = _plan(_scattered()).text().splitlines()
    assert heading.split() == ["POD", "MODEL", "FROM", "TO", "GPUS", "PRICE", "LOAD", "SECONDS", "LOAD", "IS", "FOR"]
    assert move.split()[:7] == ["fireworks-models/one", "llama", "a", "b", "1", "100", "100"]
    assert sums == "A gain of 345600 GPU-seconds for 100, 3456.0 times as much."


def test_a_plan_of_no_moves_says_why_and_what_stays() -> None:
    shown = _plan(_scattered(budgets=(replace(BUDGET, allowed=0),))).text()
    assert shown.startswith("Nothing moves: no move is worth its price.\n\n2 GPUs not moved: the disruption budget")
