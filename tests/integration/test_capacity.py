# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``fireworks.byoc.capacity_info`` says of a cluster, held against what its real scheduler does; and what
``fireworks.byoc.capacity`` and ``fireworks.byoc.plan_consolidation`` show of it. And what
``fireworks.byoc.plan_cluster_upgrade`` says of an upgrade, by ``fireworks.byoc.cluster_upgrade_info``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.tolerations import OF_MODELS
from demo.contracts import H100
from tests.integration.journey import agreed, line, play, wipe
from tests.integration.plays import connection_to, perform

SPACE = "fireworks-models"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
MODEL = "byoc.fireworks.ai/model"


def spec_of(gpus: int, **more: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": str(gpus)}}
    resources["limits"] = {"nvidia.com/gpu": str(gpus)}
    return {
        "nodeSelector": {"nvidia.com/gpu.product": H100},
        "tolerations": [dict(one) for one in OF_MODELS],
        "containers": [{"name": "engine", "image": "pause:1", "resources": resources}],
        "terminationGracePeriodSeconds": 0,
        **more,
    }


def deployment(name: str, replicas: int, **more: Any) -> dict[str, Any]:
    labels = {MODEL: name}
    template = {"metadata": {"labels": labels}, "spec": spec_of(1, **more)}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def until(asked: Any, what: str) -> None:
    deadline = time.monotonic() + 60
    while not asked():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture(scope="module")
def scattered(bed: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Two nodes of 8 GPUs with a replica of a small model each, and a large one that wants a whole node."""
    it = bed["birch"]
    it.request("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    apart = {"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    apart["labelSelector"] = {"matchLabels": {MODEL: "small"}}
    path = f"/apis/apps/v1/namespaces/{SPACE}/deployments"
    it.request("POST", path, deployment("small", 2, topologySpreadConstraints=[apart]))
    ready = lambda: it.request("GET", f"{path}/small").get("status", {}).get("readyReplicas") == 2  # noqa: E731
    until(ready, "the small model is not ready")
    contract = agreed(it)
    [like] = contract["models"]
    contract["models"] = [
        {
            **like,
            "name": name,
            "served_name": name,
            "gpu": {**like["gpu"], "per_replica": gpus},
            "replicas": {"min": least, "max": 2},
        }
        for name, gpus, least in (("small", 1, 2), ("large", 8, 0))
    ]
    contract["models"][1]["scaling"] = {"idle_to_zero": "30m"}
    contract["scaling"] = {"max_replicas_per_model": 2, "max_gpus_per_model": 16, "scale_to_zero": True}
    yield it, contract
    wipe(it)


def measured(scattered: tuple[Any, dict[str, Any]], **more: Any) -> dict[str, Any]:
    it, contract = scattered
    return perform(connection_to(it), "capacity_info", contract=contract, **more)


def placed(it: Any, gpus: int, count: int) -> int:
    """How many of so many pods the scheduler places; they are gone afterwards."""
    names = [f"probe-{number}" for number in range(count)]
    for name in names:
        it.request("POST", PODS, {"metadata": {"name": name, "namespace": SPACE}, "spec": spec_of(gpus)})

    def said() -> list[str]:
        every = [it.request("GET", f"{PODS}/{name}").get("status") or {} for name in names]
        return [c["status"] for one in every for c in one.get("conditions") or () if c["type"] == "PodScheduled"]

    try:
        until(lambda: len(said()) == count, "the scheduler has not said of each")
        return said().count("True")
    finally:
        for name in names:
            it.request("DELETE", f"{PODS}/{name}")


def test_so_many_replicas_fit_as_the_scheduler_places(scattered: tuple[Any, dict[str, Any]]) -> None:
    result = measured(scattered)
    [product] = result["products"]
    assert (product["gpus"], product["ours"], product["free"], product["empty_nodes"]) == (16, 2, 14, 0)
    fits = {one["model"]: one["fits"] for one in result["models"]}
    assert fits == {"small": 14, "large": 0}
    shapes = {one["gpus"]: (one["fits"], one["stranded"], one["least"]) for one in result["shapes"]}
    assert shapes == {1: (14, 0, False), 2: (6, 2, True), 4: (2, 6, False), 8: (0, 14, False)}
    assert [(one["node"], one["lost"]) for one in result["without_a_node"]] == [("h100-0", 0)]
    assert result["provision"] == []
    it, _contract = scattered
    assert placed(it, 1, fits["small"] + 1) == fits["small"]
    assert placed(it, 8, 1) == fits["large"]


def test_what_nobody_is_known_to_want_moves_nothing_and_the_plan_says_so(scattered: tuple[Any, dict[str, Any]]) -> None:
    plan = measured(scattered)["plan"]
    assert (plan["moves"], plan["why"]) == ([], "no move is worth its price")
    assert any("wishes for another replica of large, small" in one["what"] for one in plan["unproven"])


def test_a_plan_frees_a_node_by_one_move_and_a_snapshot_of_it_gives_the_same(
    scattered: tuple[Any, dict[str, Any]],
) -> None:
    result = measured(scattered, wanted={"large": 0.5}, keep_snapshot=True)
    [move] = result["plan"]["moves"]
    assert (move["model"], move["gpus"], {move["from"], move["to"]}) == ("small", 1, {"h100-0", "h100-1"})
    assert move["load_is"] == "the longest that it may take"
    assert result["plan"]["gain"] >= 2 * result["plan"]["price"] > 0
    assert {one["model"]: one["fits_after"] for one in result["models"]}["large"] == 1
    again = measured(scattered, snapshot=result["snapshot"])
    assert {key: again[key] for key in ("products", "models", "plan")} == {
        key: result[key] for key in ("products", "models", "plan")
    }


def test_a_replica_that_the_contract_asks_for_and_that_finds_no_node_gets_one(
    scattered: tuple[Any, dict[str, Any]],
) -> None:
    it, contract = scattered
    asked = {**contract, "models": [contract["models"][0], {**contract["models"][1], "replicas": {"min": 1, "max": 2}}]}
    [move] = measured((it, asked))["plan"]["moves"]
    assert move["for"] == "room for a replica that waits: fireworks-models/large-planned-0"


@pytest.mark.parametrize("wanted", [{"large": 2}, {"large": "often"}])
def test_a_share_that_is_none_is_refused(scattered: tuple[Any, dict[str, Any]], wanted: dict[str, Any]) -> None:
    result = measured(scattered, wanted=wanted)
    assert (result["failed"], result["code"]) == (True, "invalid_input")
    assert "is no part of a whole" in result["msg"]


def test_the_playbooks_show_tables_and_change_nothing(scattered: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    it, contract = scattered
    del it
    capacity = play("capacity", tmp_path, [contract], "--check")
    assert capacity.returncode == 0, capacity.stdout
    assert line(capacity, "birch-eu-1", " large ").split()[-3:] == ["0", "14", "0"]
    assert "Shapes of new models" in capacity.stdout
    assert line(capacity, "birch-eu-1", " h100-0 ").split()[-2:] == ["h100-0", "0"]
    wanted = ("-e", '{"wanted": {"large": 0.5}}')
    plan = play("plan_consolidation", tmp_path, [contract], "--check", *wanted)
    assert plan.returncode == 0, plan.stdout
    assert "small-" in line(plan, "birch-eu-1", f"{SPACE}/")
    assert "a block of free GPUs" in line(plan, "birch-eu-1", f"{SPACE}/")


def test_an_upgrade_by_one_minor_version_breaks_nothing_and_one_by_two_is_told(
    scattered: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    it, contract = scattered
    release = {"version": "2026.11.0", "kubernetes": {"minimum": "1.30"}}
    asked = {"contract": contract, "release": release, "kubernetes": "1.37"}
    result = perform(connection_to(it), "fireworks.byoc.cluster_upgrade_info", **asked)
    assert result["breaks"] == []
    verdicts = {one["what"]: one["verdict"] for one in result["checks"]}
    assert {verdicts[what] for what in ("control plane", "kubelets", f"room on {H100}", "API apps/v1")} == {"fine"}
    done = play("plan_cluster_upgrade", tmp_path, [contract], "--check", "-e", "kubernetes=1.38")
    assert done.returncode == 2, done.stdout
    assert "goes one minor version at a time to 1.38" in done.stdout
