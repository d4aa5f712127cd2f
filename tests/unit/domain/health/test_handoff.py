# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed to the customer: whom, where, what was seen, and what exactly is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding, place
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.handoff import handoff
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.report import (
    health_blocks,
    health_failure,
    health_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.snapshot import (
    SnapshotError,
    check_snapshot,
    snapshot,
)
from tests.unit.domain.agreed import contract
from tests.unit.domain.health.scene import agreed, assessed, pci, uuid

RESET = "Reset the GPU with nvidia-smi --gpu-reset once our pods are off it."
FALLEN = {
    "driver": "silent",
    "lines": [{"xid": 79, "text": "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."}],
}


def test_the_customer_is_told_where_what_and_what_to_do() -> None:
    (finding,) = assessed(FALLEN).findings
    made = handoff(finding, agreed(FALLEN))
    assert made["to"] == {"name": "Acme capacity", "email": "capacity@acme.example"}
    xid = "79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    gpu = f"acme-eu-1, n1, GPU 0 {uuid('n1', 0)}"
    reboot = (
        "Reboot the node once our pods are off it; on bare metal cut its power, a warm reboot does not bring the GPU"
    )
    assert made["text"].splitlines() == [
        f"{gpu}: the GPU has fallen off the bus (XID 79) (critical, high confidence).",
        f"Seen: 2026-11-25T20:58:00Z event: NVRM: Xid (PCI:{pci(0)}): {xid}",
        "It touches llama-n1 of llama.",
        "Recommended: reboot (fault policy 2026.11.1); the contract lets us: never.",
        f"Next: {reboot} back.",
        "Action required by: customer (Acme capacity <capacity@acme.example>).",
    ]


def test_whoever_is_called_next_is_named() -> None:
    next_one = {"after": "30m", "name": "Acme SRE lead", "email": "sre@acme.example"}
    (finding,) = assessed(FALLEN).findings
    told = handoff(finding, {**contract(), "contacts": {**contract()["contacts"], "escalation": [next_one]}})
    assert told["escalation"] == [next_one]


@pytest.mark.parametrize(
    ("actions", "owner", "ask"),
    [
        ({"cordon": "auto", "drain": "auto", "gpu_reset": "auto"}, "fireworks", ""),
        (
            {"cordon": "auto", "drain": "auto", "gpu_reset": "approve"},
            "customer",
            f"Approve that we do it, or do it yourselves: {RESET}",
        ),
        (
            {"cordon": "auto", "drain": "never"},
            "customer",
            RESET,
        ),
    ],
)
def test_it_is_their_move_where_we_may_not(actions: dict[str, str], owner: str, ask: str) -> None:
    nothing = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "never")
    case = {
        "contract": {"actions": {**nothing, **actions}},
        "metrics": {"n1": {0: {"DCGM_FI_DEV_ROW_REMAP_PENDING": 1}}},
    }
    (finding,) = assessed(case).findings
    assert (finding.owner, finding.ask) == (owner, ask)


def test_what_needs_hands_is_theirs_whatever_we_may() -> None:
    every = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "auto")
    (finding,) = assessed(
        {"contract": {"actions": every}, "lines": [{"xid": 54, "text": "aux power"}], "driver": "silent"}
    ).findings
    assert (finding.action, finding.owner) == ("inspect", "customer")
    assert finding.ask == "Check the power cables of the GPU in the machine."


def test_ours_goes_to_nobody_else_and_tells_how_often() -> None:
    case = {
        "contract": {"actions": {"cordon": "auto", "drain": "auto"}},
        "lines": [{"xid": 8, "ago": "40m", "text": "stopped"}, {"xid": 8, "ago": "2m", "text": "stopped"}],
        "mapped": False,
    }
    (finding,) = assessed(case).findings
    made = handoff(finding, agreed(case))
    assert made["to"] == {"name": "", "email": ""} and made["escalation"] == []
    assert "It was seen 2 times." in made["text"] and made["text"].endswith("Action required by: Fireworks.")


def test_what_touches_no_replica_says_nothing_of_replicas() -> None:
    (finding,) = assessed({"exporter": {"n3": "none"}}).findings
    assert "touches" not in handoff(finding, contract())["text"]


