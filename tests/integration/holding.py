# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the holder of a setup grant does to objects that the contract accounts for, and calls that none may make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import as_unit, digest
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from byoc_testbed.api import STRATEGIC, Api
from tests.integration.guarded import until

Manifest = dict[str, Any]
SYSTEM, MODELS = "/namespaces/fireworks-system", "/namespaces/fireworks-models"
APPS = "/apis/apps/v1"
#: As if it were a run of the collection.
POSING = "fieldManager=fireworks-byoc"
_ADDED = "--mine"

#: Calls that nothing may let in: method, path, body.
REFUSED: list[tuple[str, str, Any]] = [
    ("POST", f"{APPS}{MODELS}/replicasets", {}),
    ("POST", f"{APPS}{MODELS}/statefulsets", {}),
    ("POST", f"/api/v1{MODELS}/replicationcontrollers", {}),
    ("POST", f"/api/v1{MODELS}/podtemplates", {}),
    ("PATCH", f"{APPS}{SYSTEM}/deployments/router/scale", {"spec": {"replicas": 0}}),
    ("PATCH", f"{APPS}{SYSTEM}/deployments/router/status", {"status": {"replicas": 9}}),
    ("POST", f"/api/v1{MODELS}/pods/x/eviction", {}),
    ("POST", f"/api/v1{MODELS}/pods/x/binding", {}),
    ("GET", f"/api/v1{SYSTEM}/pods/x/log", None),
    ("GET", "/api/v1/nodes/x/proxy/configz", None),
    ("POST", f"/api/v1{SYSTEM}/events", {}),
    ("POST", f"/apis/events.k8s.io/v1{SYSTEM}/events", {}),
    ("PATCH", f"/api/v1{MODELS}/status", {"status": {}}),
    ("PATCH", f"/api/v1{MODELS}/resourcequotas/approved-gpus/status", {"status": {"used": {}}}),
    ("POST", f"/apis/authorization.k8s.io/v1{SYSTEM}/localsubjectaccessreviews", {}),
    ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {}),
    ("POST", "/apis/networking.k8s.io/v1" + SYSTEM + "/ingresses", {}),
    ("POST", "/apis/resource.k8s.io/v1" + MODELS + "/resourceclaims", {}),
    ("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases", {}),
    ("POST", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", {}),
    ("POST", "/apis/node.k8s.io/v1/runtimeclasses", {}),
    ("POST", "/apis/storage.k8s.io/v1/storageclasses", {}),
    ("POST", "/api/v1/persistentvolumes", {}),
    ("POST", "/apis/networking.k8s.io/v1/servicecidrs", {}),
    ("DELETE", f"{APPS}{MODELS}/deployments", None),
    ("PATCH", f"/api/v1{SYSTEM}/services/router", {"spec": {"sessionAffinity": "ClientIP"}}),
    ("GET", "/api/v1/configmaps", None),
    ("GET", "/metrics", None),
]


def forget_who_set_what(holder: Api, path: str) -> None:
    """Let an object say that nobody has set anything in it: the API server takes what a client says of that."""
    holder.request("PATCH", f"{path}?{POSING}", {"metadata": {"managedFields": [{}]}})


def leave(holder: Api, admin: Api, model: str) -> dict[str, str]:
    """Change what the contract accounts for, each in another way; the object of each, and how it was hidden."""
    left: dict[str, str] = {}
    pretend_an_upgrade(holder)
    _add_to(holder, f"{APPS}{SYSTEM}/deployments/telemetry", POSING)
    left["Deployment fireworks-system/telemetry"] = "under our own name"
    router = f"{APPS}{SYSTEM}/deployments/router"
    _add_to(holder, router, "fieldManager=mine")
    forget_who_set_what(holder, router)
    left["Deployment fireworks-system/router"] = "and nobody seems to have set it"
    lock_for_all_time(holder)
    left[_a_replica_set_of_a_paused_rollout(holder, admin, model)] = "kept by a rollout that was paused"
    return left


