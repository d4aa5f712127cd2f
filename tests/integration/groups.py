# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated LeaderWorkerSet controller, which makes what the real one makes (v0.10.0, pkg/controllers): a StatefulSet
of the leaders, and for each leader a Service and a StatefulSet of its workers, both owned by the leader's pod. The
StatefulSets have the labels and annotations of the set. Pods, revisions and quotas are Kubernetes' own from there on.

Not played: its webhook, which tells pods of their leader, and that a group goes as a whole when one of its pods does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from byoc_testbed.api import APPLY, MERGE
from byoc_testbed.errors import ApiError

_NAMESPACE = "/namespaces/fireworks-models"
SETS = f"/apis/leaderworkerset.x-k8s.io/v1{_NAMESPACE}/leaderworkersets"
PODS = f"/api/v1{_NAMESPACE}/pods"
STATEFUL_SETS = f"/apis/apps/v1{_NAMESPACE}/statefulsets"
_REVISIONS = f"/apis/apps/v1{_NAMESPACE}/controllerrevisions"
_PREFIX = "leaderworkerset.sigs.k8s.io/"
_NAME, _INDEX, _WORKER = _PREFIX + "name", _PREFIX + "group-index", _PREFIX + "worker-index"
_SIZE, _LEADER = _PREFIX + "size", _PREFIX + "leader-name"
_VERSION = _PREFIX + "template-revision-hash"
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


def without_room(cluster: Any) -> str:
    """What StatefulSets were told when they could not make a pod."""
    events = cluster.request("GET", f"/api/v1{_NAMESPACE}/events")["items"]
    found = [each for each in events if each["involvedObject"]["kind"] == "StatefulSet"]
    return "\n".join(each["message"] for each in found if each["reason"] == "FailedCreate")


def _reconcile(cluster: Any, group_set: Manifest) -> None:
    if group_set["metadata"].get("deletionTimestamp"):
        return
    spec, name = group_set["spec"], group_set["metadata"]["name"]
    template = spec["leaderWorkerTemplate"]
    version = template["leaderTemplate"]["metadata"]["annotations"][_REVISION]
    leaders = {index: pod for pod in cluster.request("GET", PODS)["items"] if (index := _index(pod, name)) is not None}
    workers = {each["metadata"]["name"]: each for each in cluster.request("GET", STATEFUL_SETS)["items"]}
    groups = {index: (pod, workers.get(pod["metadata"]["name"])) for index, pod in leaders.items()}
    updated = {index for index, group in groups.items() if all(each and _version(each) == version for each in group)}
    ready = {index for index, (pod, members) in groups.items() if _is_ready(pod) and _all_ready(members, template)}
    _record(cluster, group_set, version)
    _make_leaders(cluster, group_set, version, _partition(spec["replicas"], updated & ready))
    for index, pod in leaders.items():
        # A leader that is made anew waits until the workers of the one before are gone.
        if not pod["metadata"].get("deletionTimestamp") and pod["metadata"]["name"] not in workers:
            _make_workers(cluster, group_set, index, pod)
    _report(cluster, group_set, len(leaders), len(ready), len(updated))


def _partition(replicas: int, done: set[int]) -> int:
    """From the last group to the first, one at a time: the StatefulSet replaces leaders from this one on."""
    upwards = next((count for count in range(replicas) if replicas - 1 - count not in done), replicas)
    return max(0, replicas - 1 - upwards)


def _record(cluster: Any, group_set: Manifest, version: str) -> None:
    """The version, as the controller remembers it: without a label or annotation of the set."""
    name = group_set["metadata"]["name"]
    found = [each for each in cluster.request("GET", _REVISIONS)["items"] if _owned_by(group_set) in _owners(each)]
    if any(_version(each) == version for each in found):
        return
    labels = {_NAME: name, _VERSION: version}
    made = {
        "metadata": {"name": f"{name}-{version}-0", "labels": labels, "ownerReferences": [_owned_by(group_set)]},
        "data": {"spec": group_set["spec"]},
        "revision": max((each["revision"] for each in found), default=0) + 1,
    }
    cluster.request("POST", _REVISIONS, made)


