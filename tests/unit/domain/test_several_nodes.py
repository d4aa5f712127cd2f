# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas that span nodes: what is compiled for them, what they take, and what is counted and allowed for them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.capacity import may_span_nodes, unplaced
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES, granted
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import gpu_inventory
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.fit import FITS, fit
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.room import Room, room_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import models_can_be_served
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.strategy import Now, choose
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import (
    Shape,
    UnfitUnitError,
    as_unit,
    available,
    is_of,
    selector_of,
    shape_of,
    template_of,
    while_rolling,
    with_candidate,
    workload,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.views import node_view, pod_view
from tests.unit.domain.agreed import RELEASE, contract, facts, model
from tests.unit.domain.contract.contracts import GONE, H100, complaints_about
from tests.unit.domain.raw import node, pod

GROUP, MODEL = "byoc.fireworks.ai/group-of", "byoc.fireworks.ai/model"
KEDA = {"apis": {"keda.sh/v1alpha1": ["ScaledObject"]}}
WIDE = {"product": H100, "per_replica": 16, "nodes": 2}


def spanning(**more: Any) -> dict[str, Any]:
    return model(**{"gpu": WIDE, "replicas": {"min": 1, "max": 1}, **more})


def objects(served: dict[str, Any] | None = None, found: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    made = served or spanning()
    capacity = {"gpus": [{"product": H100, "count": 64}]}
    agreed = contract(models=[made], capacity=capacity, scaling={"max_gpus_per_model": 64})
    return {each["kind"]: each for each in model_objects(agreed, made, RELEASE, found)}


def group(served: dict[str, Any] | None = None) -> dict[str, Any]:
    template: dict[str, Any] = objects(served)["LeaderWorkerSet"]["spec"]["leaderWorkerTemplate"]
    return template


def test_it_is_a_leader_worker_set_instead_of_a_deployment() -> None:
    made = objects()
    assert sorted(made) == ["LeaderWorkerSet", "PodDisruptionBudget", "Service"]
    one = made["LeaderWorkerSet"]
    assert (one["apiVersion"], one["metadata"]["name"]) == ("leaderworkerset.x-k8s.io/v1", "llama")
    assert (one["spec"]["replicas"], one["spec"]["leaderWorkerTemplate"]["size"]) == (1, 2)
    assert one["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert one["spec"]["startupPolicy"] == "LeaderCreated"
    assert one["spec"]["networkConfig"] == {"subdomainPolicy": "UniquePerReplica"}
    how = {"partition": 0, "maxSurge": 0, "maxUnavailable": 1}
    assert one["spec"]["rolloutStrategy"] == {"type": "RollingUpdate", "rollingUpdateConfiguration": how}


def test_only_the_leader_takes_requests_and_all_pods_are_in_the_budget() -> None:
    made, template = objects(), group()
    leader, worker = template["leaderTemplate"], template["workerTemplate"]
    assert made["Service"]["spec"]["selector"].items() <= leader["metadata"]["labels"].items()
    assert MODEL not in worker["metadata"]["labels"]
    everyone = made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert everyone == {GROUP: "llama"}
    assert everyone.items() <= leader["metadata"]["labels"].items() & worker["metadata"]["labels"].items()
    [serving], [other] = leader["spec"]["containers"], worker["spec"]["containers"]
    assert serving["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & set(other)


def test_each_pod_has_its_part_of_the_gpus_and_is_guarded_as_every_engine_is() -> None:
    for template in (group()["leaderTemplate"], group()["workerTemplate"]):
        [engine] = template["spec"]["containers"]
        assert engine["resources"]["limits"] == {"nvidia.com/gpu": "8"}
        assert template["spec"]["nodeSelector"] == {"nvidia.com/gpu.product": H100}
        assert template["spec"]["priorityClassName"] == "fireworks-standard"
        assert engine["securityContext"]["readOnlyRootFilesystem"] is True
        assert "topologySpreadConstraints" not in template["spec"]


def test_vllm_serves_once_the_others_have_joined() -> None:
    [leader] = group()["leaderTemplate"]["spec"]["containers"]
    [worker] = group()["workerTemplate"]["spec"]["containers"]
    script = "/vllm-workspace/examples/online_serving/multi-node-serving.sh"
    assert leader["command"][:3] == [
        "bash",
        "-c",
        'bash "$0" leader --ray_port=6379 --ray_cluster_size=2 --ray_init_timeout=1200 && exec "$@"',
    ]
    assert leader["command"][3:6] == [script, "vllm", "serve"]
    flags = {"--tensor-parallel-size=8", "--pipeline-parallel-size=2", "--distributed-executor-backend=ray"}
    assert flags <= set(leader["command"])
    joins = ["--ray_address=$(LWS_LEADER_ADDRESS)", "--ray_port=6379", "--ray_init_timeout=1200"]
    assert worker["command"] == ["bash", script, "worker", *joins]
    assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in worker["env"]


def test_another_version_of_any_pod_is_another_version_of_all() -> None:
    now, other = (group(spanning(load_timeout=time)) for time in ("20m", "21m"))
    wider = group(spanning(gpu={**WIDE, "per_replica": 32, "nodes": 4}))
    marks = [
        t[f"{who}Template"]["metadata"]["annotations"] for t in (now, other, wider) for who in ("leader", "worker")
    ]
    assert [marks[0] == marks[1], marks[2] == marks[3], marks[4] == marks[5]] == [True] * 3
    assert len({str(each) for each in marks}) == 3


def test_an_autoscaler_scales_groups() -> None:
    served = spanning(
        replicas={"min": 1, "max": 2},
        scaling={"signals": {"kv_cache_usage": 0.8, "waiting_requests": 5}, "schedules": []},
    )
    target = objects(served, KEDA)["ScaledObject"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "llama"}


# --- the contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "more", "words"),
    [
        ({"per_replica": 15, "nodes": 2}, {}, "the 15 GPUs of gpu.per_replica cannot be divided evenly among 2 nodes"),
        (
            {"per_replica": 16, "nodes": 2},
            {"parallelism": {"tensor": 16, "pipeline": 1}},
            "16 GPUs, and a node has 8 of the replica's 16: tensor parallelism stays inside a node: have tensor: 8, p",
        ),
        ({"per_replica": 16, "nodes": 2}, {"parallelism": {"pipeline": 1}}, "each layer would be split over 16 GPUs"),
        ({"per_replica": 24, "nodes": 4}, {"parallelism": {"tensor": 4, "pipeline": 6}}, "and a node has 6 of the"),
        ({"per_replica": 16, "nodes": 2}, {"name": "m" * 48}, "has 48 characters; of a model that spans nodes at most"),
    ],
)
def test_a_spread_that_cannot_be_is_refused(gpu: dict[str, Any], more: dict[str, Any], words: str) -> None:
    assert words in str(about(gpu, more))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parallelism": {"tensor": 8}},
        {"parallelism": {"pipeline": 4}},
        {"parallelism": {"tensor": 4, "pipeline": 4}},
        {"name": "m" * 47},
    ],
)
def test_a_spread_that_can_be_is_not(more: dict[str, Any]) -> None:
    assert about({"per_replica": 16, "nodes": 2}, more) == {}


@pytest.mark.parametrize("gpu", [{"per_replica": "x", "nodes": 2}, {"per_replica": 16, "nodes": "x"}, {"nodes": 2}])
def test_broken_data_is_left_to_other_rules(gpu: dict[str, Any]) -> None:
    assert not {"models[0].gpu", "models[0].parallelism.tensor"} & set(about(gpu, {}))


def about(gpu: dict[str, Any], more: dict[str, Any]) -> dict[str, str]:
    """What is said of the example with its first model so."""
    changes = {
        "capacity.gpus.0.count": 64,
        "scaling.max_gpus_per_model": 64,
        "models.0.replicas": {"min": 1, "max": 1},
        "models.0.scaling": GONE,
        "models.0.gpu": {"product": H100, **gpu},
    }
    return complaints_about(changes | {f"models.0.{key}": value for key, value in more.items()})


def test_only_an_engine_that_can_is_spread_and_its_own_flags_for_it_are_not_the_contracts() -> None:
    other = {"name": "sglang", "version": "0.5.3", "arguments": {}}
    [(place, message)] = models_can_be_served(contract(models=[spanning(engine=other, quantization="none")]))
    assert place == ("models", 0, "gpu", "nodes")
    assert message == ("sglang is not started on several nodes here, vllm is: have gpu.nodes: 1, or engine.name: vllm")
    flags = {"name": "vllm", "version": "0.11.0", "arguments": {"distributed-executor-backend": "mp"}}
    [(_place, message)] = models_can_be_served(contract(models=[spanning(engine=flags, quantization="none")]))
    assert message.endswith("it follows from gpu.nodes")


def test_the_arithmetic_is_that_of_all_its_gpus() -> None:
    large = {"uri": "hf://meta-llama/Llama-3.1-405B-Instruct", "revision": "1"}
    assert fit(spanning(source=large), most_gpus=16).verdict == FITS
    narrow = model(source=large, gpu={"product": H100, "per_replica": 8})
    assert fit(narrow).verdict != FITS


@pytest.mark.parametrize(
    ("gpu", "memory", "agreed", "nearest"),
    [
        ({"per_replica": 8}, 0, 64, "gpu.per_replica: 16 and gpu.nodes: 2 (a LeaderWorkerSet)"),
        ({"per_replica": 8}, 0, 15, ""),
        ({"per_replica": 8}, 0, 0, ""),
        ({"per_replica": 2}, 0, 16, "gpu.per_replica: 16 and gpu.nodes: 2 (a LeaderWorkerSet)"),
        ({"per_replica": 8}, 40960, 64, "gpu.per_replica: 32 and gpu.nodes: 4 (a LeaderWorkerSet)"),
    ],
)
def test_more_nodes_are_proposed_where_one_is_never_enough(
    gpu: dict[str, int], memory: int, agreed: int, nearest: str
) -> None:
    large = {"uri": "hf://meta-llama/Llama-3.1-405B-Instruct", "revision": "1"}
    found = fit(model(source=large, gpu={"product": H100, **gpu}), memory_mib=memory, agreed=agreed).nearest
    assert [each for each in found if "gpu." in each] == [nearest] * bool(nearest)
    other = {"name": "sglang", "version": "0.5.3", "arguments": {}}
    there = fit(model(source=large, engine=other, gpu={"product": H100, **gpu}), agreed=agreed).nearest
    assert not any("gpu." in each for each in there)


# --- what governs it ------------------------------------------------------------------------------


@pytest.mark.parametrize(("models", "spans"), [([], False), ([model()], False), ([model(), spanning()], True)])
def test_rights_and_ways_are_there_only_for_a_contract_that_needs_them(models: list[Any], spans: bool) -> None:
    agreed = contract(models=models)
    assert may_span_nodes(agreed) is spans
    needs = {
        (who.name, n.scope) for who in IDENTITIES for n in granted(agreed, who) if "leaderworkersets" in n.resources
    }
    models_ns, system = "fireworks-models", "fireworks-system"
    expected = {
        ("operator", models_ns), ("operator", system), ("deployer", models_ns), ("deployer", system),
        ("observer", models_ns), ("upgrader", models_ns),
    }  # fmt: skip
    assert needs == (expected if spans else set())
    between = [o for o in presetup_objects(agreed) if o["metadata"]["name"] == "between-the-nodes-of-a-replica"]
    assert len(between) == spans
    for policy in between:
        members = {"matchExpressions": [{"key": GROUP, "operator": "Exists"}]}
        peers = [{"podSelector": members}]
        assert policy["metadata"]["namespace"] == "fireworks-models"
        assert policy["spec"] == {
            "podSelector": members,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers}],
            "egress": [{"to": peers}],
        }