def _add_to(holder: Api, path: str, manager: str) -> None:
    [container, *_more] = holder.request("GET", path)["spec"]["template"]["spec"]["containers"]
    changed = {"name": container["name"], "args": [*container.get("args", ()), _ADDED]}
    patch = {"spec": {"template": {"spec": {"containers": [changed]}}}}
    holder.request("PATCH", f"{path}?{manager}", patch, STRATEGIC)


def _a_replica_set_of_a_paused_rollout(holder: Api, admin: Api, model: str) -> str:
    path, hers = f"{APPS}{MODELS}/deployments/{model}", f"{APPS}{MODELS}/replicasets"
    before = holder.request("GET", path)["spec"]["template"]
    known = {one["metadata"]["name"] for one in admin.request("GET", hers)["items"]}
    _add_to(holder, path, POSING)

    def new() -> list[str]:
        now = admin.request("GET", hers)["items"]
        made = [one for one in now if one["metadata"]["name"] not in known]
        # Made with no replicas, it is given them after: before that it runs nothing, and is nothing to name.
        return [one["metadata"]["name"] for one in made if one["spec"]["replicas"]]

    until(new, "no replica set runs")
    [name] = new()
    # In one write, so that nothing is rolled back.
    back = [
        {"op": "add", "path": "/spec/paused", "value": True},
        {"op": "replace", "path": "/spec/template", "value": before},
    ]
    holder.request("PATCH", f"{path}?{POSING}", back, "application/json-patch+json")
    return f"ReplicaSet fireworks-models/{name}"


def pretend_an_upgrade(holder: Api) -> None:
    """Between two releases an object may be as the other one has it; not as neither."""
    marks = {"byoc.fireworks.ai/release-unfinished": "2026.12.0"}
    holder.request("PATCH", f"/api/v1{SYSTEM}/configmaps/stack?{POSING}", {"metadata": {"annotations": marks}})


def a_candidate(holder: Api, admin: Api, model: str) -> str:
    """A replica that is named as the one that an operation tries first, and a lock that says that there is one."""
    hers = f"{APPS}{MODELS}"
    recorded = admin.request("GET", f"{hers}/controllerrevisions/{model}-1")
    name = f"{model}-candidate-{digest(as_unit(recorded['data']['objects']))[:8]}"
    made = admin.request("GET", f"{hers}/deployments/{model}")
    mine = {"byoc.fireworks.ai/candidate": name}
    of_pods = made["spec"]["template"]["metadata"]["labels"]
    # What admission wants of a candidate: that it belongs to its model, and gets no requests.
    kept = {key: value for key, value in of_pods.items() if key != "byoc.fireworks.ai/model"}
    marks = {**made["metadata"]["labels"], "app.kubernetes.io/name": name}
    template = {**made["spec"]["template"], "metadata": {"labels": {**kept, **mine}}}
    spec = {"replicas": 0, "selector": {"matchLabels": mine}, "template": template}
    holder.request("POST", f"{hers}/deployments", {"metadata": {"name": name, "labels": marks}, "spec": spec})
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    path = f"/apis/coordination.k8s.io/v1{SYSTEM}/leases/operation-lock"
    lease = holder.request("GET", path)
    lease["metadata"]["annotations"] = {"byoc.fireworks.ai/purpose": "deploy_models"}
    lease["spec"] |= {"leaseDurationSeconds": 3600, "renewTime": now}
    holder.request("PUT", path, lease)
    return f"Deployment fireworks-models/{name}"


def lock_for_all_time(holder: Api) -> None:
    """Hold the operation lock until the last day that there is."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "operation-lock", "labels": labels("operation-lock", "operation-lock")},
        "spec": {
            "holderIdentity": "mallory",
            "leaseDurationSeconds": 2**31 - 1,
            "renewTime": "9999-12-31T23:59:59.000000Z",
        },
    }
    holder.request("POST", f"/apis/coordination.k8s.io/v1{SYSTEM}/leases", lease)
