# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mutated: the objects that playbooks made in a cluster, and those that they make at other times.

The latter are rendered by the functions that the playbooks' modules call: a canary, a lock, what scales a model where
there is no KEDA, a replica that spans nodes, the candidate of a rollout.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.lock import lock_manifest
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import as_unit, with_candidate
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import NEWEST
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import (
    COMMAND,
    canary_pod,
    priority_of_canaries,
)
from tests.integration.ansible_runs import ROOT

from .edits import Mutation
from .mutants import Generator, without_twins
from .schema import Schema, schema_of
from .values import GOOD_IMAGE

Manifest = dict[str, Any]
SYSTEM, MODELS = "fireworks-system", "fireworks-models"
RELEASE = yaml.safe_load((ROOT / "roles/stack/files/releases/2026.11.0/release.yml").read_text())
_SERVERS = ("creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid")
_LIVE = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("route.openshift.io/v1", "Route"),
)
_METRICS = {"apis": {"custom.metrics.k8s.io/v1beta2": ["MetricValueList"]}}


@dataclass(frozen=True)
class Base:
    """An object as the product has it.

    live: it is in the cluster, so it can be changed; else it can only be made. foreign: it is not the product's.
    """

    thing: Manifest
    live: bool
    foreign: bool = False

    @property
    def kind(self) -> str:
        return str(self.thing["kind"])

    @property
    def namespace(self) -> str:
        return str(self.thing["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.thing["metadata"]["name"])

    @property
    def group(self) -> str:
        return str(self.thing["apiVersion"]).rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}".replace(" /", " ")


def bases(cluster: Any, contract: Mapping[str, Any]) -> list[Base]:
    """All objects that are mutated under a contract."""
    live = [Base(each, live=True, foreign=_is_foreign(each)) for each in _in_the_cluster(cluster)]
    there = {(base.kind, base.namespace, base.name) for base in live}
    made = [Base(each, live=False) for each in _rendered(cluster, contract)]
    return [*live, *(base for base in made if (base.kind, base.namespace, base.name) not in there)]


def as_made(thing: Mapping[str, Any]) -> Manifest:
    """An object without what the server says of it, so that it can be made again."""
    made = copy.deepcopy(dict(thing))
    made.pop("status", None)
    for key in _SERVERS:
        made["metadata"].pop(key, None)
    if made["kind"] == "Deployment":
        made["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    if made["kind"] == "Job":
        made["spec"].pop("selector", None)
        labels = made["spec"]["template"]["metadata"]["labels"]
        for key in [key for key in labels if key in ("controller-uid", "job-name") or key.startswith("batch.")]:
            del labels[key]
    if made["kind"] == "Service" and made["spec"].get("clusterIP") != "None":
        for key in ("clusterIP", "clusterIPs"):
            made["spec"].pop(key, None)
    return made


def _in_the_cluster(cluster: Any) -> Iterator[Manifest]:
    for version, kind in _LIVE:
        for namespace in (SYSTEM, MODELS):
            thing = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
            for item in cluster.request("GET", cluster.api.collection(thing))["items"]:
                if not item["metadata"].get("ownerReferences"):
                    yield as_made({"apiVersion": version, "kind": kind, **item})
    for node in ("h100-0", "l40s-0", "without-gpus"):
        yield _whole("Node", cluster.request("GET", f"/api/v1/nodes/{node}"))
    pods = cluster.request("GET", f"/api/v1/namespaces/{MODELS}/pods")["items"]
    yield from (_whole("Pod", each) for each in pods[:1])


def _whole(kind: str, found: Manifest) -> Manifest:
    kept = {key: value for key, value in found.items() if key != "status"}
    return {"apiVersion": "v1", "kind": kind, **kept}


def _is_foreign(thing: Manifest) -> bool:
    """Whether an object in the cluster is none that our identities made."""
    name, kind = thing["metadata"]["name"], thing["kind"]
    if kind == "Node":
        return bool(name != "h100-0")
    return kind == "ConfigMap" and name in ("presetup", "kube-root-ca.crt")


def _rendered(cluster: Any, contract: Mapping[str, Any]) -> Iterator[Manifest]:
    model = {**contract["models"][0], "replicas": {"min": 1, "max": int(contract["scaling"]["max_replicas_per_model"])}}
    alike = {**contract, "models": [model]}
    release = RELEASE
    unit = as_unit(model_objects(alike, model, release, _METRICS))
    yield from (each for each in unit if each["kind"] == "HorizontalPodAutoscaler")
    candidate = with_candidate(unit, unit, fewer=False)[-1]
    yield candidate
    spanning = copy.deepcopy(model)
    spanning["gpu"] = {**model["gpu"], "per_replica": 2, "nodes": 2}
    spanning["name"] = "spanning"
    spanning["replicas"] = {"min": 1, "max": 1}
    if int(contract["scaling"]["max_gpus_per_model"]) > 1:
        yield from (each for each in model_objects(alike, spanning, release) if each["kind"] == "LeaderWorkerSet")
    now = datetime.now(UTC)
    yield lock_manifest(None, holder="sre@here/1", purpose="a proof", now=now, seconds=60)
    product = model["gpu"]["product"]
    priority = priority_of_canaries(contract, product, NEWEST)
    yield canary_pod(contract, "h100-0", product, 1, GOOD_IMAGE, COMMAND, 600, whole=True, priority=priority)
    lifetime = {"spec": {"expirationSeconds": 600, "audiences": ["https://kubernetes.default.svc.cluster.local"]}}
    account = {"name": "observer", "namespace": SYSTEM}
    yield {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": account, **lifetime}


class Mutants:
    """The mutations of bases, by the OpenAPI that their server publishes."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._published: dict[str, Mapping[str, Any]] = {}
        self._found: dict[str, list[Mutation]] = {}

    def schema(self, base: Base) -> Schema:
        group, _slash, version = str(base.thing["apiVersion"]).rpartition("/")
        beside_accounts = base.kind == "TokenRequest"  # its path is one of accounts, and so is where it is published
        path = "/openapi/v3/api/v1" if beside_accounts or not group else f"/openapi/v3/apis/{group}/{version}"
        if path not in self._published:
            self._published[path] = self._cluster.request("GET", path)["components"]["schemas"]
        return schema_of(self._published[path], group, version, base.kind)

    def of(self, base: Base) -> list[Mutation]:
        """Every mutation of one field of a base."""
        key = str(base)
        if key not in self._found:
            generator = Generator(base.kind, self.schema(base), base.thing, _whole_items(base))
            self._found[key] = without_twins(generator.singles())
        return self._found[key]


def _whole_items(base: Base) -> dict[str, Any]:
    """Items of lists from which a mutant starts where the schema alone makes none that could run."""

    def container() -> Manifest:
        specs = [each for each in _pod_specs(base.thing) if each.get("containers")]
        found: Manifest = copy.deepcopy(specs[0]["containers"][0])
        kept = ("image", "command", "args", "securityContext")
        return {"name": "extra", **{key: found[key] for key in kept if key in found}}

    return {"containers": container, "initContainers": container, "ephemeralContainers": container}


def _pod_specs(thing: Any) -> Iterator[Manifest]:
    if isinstance(thing, dict):
        if "containers" in thing:
            yield thing
        for value in thing.values():
            yield from _pod_specs(value)
