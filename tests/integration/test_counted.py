# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The approved GPUs hold for each product, on a real API server: how many run in the end, who stops others, and that
models from before there were quotas of products live on."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import COMMAND, canary_pod
from byoc_testbed.api import APPLY, MERGE, Api
from byoc_testbed.errors import ApiError
from tests.beds import H100
from tests.integration.definitions import leader_worker_set, serving
from tests.integration.governed import apply_presetup, governed
from tests.integration.groups import PODS, SETS, STATEFUL_SETS, playing_the_controller, without_room
from tests.integration.guarded import AUDIENCES, refusal, until
from tests.integration.models import RELEASE
from tests.unit.domain.raw import L40S

Manifest = dict[str, Any]
DEPLOYMENTS = "/apis/apps/v1/namespaces/fireworks-models/deployments"
REPLICA_SETS = DEPLOYMENTS.replace("deployments", "replicasets")
PRODUCT = "nvidia.com/gpu.product"
# The nodes have 16 H100, so that it is not for want of them that no more run.
APPROVED = {H100: 12, L40S: 8}
CAPACITY = {"gpus": [{"product": product, "count": count} for product, count in APPROVED.items()]}
SCALING = {"max_replicas_per_model": 8, "max_gpus_per_model": 8}
OF_L40S = "nvidia-l40s-985b44d2"


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[tuple[Any, Manifest]]:
    cluster = bed["acme"]
    with (
        serving(cluster, leader_worker_set(cluster)),
        governed(cluster, capacity=CAPACITY, scaling=SCALING) as contract,
    ):
        yield cluster, contract


@pytest.fixture
def cluster(place: Any) -> Iterator[Any]:
    """The cluster without models before and after."""
    made = place[0]
    yield made
    until(lambda: not removed(made), "pods of a test stay")


def removed(cluster: Any) -> list[str]:
    """What was still there, and was told to go. The collector of garbage learns of a new kind within half a minute, so
    that what a set of groups has made goes by name, too."""
    found = []
    for path in (DEPLOYMENTS, SETS, STATEFUL_SETS, REPLICA_SETS, PODS):
        for each in cluster.request("GET", path)["items"]:
            found.append(f"{path}/{each['metadata']['name']}")
            with suppress(ApiError):
                cluster.request("DELETE", f"{found[-1]}?gracePeriodSeconds=0")
    return found


def workload(contract: Manifest, name: str, product: str, replicas: int, version: int | None = None, **gpu: Any) -> Any:
    """What runs a model, as the product renders it."""
    [first, *_rest] = contract["models"]
    served = {**first, "name": name, "served_name": name, "gpu": {"product": product, "per_replica": 1, **gpu}}
    served["replicas"] = {"min": replicas, "max": replicas}
    facts = {"presetup_version": version}
    return model_objects({**contract, "models": [served]}, served, RELEASE, facts)[0]


def apply(cluster: Any, made: Manifest, query: str = "") -> None:
    path = SETS if made["kind"] == "LeaderWorkerSet" else DEPLOYMENTS
    cluster.request("PATCH", f"{path}/{made['metadata']['name']}?fieldManager=test&force=true{query}", made, APPLY)


def said(cluster: Any, made: Manifest) -> str:
    """What the API server says to it; empty where it would take it."""
    try:
        apply(cluster, made, "&dryRun=All")
    except ApiError as error:
        return str(error)
    return ""


def counted(cluster: Any) -> Counter[str]:
    pods = cluster.request("GET", PODS)["items"]
    return Counter({
        product: sum(
            int(container["resources"]["limits"]["nvidia.com/gpu"])
            for pod in pods if pod["spec"]["nodeSelector"][PRODUCT] == product
            for container in pod["spec"]["containers"]
        )
        for product in {pod["spec"]["nodeSelector"][PRODUCT] for pod in pods}
    })  # fmt: skip


