# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scales a model: made with it, bounded with it, gone with it, and never at odds with us over the replicas.

On clusters that serve KEDA's kind, only metrics of pods (with the real HPA controller), or neither.
fireworks.byoc.explain tells which and why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import model_changes
from tests.integration.definitions import CUSTOM_METRICS, keda, remove, serving
from tests.integration.governed import apply_presetup, in_full
from tests.integration.guarded import until
from tests.integration.journey import agreed, bare, line, offboard, onboard, ours, play, versions
from tests.integration.models import RELEASE
from tests.integration.plays import connection_to, perform

NAME = "llama-3-1-8b"
DEPLOYMENT = f"/apis/apps/v1/namespaces/fireworks-models/deployments/{NAME}"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/fireworks-models/scaledobjects"
HPAS = "/apis/autoscaling/v2/namespaces/fireworks-models/horizontalpodautoscalers"
MERGE = "application/merge-patch+json"


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    with bare(bed["acme"], tmp_path) as cluster:
        yield cluster


@pytest.fixture
def with_keda(acme: Any) -> Iterator[Any]:
    with serving(acme, keda()):
        yield acme


@pytest.fixture
def with_metrics(acme: Any) -> Iterator[Any]:
    with serving(acme, CUSTOM_METRICS):
        yield acme


@pytest.fixture
def governed_with_keda(with_keda: Any) -> Any:
    """Where models are rolled out as the playbook's role does it, without the rest of the playbook."""
    apply_presetup(with_keda, in_full(with_keda, scaling(with_keda)))
    return with_keda


@pytest.fixture
def governed_with_metrics(with_metrics: Any) -> Any:
    apply_presetup(with_metrics, in_full(with_metrics, scaling(with_metrics)))
    return with_metrics


def scaling(cluster: Any, fewest: int = 1, most: int = 4) -> dict[str, Any]:
    contract = agreed(cluster)
    contract["scaling"] = {"max_replicas_per_model": 6, "max_gpus_per_model": 6, "scale_to_zero": True}
    contract["models"][0]["replicas"] = {"min": fewest, "max": most}
    return contract


def run(folder: Path, contract: dict[str, Any]) -> Any:
    done = onboard(folder, contract)
    assert done.returncode == 0, done.stdout
    return done


def unchanged(folder: Path, contract: dict[str, Any]) -> bool:
    return "unchanged" in line(run(folder, contract), "acme-eu-1")


def roll(cluster: Any, contract: dict[str, Any], moment: str = "") -> dict[str, Any]:
    """Roll the model out by what the cluster serves now, as the role ``model`` does."""
    connection, wanted = connection_to(cluster), in_full(cluster, contract)
    facts = perform(connection, "fireworks.byoc.cluster_info")["facts"]
    at = datetime.fromisoformat(moment) if moment else datetime.now(UTC)
    changes = model_changes(wanted, [NAME], RELEASE, facts, at, bake=0)
    asked = {"models": changes, "requested_by": "alice", "reason": "a test", "http_request": False}
    result = perform(connection, "fireworks.byoc.model_rollout", **asked)
    assert not result["failed"], result
    return result


def rolled_already(cluster: Any, contract: dict[str, Any]) -> bool:
    return roll(cluster, contract)["changed"] is False


def replicas(cluster: Any) -> int:
    return int(cluster.request("GET", DEPLOYMENT)["spec"]["replicas"])


def scale(cluster: Any, number: int) -> None:
    """Scale as every autoscaler does: by the subresource."""
    cluster.request("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": number}}, MERGE)


def names(cluster: Any, path: str) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.request("GET", path)["items"]]


def wait_for_none(cluster: Any, path: str) -> None:
    """What is deleted goes once the garbage collector has seen it, which learns of new kinds every 30 s."""
    until(lambda: names(cluster, path) == [], f"{path} still has {names(cluster, path)}", 60)


