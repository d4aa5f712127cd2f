# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated LeaderWorkerSet controller: it makes the pods of each group from the two templates, replaces
groups of an older version one by one, and reports. The pods themselves are scheduled and guarded like any other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from byoc_testbed.api import MERGE
from byoc_testbed.errors import ApiError

SETS = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/fireworks-models/leaderworkersets"
PODS = "/api/v1/namespaces/fireworks-models/pods"
_PREFIX = "leaderworkerset.sigs.k8s.io/"
_REVISION = "byoc.fireworks.ai/revision"
_REST_SECONDS = 0.2

Manifest = dict[str, Any]


@contextmanager
def playing_the_controller(cluster: Any) -> Iterator[list[str]]:
    """Until the block ends. Gives what the API server refused of it."""
    ended, refused = threading.Event(), []

    def work() -> None:
        while not ended.wait(_REST_SECONDS):
            try:
                for each in cluster.request("GET", SETS)["items"]:
                    _reconcile(cluster, each)
            except ApiError as error:
                if error.status not in (404, 409):
                    refused.append(str(error))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield refused
    finally:
        ended.set()
        worker.join()


def _reconcile(cluster: Any, group_set: Manifest) -> None:
    spec, name = group_set["spec"], group_set["metadata"]["name"]
    template = spec["leaderWorkerTemplate"]
    wanted = template["leaderTemplate"]["metadata"]["annotations"][_REVISION]
    there = {p["metadata"]["name"]: p for p in cluster.request("GET", PODS)["items"] if _of(p, name)}
    groups = {index: _group(there, name, index, template["size"]) for index in range(spec["replicas"])}
    ready = [index for index, pods in groups.items() if len(pods) == template["size"] and all(map(_is_ready, pods))]
    updated = [i for i, pods in groups.items() if pods and all(_revision(p) == wanted for p in pods)]
    _report(cluster, group_set, len([pods for pods in groups.values() if pods]), len(ready), len(updated))
    surplus = [p for p in there if int(there[p]["metadata"]["labels"][_PREFIX + "group-index"]) >= spec["replicas"]]
    old = [index for index, pods in groups.items() if any(_revision(p) != wanted for p in pods)]
    if old and (len(ready) == spec["replicas"] or old[-1] not in ready):
        surplus += [pod["metadata"]["name"] for pod in groups[old[-1]]]
    for pod in surplus:
        with suppress(ApiError):
            cluster.request("DELETE", f"{PODS}/{pod}")
    for index in range(spec["replicas"]):
        for place in range(template["size"]):
            pod = _pod(group_set, index, place)
            if pod["metadata"]["name"] not in there:
                cluster.request("POST", PODS, pod)


def _pod(group_set: Manifest, index: int, place: int) -> Manifest:
    name, template = group_set["metadata"]["name"], group_set["spec"]["leaderWorkerTemplate"]
    described = template["workerTemplate" if place else "leaderTemplate"]
    leader = f"{name}-{index}"
    marks = {"name": name, "group-index": str(index), "worker-index": str(place)}
    where = {"name": "LWS_LEADER_ADDRESS", "value": f"{leader}.{leader}.fireworks-models"}
    containers = [{**each, "env": [where, *each["env"]]} for each in described["spec"]["containers"]]
    owner = {
        "apiVersion": group_set["apiVersion"],
        "kind": group_set["kind"],
        "name": name,
        "uid": group_set["metadata"]["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{leader}-{place}" if place else leader,
            "labels": {**described["metadata"]["labels"], **{_PREFIX + key: value for key, value in marks.items()}},
            "annotations": described["metadata"]["annotations"],
            "ownerReferences": [owner],
        },
        "spec": {**described["spec"], "containers": containers},
    }


def _report(cluster: Any, group_set: Manifest, total: int, ready: int, updated: int) -> None:
    wanted, generation = group_set["spec"]["replicas"], group_set["metadata"]["generation"]
    done = ready == updated == total == wanted
    condition = {
        "type": "Available",
        "status": "True" if done else "False",
        "reason": "AllGroupsReady" if done else "GroupsProgressing",
        "message": "All replicas are ready" if done else "Replicas are progressing",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    status = {
        "replicas": total,
        "readyReplicas": ready,
        "updatedReplicas": updated,
        "observedGeneration": generation,
        "conditions": [condition],
    }
    cluster.request("PATCH", f"{SETS}/{group_set['metadata']['name']}/status", {"status": status}, MERGE)


def _of(pod: Manifest, name: str) -> bool:
    return (pod["metadata"].get("labels") or {}).get(_PREFIX + "name") == name


def _group(there: dict[str, Manifest], name: str, index: int, size: int) -> list[Manifest]:
    names = [f"{name}-{index}", *(f"{name}-{index}-{place}" for place in range(1, size))]
    return [there[each] for each in names if each in there]


def _revision(pod: Manifest) -> str:
    return str(pod["metadata"]["annotations"].get(_REVISION))


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