def stopped(cluster: Any) -> str:
    """What the API server said to controllers that it let make no more pods."""
    sets = cluster.request("GET", REPLICA_SETS)["items"]
    found = [one for each in sets for one in (each.get("status") or {}).get("conditions") or ()]
    return "\n".join(one["message"] for one in found if one["type"] == "ReplicaFailure" and one["status"] == "True")


def test_no_more_of_a_product_runs_than_was_approved_while_another_is_free(place: Any, cluster: Any) -> None:
    _cluster, contract = place
    for name in ("a", "b"):
        apply(cluster, workload(contract, name, H100, 8))
    until(lambda: "exceeded quota: approved-gpus-nvidia-h100" in stopped(cluster), "no quota stopped anybody")
    assert counted(cluster) == {H100: 12}
    running = [pod for pod in cluster.request("GET", PODS)["items"] if pod["spec"].get("nodeName")]
    assert len(running) == 12, "the nodes have 16"
    # What is full for one product is free for the other, up to its own number.
    apply(cluster, workload(contract, "c", L40S, 8))
    until(lambda: counted(cluster) == APPROVED, "not all that was approved runs")
    apply(cluster, workload(contract, "d", L40S, 1))
    # The sum of both products is full, too: which of the two quotas is named is the API server's choice.
    ninth = re.compile(rf'pods "d-\S+ is forbidden: exceeded quota: approved-gpus(-{OF_L40S})?,')
    until(lambda: ninth.search(stopped(cluster)), "no quota stopped the ninth")
    assert counted(cluster) == APPROVED


def test_replicas_that_span_nodes_count_with_all_their_pods(place: Any, cluster: Any) -> None:
    _cluster, contract = place
    with playing_the_controller(cluster):
        for name, product in (("a", H100), ("b", L40S), ("c", H100)):
            apply(cluster, workload(contract, name, product, 1, per_replica=8, nodes=2))
        # The sum of both products is full, too: which of the two quotas is named is the API server's choice.
        held = re.compile(r"exceeded quota: approved-gpus(-nvidia-h100\S*)?,")
        until(lambda: held.search(without_room(cluster)), "nobody was stopped")
        until(lambda: counted(cluster) == APPROVED, "not all that was approved runs")
        # Gone before their controller: it would make their pods again.
        for each in cluster.request("GET", SETS)["items"]:
            cluster.request("DELETE", f"{SETS}/{each['metadata']['name']}")


def changed(made: Manifest, product: str, priority: str | None) -> Manifest:
    made = copy.deepcopy(made)
    spec = made["spec"]
    templates = [spec.get("template"), *(spec.get("leaderWorkerTemplate", {}).get(f"{key}Template") for key in
                                         ("leader", "worker"))]  # fmt: skip
    for pod in [each["spec"] for each in templates if each]:
        pod["nodeSelector"] = {PRODUCT: product}
        pod.pop("priorityClassName")
        pod.update({"priorityClassName": priority} if priority else {})
    return made


@pytest.mark.parametrize("spans", [{}, {"per_replica": 2, "nodes": 2}], ids=["Deployment", "LeaderWorkerSet"])
def test_a_pod_has_a_class_that_counts_its_product(place: Any, cluster: Any, spans: Any) -> None:
    _cluster, contract = place
    made = workload(contract, "a", H100, 1, **spans)
    own = next(
        each for each in workload(contract, "b", L40S, 1)["spec"]["template"]["spec"].values() if OF_L40S in str(each)
    )
    assert own == f"fireworks-standard-{OF_L40S}"
    good = ((H100, "fireworks-standard"), (H100, "fireworks-batch-nvidia-h100-80gb-hbm3-10b892bf"), (L40S, own))
    for product, priority in good:
        assert said(cluster, changed(made, product, priority)) == ""
    for product, priority in ((L40S, "fireworks-standard"), (H100, own), (H100, None), (L40S, None)):
        told = said(cluster, changed(made, product, priority))
        assert f"{priority or 'no priority class'} counts no GPUs of {product} (capacity.gpus)" in told, told


