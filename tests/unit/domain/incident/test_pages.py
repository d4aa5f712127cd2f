# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an incident's people read: the timeline, whose minutes, the impact and the page."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.changes import changes_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.impact import impact, impact_queries
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import (
    MOST_BYTES,
    Incident,
    minutes_by_owner,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.page import review_page
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.timeline import (
    MOST_ROWS,
    of_alerts,
    of_changes,
    of_events,
    of_records,
    timeline,
)
from tests.unit.domain.agreed import contract

ACME = {"name": "Acme capacity", "email": "capacity@acme.example"}


def at(minute: int) -> str:
    return f"2026-11-29T21:{minute:02}:00Z"


OPENED = {
    "at": at(10),
    "did": "opened",
    "by": "sre",
    "symptoms": [
        {"fault": "gpu_off_the_bus", "severity": "critical", "nodes": ["gpu-7"], "since": at(5), "touches": ["llama"]}
    ],
    "cause": {"kind": "node", "name": "gpu-7", "why": "all of it is of this node", "changed": "llama: revision 4"},
    "action": {"owner": "fireworks", "contact": {"name": "", "email": ""}, "ask": "Look."},
}
HANDED = {
    "at": at(15),
    "did": "noted",
    "by": "sre",
    "action": {"owner": "customer", "contact": ACME, "ask": "Reboot it."},
}
TAKEN = {
    "at": at(45),
    "did": "noted",
    "by": "ann",
    "note": "rebooted",
    "action": {**OPENED["action"], "ask": "Validate."},
}
CLOSED = {"at": at(50), "did": "closed", "by": "sre", "note": "It | serves\n# again <b>"}


def incident(*entries: dict[str, Any]) -> Incident:
    return Incident(7, (OPENED, *entries))


@pytest.mark.parametrize(
    ("entries", "minutes"),
    [
        ((), {"fireworks": 49}),
        ((HANDED,), {"fireworks": 5, "customer": 44}),
        ((HANDED, CLOSED), {"fireworks": 5, "customer": 35}),
        ((HANDED, TAKEN, CLOSED), {"fireworks": 10, "customer": 30}),
        ((HANDED, HANDED, CLOSED), {"fireworks": 5, "customer": 35}),
        # What is said after the end takes nobody's time.
        ((CLOSED, {**HANDED, "at": at(55)}), {"fireworks": 40, "customer": 0}),
    ],
)
def test_minutes_are_of_whose_action_it_was(entries: tuple[dict[str, Any], ...], minutes: dict[str, float]) -> None:
    assert minutes_by_owner(incident(*entries), at(59)) == minutes


def test_a_timeline_is_of_all_that_knows_of_its_time() -> None:
    rows = [
        *of_changes([{"at": at(1), "what": "llama: revision 4"}, {"at": "2026-11-28T21:00:00Z", "what": "too early"}]),
        *of_events([
            {"type": "Warning", "at": at(6), "kind": "Pod", "name": "llama-0", "reason": "Failed", "said": "exit 1"},
            {"type": "Normal", "at": at(6), "kind": "Pod", "name": "llama-0", "reason": "Pulled", "said": ""},
        ]),
        *of_records([{"operation": "remediate", "by": "c", "result": "done", "reason": "token=abc123",
                      "ended": at(12)}]),
        *of_alerts({"data": {"result": [{"metric": {"alertname": "GpuXid", "severity": "critical", "node": "gpu-7"},
                                         "value": [0, "1795986300"]}]}}),
        *of_changes([{"at": at(55), "what": "after its end"}]),
    ]  # fmt: skip
    told = [(row["at"][14:16], row["source"], row["what"]) for row in timeline(incident(HANDED, CLOSED), rows, at(59))]
    assert [one[:2] for one in told] == [
        ("01", "change"), ("05", "alert"), ("06", "event"), ("10", "incident"), ("10", "incident"), ("10", "incident"),
        ("12", "record"), ("15", "incident"), ("15", "incident"), ("50", "incident"),
    ]  # fmt: skip
    texts = " ".join(one[2] for one in told)
    assert "GpuXid (critical) of gpu-7" in texts and "abc123" not in texts
    assert "Acme capacity <capacity@acme.example>): Reboot it." in texts and "touches llama" in texts


def test_a_long_timeline_says_how_much_of_it_is_not_shown() -> None:
    rows = list(of_changes({"at": at(20), "what": str(number)} for number in range(1000)))
    told = timeline(incident(), rows, at(59))
    assert len(told) == MOST_ROWS + 1 and told[-1]["what"] == "603 more are not shown"


def answer(value: float, model: str = "llama") -> dict[str, Any]:
    return {"data": {"result": [{"metric": {"model": model}, "value": [0, str(value)]}]}}


def test_an_impact_is_measured_or_said_not_to_be() -> None:
    hour = (0.0, 3600.0)
    measured = {"failed": answer(50), "requests": answer(1000), "budget": answer(0.01)}
    assert impact(measured, hour, ["llama"]) == [
        {"model": "llama", "requests": 1000, "failed": 50, "budget": "0.7% of 30 days"}
    ]
    [unknown] = impact({}, hour, ["qwen"])
    assert set(unknown.values()) == {"qwen", "not measured"}
    assert impact({**measured, "budget": {}}, hour)[0]["budget"] == "not measured"
    assert impact({**measured, "failed": answer(0), "requests": answer(0)}, hour)[0]["budget"] == "0.0% of 30 days"
    assert "[3599s:30s] @ 3600" in impact_queries(hour)["failed"]


def test_the_page_of_the_review_has_everything_and_steers_nothing() -> None:
    one = incident(HANDED, TAKEN, {**CLOSED, "bundle": {"file": "b.tar", "sha256": "ab" * 32}})
    costs = [{"model": "llama", "requests": 1000, "failed": 50, "budget": "0.7% of 30 days"}]
    hostile = [{"at": at(20), "source": "event", "what": "![x](http://x) | <script>\x1b[31m"}]
    page = review_page(one, contract(), timeline(one, hostile, at(59)), costs, at(59))
    for told in ("# acme-eu-1, incident 7: node gpu-7", "| customer | 30 |", "| fireworks | 10 |",
                 "| llama | 1000 | 50 |", "changed last: llama: revision 4", "ab" * 32,
                 "It \\| serves \\# again \\<b\\>"):  # fmt: skip
        assert told in page, told
    assert "<script>" not in page and "\x1b" not in page and "![x]" not in page
    assert "Not measured." in review_page(incident(), contract(), [], [], at(59))


def test_changes_are_what_the_cluster_keeps_of_them() -> None:
    revision = {
        "metadata": {
            "name": "llama-4",
            "creationTimestamp": at(1),
            "labels": {"byoc.fireworks.ai/revision-of": "llama"},
        }
    }
    [first] = changes_of([revision], [])
    assert first == {"at": at(1), "model": "llama", "what": "llama: revision 4"}


@pytest.mark.parametrize(
    ("state", "restores", "what", "back"),
    [
        ("good", "", "the stack: upgrade from a to b, good", ""),
        ("pending", "", "the stack: upgrade from a to b, pending", ""),
        ("failed", "", "the stack: upgrade from a to b, failed", "yes"),
        ("good", "1", "the stack: rollback from a to b, good", "yes"),
    ],
)
def test_a_rollback_and_an_upgrade_that_was_rolled_back_are_told_as_such(
    state: str, restores: str, what: str, back: str
) -> None:
    notes = {"from": "a", "to": "b", "state": state, "restores": restores}
    annotations = {f"byoc.fireworks.ai/{key}": text for key, text in notes.items()}
    metadata = {"name": "stack-upgrade-2", "creationTimestamp": at(2), "labels": {}, "annotations": annotations}
    [found] = changes_of([], [{"metadata": metadata}])
    assert found == {"at": at(2), "model": "", "what": what, "back": back}


def test_a_full_incident_has_no_room() -> None:
    assert incident().has_room("x")
    full = incident(*({"at": at(11), "did": "noted", "note": "x" * 60_000} for _each in range(MOST_BYTES // 60_000)))
    assert not full.has_room("x" * 60_000) and not incident().has_room("x" * 70_000)
