# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models whose replicas span nodes, on a real API server that serves LeaderWorkerSet: what it takes, what the
guardrails count, and how such a model comes, changes, grows and goes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import model_changes
from byoc_testbed.api import APPLY, MERGE
from byoc_testbed.errors import ApiError
from tests.integration.definitions import keda, leader_worker_set, serving
from tests.integration.governed import apply_presetup, in_full, refused
from tests.integration.groups import PODS, SETS, STATEFUL_SETS, playing_the_controller, without_room
from tests.integration.guarded import refusal, until, workload
from tests.integration.journey import agreed, bare, line, offboard, onboard, ours, wipe
from tests.integration.models import APPS, LLAMA, RELEASE, Models
from tests.integration.plays import connection_to, perform

Manifest = dict[str, Any]


def spanning(contract: Manifest, *, replicas: int = 1, gpus: int = 16, nodes: int = 2) -> Manifest:
    """The contract with its model on several nodes."""
    contract["scaling"] = {"max_replicas_per_model": replicas, "max_gpus_per_model": replicas * gpus}
    contract["models"][0]["gpu"] |= {"per_replica": gpus, "nodes": nodes}
    contract["models"][0]["replicas"] = {"min": replicas, "max": replicas}
    return contract


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    """A cluster that serves the kind, with nothing of ours before and after."""
    with bare(bed["acme"], tmp_path) as cluster, serving(cluster, leader_worker_set(cluster)):
        yield cluster


