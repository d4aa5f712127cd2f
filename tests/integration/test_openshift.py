# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs on OpenShift, as far as its kinds can be served by a plain API server.

Not shown here, for nothing plays it: security context constraints (they change a pod's user), the router that takes a
route up, and the check of a route's host.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.journey import agreed, line, offboard, onboard, ours

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ROUTES = "/apis/route.openshift.io/v1/namespaces/fireworks-system/routes"
_TEXT = {"type": "string"}
_SPEC = {
    "type": "object",
    "required": ["to"],
    "properties": {
        "host": _TEXT,
        "path": _TEXT,
        "to": {"type": "object", "properties": {"kind": _TEXT, "name": _TEXT, "weight": {"type": "integer"}}},
        "port": {"type": "object", "properties": {"targetPort": _TEXT}},
        "tls": {"type": "object", "properties": {"termination": _TEXT, "insecureEdgeTerminationPolicy": _TEXT}},
        "wildcardPolicy": {"type": "string", "enum": ["None", "Subdomain", ""]},
    },
}
ROUTE_DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "routes.route.openshift.io"},
    "spec": {
        "group": "route.openshift.io",
        "scope": "Namespaced",
        "names": {"kind": "Route", "listKind": "RouteList", "plural": "routes", "singular": "route"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC}}},
            }
        ],
    },
}


@pytest.fixture
def openshift(bed: Any) -> Iterator[Any]:
    """A cluster that serves OpenShift's routes."""
    cluster = bed["birch"]
    cluster.request("POST", _DEFINITIONS, ROUTE_DEFINITION)
    deadline = time.monotonic() + 20
    while not established(cluster):
        assert time.monotonic() < deadline, "the definition of Route was not established"
        time.sleep(0.1)
    yield cluster
    cluster.request("DELETE", f"{_DEFINITIONS}/routes.route.openshift.io")


def established(cluster: Any) -> bool:
    status = cluster.request("GET", f"{_DEFINITIONS}/routes.route.openshift.io").get("status") or {}
    return any(c["type"] == "Established" and c["status"] == "True" for c in status.get("conditions") or ())


@pytest.mark.soak
def test_on_openshift_the_models_get_routes_and_a_second_run_changes_nothing(openshift: Any, tmp_path: Path) -> None:
    contract = agreed(openshift)
    contract["identity"]["provider"] = "openshift"
    contract["networking"] = {"domain": "llm.birch.example"}
    done = onboard(tmp_path, contract)
    try:
        assert done.returncode == 0, done.stdout
        hosts = {route["spec"]["host"] for route in openshift.request("GET", _ROUTES)["items"]}
        assert hosts == {"llm.birch.example", "llama-3-1-8b.llm.birch.example"}
        namespace = openshift.request("GET", "/api/v1/namespaces/fireworks-models")
        assert namespace["metadata"]["labels"]["security.openshift.io/scc.podSecurityLabelSync"] == "false"
        [pod, *_others] = openshift.request("GET", "/api/v1/namespaces/fireworks-models/pods")["items"]
        assert "runAsUser" not in pod["spec"]["securityContext"], "OpenShift gives each namespace users of its own"
        assert "unchanged" in line(onboard(tmp_path, contract), "birch-eu-1")
    finally:
        assert offboard(tmp_path, contract).returncode == 0
    assert openshift.request("GET", _ROUTES)["items"] == []
    assert ours(openshift) == {}
