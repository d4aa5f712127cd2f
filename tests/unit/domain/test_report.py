# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet: what of a cluster goes into it, what the whole comes to, and in which order it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import Incident
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.budget import budgets
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.cluster import (
    MOST_TEXT,
    Reading,
    cluster_report,
    unreachable,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.credentials import (
    Lifetime,
    credential_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report, tables
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.entry import Entry
from tests.fleet_parts import MADE, NOW, agreed, parts
from tests.unit.domain.agreed import contract, facts, model
from tests.unit.domain.raw import H100, deployment, node, pod

AGREED = contract(models=[model(objectives={"availability": 0.99})])
MODELS = [
    {
        "name": "llama", "revision": 3, "state": "good", "ready": 2, "replicas": 2, "status": "ready",
        "revisions": [
            {"number": 3, "state": "good", "requested_by": "alice", "when": "2026-11-20T10:00:00Z", "restores": 1,
             "failure": ""},
            {"number": 2, "state": "failed", "requested_by": "bob", "when": "2026-11-19T10:00:00Z", "restores": None,
             "failure": "x" * 5000 + "\x1b[31m"},
        ],
    },
]  # fmt: skip
UPGRADE = Entry(1, "2026.11.0", "2026.11.1", "d", (), "good", requested_by="alice", when="2026-11-19T12:00:00Z",
                ended="2026-11-19T12:30:00Z")  # fmt: skip
FINDING = {
    "node": "n1", "fault": "xid_79", "action": "drain", "quarantine": True, "severity": "critical", "owner": "customer",
    "contact": {"name": "Acme capacity", "email": "capacity@acme.example"}, "ask": "Replace it.",
}  # fmt: skip
OPENED = {"at": "2026-11-30T05:00:00Z", "did": "opened", "by": "pager",
          "action": {"owner": "fireworks", "ask": "Look."},
          "symptoms": [{"nodes": ["n1"], "fault": "xid_79", "severity": "critical"}]}  # fmt: skip


def read(**more: Any) -> Reading:
    labels = {"byoc.fireworks.ai/model": "llama"}
    image = "registry.acme.example/fireworks/vllm-openai:v0.11.0@sha256:0"
    running = deployment("llama", namespace="fireworks-models", labels=labels, gpus=4, image=image)
    pods = [pod("a", 4, on="n1", model="llama"), pod("b", 2, on="n2", namespace="default")]
    found = Reading(facts=facts([node("n1"), node("n2", cordoned=True)], pods, deployments=[running]), models=MODELS)
    return replace(found, **more)


def test_the_part_of_a_cluster_has_what_is_there() -> None:
    part = cluster_report(AGREED, read(upgrades=[UPGRADE], findings=[FINDING], incidents=[Incident(4, (OPENED,))]), NOW)
    assert (part["cluster"], part["provider"], part["nodes"], part["kubernetes"]) == (
        "acme-eu-1",
        "aws",
        "2/2",
        "1.36.2",
    )
    assert part["gpus"] == [
        {"product": H100, "nodes": 2, "ready_nodes": 2, "capacity": 16, "allocatable": 16, "free": 4, "ours": 4,
         "others": 2, "closed": 6},
    ]  # fmt: skip
    [row] = part["models"]
    assert (row["model"], row["revision"], row["image"], row["gpus"]) == ("llama", "3", "vllm-openai:v0.11.0", 8)
    assert [(row["of"], row["change"], row["state"]) for row in part["rollouts"]] == [
        ("llama", "revision 3 (restores 1)", "good"),
        ("the stack", "2026.11.0 to 2026.11.1", "good"),
        ("llama", "revision 2", "failed"),
    ]
    assert part["findings"][0]["owner"] == "Acme capacity <capacity@acme.example>"
    assert [(row["incident"], row["owner"], row["asked"]) for row in part["incidents"]] == [(4, "Fireworks", "Look.")]


def test_what_others_wrote_is_short_and_steers_nothing() -> None:
    failure = cluster_report(AGREED, read(), NOW)["rollouts"][-1]["failure"]
    assert len(failure) == MOST_TEXT and failure.endswith("…")
    shown = json.dumps(cluster_report(AGREED, read(unread=["logs: \x1b[31m\nnot\u202ethere"]), NOW)["unread"])
    assert "\\u001b" not in shown.replace("\\\\u001b", "") and "\\n" not in shown


def test_closed_incidents_and_models_without_a_record_are_told_as_that() -> None:
    closed = {"at": "2026-11-30T05:30:00Z", "did": "closed", "by": "alice", "note": "over"}
    part = cluster_report(AGREED, read(incidents=[Incident(4, (OPENED, closed))], models=[]), NOW)
    assert part["incidents"] == []
    assert [(row["model"], row["state"], row["ready"]) for row in part["models"]] == [("llama", "not recorded", 2)]


def test_what_is_not_measured_is_told_as_that() -> None:
    part = cluster_report(AGREED, read(budgets=budgets(AGREED, None)), NOW)
    assert [(row["model"], row["state"]) for row in part["budgets"]] == [("llama", "not measured")]


@pytest.mark.parametrize(
    ("lifetime", "state", "left"),
    [
        (Lifetime("token", NOW + 6 * 3600, NOW - 2 * 3600), "valid", "6 h"),
        (Lifetime("token", NOW + 3 * 3600, NOW - 5 * 3600), "soon", "3 h"),
        (Lifetime("token", NOW - 1, NOW - 8 * 3600), "ended", "ended"),
        (Lifetime("certificate", NOW + 13 * 86400, NOW - 352 * 86400), "soon", "13 days"),
        (Lifetime("certificate", NOW + 15 * 86400, NOW - 350 * 86400), "valid", "15 days"),
        (Lifetime("grant", NOW + 3600), "soon", "1 h"),
    ],
)
def test_what_ends_soon_is_told(lifetime: Lifetime, state: str, left: str) -> None:
    [row] = credential_rows([lifetime], {}, NOW)
    assert (row["state"], row["left"]) == (state, left)


def test_grants_of_evictions_end_too_and_what_ends_first_is_first() -> None:
    notes = {"byoc.fireworks.ai/eviction-until": "2026-11-30T06:30:00Z"}
    rows = credential_rows([Lifetime("token", NOW + 7200, NOW)], notes, NOW)
    assert [(row["what"], row["until"]) for row in rows] == [
        ("the grant of evictions", "2026-11-30T06:30:00Z"),
        ("token", "2026-11-30T08:00:00Z"),
    ]


def test_a_fleet_is_added_up_and_told_with_what_differs() -> None:
    there = cluster_report(AGREED, read(), NOW)
    silent = unreachable(agreed(1), "no answer")
    contracts = {"acme-eu-1": AGREED, silent["cluster"]: agreed(1)}
    report = fleet_report([there, silent], contracts, [], MADE)
    totals = report["totals"]
    assert totals["clusters"] == 2 and totals["states"] == {"degraded": 1, "unreachable": 1}
    assert totals["gpus"][H100] == {"capacity": 16, "allocatable": 16, "ours": 4, "others": 2, "closed": 6, "free": 4}
    assert totals["drifting"] == 1
    assert [row["what"] for row in report["clusters"][0]["drift"]] == [
        "the stack is not there and the contract says 2026.11.0"
    ]
    assert report["clusters"][1]["drift"] == [], "of a cluster that did not answer nothing is known"
    assert "installed" not in report["clusters"][0]


def test_the_gravest_is_shown_first() -> None:
    report = fleet_report(parts(200), {agreed(n)["identity"]["name"]: agreed(n) for n in range(200)}, [], MADE)
    shown = {table.id: table for table in tables(report)}
    states = [row["state"] for row in shown["clusters"].rows]
    assert (
        states == sorted(states, key=["unreachable", "degraded", "not onboarded", "ready"].index) and len(states) == 200
    )
    grave = [row["severity"] for row in shown["findings"].rows]
    assert grave == sorted(grave, key=["critical", "error", "warning"].index) and grave
    used = [row["spent"] or 0 for row in shown["budgets"].rows]
    assert used == sorted(used, reverse=True)
    for table in shown.values():
        keys = {key for key, _heading in table.columns}
        assert all(keys <= row.keys() for row in table.rows), table.id
    for row in shown["rollouts"].rows:
        left, wide = row["bar"]
        assert 0 <= left <= 990 and wide >= 10
