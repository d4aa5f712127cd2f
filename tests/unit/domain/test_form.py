# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that was kept and edited: where it is not of its form is said in one sentence, with what has to be there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.form import Either, Row, form_of, misfit
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.snapshot import (
    SnapshotError,
    check_snapshot,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import seconds_at, shown_moment
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import (
    UnreadableSceneError,
    from_dict,
    to_dict,
)
from tests.unit.domain.health.scene import recorded
from tests.unit.domain.placement import scenes


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        ({"a": 1, "more": 2}, {"a": int}, ""),
        ({"a": [1, "x"]}, {"a": [int]}, "a[1] is 'x', and has to be a whole number"),
        ([], {"a": int}, "it is a list, and has to be a mapping"),
        ({}, {"a": int}, "a is missing"),
        ({}, {"a?": int}, ""),
        ({"a": None}, {"a?": int}, "a is None, and has to be a whole number"),
        ({"a": True}, {"a": int}, "a is True, and has to be a whole number"),
        ({"a": 1}, {"a": bool}, "a is 1, and has to be true or false"),
        ({"a": 1}, {"a": float}, ""),
        ({"a": float("nan")}, {"a": float}, "a is nan, and has to be a number"),
        ({"a": 10**400}, {"a": float}, "a is 1000000000000000000000000000000000000000, and has to be a number"),
        ({"a": None}, {"a": Either(float, None)}, ""),
        ({"a": "x"}, {"a": Either(float, None)}, "a is 'x', and has to be a number or nothing"),
        ({"a": ["x", 2]}, {"a": Row(str, int)}, ""),
        ({"a": ["x"]}, {"a": Row(str, int)}, "a has to be a list of 2 entries"),
        ({"a": ["x", "y"]}, {"a": Row(str, int)}, "a[1] is 'y', and has to be a whole number"),
        ({"a": {"b": {"c": "x" * 100}}}, {"a": {str: {"c": int}}}, "a.b.c is 'xxx"),
        ({"a": {1: 2}}, {"a": {str: int}}, "a key of a is 1, and has to be a text"),
    ],
)
def test_a_misfit_is_told_with_its_place_and_what_is_meant(value: Any, form: Any, said: str) -> None:
    told = misfit(value, form)
    assert told.startswith(said) and bool(told) is bool(said) and len(told) < 120


def test_the_form_of_a_dataclass_is_read_of_its_fields() -> None:
    @dataclass
    class Part:
        name: str
        sizes: tuple[int, ...]
        at: float | None = None
        labels: dict[str, str] = field(default_factory=dict)

    form = form_of(Part)
    assert misfit({"name": "a", "sizes": [1]}, form) == ""
    assert misfit({"name": "a", "sizes": ["1"]}, form) == "sizes[0] is '1', and has to be a whole number"
    assert misfit({"name": "a", "sizes": [], "labels": {"a": 1}}, form) == "labels.a is 1, and has to be a text"


CASE = {
    "contract": {"health": {"expect": [], "sources": {}}},
    "nodes": {"n1": {"gpus": 8, "boot": "2h"}, "n2": {}},
    "metrics": {"n1": {"all": {"DCGM_FI_DEV_XID_ERRORS": 79}}},
    "events": [{"reason": "NodeNotReady", "first": "30m", "ago": "10m", "times": 3, "component": "node-controller"}],
    "engines": [{"samples": [["2m", 1, 0, 7], ["1m", 1, 0, 7]]}],
    "infiniband": {"n1": [4, 4]},
}
HEALTH = json.loads(json.dumps(recorded(CASE)))
SCENE = json.loads(json.dumps(to_dict(scenes.scene([scenes.node("n1")], [scenes.replica("a", "n1")], scenes.model()))))


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """Every place in plain data."""
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (key,)
        yield from ((key, *deeper) for deeper in places(below))


def replaced(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy, but only of what leads to the place."""
    if not place:
        return value
    made = copy.copy(data)
    made[place[0]] = replaced(data[place[0]], place[1:], value)
    return made


@pytest.mark.parametrize(
    ("data", "read", "error"),
    [(HEALTH, check_snapshot, SnapshotError), (SCENE, from_dict, UnreadableSceneError)],
    ids=["health", "capacity"],
)
def test_a_snapshot_that_was_edited_is_read_or_refused_in_one_sentence(
    data: Any, read: Callable[[Any], Any], error: type[Exception]
) -> None:
    read(data)
    refused = 0
    for place in places(data):
        for odd in (None, "x", 5, -1.5, True, [], {}, [[]], {"a": 1}):
            try:
                read(replaced(data, place, odd))
            except error as told:
                refused += 1
                assert len(str(told)) < 250 and "\n" not in str(told), place
    assert refused > 300


@pytest.mark.parametrize("data", [{}, {"version": None}, {"version": "1"}, {"version": 2}, {"version": [1]}])
def test_a_snapshot_of_another_version_is_told_as_that(data: Any) -> None:
    with pytest.raises(SnapshotError, match="and this collection reads version 1"):
        check_snapshot(data)
    with pytest.raises(UnreadableSceneError, match="a snapshot of version 1 is needed"):
        from_dict(data)


@pytest.mark.parametrize("said", [-2e11, 1e20, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", float("nan")])
def test_a_moment_that_no_calendar_has_ends_nothing(said: Any) -> None:
    assert shown_moment(seconds_at(said)) == ""
    assert shown_moment(said) == "" if isinstance(said, float) else True
