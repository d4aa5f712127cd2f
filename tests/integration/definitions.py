# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds that a cluster serves for a while: what scales is known by them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from byoc_testbed.errors import ApiError
from tests.integration.plays import ROOT

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KEDA: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "testbed" / "crds" / "keda.yaml").read_text())

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
