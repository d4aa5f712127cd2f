# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a drain ends on a node whose kubelet is dead: a session that answers with pods which nobody ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.drain import Drainer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import ConflictError, ForbiddenError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.evicted import Drained
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.unended import ANSWERING, SILENT

DEAD, ALIVE = "dead", "alive"


def pod(name: str, kind: str, node: str, *, left: float | None = None, ready: bool = False, claim: str = "") -> Any:
    """A pod; ``left``: for so many seconds its grace period has been over."""
    owner = {"kind": kind, "name": "web", "uid": kind, "controller": True}
    metadata: dict[str, Any] = {"name": name, "namespace": "n", "uid": name, "ownerReferences": [owner]}
    if left is not None:
        ended = datetime.fromtimestamp(time.time() - left, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata |= {"deletionTimestamp": ended, "deletionGracePeriodSeconds": 30}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": metadata, "spec": {"nodeName": node, "volumes": volumes}, "status": status}


class Server:
    """What a drain asks of a session, answered from a list of pods. Those of a living node end and are replaced."""

    def __init__(self, pods: list[Any], claims: dict[str, list[str]]) -> None:
        self.pods, self.claims = pods, claims
        self.evicted: list[str] = []
        self.conflicts = 0
        """How many evictions from now on are refused."""

    def list_pages(self, _path: str) -> list[Any]:
        return [{"metadata": {"resourceVersion": "1"}, "items": list(self.pods)}]

    def watch(self, *_asked: Any) -> Iterator[Any]:
        yield {"type": "ERROR"}  # listed again in a moment

    def in_parallel(self, do: Any, things: Any) -> list[Any]:
        return [do(thing) for thing in things]

    def request(self, _method: str, path: str, **_more: Any) -> Any:
        name = path.split("/")[-2]
        self.evicted.append(name)
        self.conflicts -= 1
        if self.conflicts >= 0:
            raise ConflictError("the object has been modified", status=409)
        [found] = [one for one in self.pods if one["metadata"]["name"] == name]
        if found["spec"]["nodeName"] == ALIVE:
            self.pods.remove(found)
            self.pods.append(pod("new", found["metadata"]["ownerReferences"][0]["kind"], "other", ready=True))
        else:
            kind = found["metadata"]["ownerReferences"][0]["kind"]
            found["metadata"] |= pod(name, kind, DEAD, left=0)["metadata"]

    def get(self, path: str) -> Any:
        name = path.split("/")[-1]
        if name not in self.claims:
            raise ForbiddenError("may not get it", status=403)
        return {"metadata": {"name": name}, "spec": {"accessModes": self.claims[name]}}


def drained(server: Server, seconds: float = 5.0) -> Drained:
    silence = {DEAD: SILENT, ALIVE: ANSWERING}
    return Drainer(server, [DEAD, ALIVE], namespaces=["n"], seconds=seconds, silence=silence.__getitem__).drain()  # type: ignore[arg-type]


def test_pods_that_were_leaving_already_are_not_evicted_again_and_count_as_gone_once_others_serve() -> None:
    server = Server([pod("a", "ReplicaSet", DEAD, left=1), pod("b", "ReplicaSet", "other", ready=True)], {})
    result = drained(server)
    assert (result.done, result.emptied(DEAD), server.evicted) == (True, True, [])
    assert [(one.pod.name, one.counted) for one in result.evicted] == [("a", True)]
    assert result.seconds < 2


def test_a_pod_whose_replacement_is_not_ready_does_not_count_as_gone() -> None:
    server = Server([pod("a", "ReplicaSet", DEAD, left=1), pod("b", "ReplicaSet", "other")], {})
    result = drained(server, 0.5)
    assert (result.done, result.emptied(DEAD)) == (False, False)
    assert [one.why for one in result.evicted] == [
        "its node cannot answer, and its replacement is not Ready: 0 of 1 pods are Ready"
    ]


def test_a_pod_of_a_living_node_is_awaited_once_to_its_end() -> None:
    server = Server([pod("a", "ReplicaSet", ALIVE, left=1), pod("b", "ReplicaSet", "other", ready=True)], {})
    result = drained(server, 0.5)
    assert (result.done, server.evicted) == (False, [])
    assert [one.why for one in result.evicted] == ["was leaving already and has not ended"]


@pytest.mark.parametrize(("conflicts", "done"), [(1, True), (1000, False)])
def test_a_conflict_about_an_eviction_does_not_make_a_pod_count_as_gone(conflicts: int, done: bool) -> None:
    server = Server([pod("a", "ReplicaSet", ALIVE, ready=True)], {})
    server.conflicts = conflicts
    result = drained(server, 2.0)
    assert (result.done, result.emptied(ALIVE), len(server.evicted) > 1) == (done, done, True)
    assert result.evicted[0].why == ("" if done else "the object has been modified")


@pytest.mark.parametrize(
    ("kind", "claim", "why"),
    [
        ("StatefulSet", "", "it belongs to a StatefulSet"),
        ("ReplicaSet", "disk", "its volume claim disk is ReadWriteOnce"),
        ("ReplicaSet", "secret", "its volume claim secret cannot be read (may not get it)"),
    ],
)
@pytest.mark.parametrize("left", [None, 1.0])
def test_a_held_pod_ends_the_drain_of_its_node_and_of_no_other(
    kind: str, claim: str, why: str, left: float | None
) -> None:
    there = [pod("a", kind, DEAD, left=left, claim=claim), pod("c", "Job", ALIVE, ready=True)]
    server = Server(there, {"disk": ["ReadWriteOnce"]})
    result = drained(server)
    assert (result.emptied(DEAD), result.emptied(ALIVE)) == (False, True)
    assert {one.pod.name: one.state for one in result.evicted} == {"a": "held", "c": "gone"}
    assert result.evicted[0].why == f"{why}, and its node cannot answer: it may still run there"
    assert (result.waiting, server.evicted.count("a")) == ({}, 0 if left else 1)
    assert result.seconds < 3, "waited for what only a person can do"


def test_a_volume_that_several_nodes_may_use_holds_no_pod() -> None:
    pods = [pod("a", "ReplicaSet", DEAD, left=1, claim="shared"), pod("b", "ReplicaSet", "other", ready=True)]
    assert drained(Server(pods, {"shared": ["ReadWriteMany"]})).done