def test_places_are_named_as_far_as_they_are_known() -> None:
    base = Finding(node="n1", fault="x", action="report", quarantine=False)
    assert place(base) == "n1"
    gpu = {"index": "", "uuid": "", "pci": "0000:0f:00"}
    assert place(replace(base, gpu=gpu)) == "n1, a GPU 0000:0f:00"
    assert place(replace(base, pod="fireworks-models/a")) == "n1, pod fireworks-models/a"
    assert place(replace(base, node="")) == "the cluster"


def test_a_snapshot_of_another_form_is_refused() -> None:
    with pytest.raises(SnapshotError, match="has version 7, and this collection reads version 1"):
        check_snapshot({"version": 7})


@pytest.mark.parametrize(
    ("report", "lacks"),
    [({}, "at"), ({"at": 1.0, "gpus": []}, "lacking"), ({"at": 1.0, "lacking": [], "error": ""}, "gpus")],
)
def test_a_report_that_has_no_error_and_is_not_whole_is_refused(report: dict[str, Any], lacks: str) -> None:
    made = {**snapshot(taken=1.0, nodes=[], pods=[]), "metrics": {"n1": report}}
    with pytest.raises(SnapshotError, match=f"metrics.n1.{lacks} is missing"):
        check_snapshot(made)
    check_snapshot({**made, "metrics": {"n1": {"error": "it does not answer"}}})


def test_a_finding_is_a_block_that_says_all_of_it() -> None:
    found = assessed(FALLEN).as_dict()
    (block,) = health_blocks(contract(), found)
    lines = block.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(f"acme-eu-1, n1, GPU 0 {uuid('n1', 0)}: CRITICAL gpu_off_the_bus")
    labels = [line[2:12].strip() for line in lines[1:]]
    assert [label for label in labels if label] == ["Since", "Evidence", "Replicas", "Next", "Call"]
    said = " ".join(block.split())
    assert "Next reboot" in said and "Reboot the node" in said and "Call customer (" in said
    assert health_blocks(contract(), found, "critical") == [block]
    assert health_blocks(contract(), {**found, "findings": [{**found["findings"][0], "severity": "info"}]}) == []
    assert health_blocks(contract(), {}) == []


def test_a_fleets_health_is_a_table() -> None:
    found = assessed(FALLEN).as_dict()
    (row,) = health_rows(contract(), found)
    assert (row["cluster"], row["severity"], row["fault"], row["action"], row["owner"]) == (
        *("acme-eu-1", "critical", "gpu_off_the_bus", "reboot", "customer"),
    )
    assert row["place"] == f"n1, GPU 0 {uuid('n1', 0)}" and row["next"].startswith("Reboot the node")
    (well,) = health_rows(contract(), assessed({}).as_dict())
    assert (well["severity"], well["next"]) == ("none", "3 healthy")
    told = {"lines": [{"xid": 43, "text": "Ch 1"}]}
    assert health_rows(contract(), assessed(told).as_dict())[0]["fault"] == "nothing"
    (info,) = health_rows(contract(), assessed(told).as_dict(), "", "info")
    assert (info["fault"], info["next"]) == ("information", "fault policy 2026.11.1")
    (none,) = health_rows(contract(), assessed({"nodes": {n: {"gpus": None} for n in ("n1", "n2", "n3")}}).as_dict())
    assert none["next"] == "there are no GPU nodes"
    assert health_rows(contract(), {}, "the API server did not answer")[0]["next"] == "the API server did not answer"
    assert health_rows(contract(), {})[0]["next"] == "the cluster was not read"


@pytest.mark.parametrize(
    ("fail_on", "reason"),
    [
        ("critical", "1 finding of severity critical or worse"),
        ("error", "1 finding of severity error or worse"),
        ("never", ""),
    ],
)
def test_a_run_fails_where_something_is_too_bad(fail_on: str, reason: str) -> None:
    assert health_failure([assessed({}).as_dict(), assessed(FALLEN).as_dict()], fail_on) == reason
    assert health_failure([assessed({}).as_dict()], fail_on) == ""


def test_a_run_fails_where_a_cluster_could_not_be_judged_unless_nothing_fails_it() -> None:
    assert health_failure([{"msg": "no answer"}], "critical") == "1 cluster could not be judged"
    assert health_failure([{"msg": "no answer"}], "never") == ""
    with pytest.raises(ValueError, match="fail_on: 'fatal' is not one of info, warning, error, critical, never"):
        health_failure([], "fatal")
