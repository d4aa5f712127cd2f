# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who says how many replicas a workload of a set has, and how that changes hands, runs that were killed included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import connection_to, perform_tasks
from tests.integration.test_apply_set import deployment, get, namespace, task

SPACE = "who-scales"
WEB = f"/apis/apps/v1/namespaces/{SPACE}/deployments/web"
HPA_PATH = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/web"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
# It has bounds, and no metrics to go by: it acts on what is out of bounds, and on nothing else.
HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": SPACE},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 6,
    },
}


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    """A cluster, without the namespace that the tests work in."""
    yield bed["acme"]
    bed["acme"].remove_namespaces(SPACE)


def applied(cluster: Any, folder: Path, *manifests: dict[str, Any], flags: tuple[str, ...] = ()) -> dict[str, Any]:
    result = perform_tasks(
        folder, connection_to(cluster), task(SPACE, namespace(SPACE), *manifests), flags=flags
    ).result
    assert not result.get("failed"), result
    return result


def scale(cluster: Any, replicas: int) -> None:
    cluster.request("PATCH", f"{WEB}/scale", {"spec": {"replicas": replicas}}, MERGE)


def replicas(cluster: Any) -> int:
    return int(cluster.request("GET", WEB)["spec"]["replicas"])


def owners(cluster: Any) -> list[str]:
    fields = cluster.request("GET", WEB)["metadata"]["managedFields"]
    return sorted(f["manager"] for f in fields if "f:replicas" in f["fieldsV1"].get("f:spec", {}))


def test_a_new_workload_starts_with_its_replicas_and_the_autoscaler_says_the_rest(cluster: Any, tmp_path: Path) -> None:
    assert applied(cluster, tmp_path, deployment(SPACE, 2), HPA)["changed"]
    assert replicas(cluster) == 2
    assert not applied(cluster, tmp_path, deployment(SPACE, 2), HPA)["changed"]
    scale(cluster, 4)
    assert not applied(cluster, tmp_path, deployment(SPACE, 2), HPA)["changed"]
    newer = deployment(SPACE, 3, note="newer")
    checked = applied(cluster, tmp_path, newer, HPA, flags=("--check", "--diff"))
    assert [entry["after"]["spec"]["replicas"] for entry in checked["diff"] if entry["after"]] == [4]
    assert applied(cluster, tmp_path, newer, HPA, flags=("--diff",))["diff"] == checked["diff"]
    assert replicas(cluster) == 4


def test_a_workload_that_never_was_scaled_keeps_its_replicas_when_we_leave_them(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 3))
    newer = deployment(SPACE, 2, note="newer")
    checked = applied(cluster, tmp_path, newer, HPA, flags=("--check", "--diff"))
    done = applied(cluster, tmp_path, newer, HPA, flags=("--diff",))
    assert [entry["after"]["spec"].get("replicas", 3) for entry in checked["diff"]] == [3, 3]
    assert (replicas(cluster), owners(cluster)) == (3, ["fireworks-byoc-replicas"])
    assert done["counts"] == checked["counts"]
    scale(cluster, 5)
    assert not applied(cluster, tmp_path, newer, HPA)["changed"]
    assert "fireworks-byoc-replicas" not in owners(cluster)


def test_when_the_autoscaler_goes_the_manifest_says_the_replicas_again(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2), HPA)
    scale(cluster, 4)
    checked = applied(cluster, tmp_path, deployment(SPACE, 2), flags=("--check", "--diff"))
    assert [entry["after"]["spec"]["replicas"] for entry in checked["diff"] if entry["after"]] == [2]
    assert applied(cluster, tmp_path, deployment(SPACE, 2))["counts"] == checked["counts"]
    assert (replicas(cluster), owners(cluster), get(cluster, HPA_PATH)) == (2, ["fireworks-byoc"], None)
    assert not applied(cluster, tmp_path, deployment(SPACE, 2))["changed"]


def test_replicas_that_are_right_by_chance_become_ours_too(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2), HPA)
    scale(cluster, 3)
    assert applied(cluster, tmp_path, deployment(SPACE, 3))["changed"]
    assert (replicas(cluster), "fireworks-byoc" in owners(cluster)) == (3, True)
    assert not applied(cluster, tmp_path, deployment(SPACE, 3))["changed"]
    assert applied(cluster, tmp_path, deployment(SPACE, 1))["changed"]
    assert (replicas(cluster), owners(cluster)) == (1, ["fireworks-byoc"])


@pytest.mark.soak
def test_a_run_that_was_killed_after_the_autoscaler_went_is_finished_by_the_next(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2), HPA)
    scale(cluster, 4)
    cluster.request("DELETE", HPA_PATH)
    assert applied(cluster, tmp_path, deployment(SPACE, 2))["changed"]
    assert (replicas(cluster), owners(cluster)) == (2, ["fireworks-byoc"])
    assert not applied(cluster, tmp_path, deployment(SPACE, 2))["changed"]


@pytest.mark.soak
def test_a_run_that_was_killed_while_replicas_changed_hands_is_finished_by_the_next(
    cluster: Any, tmp_path: Path
) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2))
    held = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": SPACE},
        "spec": {"replicas": 5},
    }
    cluster.request("PATCH", f"{WEB}?fieldManager=fireworks-byoc-replicas&force=true", held, APPLY)
    assert applied(cluster, tmp_path, deployment(SPACE, 2))["changed"]
    assert (replicas(cluster), owners(cluster)) == (2, ["fireworks-byoc"])


def test_an_hpa_that_would_leave_a_workload_at_zero_gets_it_with_its_replicas(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2), HPA)
    scale(cluster, 0)
    assert applied(cluster, tmp_path, deployment(SPACE, 2), HPA)["changed"]
    assert replicas(cluster) == 2


def test_without_an_autoscaler_whoever_scaled_is_asked_and_not_overruled(cluster: Any, tmp_path: Path) -> None:
    applied(cluster, tmp_path, deployment(SPACE, 2))
    scale(cluster, 4)
    refused = perform_tasks(
        tmp_path, connection_to(cluster), task(SPACE, namespace(SPACE), deployment(SPACE, 2))
    ).result
    assert refused["failed"]
    assert ".spec.replicas" in refused["msg"]
    assert replicas(cluster) == 4
