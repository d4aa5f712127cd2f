# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose GPUs are scattered: seven replicas of a small model on three nodes; a large one wants a node."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.tolerations import OF_MODELS
from byoc_testbed import ClusterSpec, Testbed
from byoc_testbed.api import MERGE
from demo.contracts import H100
from tests.beds import h100
from tests.integration.guarded import MODELS, image, pod_spec, until, workload
from tests.integration.journey import agreed

SMALL, LARGE, REPLICAS = "small", "large", 7
PODS, APPS = f"/api/v1{MODELS}/pods", f"/apis/apps/v1{MODELS}/deployments"
WANTED = {LARGE: 0.5}
APPROVER = "change@acme.example"
LOAD = 3.0


def contract_of(cluster: Any, **efficiency: Any) -> dict[str, Any]:
    """Its contract: plans are carried out, once somebody has approved them."""
    made = agreed(cluster, gpus={H100: 24}, replicas=8)
    [like] = made["models"]
    made["models"] = [
        {
            **like,
            "name": name,
            "served_name": name,
            "gpu": {**like["gpu"], "per_replica": gpus},
            "replicas": {"min": least, "max": most},
        }
        for name, gpus, least, most in ((SMALL, 1, REPLICAS, 8), (LARGE, 8, 0, 2))
    ]
    made["models"][1]["scaling"] = {"idle_to_zero": "30m"}
    made["scaling"] = {"max_replicas_per_model": 8, "max_gpus_per_model": 16, "scale_to_zero": True}
    made["actions"] = {"cordon": "auto", "drain": "auto"}
    made["health"] = {"observer_may_list": ["pods"]}
    made["efficiency"] = {"mode": "execute", **efficiency}
    made["change"]["approvals"] |= {"approvers": [APPROVER]}
    return made


@contextmanager
def three_nodes() -> Iterator[Any]:
    """A cluster of three nodes of eight GPUs, on which a replica loads for some seconds."""
    with Testbed.start([ClusterSpec("acme", pools=[h100(3, 8, "aws")], load_seconds=LOAD)]) as bed:
        yield bed["acme"]


def scatter(cluster: Any, contract: dict[str, Any]) -> None:
    """Make the replicas anew: three on one node, two on each of the others, none of them ever moved."""
    paths = {one["metadata"]["name"] for one in cluster.request("GET", APPS)["items"]}
    if SMALL in paths:
        cluster.request("DELETE", f"{APPS}/{SMALL}")
        until(lambda: not cluster.request("GET", PODS)["items"], "the replicas are still there", 60)
    spec = pod_spec(
        image(contract["compliance"]["registries"][0]),
        gpus=1,
        product=H100,
        tolerations=[dict(one) for one in OF_MODELS],
        terminationGracePeriodSeconds=1,
        topologySpreadConstraints=[
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": SMALL}},
            }
        ],
    )
    spec["containers"][0]["resources"]["requests"] = {"cpu": "2", "memory": "8Gi"}
    made = workload("Deployment", SMALL, spec, REPLICAS)
    made["metadata"]["labels"][MODEL_LABEL] = SMALL
    cluster.request("POST", APPS, made)
    until(lambda: ready(cluster) == REPLICAS, "the replicas are not Ready", 60)
    assert sorted(on_nodes(cluster).values()) == [2, 2, 3]


def replicas(cluster: Any) -> list[dict[str, Any]]:
    """Those that are there, and not leaving."""
    return [one for one in cluster.request("GET", PODS)["items"] if not one["metadata"].get("deletionTimestamp")]


def ready(cluster: Any) -> int:
    """How many serve."""
    said = [{c["type"]: c["status"] for c in one["status"].get("conditions") or ()} for one in replicas(cluster)]
    return sum(each.get("Ready") == "True" for each in said)


def on_nodes(cluster: Any) -> Counter[str]:
    """How many are on each node."""
    return Counter(one["spec"]["nodeName"] for one in replicas(cluster) if one["spec"].get("nodeName"))


def marks(cluster: Any) -> list[str]:
    """What of a consolidation is on nodes and pods; nothing when none is under way."""
    nodes = cluster.request("GET", "/api/v1/nodes")["items"]
    closed = [one["metadata"]["name"] for one in nodes for taint in one["spec"].get("taints") or () if _is_ours(taint)]
    kept = [one["metadata"]["name"] for one in nodes if _NOTE in (one["metadata"].get("annotations") or {})]
    stray = [one["metadata"]["name"] for one in replicas(cluster) if not one["metadata"].get("ownerReferences")]
    return [*closed, *kept, *stray]


_NOTE = "byoc.fireworks.ai/consolidating"


def _is_ours(taint: dict[str, Any]) -> bool:
    return str(taint["key"]).startswith("byoc.fireworks.ai/")


def moved(cluster: Any) -> int:
    """How many replicas say that they were moved."""
    return sum("byoc.fireworks.ai/moved-at" in (one["metadata"].get("annotations") or {}) for one in replicas(cluster))


LABEL, ANSWER = "byoc.fireworks.ai/maintenance", "byoc.fireworks.ai/safe-to-take"


def label(cluster: Any, name: str, value: str | None) -> None:
    """Ask for a node as its owner does; with no value, it is back."""
    cluster.request("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {LABEL: value}}}, MERGE)


def answer(cluster: Any, name: str) -> str:
    """What its owner is answered."""
    notes = cluster.request("GET", f"/api/v1/nodes/{name}")["metadata"].get("annotations") or {}
    return str(notes.get(ANSWER, ""))


class Served:
    """The fewest replicas that served while something was done."""

    def __init__(self, cluster: Any) -> None:
        self._cluster, self._stop = cluster, threading.Event()
        self.fewest, self._thread = REPLICAS, threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.fewest = min(self.fewest, ready(self._cluster))

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self._stop.set()
        self._thread.join()


def clean(cluster: Any) -> None:
    """Remove what of a consolidation, and of a handover, is on nodes."""
    for node in cluster.request("GET", "/api/v1/nodes")["items"]:
        left = [taint for taint in node["spec"].get("taints") or () if not _is_ours(taint)]
        metadata = {"labels": {LABEL: None}, "annotations": {_NOTE: None, ANSWER: None}}
        body = {"spec": {"taints": left or None}, "metadata": metadata}
        cluster.request("PATCH", f"/api/v1/nodes/{node['metadata']['name']}", body, MERGE)
