# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``node_remediation`` did about a node, ``node_health_info`` knows: the node itself carries it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.ansible_runs import ROOT
from tests.integration.plays import connection_to, run_tasks
from tests.integration.remediating import contract_of, with_models
from tests.unit.domain.agreed import contract as agreed

POLICY = yaml.safe_load((ROOT / "roles/stack/files/faults.yml").read_text(encoding="utf-8"))
NODE, GPU = "h100-0", "GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418"
SAYS = "byoc.fireworks.ai/remediation-"


@pytest.fixture
def birch(bed: Any) -> Iterator[Any]:
    """A cluster with the models' namespace, and with a node that says nothing of a past, before and after."""
    with with_models(bed["birch"]) as cluster:
        yield cluster


def said(cluster: Any) -> dict[str, str]:
    node = cluster.request("GET", f"/api/v1/nodes/{NODE}")
    return {key: text for key, text in (node["metadata"].get("annotations") or {}).items() if key.startswith(SAYS)}


def say(cluster: Any, **words: str | None) -> None:
    annotations = {SAYS + word: text for word, text in words.items()}
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"metadata": {"annotations": annotations}})


def remediation(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    bounds = {"healthy_for": "1s", "max_share": 1, "breaker_share": 1}
    may = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot"), "auto")
    agreed = contract_of(actions=may, remediation=bounds, models=[])
    return {"fireworks.byoc.node_remediation": {"contract": agreed, "findings": list(findings), **more}}


def health(repairs_allowed: int) -> dict[str, Any]:
    """A look at the nodes, of which each may have had fewer repairs than so many in a week."""
    policy = {**POLICY, "limits": {**POLICY["limits"], "remediations": repairs_allowed}}
    sources = {"dcgm_exporter": False, "node_problem_detector": False}
    contract = {**agreed(actions={"cordon": "auto"}), "health": {"sources": sources}}
    return {"fireworks.byoc.node_health_info": {"contract": contract, "policy": policy}}


def report(task: int, outcome: str) -> dict[str, Any]:
    """The end of the repair that an earlier task asked for."""
    session = f"{{{{ result_{task}.repairs[0].session }}}}"
    return remediation(reports=[{"node": NODE, "session": session, "outcome": outcome}])


def test_what_was_repaired_is_known_to_health(birch: Any, tmp_path: Path) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    fault = {"node": NODE, "gpu": {"uuid": GPU}, "fault": "gpu_needs_reset", "action": "gpu_reset",
             "quarantine": True,
             "at": at, "evidence": [{"at": at}], "confidence": "high"}  # fmt: skip
    results = run_tasks(
        tmp_path,
        connection_to(birch),
        remediation(fault),
        health(2),
        report(0, "failed"),  # a reset did not help, so a reboot is next
        report(2, "done"),
        health(2),
        {"ansible.builtin.pause": {"seconds": 2}},
        remediation(),
        health(3),
        health(2),
    ).results
    assert [results[number]["repairs"][0]["goal"] for number in (0, 2)] == ["gpu_reset", "reboot"]
    [first, second] = json.loads(said(birch)[SAYS + "history"])
    assert (first["goal"], first["outcome"], first["fault"]) == ("gpu_reset", "failed", "gpu_needs_reset")
    assert (second["goal"], second["outcome"], second["seen"]) == ("reboot", "done", at)
    # On a slow machine it was well for long enough before its repair was told.
    done = [step["do"] for number in (3, 6) for step in results[number]["taken"]]
    assert "return" in done
    told = [[one["fault"] for one in results[number]["findings"]] for number in (1, 4, 7, 8)]
    assert told == [[], ["remediated_too_often"], [], ["remediated_too_often"]], "a journey under way is no finding"
    assert results[8]["nodes"][NODE]["state"] == "sick"

    say(birch, returned=None)  # as if nothing had ever proved that it is well
    [unproven] = run_tasks(tmp_path, connection_to(birch), health(3)).results
    assert [(one["fault"], one["node"]) for one in unproven["findings"]] == [("repair_unproven", NODE)]