@pytest.fixture
def models(acme: Any, tmp_path: Path) -> Iterator[Models]:
    """The same, governed by the contract of such a model."""
    contract = spanning(in_full(acme))
    apply_presetup(acme, {**contract, "scaling": {**contract["scaling"], "max_replicas_per_model": 2}})
    shared = the_set(contract)
    shared["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]["hostNetwork"] = True
    until(lambda: refused(acme, shared), "the guardrails do not refuse yet")
    try:
        yield Models(acme, contract, tmp_path)
    finally:
        wipe(acme)


def change(models: Models, context: int = 32768, **how: Any) -> Manifest:
    """The model as ``model_rollout`` takes it, in a version that its context length tells."""
    contract = spanning(copy.deepcopy(models.contract), **how)
    contract["models"][0]["context_length"] = context
    [made] = model_changes(contract, [LLAMA], RELEASE, bake=1)
    return {**made, "load_seconds": 30}


def applied(cluster: Any, made: Manifest) -> str:
    """What the API server says to it, strictly; empty where it takes it."""
    try:
        query = "fieldManager=test&fieldValidation=Strict&dryRun=All&force=true"
        cluster.request("PATCH", f"{SETS}/{made['metadata']['name']}?{query}", made, APPLY)
    except ApiError as error:
        return str(error)
    return ""


def the_set(contract: Manifest) -> Manifest:
    return model_objects(contract, contract["models"][0], RELEASE)[0]


def test_the_api_server_takes_it_and_its_guardrail_looks_into_both_templates(models: Models) -> None:
    good = the_set(models.contract)
    assert applied(models.cluster, good) == ""

    def spoiled(template: str, **change: Any) -> Manifest:
        made = copy.deepcopy(good)
        made["spec"]["leaderWorkerTemplate"][template]["spec"] |= change
        return made

    assert "field not declared in schema" in applied(models.cluster, spoiled("leaderTemplate", nodeSelektor={}))
    for template in ("leaderTemplate", "workerTemplate"):
        assert "Pods use neither the network" in applied(models.cluster, spoiled(template, hostNetwork=True))
        assert "runs as engine, not as deployer" in applied(
            models.cluster, spoiled(template, serviceAccountName="deployer")
        )
        [engine] = copy.deepcopy(good["spec"]["leaderWorkerTemplate"][template]["spec"]["containers"])
        foreign = spoiled(template, containers=[{**engine, "image": "docker.io/vllm/vllm-openai:latest"}])
        assert "is not from registry.acme.example/fireworks" in applied(models.cluster, foreign)
        other = spoiled(template, nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L40S"})
        said = applied(models.cluster, other)
        assert "of an approved product" in said or "GPUs of one product" in said
    many = copy.deepcopy(good)
    many["spec"]["replicas"] = 2
    assert "2 x 16 GPUs is more than the 16 approved" in applied(models.cluster, many)
    wide = copy.deepcopy(good)
    wide["spec"]["leaderWorkerTemplate"]["size"] = 3
    assert "1 x 24 GPUs is more than the 16 approved" in applied(models.cluster, wide)
    alone = copy.deepcopy(wide)
    del alone["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    assert "1 x 24 GPUs is more than the 16 approved" in applied(models.cluster, alone)


@pytest.mark.soak
def test_the_leaders_that_are_made_of_it_count_as_whole_groups(models: Models) -> None:
    described = the_set(models.contract)["spec"]["leaderWorkerTemplate"]["leaderTemplate"]

    def leaders(number: int, index: str) -> str:
        made = workload("StatefulSet", LLAMA, described["spec"], number)
        marks = made["spec"]["template"]["metadata"]
        marks["labels"] |= {"leaderworkerset.sigs.k8s.io/worker-index": index}
        marks["annotations"] = {"leaderworkerset.sigs.k8s.io/size": "2"}
        return refusal(models.cluster.api, "POST", f"{APPS}/statefulsets", made)

    assert (leaders(1, "0"), leaders(2, "1")) == ("", "")
    assert "4 x 8 GPUs is more than the 16 approved" in leaders(2, "0")


def test_it_comes_changes_and_goes_as_one_unit(models: Models) -> None:
    cluster = models.cluster
    with playing_the_controller(cluster) as refused:
        first = models.roll(change(models))
        assert not first.get("failed"), first
        assert (first["models"][0]["strategy"], first["models"][0]["gate"]) == ("first", "unproven"), first
        pods = {pod["metadata"]["name"]: pod for pod in cluster.request("GET", PODS)["items"]}
        assert sorted(pods) == [f"{LLAMA}-0", f"{LLAMA}-0-1"]
        assert len({pod["spec"]["nodeName"] for pod in pods.values()}) == 2
        quota = cluster.request("GET", f"{PODS.replace('pods', 'resourcequotas')}/approved-gpus")
        assert quota["status"]["used"]["requests.nvidia.com/gpu"] == "16"
        endpoints = cluster.request("GET", "/apis/discovery.k8s.io/v1/namespaces/fireworks-models/endpointslices")
        behind = {
            s["metadata"]["labels"]["kubernetes.io/service-name"]: [
                e["targetRef"]["name"] for e in s["endpoints"] or ()
            ]
            for s in endpoints["items"]
        }
        assert behind[LLAMA] == [f"{LLAMA}-0"]
        assert models.roll(change(models))["changed"] is False
        its_controllers_objects_are_no_members(models)

        other = models.roll(change(models, 16384))
        assert "a surge needs 8 free GPUs on each of 2 nodes" in other["msg"]
        assert "it has 1 replica, and with that away nothing serves" in other["msg"]
        drained = models.roll({**change(models, 16384), "downtime": True})
        assert not drained.get("failed"), drained
        assert drained["models"][0]["strategy"] == "drain"
        assert models.revisions() == [(1, "good"), (2, "good")]
        # The last write of a rollout ends what held only during it; its controller sees that a moment later.
        until(lambda: models.info()["models"][0]["status"] == "ready", "its controller has not seen the last write")
        [told] = models.info()["models"]
        assert (told["replicas"], told["ready"]) == (1, 1)
        assert models.roll({**change(models, 16384), "downtime": True})["changed"] is False
        assert refused == []
        gone = models.retire()
        assert not gone.get("failed"), gone
    assert models.revisions() == []
    assert [name for name in ours(cluster) if LLAMA in name] == []


def its_controllers_objects_are_no_members(models: Models) -> None:
    """Though they have the set's labels; and they stay where the set has had objects of their kind itself."""
    cluster = models.cluster
    sets = {one["metadata"]["name"]: one for one in cluster.request("GET", STATEFUL_SETS)["items"]}
    assert sorted(sets) == [LLAMA, f"{LLAMA}-0"]
    of = cluster.request("GET", f"{SETS}/{LLAMA}")["metadata"]["labels"]
    assert all(of.items() <= one["metadata"]["labels"].items() for one in sets.values())
    connection = connection_to(cluster)
    found = perform(connection, "footprint_info")["objects"]
    shown = {
        (one["kind"], one["name"]): one["set"] for one in found if one["kind"] in ("StatefulSet", "LeaderWorkerSet")
    }
    assert shown == {("LeaderWorkerSet", LLAMA): f"model-{LLAMA}", **{("StatefulSet", name): "" for name in sets}}

    parent = f"/api/v1/namespaces/fireworks-system/configmaps/model-{LLAMA}"
    key = "applyset.kubernetes.io/contains-group-kinds"
    kinds = cluster.request("GET", parent)["metadata"]["annotations"][key]
    cluster.request("PATCH", parent, {"metadata": {"annotations": {key: f"{kinds},StatefulSet.apps"}}}, MERGE)
    definition = model_objects(models.contract, models.contract["models"][0], RELEASE)
    seen = perform(connection, "set_info", definition=definition, name=f"model-{LLAMA}")
    assert seen["counts"]["extra"] == 0, seen
    again = models.roll(change(models))
    assert not again.get("failed"), again
    assert cluster.request("GET", parent)["metadata"]["annotations"][key] == kinds
    left = {one["metadata"]["name"]: one["metadata"] for one in cluster.request("GET", STATEFUL_SETS)["items"]}
    assert {name: (one["uid"], one.get("deletionTimestamp")) for name, one in left.items()} == {
        name: (one["metadata"]["uid"], None) for name, one in sets.items()
    }


@pytest.mark.soak
def test_two_groups_share_the_nodes_and_are_replaced_one_by_one(models: Models) -> None:
    two = {"replicas": 2, "gpus": 8, "nodes": 2}
    with playing_the_controller(models.cluster) as refused:
        assert not models.roll(change(models, **two)).get("failed")
        done = models.roll(change(models, 16384, **two))
        assert not done.get("failed"), done
        assert done["models"][0]["strategy"] == "replace"
        assert refused == []


@pytest.mark.soak
def test_more_groups_than_approved_are_stopped_whoever_asks_for_them(models: Models) -> None:
    with playing_the_controller(models.cluster) as refused:
        assert not models.roll(change(models)).get("failed")
        scale(models.cluster, 2)
        until(lambda: refused, "nothing was refused")
    assert "4 x 8 GPUs is more than the 16 approved" in refused[0]


@pytest.mark.soak
def test_an_autoscaler_says_how_many_groups_there_are(models: Models) -> None:
    apis = {"apis": {"keda.sh/v1alpha1": ["ScaledObject"]}}
    contract = spanning(copy.deepcopy(models.contract), replicas=2, gpus=8)
    contract["models"][0]["replicas"]["min"] = 1
    [made] = model_changes(contract, [LLAMA], RELEASE, apis, bake=1)
    wanted = {**made, "load_seconds": 30}
    with serving(models.cluster, keda()), playing_the_controller(models.cluster) as refused:
        assert not models.roll(wanted).get("failed")
        scale(models.cluster, 2)
        until(lambda: ready_groups(models.cluster) == 2, "the second group is not ready")
        assert models.roll(wanted)["changed"] is False
        assert models.cluster.request("GET", f"{SETS}/{LLAMA}")["spec"]["replicas"] == 2
        assert refused == []
        assert not models.retire().get("failed")


def scale(cluster: Any, groups: int) -> None:
    """Scale as every autoscaler does: by the subresource."""
    cluster.request("PATCH", f"{SETS}/{LLAMA}/scale", {"spec": {"replicas": groups}}, MERGE)


def ready_groups(cluster: Any) -> int:
    return int(cluster.request("GET", f"{SETS}/{LLAMA}")["status"].get("readyReplicas", 0))


def test_it_is_not_ready_before_its_controller_says_so(models: Models) -> None:
    late = {**change(models), "load_seconds": 1, "deadline": 3}
    result = models.roll(late)
    assert result["failed"] is True
    assert "0 of 1" in result["msg"]
    assert models.revisions() == [(1, "failed")]


@pytest.mark.soak
def test_from_one_node_to_several_everything_goes_first(models: Models) -> None:
    narrow = copy.deepcopy(models.contract)
    narrow["models"][0]["gpu"] = {"product": narrow["models"][0]["gpu"]["product"], "per_replica": 8}
    [before] = model_changes(narrow, [LLAMA], RELEASE, bake=1)
    with playing_the_controller(models.cluster) as refused:
        assert not models.roll({**before, "load_seconds": 30}).get("failed")
        said = models.roll(change(models))
        assert "it becomes a LeaderWorkerSet, which does not wait for the replicas of another kind" in said["msg"]
        done = models.roll({**change(models), "downtime": True})
        assert not done.get("failed"), done
        assert done["models"][0]["strategy"] == "drain"
        # Until the old pods are gone the quota holds the new ones back; then they are made.
        assert all("exceeded quota" in each for each in without_room(models.cluster).splitlines())
        assert refused == []
        assert LLAMA in {each["metadata"]["name"] for each in models.cluster.request("GET", SETS)["items"]}
        assert models.cluster.request("GET", f"{APPS}/deployments")["items"] == []
    assert models.revisions() == [(1, "good"), (2, "good")]


@pytest.mark.soak
def test_onboarding_serves_it_and_offboarding_leaves_nothing(acme: Any, tmp_path: Path) -> None:
    contract = spanning(agreed(acme))
    with playing_the_controller(acme) as refused:
        done = onboard(tmp_path, contract)
        assert done.returncode == 0, done.stdout
        again = onboard(tmp_path, contract)
        assert again.returncode == 0, again.stdout
        assert "unchanged" in line(again, "acme-eu-1")
        assert refused == []
        offboard(tmp_path, contract)
    assert ours(acme) == {}
