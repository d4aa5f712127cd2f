# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests through the router while a model and the router are changed, on real nodes: every request is counted, none
may fail, and no stream may be cut short."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import Testbed
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.faults import report_xid
from tests.integration.guarded import until
from tests.integration.journey import line, play
from tests.integration.loaded import failures, load_on, report, stock_client_on
from tests.integration.plays import connection_to, run_tasks
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.through_router import Door
from tests.integration.upgrades import REQUESTED_BY

pytestmark = [pytest.mark.slow, ON_REAL_NODES]

MODEL, OTHER = "llama-3-1-8b", "tiny"
DEPLOYMENT = f"/apis/apps/v1/namespaces/fireworks-models/deployments/{MODEL}"
PODS = f"/api/v1/namespaces/fireworks-models/pods?labelSelector=byoc.fireworks.ai%2Fmodel%3D{MODEL}"
HANGS = "0.11.2"
"""The version of the engine that answers its health path here, and no request."""
SHORT_BAKE = ("-e", "model_bake=2")
RATE = 120
WANTED = 30_000
SECONDS = 90.0


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    with Testbed.start([serving_cluster("acme", [h100(3, 4, "aws")], {HANGS: "hang"}, lease_seconds=120)]) as bed:
        yield bed["acme"]


def pods(cluster: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", PODS)["items"]
    return items


def scale(cluster: Any, replicas: int) -> None:
    cluster.request("PATCH", DEPLOYMENT, {"spec": {"replicas": replicas}})


def restart(cluster: Any, component: str) -> None:
    cluster.kubectl("-n", "fireworks-system", "rollout", "restart", f"deployment/{component}")
    cluster.kubectl("-n", "fireworks-system", "rollout", "status", f"deployment/{component}", "--timeout=120s")


def settle(cluster: Any, replicas: int) -> None:
    """Wait until so many replicas serve and every other pod is gone, its last answers given."""

    def settled() -> bool:
        deployment = cluster.request("GET", DEPLOYMENT)
        status = deployment["status"]
        seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        ready = status.get("updatedReplicas", 0) == status.get("readyReplicas", 0) == replicas
        return seen and ready and len(pods(cluster)) == replicas

    until(settled, f"{MODEL} does not settle at {replicas} replicas", SECONDS)


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_no_request_fails_while_a_model_is_changed(acme: Any, tmp_path: Path) -> None:
    contract = served_by(acme)
    model = contract["models"][0]

    onboarded = play("onboard", tmp_path, [contract])
    assert onboarded.returncode == 0, onboarded.stdout
    for check in ("endpoint reachability", "routing and load balancing"):
        assert "passed" in line(onboarded, "acme-eu-1", check)

    (ROOT / "build").mkdir(exist_ok=True)
    out = ROOT / "build" / "data_plane.requests"
    asked = (acme, "fireworks-system/router", model["served_name"])
    stocks = ROOT / "build" / "data_plane.openai.requests"
    with stock_client_on(*asked, stocks) as stock, load_on(*asked, out, rate=RATE, most=4 * WANTED) as load:
        with load.phase("before"):
            time.sleep(8)
        with load.phase("update"):
            model["engine"]["version"] = "0.12.0"
            updated = play("deploy_models", tmp_path, [contract], *SHORT_BAKE)
            assert updated.returncode == 0, updated.stdout
            settle(acme, 2)
        with load.phase("update that hangs"):
            hanging = copy.deepcopy(contract)
            hanging["models"][0]["engine"]["version"] = HANGS
            stopped = play("deploy_models", tmp_path, [hanging], *SHORT_BAKE)
            assert stopped.returncode == 2
            said = " ".join(stopped.stdout.split())
            assert "revision 3 did not pass" in said, stopped.stdout
            assert "Revision 2 was restored whole and is ready" in said, stopped.stdout
            settle(acme, 2)
        with load.phase("rollback"):
            back = play("rollback_model", tmp_path, [contract], "-e", f"model={MODEL}", "-e", "revision=1", *SHORT_BAKE)
            assert back.returncode == 0, back.stdout
            settle(acme, 2)
        with load.phase("scale 2 to 1"):
            scale(acme, 1)
            settle(acme, 1)
        with load.phase("scale 1 to 4"):
            scale(acme, 4)
            settle(acme, 4)
        with load.phase("drain of a node"):
            nodes = Counter(each["spec"]["nodeName"] for each in pods(acme))
            node = nodes.most_common()[-1][0]
            acme.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
            settle(acme, 4)
            assert node not in {each["spec"]["nodeName"] for each in pods(acme)}
        with load.phase("scale 4 to 1"):
            scale(acme, 1)
            settle(acme, 1)
        with load.phase("fault under the only replica"):
            [last] = pods(acme)
            sick = last["spec"]["nodeName"]
            report_xid(acme, sick)
            remediated = play("remediate", tmp_path, [contract], *REQUESTED_BY)
            assert remediated.returncode == 0, remediated.stdout
            assert "the replacements of 1 come first" in " ".join(remediated.stdout.split()), remediated.stdout
            settle(acme, 1)
            [moved] = pods(acme)
            assert moved["spec"]["nodeName"] != sick
            assert acme.request("GET", f"/api/v1/nodes/{sick}")["spec"]["unschedulable"]
        with load.phase("scale 1 to 2"):
            scale(acme, 2)
            settle(acme, 2)
        with load.phase("API server away"):
            acme.stop_apiserver()
            time.sleep(30)
            acme.start_apiserver()
        with load.phase("telemetry restarted"):
            restart(acme, "telemetry")
        with load.phase("a model added"):
            more = copy.deepcopy(contract)
            more["models"].append({**copy.deepcopy(model), "name": OTHER, "served_name": OTHER})
            more["models"][1]["replicas"] = {"min": 1, "max": 1}
            added = play(
                "deploy_models", tmp_path, [more], "-e", "model_bake=0", "-e", f'{{"model_names": ["{OTHER}"]}}'
            )
            assert added.returncode == 0, added.stdout
            assert {one.status for one in Door(acme).complete(OTHER, 20)} == {200}
        with load.phase("that model removed"):
            removed = play("retire_model", tmp_path, [contract], "-e", f"model={OTHER}", "-e", "confirm=retire")
            assert removed.returncode == 0, removed.stdout
            assert {one.status for one in Door(acme).complete(OTHER, 20)} == {404}
        with load.phase("a dead engine whose pod is Ready"):
            Door(acme).complete(model["served_name"], prompt="standin: die")
            time.sleep(10)
        with load.phase("routers replaced"):
            restart(acme, "router")
        with load.phase("after"):
            time.sleep(8)
            until(lambda: load.sent() >= WANTED, f"fewer than {WANTED} requests were sent", SECONDS)
        requests, by_stock_client = load.stop(), stock.stop()

    # What fails on a node is seen there, behind our taint and the cordon, and nothing of it stays.
    tried = {"contract": contract, "node": sick, "command": ["/usr/local/bin/standin", "unheard-of"], "timeout": 60}
    canary = run_tasks(tmp_path, connection_to(acme), {"fireworks.byoc.node_canary": tried}).result
    why = "it ended with exit code 2: unheard-of: there is no stand-in of this name"
    assert (canary["verdict"], canary["why"]) == ("failed", why), canary
    assert len(pods(acme)) == len(acme.request("GET", PODS.partition("?")[0])["items"]) == 2
    table = report(requests, load.phases) + "\nA stock openai client:\n\n" + report(by_stock_client, load.phases)
    print(f"\n{table}")
    (ROOT / "build" / "data_plane.md").write_text(table, encoding="utf-8")
    assert len(requests) >= WANTED
    assert failures(requests, load.phases) == []
    assert failures(by_stock_client, load.phases) == []
    assert len(by_stock_client) > 100
    assert {each.version for each in requests} == {"0.11.0", "0.12.0"}