# --- what it takes --------------------------------------------------------------------------------


def unit(served: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return as_unit(objects(served).values())


def test_a_unit_knows_what_its_groups_take() -> None:
    one = workload(unit())
    assert one
    assert shape_of(one) == Shape(1, 8, H100, 2)
    assert shape_of(one).each == "8 GPUs on each of 2 nodes"
    assert selector_of(one) == {MODEL: "llama"}
    assert available({**one, "status": {"readyReplicas": 1, "availableReplicas": 3}}) == 1
    alone = workload(unit(model()))
    assert alone
    assert (shape_of(alone).each, selector_of(alone)) == ("1 GPU", {MODEL: "llama"})
    assert available({**alone, "status": {"availableReplicas": 3}}) == 3


def test_only_leaders_are_judged() -> None:
    template = group()
    leader = {"metadata": template["leaderTemplate"]["metadata"]}
    worker = {"metadata": template["workerTemplate"]["metadata"]}
    wanted = template_of(objects()["LeaderWorkerSet"])
    assert (is_of(leader, wanted), is_of(worker, wanted)) == (True, False)


def test_it_rolls_by_its_own_configuration_and_is_not_held_back() -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}
    rolling = workload(while_rolling(unit(), surge, 120))
    assert rolling
    how = {"partition": 0, "maxSurge": 2, "maxUnavailable": 0}
    assert rolling["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] == how
    assert not {"minReadySeconds", "strategy"} & set(rolling["spec"])
    with pytest.raises(UnfitUnitError, match="only a Deployment can have a candidate"):
        with_candidate(unit(), unit(), fewer=False)


def room(*free: int, quota: int | None = None) -> Room:
    return Room(H100, {f"n{i}": gpus for i, gpus in enumerate(free)}, {}, quota)


@pytest.mark.parametrize(
    ("free", "gpus", "nodes", "replicas"),
    [
        (room(8, 8), 8, 2, 1),
        (room(8, 7), 8, 2, 0),
        (room(8, 8, 8), 8, 2, 1),
        (room(8, 8, 8, 8), 8, 2, 2),
        (room(8), 4, 2, 1),
        (room(8, 8, quota=15), 8, 2, 0),
        (room(8, 8, 8, 8, quota=16), 8, 2, 1),
        (room(), 0, 2, 9),
    ],
)
def test_a_group_needs_room_for_all_its_pods(free: Room, gpus: int, nodes: int, replicas: int) -> None:
    assert free.replicas(gpus, 9, nodes) == replicas


@pytest.mark.parametrize(
    ("free", "old", "new", "fits"),
    [
        (room(0, 0), 8, 8, True),
        (room(0, 0), 8, 4, True),
        (room(4, 4), 4, 8, False),
        (room(8, 0), 4, 8, False),
        (room(8, 8), 4, 8, True),
        (room(8, 8, quota=0), 4, 8, False),
        (room(), 1, 0, True),
    ],
)
def test_a_group_fits_where_another_goes_if_each_pod_does(free: Room, old: int, new: int, fits: bool) -> None:
    assert free.fits_instead(old, new, 2) is fits


def test_the_pods_of_a_group_are_the_models_own() -> None:
    worker = pod("llama-0-1", 8, on="b")
    worker["metadata"]["labels"] = {GROUP: "llama"}
    pods = [pod("llama-0", 8, on="a", model="llama"), worker]
    found = room_of("llama", H100, [node_view(node("a")), node_view(node("b"))], map(pod_view, pods), [])
    assert (found.free, found.held) == ({"a": 0, "b": 0}, {"a": 8, "b": 8})
    assert found.replicas_when_empty(8, 1, 2) == 1
    products = gpu_inventory([node_view(node("a")), node_view(node("b"))], map(pod_view, pods))["products"]
    assert products[H100]["ours"] == {"llama": 16}


GROUPS = Shape(2, 8, H100, 2)


@pytest.mark.parametrize(
    ("now", "target", "free", "downtime", "name", "words"),
    [
        (None, GROUPS, room(8, 8, 8), False, "refused", "2 replicas of 8 GPUs on each of 2 nodes would be added; free"),
        (None, GROUPS, room(8, 8, 8, 8), False, "first", "with 8 on each of 2 nodes for each replica that is room for"),
        (Now(GROUPS, 2, 1), GROUPS, room(8, 8), False, "surge", "so 1 replica can be added"),
        (Now(GROUPS, 2, 1), GROUPS, room(8), False, "replace", "they are replaced one by one"),
        (
            Now(Shape(1, 8, H100, 2), 1, 1), Shape(1, 8, H100, 2), room(), False, "refused",
            "a surge needs 8 free GPUs on each of 2 nodes; replacing one by one is not possible: it has 1 replica",
        ),
        (
            Now(Shape(2, 4, H100, 4), 2, 1), GROUPS, room(), False, "refused",
            "a replica spans 4 nodes, and 2 afterwards",
        ),
        (
            Now(Shape(2, 4, H100, 2), 2, 1), GROUPS, room(), False, "refused",
            "8 GPUs on each of 2 nodes do not fit where a replica of 4 is taken away",
        ),
        (
            Now(Shape(1, 8, H100), 1, 1, "LeaderWorkerSet"), Shape(1, 8, H100, 2), room(8, 8), False, "refused",
            "does not wait for the replicas of another kind; replacing one by one is not possible: a LeaderWorkerSet",
        ),
        (
            Now(Shape(1, 8, H100), 1, 1, "LeaderWorkerSet"), Shape(1, 8, H100, 2), room(8, 8), True, "drain",
            "rollout.downtime allows to drain first",
        ),
    ],
)  # fmt: skip
def test_its_strategy_follows_what_is_free(
    now: Now | None, target: Shape, free: Room, downtime: bool, name: str, words: str
) -> None:
    found = choose(now, target, free, same_pods=False, downtime=downtime)
    assert found.name == name, found.why
    assert words in found.why


@pytest.mark.parametrize(
    ("free", "ours", "missing"),
    [
        ([{"gpus": 8, "nodes": 2}], {}, []),
        ([{"gpus": 8, "nodes": 1}], {}, [("llama", 1, 8, 2)]),
        ([], {"llama": 16}, []),
        ([], {"llama": 8}, [("llama", 1, 8, 2)]),
    ],
)
def test_the_floor_is_placed_group_by_group(free: list[Any], ours: dict[str, int], missing: list[Any]) -> None:
    found = unplaced(contract(models=[spanning()]), H100, {"free_nodes": free, "ours": ours})
    assert [(m["model"], m["missing"], m["each"], m["nodes"]) for m in found] == missing


def test_a_group_that_does_not_fit_takes_nothing_from_others() -> None:
    models = [spanning(), model("small", gpu={"product": H100, "per_replica": 8}, replicas={"min": 1, "max": 1})]
    found = unplaced(contract(models=models), H100, {"free_nodes": [{"gpus": 8, "nodes": 1}]})
    assert [each["model"] for each in found] == ["llama"]


@pytest.mark.parametrize(
    ("status", "settled"),
    [({}, True), ({"observedGeneration": 2}, True), ({"observedGeneration": 1}, False), ({"readyReplicas": 0}, False)],
)
def test_facts_count_a_group_with_all_its_gpus(status: dict[str, int], settled: bool) -> None:
    live = objects()["LeaderWorkerSet"]
    live["metadata"]["generation"] = 2
    live["status"] = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, **status}
    [found] = facts(groups=[live])["models"]
    assert found["settled"] is settled
    assert (found["name"], found["replicas"], found["gpus"]) == ("llama", 1, 16)
    assert found["image"].startswith("registry.acme.example/fireworks/vllm-openai@")
