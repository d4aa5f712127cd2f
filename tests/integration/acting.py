# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster under guardrails whose identities act with their own tokens, one call after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from byoc_testbed import ClusterSpec, Testbed
from byoc_testbed.api import MERGE, Api
from byoc_testbed.errors import ApiError
from tests.beds import h100
from tests.integration.definitions import keda, leader_worker_set, serving
from tests.integration.guarded import MODELS, SYSTEM, Governed, governed, image, pod_spec, until, workload
from tests.unit.domain.agreed import WITH_GATEWAY
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.agreed import model as described
from tests.unit.domain.raw import H100, L40S

OURS = "byoc.fireworks.ai/"
GOOD = image("registry.acme.example/fireworks")
DEPLOYMENTS, STACK = f"/apis/apps/v1{MODELS}/deployments", f"/apis/apps/v1{SYSTEM}/deployments"
SETS, PODS, NODES = f"/apis/apps/v1{MODELS}/replicasets", f"/api/v1{MODELS}/pods", "/api/v1/nodes"
CONFIG_MAPS, SERVICES = f"/api/v1{SYSTEM}/configmaps", f"/api/v1{SYSTEM}/services"
JOBS, LEASES = f"/apis/batch/v1{MODELS}/jobs", f"/apis/coordination.k8s.io/v1{SYSTEM}/leases"
SCALERS = f"/apis/autoscaling/v2{MODELS}/horizontalpodautoscalers"
GROUPS = f"/apis/leaderworkerset.x-k8s.io/v1{MODELS}/leaderworkersets"
AGO = "2026-01-01T00:00:00Z"
Manifest = dict[str, Any]

CONTRACT = agreed(
    networking=WITH_GATEWAY,
    capacity={"gpus": [{"product": H100, "count": 16}, {"product": L40S, "count": 4}]},
    scaling={"max_replicas_per_model": 8, "max_gpus_per_model": 8, "scale_to_zero": True},
    actions={"cordon": "auto", "drain": "approve"},
    models=[
        described("wide", gpu={"product": H100, "per_replica": 4, "nodes": 2}, replicas={"min": 1, "max": 1}),
        described("llama", replicas={"min": 1, "max": 4}),
        described(
            "fetched",
            weights_cache={"claim": "staged", "stage": True},
            source={
                "uri": "hf://a/b",
                "revision": "1",
                "credential": {"secret": {"name": "hub-token", "key": "token"}},
            },
        ),
        described(
            "cloud",
            source={
                "uri": "gs://bucket/x",
                "revision": "1",
                "credential": {"workload_identity": {"google_service_account": "w@acme.iam.gserviceaccount.com"}},
            },
        ),
    ],
)


def governed_place() -> Iterator[Governed]:
    """A cluster with three GPU nodes, under the guardrails of a strict contract."""
    with ExitStack() as stack:
        bed = Testbed.start([ClusterSpec("brk", pools=[h100(3, 8, "aws")], load_seconds=1.0, gateway_api=True)])
        stack.callback(bed.stop)
        cluster = bed["brk"]
        for definition in (keda(), leader_worker_set(cluster)):
            stack.enter_context(serving(cluster, definition))
        made = stack.enter_context(governed(cluster))
        made.govern(CONTRACT)
        yield made


def cleaned(place: Governed) -> Iterator[None]:
    """After each test: no models, no cordons, no freeze, nodes as they were."""
    nodes = {name: place.cluster.request("GET", f"{NODES}/{name}")["metadata"] for name in place.cluster.nodes}
    yield
    admin = place.cluster.api
    note(place, freeze=None)
    for collection in (DEPLOYMENTS, SETS, JOBS, PODS, SCALERS, GROUPS, STACK, SERVICES):
        with suppress(ApiError):
            admin.request("DELETE", f"{collection}?propagationPolicy=Background&gracePeriodSeconds=0")
    for name, before in nodes.items():
        now = admin.request("GET", f"{NODES}/{name}")["metadata"]
        back = {
            part: {key: before.get(part, {}).get(key) for key in {**now.get(part, {}), **before.get(part, {})}}
            for part in ("labels", "annotations")
        }
        patch = {"metadata": {**back, "managedFields": [{}]}, "spec": {"unschedulable": None, "taints": None}}
        admin.request("PATCH", f"{NODES}/{name}", patch, MERGE)
    until(lambda: not admin.request("GET", f"{PODS}?labelSelector={OURS}model")["items"], "pods stay")


def answer(api: Api, method: str, path: str, body: Any = None, kind: str = "") -> str:
    """What the server says against a real call; empty where it lets it in."""
    try:
        api.request(method, path, body, kind)
    except ApiError as error:
        return f"{error.status} {error.body.get('message') if isinstance(error.body, dict) else error.body}"
    return ""


def note(place: Governed, **notes: Any) -> None:
    said = {OURS + key.replace("_", "-"): text for key, text in notes.items()}
    place.cluster.request("PATCH", f"/api/v1{SYSTEM}", {"metadata": {"annotations": said}}, MERGE)
    time.sleep(1.5)


def deployment(name: str, mark: str = "v1", replicas: int = 1, gpus: int = 1, **spec: Any) -> Manifest:
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    pod = pod_spec(GOOD, gpus=gpus, product=H100, priorityClassName="fireworks-standard", tolerations=tolerations)
    made = workload("Deployment", name, pod, replicas)
    made["spec"]["template"]["metadata"]["annotations"] = {OURS + "revision": mark}
    made["spec"].update(spec)
    return made


def pods_of(place: Governed, model: str) -> list[Manifest]:
    found = place.cluster.request("GET", f"{PODS}?labelSelector={OURS}model%3D{model}")["items"]
    return [one for one in found if not one["metadata"].get("deletionTimestamp")]


def running(place: Governed, model: str) -> int:
    return sum(one["status"]["phase"] == "Running" for one in pods_of(place, model))