def _make_leaders(cluster: Any, group_set: Manifest, version: str, partition: int) -> None:
    spec = group_set["spec"]
    template = spec["leaderWorkerTemplate"]
    selected = {_NAME: group_set["metadata"]["name"], _WORKER: "0"}
    marks = {_SIZE: str(template["size"])}
    made = _stateful_set(group_set, group_set, {_NAME: selected[_NAME], _VERSION: version})
    made["metadata"]["annotations"] |= {_PREFIX + "replicas": str(spec["replicas"])}
    made["spec"] = {
        "replicas": spec["replicas"],
        "serviceName": group_set["metadata"]["name"],
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}},
        "selector": {"matchLabels": selected},
        "template": _marked(template["leaderTemplate"], {**selected, _VERSION: version}, marks),
    }
    path = f"{STATEFUL_SETS}/{made['metadata']['name']}?fieldManager=lws&force=true"
    cluster.request("PATCH", path, made, APPLY)


def _make_workers(cluster: Any, group_set: Manifest, index: int, leader: Manifest) -> None:
    name, template = leader["metadata"]["name"], group_set["spec"]["leaderWorkerTemplate"]
    selected = {_NAME: group_set["metadata"]["name"], _INDEX: str(index)}
    if _INDEX not in leader["metadata"]["labels"]:
        cluster.request("PATCH", f"{PODS}/{name}", {"metadata": {"labels": {_INDEX: str(index)}}}, MERGE)
    service = {
        "metadata": {"name": name, "labels": {_NAME: selected[_NAME]}, "ownerReferences": [_owned_by(leader)]},
        "spec": {"clusterIP": "None", "selector": selected, "publishNotReadyAddresses": True},
    }
    labels = {**selected, _VERSION: _version(leader)}
    made = _stateful_set(group_set, leader, labels)
    made["spec"] = {
        "replicas": template["size"] - 1,
        "serviceName": name,
        "podManagementPolicy": "Parallel",
        "ordinals": {"start": 1},
        "selector": {"matchLabels": selected},
        "template": _marked(template["workerTemplate"], labels, {_SIZE: str(template["size"]), _LEADER: name}),
    }
    for path, each in ((f"/api/v1{_NAMESPACE}/services", service), (STATEFUL_SETS, made)):
        try:
            cluster.request("POST", path, each)
        except ApiError as error:
            if error.status != 409:
                raise


def _stateful_set(group_set: Manifest, owner: Manifest, marks: dict[str, str]) -> Manifest:
    """With what the set's own labels and annotations say: those by which it is known as ours, too."""
    copied = {key: dict(group_set["metadata"].get(key) or {}) for key in ("labels", "annotations")}
    copied["labels"] |= marks
    named = {"name": owner["metadata"]["name"], "ownerReferences": [_owned_by(owner)]}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {**named, **copied}}


def _marked(template: Manifest, labels: dict[str, str], annotations: dict[str, str]) -> Manifest:
    described = template["metadata"]
    metadata = {"labels": {**described["labels"], **labels}, "annotations": {**described["annotations"], **annotations}}
    return {"metadata": metadata, "spec": template["spec"]}


def _owned_by(owner: Manifest) -> Manifest:
    # In a list, objects do not say of what kind they are: what is no set is a leader.
    is_set = "leaderWorkerTemplate" in owner["spec"]
    kind = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet") if is_set else ("v1", "Pod")
    metadata = owner["metadata"]
    known = {"name": metadata["name"], "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True}
    return {"apiVersion": kind[0], "kind": kind[1], **known}


def _owners(made: Manifest) -> list[Manifest]:
    return list(made["metadata"].get("ownerReferences") or ())


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


def _index(pod: Manifest, name: str) -> int | None:
    """Of a leader, the number of its group."""
    labels = pod["metadata"].get("labels") or {}
    ours = (labels.get(_NAME), labels.get(_WORKER)) == (name, "0")
    return int(pod["metadata"]["name"].rpartition("-")[2]) if ours else None


def _version(made: Manifest) -> str:
    return str(made["metadata"]["labels"].get(_VERSION))


def _all_ready(members: Manifest | None, template: Manifest) -> bool:
    return bool(members) and ((members or {}).get("status") or {}).get("readyReplicas", 0) == template["size"] - 1


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