def test_a_canary_counts_too_and_pushes_nobody_aside(place: Any, cluster: Any) -> None:
    _cluster, contract = place
    token = cluster.request(
        "POST",
        "/api/v1/namespaces/fireworks-system/serviceaccounts/node-medic/token",
        {"spec": {"expirationSeconds": 600}},
    )["status"]["token"]
    medic = Api(cluster.server, cluster.ca_file, token)
    image = workload(contract, "a", H100, 1)["spec"]["template"]["spec"]["containers"][0]["image"]

    def asked(priority: str) -> str:
        pod = canary_pod(contract, "h100-0", H100, 8, image, COMMAND, 600, whole=True, priority=priority)
        return refusal(medic, "POST", f"{PODS}?dryRun=All", pod)

    assert asked("fireworks-batch") == ""
    assert "counts no GPUs of" in asked("")
    assert "The only bare pod that Fireworks creates is a canary" in asked("fireworks-standard")
    assert "counts no GPUs of" in asked(f"fireworks-batch-{OF_L40S}")
    parent = medic.request("GET", "/api/v1/namespaces/fireworks-system/configmaps/presetup")
    assert parent["metadata"]["annotations"]["byoc.fireworks.ai/presetup-version"] == "2"
    medic.close()


def test_a_model_takes_no_more_gpus_than_agreed_of_all_its_replicas(place: Any, cluster: Any) -> None:
    _cluster, contract = place
    made = workload(contract, "a", H100, 4, per_replica=2)
    assert said(cluster, made) == ""
    made["spec"]["replicas"] = 5
    assert "5 x 2 GPUs of a are more than 8 (scaling.max_gpus_per_model)" in said(cluster, made)


@pytest.mark.soak
def test_models_from_before_live_on_until_their_next_version(place: Any, cluster: Any) -> None:
    _cluster, contract = place
    first = presetup_objects(contract, (), audiences=AUDIENCES, version=1)
    apply_presetup(cluster, contract, definition=first)
    old = workload(contract, "c", L40S, 2, version=1)
    until(lambda: said(cluster, old) == "", "the guardrail still refuses")
    apply(cluster, old)
    until(lambda: counted(cluster) == {L40S: 2}, "the model does not run")
    apply_presetup(cluster, contract)
    fresh = workload(contract, "fresh", L40S, 1, version=1)
    until(lambda: "counts no GPUs of" in said(cluster, fresh), "the guardrail does not refuse yet")

    # A pod is replaced, and the model scaled.
    pods = {pod["metadata"]["name"] for pod in cluster.request("GET", PODS)["items"]}
    cluster.request("DELETE", f"{PODS}/{min(pods)}?gracePeriodSeconds=0")
    cluster.request("PATCH", f"{DEPLOYMENTS}/c/scale", {"spec": {"replicas": 3}}, MERGE)
    until(lambda: counted(cluster) == {L40S: 3}, "no pod was replaced or added")
    # Another version in the old class makes no pods; the next one of the product's does, and it can go back.
    other = copy.deepcopy(old)
    other["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    apply(cluster, other)
    until(
        lambda: "counts no GPUs of" in str(cluster.request("GET", f"{DEPLOYMENTS}/c")["status"]), "nobody was refused"
    )
    new = workload(contract, "c", L40S, 2)
    for version in (new, old):
        # There are no nodes for them, so none is ever ready that others could wait for.
        version["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = "100%"
        apply(cluster, version)
        wanted = version["spec"]["template"]["spec"]["priorityClassName"]
        until(
            lambda wanted=wanted: (
                [pod["spec"]["priorityClassName"] for pod in cluster.request("GET", PODS)["items"]] == [wanted] * 2
            ),
            f"not all pods have {wanted}",
        )
