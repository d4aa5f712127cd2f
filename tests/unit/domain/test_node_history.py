# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One history on a node: what remediation writes, health reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import seconds_at
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.node_history import (
    judged,
    repairs_of,
    with_repair,
)

SAID = "byoc.fireworks.ai/remediation-"
SEEN, REPAIRED, BEFORE, AFTER = (f"2026-11-26T0{hour}:00:00Z" for hour in (1, 2, 1, 3))
REPAIR = {"at": REPAIRED, "goal": "reboot", "session": "s", "outcome": "done", "fault": "xid", "gpu": "G", "seen": SEEN}


def marks(*repairs: dict[str, Any], **said: str) -> dict[str, str]:
    return {SAID + "history": json.dumps(repairs), **{SAID + key: text for key, text in said.items()}}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, "unproven"),
        ({"returned": AFTER}, "returned"),
        ({"returned": REPAIRED}, "returned"),
        ({"returned": BEFORE}, "unproven"),
        ({"released": AFTER}, "cancelled"),
        ({"returned": BEFORE, "released": AFTER}, "cancelled"),
        ({"state": "suspect"}, "unproven"),
        ({"state": "suspect", "returned": AFTER}, "returned"),
        ({"state": "validating"}, "under way"),
        ({"state": "handed-over", "returned": BEFORE}, "under way"),
        ({"returned": "yesterday"}, "unproven"),
    ],
)
def test_whether_a_node_was_proved_well_since_its_repair(said: dict[str, str], state: str) -> None:
    [entry] = judged(marks(REPAIR, **said))
    assert entry == {"fault": "xid", "gpu": "G", "at": seconds_at(SEEN), "action": "reboot", "state": state}


@pytest.mark.parametrize("text", ["[{", '["x"]', "3", "{}", "null"])
def test_what_cannot_be_read_is_told_so(text: str) -> None:
    said = {SAID + "history": text}
    assert repairs_of(said) is None
    assert [one["state"] for one in judged(said)] == ["unreadable"]


def test_a_node_without_a_past() -> None:
    assert repairs_of({}) == () and judged({}) == [] and judged({SAID + "history": ""}) == []


def test_odd_entries_are_kept_and_judged_as_far_as_they_go() -> None:
    [entry] = judged(marks({"at": "once"}, returned=AFTER))
    assert entry == {"fault": "", "gpu": "", "at": None, "action": "", "state": "unproven"}
    [entry] = judged(marks({"at": REPAIRED}, returned=AFTER))
    assert (entry["at"], entry["state"]) == (seconds_at(REPAIRED), "returned")


def test_the_oldest_repairs_are_forgotten() -> None:
    text = "[]"
    for number in range(25):
        text = with_repair(json.loads(text), {"session": str(number)})
    assert [one["session"] for one in json.loads(text)] == [str(number) for number in range(5, 25)]