@pytest.mark.soak
def test_keda_gets_a_scaled_object_that_lives_with_its_model(with_keda: Any, tmp_path: Path) -> None:
    contract = scaling(with_keda)
    checked = onboard(tmp_path, contract, options=("--check", "--diff"))
    assert "ScaledObject fireworks-models/llama-3-1-8b (created)" in checked.stdout
    run(tmp_path, contract)
    spec = with_keda.request("GET", f"{SCALED_OBJECTS}/{NAME}")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], replicas(with_keda)) == (1, 4, 1)
    assert names(with_keda, HPAS) == []
    assert unchanged(tmp_path, contract)

    contract["models"][0]["replicas"]["max"] = 6
    before, stamps = ours(with_keda), versions(with_keda)
    run(tmp_path, contract)
    assert with_keda.request("GET", f"{SCALED_OBJECTS}/{NAME}")["spec"]["maxReplicaCount"] == 6
    after = ours(with_keda)
    assert {place.split()[-1] for place in set(after) - set(before)} == {f"fireworks-models/{NAME}-2"}
    assert before.items() <= after.items(), "more changed than the bounds"
    assert stamps.items() <= versions(with_keda).items(), "more changed than the bounds"

    assert offboard(tmp_path, contract).returncode == 0
    assert names(with_keda, SCALED_OBJECTS) == []
    assert ours(with_keda) == {}


@pytest.mark.soak
def test_what_an_autoscaler_did_to_the_replicas_is_left_alone(governed_with_keda: Any) -> None:
    contract = scaling(governed_with_keda)
    roll(governed_with_keda, contract)
    scale(governed_with_keda, 3)
    assert rolled_already(governed_with_keda, contract)
    assert replicas(governed_with_keda) == 3
    contract["models"][0]["context_length"] = 16384
    roll(governed_with_keda, contract)
    assert replicas(governed_with_keda) == 3, "a new version of the model took replicas away"
    assert rolled_already(governed_with_keda, contract)


@pytest.mark.soak
def test_a_model_that_begins_to_scale_keeps_the_replicas_it_has(governed_with_keda: Any) -> None:
    roll(governed_with_keda, scaling(governed_with_keda, 3, 3))
    assert names(governed_with_keda, SCALED_OBJECTS) == []
    contract = scaling(governed_with_keda, 2, 4)
    contract["models"][0]["context_length"] = 16384
    roll(governed_with_keda, contract)
    assert names(governed_with_keda, SCALED_OBJECTS) == [NAME]
    assert replicas(governed_with_keda) == 3, "the field that nobody owned got its default"
    assert rolled_already(governed_with_keda, contract)
    scale(governed_with_keda, 4)
    assert rolled_already(governed_with_keda, contract)


@pytest.mark.soak
def test_a_model_that_ends_to_scale_has_the_replicas_of_its_contract_again(governed_with_keda: Any) -> None:
    roll(governed_with_keda, scaling(governed_with_keda))
    scale(governed_with_keda, 4)
    for number in (2, 3):
        roll(governed_with_keda, scaling(governed_with_keda, number, number))
        wait_for_none(governed_with_keda, SCALED_OBJECTS)
        assert replicas(governed_with_keda) == number
        assert rolled_already(governed_with_keda, scaling(governed_with_keda, number, number))
    fields = governed_with_keda.request("GET", DEPLOYMENT)["metadata"]["managedFields"]
    assert [f["manager"] for f in fields if "f:replicas" in f["fieldsV1"].get("f:spec", {})] == ["fireworks-byoc"]


def test_when_keda_goes_its_models_stay_at_their_floor(governed_with_keda: Any) -> None:
    contract = scaling(governed_with_keda, 2, 4)
    roll(governed_with_keda, contract)
    scale(governed_with_keda, 4)
    remove(governed_with_keda, keda())
    roll(governed_with_keda, contract)
    assert replicas(governed_with_keda) == 2
    assert rolled_already(governed_with_keda, contract)


