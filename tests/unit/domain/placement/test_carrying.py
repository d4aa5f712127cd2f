# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is concluded from a replacement that is seen, which nodes are closed for it, and what nodes keep of a plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.carrying import (
    MOST_CLOSED,
    Begun,
    Sight,
    last_moved,
    loaded,
    marked,
    marks,
    placed,
    rivals,
    too_many,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import Move
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin
from tests.unit.domain.placement.scenes import NOW, node, replica, scene

MOVE = Move("fireworks-models/one", "llama", "a", "b", 1, 100.0, 100.0, True)
PLACED: list[tuple[str, list[Sight], float, str, str]] = [
    ("none was created yet", [], 1.0, "waits", ""),
    ("none was created", [], 21.0, "surprise", "its replacement was not created in 20 s"),
    ("it has no node yet", [Sight()], 1.0, "waits", ""),
    ("the scheduler has not found one yet", [Sight(lost="0/2 nodes")], 1.0, "waits", ""),
    ("no node takes it", [Sight(lost="0/2 nodes")], 21.0, "surprise", "no node takes its replacement: 0/2 nodes"),
    ("nobody places it", [Sight()], 21.0, "surprise", "its replacement was not placed in 20 s"),
    ("it is where it was to be", [Sight("b")], 1.0, "landed", ""),
    ("late", [Sight("b")], 99.0, "landed", ""),
    ("it is back on its source", [Sight("a")], 1.0, "surprise", "its replacement was placed on a instead of b"),
    ("it is somewhere else", [Sight("c")], 1.0, "surprise", "its replacement was placed on c instead of b"),
    ("another one came beside it", [Sight("b"), Sight("c")], 1.0, "surprise",
     "its replacement was placed on c instead of b"),
    ("one that is over says nothing", [Sight("c", over=True)], 1.0, "waits", ""),
]  # fmt: skip
LOADED: list[tuple[str, list[Sight], float, str, str]] = [
    ("it loads", [Sight("b")], 1.0, "waits", ""),
    ("it is Ready", [Sight("b", ready=True)], 1.0, "landed", ""),
    ("it takes too long", [Sight("b")], 101.0, "surprise", "its replacement is not Ready after 100 s"),
    ("it is gone", [], 1.0, "surprise", "its replacement on b is gone"),
    ("it has ended", [Sight("b", ready=True, over=True)], 1.0, "surprise", "its replacement on b is gone"),
]


@pytest.mark.parametrize(
    ("seen", "waited", "state", "why"), [row[1:] for row in PLACED], ids=[row[0] for row in PLACED]
)
def test_a_replacement_is_judged_when_it_is_bound(seen: list[Sight], waited: float, state: str, why: str) -> None:
    assert placed(seen, MOVE, waited, 20.0) == (state, why)


@pytest.mark.parametrize(
    ("seen", "waited", "state", "why"), [row[1:] for row in LOADED], ids=[row[0] for row in LOADED]
)
def test_a_replacement_is_judged_while_it_loads(seen: list[Sight], waited: float, state: str, why: str) -> None:
    assert loaded(seen, MOVE, waited, 100.0) == (state, why)


def test_every_other_node_that_could_take_it_is_closed_its_source_among_them() -> None:
    nodes = [node("a"), node("b"), node("c"), node("d", cordoned=True), node("e", product="L40S"), node("f", 1)]
    pods = [replica("one", "a"), replica("two", "f")]
    assert rivals(Twin(scene(nodes, pods)), MOVE) == ["a", "c"]


def test_a_source_that_is_full_takes_no_replacement() -> None:
    pods = [replica(name, "a") for name in ("one", "2", "3", "4", "5", "6", "7", "8")]
    assert rivals(Twin(scene([node("a"), node("b")], pods)), MOVE) == []


def test_no_more_nodes_are_closed_than_a_hundred() -> None:
    names = [f"n{number}" for number in range(MOST_CLOSED)]
    assert too_many(names) == ""
    assert too_many([*names, "one more"]).startswith("101 other nodes could take the replacement")


_NAMES = st.sampled_from("abcd")
_BEGUN = st.lists(
    st.builds(Begun, st.just("0f3b"), st.integers(0, 99), st.uuids().map(str), _NAMES, _NAMES), max_size=9
)


@given(_BEGUN)
def test_what_nodes_keep_of_a_plan_is_the_plan(begun: list[Begun]) -> None:
    kept = [one for node_name, text in marks(begun).items() for one in marked(node_name, text)]
    assert sorted(kept, key=repr) == sorted(begun, key=repr)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"plan": "0f"}', '{"plan": "0f", "moves": [["x", 1, 2]]}', "1"])
def test_what_somebody_else_wrote_there_is_no_plan(text: str) -> None:
    assert marked("a", text) == []


def test_the_last_move_is_the_latest_of_all_replicas() -> None:
    assert last_moved([replica("one", "a")]) is None
    assert last_moved([replica("one", "a", moved=NOW - 9), replica("two", "b", moved=NOW)]) == NOW
