# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error budgets as they are read through a real API server, and what waits for them. Telemetry is simulated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import TELEMETRY, TELEMETRY_PORT
from tests.integration.exporting import Exporter, exporters
from tests.integration.guarded import until
from tests.integration.plays import connection_to, perform
from tests.integration.remediating import NODE, finding, node, remediate, said, with_models, workload
from tests.unit.domain.agreed import contract, model
from tests.unit.domain.test_budget import LONG, answer

SYSTEM = "/api/v1/namespaces/fireworks-system"


def measured_for_days(recorded: dict[str, Any]) -> dict[str, Any]:
    """One answer to both questions: what is recorded, and since when."""
    return {"data": {"result": [*recorded["data"]["result"], *LONG["data"]["result"]]}}


SPENT = measured_for_days(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.02))
LEFT = measured_for_days(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.002))
PROMISED = [model(objectives={"availability": 0.99})]
WARNS = {"severity": "warning", "class": "row_remap_pending"}


@contextmanager
def telemetry(cluster: Any, found: dict[str, Any]) -> Iterator[Exporter]:
    """A Service of that name, whose one pod is simulated here."""
    played = Exporter(json.dumps({"status": "success", **found}))
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
    marks = {"app": TELEMETRY}
    ports = [{"port": TELEMETRY_PORT, "targetPort": played.port}]
    spec = {"nodeName": "h100-1", "containers": [{"name": "it", "image": "it:1"}]}
    service = {"metadata": {"name": TELEMETRY}, "spec": {"ports": ports, "selector": marks}}
    pod = {"metadata": {"name": TELEMETRY, "labels": marks}, "spec": spec}
    until(lambda: cluster.request("GET", f"{SYSTEM}/serviceaccounts")["items"], "the account of pods is not there")
    cluster.request("POST", f"{SYSTEM}/services", service)
    cluster.request("POST", f"{SYSTEM}/pods", pod)
    try:
        with exporters(cluster, {}):
            until(lambda: answers(cluster), "telemetry does not answer")
            yield played
    finally:
        played.close()
        cluster.remove_namespaces("fireworks-system")


def answers(cluster: Any) -> bool:
    told = perform(connection_to(cluster), "fireworks.byoc.cluster_info", contract=contract(models=PROMISED))
    return bool(told["facts"]["budgets"][0]["state"] != "not measured")


@pytest.fixture(scope="module")
def birch(bed: Any) -> Iterator[Any]:
    with with_models(bed["birch"]) as made:
        yield made


def budgets(cluster: Any) -> list[tuple[str, str]]:
    facts = perform(connection_to(cluster), "fireworks.byoc.cluster_info", contract=contract(models=PROMISED))["facts"]
    return [(row["state"], row["left"]) for row in facts["budgets"]]


def short_of_budget(cluster: Any) -> list[str]:
    """Why a consolidation moves nothing of each model, as far as its budget is the reason."""
    asked = {"contract": contract(models=PROMISED), "keep_snapshot": True}
    read = perform(connection_to(cluster), "fireworks.byoc.capacity_info", **asked)
    return [model["budget_spent"] for model in read["snapshot"]["models"]]


def test_a_drain_that_can_wait_does_as_long_as_the_budget_is_spent(birch: Any, tmp_path: Path) -> None:
    assert budgets(birch) == [("not measured", "not measured")], "without telemetry nothing is known"
    workload(birch, "Deployment", 2, **{"byoc.fireworks.ai/model": "llama"})
    pods = "/api/v1/namespaces/fireworks-models/pods"

    def running_there() -> int:
        items = birch.request("GET", pods)["items"]
        return sum(one["spec"].get("nodeName") == NODE and one["status"].get("phase") == "Running" for one in items)

    until(lambda: running_there() == 2, "the replicas do not run")
    with telemetry(birch, SPENT) as played:
        assert budgets(birch) == [("spent", "spent, 2.0 times in 3d")]
        assert short_of_budget(birch) == ["its error budget is spent (availability: spent, 2.0 times in 3d)"]
        done = remediate(birch, tmp_path, finding("gpu_reset", **WARNS), models=PROMISED)
        assert said(birch)["state"] == "quarantined" and running_there() == 2, done
        [step] = done["steps"]
        assert (step["do"], step["code"]) == ("wait", "error_budget"), step
        assert "availability: spent, 2.0 times in 3d" in step["why"]
        # A fault that may be why requests fail is drained all the same.
        time.sleep(1)
        done = remediate(birch, tmp_path, finding("gpu_reset", **WARNS), finding("reboot"), models=PROMISED)
        assert said(birch)["state"] in ("drained", "repairing") and running_there() == 0, done
        played.text = json.dumps({"status": "success", **LEFT})
        assert budgets(birch) == [("left", "80% left of 3d")]
        assert short_of_budget(birch) == [""]
    assert node(birch)["spec"].get("unschedulable"), "it is out of service still"