def test_a_scaler_that_is_not_ready_holds_up_no_rollout_and_is_told(governed_with_keda: Any) -> None:
    """KEDA says so of a model that no router knows yet, and a router is told of it after its rollout."""
    contract = scaling(governed_with_keda)
    unproven = roll(governed_with_keda, contract)["unproven"]
    assert f"that {NAME} is scaled: ScaledObject {NAME} has no word of KEDA yet" in unproven
    said = {"type": "Ready", "status": "False", "reason": "TriggerError", "message": "no metrics yet"}
    path = f"{SCALED_OBJECTS}/{NAME}"
    governed_with_keda.request("PATCH", f"{path}/status", {"status": {"conditions": [said]}}, MERGE)
    contract["models"][0] |= {"context_length": 16384, "load_timeout": "20s"}
    rolled = roll(governed_with_keda, contract)
    assert [one["gate"] for one in rolled["models"]] != ["failed"]
    why = f"ScaledObject {NAME} is not ready: TriggerError: no metrics yet"
    assert f"that {NAME} is scaled: {why}" in rolled["unproven"]
    assert governed_with_keda.request("GET", path)["status"]["conditions"] == [said]


@pytest.mark.soak
def test_a_cluster_with_metrics_of_pods_gets_an_hpa_that_holds_the_bounds(governed_with_metrics: Any) -> None:
    contract = scaling(governed_with_metrics)
    roll(governed_with_metrics, contract)
    spec = governed_with_metrics.request("GET", f"{HPAS}/{NAME}")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)
    assert [metric["pods"]["metric"]["name"] for metric in spec["metrics"]] == [
        "vllm_kv_cache_usage_perc",
        "vllm_num_requests_waiting",
    ]
    assert rolled_already(governed_with_metrics, contract)
    contract["models"][0]["replicas"]["min"] = 3
    roll(governed_with_metrics, contract)
    deadline = time.monotonic() + 60
    while replicas(governed_with_metrics) != 3:
        assert time.monotonic() < deadline, "the HPA's controller did not raise the replicas to the floor"
        time.sleep(0.5)
    assert rolled_already(governed_with_metrics, contract)
    with serving(governed_with_metrics, keda()):
        roll(governed_with_metrics, contract)
        wait_for_none(governed_with_metrics, HPAS)
        assert names(governed_with_metrics, SCALED_OBJECTS) == [NAME]
        assert replicas(governed_with_metrics) == 3
        assert rolled_already(governed_with_metrics, contract)


@pytest.mark.soak
def test_a_cluster_that_can_see_no_load_keeps_models_at_their_floor_and_says_so(acme: Any, tmp_path: Path) -> None:
    contract = scaling(acme, 2, 4)
    run(tmp_path, contract)
    assert (replicas(acme), names(acme, HPAS)) == (2, [])
    explained = play("explain", tmp_path, [contract])
    assert explained.returncode == 0, explained.stdout
    assert "2 x 1 GPU" in line(explained, "acme-eu-1", " floor ")
    assert "replicas.max is 4" in line(explained, "acme-eu-1", " ceiling ")
    said = line(explained, "acme-eu-1", " scaled by ")
    assert "nothing: stays at 2" in said
    assert "the customer installs KEDA" in said
    assert play("explain", tmp_path, [contract], "--check", clusters="").returncode == 0


@pytest.mark.soak
def test_scheduled_bounds_are_those_of_the_moment(governed_with_keda: Any, tmp_path: Path) -> None:
    contract = scaling(governed_with_keda)
    contract["models"][0]["scaling"] = {
        "schedules": [
            {
                "weekly": ["wed"],
                "start": "08:00",
                "duration": "10h",
                "time_zone": "Europe/Berlin",
                "min": 3,
                "max": 5,
            }
        ]
    }
    for moment, bounds in (("2026-11-25T09:00:00+01:00", [3, 5]), ("2026-11-25T19:00:00+01:00", [1, 4])):
        roll(governed_with_keda, contract, moment)
        spec = governed_with_keda.request("GET", f"{SCALED_OBJECTS}/{NAME}")["spec"]
        assert [spec["minReplicaCount"], spec["maxReplicaCount"]] == bounds
        explained = play("explain", tmp_path, [contract], "-e", f"moment={moment}")
        assert f"{bounds[1]} x 1 GPU" in line(explained, "acme-eu-1", " ceiling ")
