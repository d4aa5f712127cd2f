# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds that a cluster serves for a while: what scales is known by them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from byoc_testbed import parts
from byoc_testbed.customs import undescribed
from byoc_testbed.errors import ApiError
from tests.integration.ansible_runs import ROOT

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

LEADER_WORKER_SET = "leaderworkersets.leaderworkerset.x-k8s.io"
_PODS = "io.k8s.api.core.v1.PodTemplateSpec"


@cache
def scaled_objects() -> Path:
    """KEDA's definition of its ScaledObject, out of its own module."""
    return next(path for path in parts.definitions(parts.KEDA) if path.name == "keda.sh_scaledobjects.yaml")


def keda() -> dict[str, Any]:
    """The same, to be created. Of what it describes in words nothing: the API server takes it more quickly without."""
    definition: dict[str, Any] = undescribed(yaml.load(scaled_objects().read_text(), yaml.CSafeLoader))
    return definition


def leader_worker_set(cluster: Any) -> dict[str, Any]:
    """The definition of LeaderWorkerSet, with pod templates as this cluster's own kinds have them.

    So an object of it is validated like a Deployment: a field that a pod has not is refused.
    """
    definition: dict[str, Any] = yaml.safe_load((ROOT / "tests/testbed/crds/leaderworkerset.yaml").read_text())
    published = cluster.request("GET", "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    template = _structural({"$ref": f"#/components/schemas/{_PODS}"}, published)
    strings = {"type": "object", "additionalProperties": {"type": "string"}}
    template["properties"]["metadata"] = {"type": "object", "properties": {"labels": strings, "annotations": strings}}
    [version] = definition["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    described = properties["leaderWorkerTemplate"]["properties"]
    described["leaderTemplate"] = described["workerTemplate"] = template
    return definition


def _structural(schema: dict[str, Any], published: dict[str, Any]) -> dict[str, Any]:
    """A published schema as a definition may have it: without references, and without what it says of Go's types."""
    merged = dict(schema)
    for part in [*merged.pop("allOf", ()), *([{"$ref": merged.pop("$ref")}] if "$ref" in merged else [])]:
        merged = {**published[part["$ref"].rpartition("/")[2]], **merged}
    if "oneOf" in merged:
        return {"x-kubernetes-int-or-string": True}
    if merged.get("default") == {}:
        del merged["default"]
    kept = ("type", "format", "required", "default", "x-kubernetes-list-type", "x-kubernetes-list-map-keys")
    made = {key: merged[key] for key in kept if key in merged}
    if "x-kubernetes-map-type" in merged and "properties" in merged:
        made["x-kubernetes-map-type"] = merged["x-kubernetes-map-type"]
    if "properties" in merged:
        made["properties"] = {
            # A claim made for one pod has metadata like any object, which is of no matter here.
            name: {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            if name == "volumeClaimTemplate"
            else _structural(each, published)
            for name, each in merged["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(merged.get(key), dict):
            made[key] = _structural(merged[key], published)
    return made


# Who serves metrics of pods is an API server of its own, behind this one. What tells the clusters apart is that the
# group is served, and that this does; whoever asks it for a metric is told that there is none.
CUSTOM_METRICS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "metricvalues.custom.metrics.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
    },
    "spec": {
        "group": "custom.metrics.k8s.io",
        "scope": "Namespaced",
        "names": {
            "kind": "MetricValueList",
            "listKind": "MetricValueListList",
            "plural": "metricvalues",
            "singular": "metricvalue",
        },
        "versions": [
            {"name": "v1beta2", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


@contextmanager
def serving(cluster: Any, definition: dict[str, Any]) -> Iterator[None]:
    """The cluster serves a kind until the block ends, or until somebody removes the definition."""
    cluster.request("POST", _DEFINITIONS, definition)
    try:
        _until(lambda: _established(cluster, definition), f"{definition['metadata']['name']} was not established")
        _until(lambda: _listed(cluster, definition), f"{definition['metadata']['name']} is not served")
        yield
    finally:
        remove(cluster, definition)


def remove(cluster: Any, definition: dict[str, Any]) -> None:
    """Remove a definition, and its objects with it; harmless when it is gone."""
    if _found(cluster, definition):
        cluster.request("DELETE", f"{_DEFINITIONS}/{definition['metadata']['name']}")
    _until(lambda: not _found(cluster, definition), f"{definition['metadata']['name']} stays")


def _found(cluster: Any, definition: dict[str, Any]) -> list[dict[str, Any]]:
    name = definition["metadata"]["name"]
    return [each for each in cluster.request("GET", _DEFINITIONS)["items"] if each["metadata"]["name"] == name]


def _established(cluster: Any, definition: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for each in _found(cluster, definition)
        for condition in (each.get("status") or {}).get("conditions") or ()
    )


def _listed(cluster: Any, definition: dict[str, Any]) -> bool:
    """Whether its objects can be listed; the first to ask is told to come back while the storage is made (429)."""
    spec = definition["spec"]
    try:
        cluster.request("GET", f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    except ApiError as error:
        assert error.status in (404, 429), error
        return False
    return True


def _until(holds: Any, otherwise: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
