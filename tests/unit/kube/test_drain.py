# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a drain ends on a node whose kubelet is dead: a session that answers with pods which nobody ends."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import pod_watch, waits
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.drain import Drainer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    ConflictError,
    ForbiddenError,
    KubeError,
    NotFoundError,
    UnreachableError,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.evicted import Drained
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.unended import ANSWERING, SILENT
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.waits import Waits

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
    """What a drain asks of a session, answered from a list of pods. Those of a living node end and are replaced.

    events: what each watch brings; it is listed again in a moment. refusal: what the first eviction is answered.
    """

    def __init__(self, pods: list[Any], claims: dict[str, list[str]] | None = None) -> None:
        self.pods, self.claims = pods, claims or {}
        self.evicted: list[str] = []
        self.replaced_ready = True
        self.events: list[Any] = [{"type": "ERROR"}]
        self.refusal: KubeError | None = None
        self.lists, self.lists_at_most = 0, math.inf
        self.said: list[str] = []
        self.waits = Waits(self.said.append)

    def list_pages(self, _path: str) -> list[Any]:
        self.lists += 1
        if self.lists > self.lists_at_most:
            raise UnreachableError("no answer")
        return [{"metadata": {"resourceVersion": "1"}, "items": list(self.pods)}]

    def watch(self, *_asked: Any) -> Iterator[Any]:
        yield from self.events

    def in_parallel(self, do: Any, things: Any) -> list[Any]:
        return [do(thing) for thing in things]

    def request(self, _method: str, path: str, **_more: Any) -> Any:
        name = path.split("/")[-2]
        self.evicted.append(name)
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            raise refusal
        [found] = [one for one in self.pods if one["metadata"]["name"] == name]
        if found["spec"]["nodeName"] == ALIVE:
            self.pods.remove(found)
            self.pods.append(
                pod("new", found["metadata"]["ownerReferences"][0]["kind"], "other", ready=self.replaced_ready)
            )
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


def test_it_says_how_many_pods_it_waits_for_and_why_and_then_for_which_replacements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "SAY_SECONDS", 0.0)
    server = Server([pod("a", "ReplicaSet", ALIVE, left=1), pod("b", "ReplicaSet", "other", ready=True)], {})
    drained(server, 0.3)
    assert server.said[-1] == "1 of 1 pods to leave; n/a on alive: to end"
    server = Server([pod("a", "ReplicaSet", ALIVE, ready=True)], {})
    server.replaced_ready = False
    drained(server, 0.8)
    assert server.said[0] == "1 of 1 pods to leave; n/a on alive: to be evicted"
    assert "0 of 1 pods are Ready" in server.said[-1]


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
    assert server.lists <= 6, "asked again and again where no watch lasts"


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


def no_room(name: str, node: str = "") -> Any:
    made = pod(name, "ReplicaSet", node)
    made["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"}
    )
    return made


def test_a_dead_nodes_pod_whose_replacement_fits_no_node_ends_the_drain_and_counts_as_there() -> None:
    server = Server([pod("a", "ReplicaSet", DEAD, left=1), no_room("b")])
    result = drained(server)
    assert (result.done, result.emptied(DEAD), result.seconds < 3) == (False, False, True)
    [kept] = result.evicted
    assert (kept.state, kept.counted) == ("held", False)
    assert kept.why.startswith("its replacement fits no node (0/2 nodes are available)")


@pytest.mark.parametrize("refusal", [ConflictError("modified", status=409), NotFoundError("no such pod", status=404)])
def test_a_pod_is_gone_when_the_list_says_so_and_not_by_the_answer_to_its_eviction(refusal: KubeError) -> None:
    server = Server([pod("a", "ReplicaSet", ALIVE, ready=True)])
    server.refusal = refusal
    result = drained(server)
    assert (result.done, server.evicted) == (True, ["a", "a"])


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED", "object": {}},
        {"type": "MODIFIED", "object": {"metadata": {"name": "a"}}},
        {"type": "DELETED", "object": {"metadata": None}},
        {"type": "ADDED", "object": {"metadata": {"name": "a", "uid": "a", "ownerReferences": "none"}}},
    ],
)
def test_what_is_no_pod_does_not_end_the_watch(event: Any) -> None:
    server = Server([pod("a", "ReplicaSet", ALIVE, ready=True)])
    server.events = [event]
    assert drained(server).done


def test_a_drain_that_sees_nothing_any_more_concludes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_watch, "BLIND_SECONDS", 0.2)
    server = Server([pod("a", "ReplicaSet", ALIVE, ready=True)])
    server.lists_at_most = 1
    server.events = []
    server.refusal = UnreachableError("no answer")
    result = drained(server, 1.5)
    assert (result.done, server.evicted) == (False, ["a"]), "evicted by what was long past"
    [kept] = result.evicted
    assert kept.state == "leaving"
    assert "the pods of n were last seen 1 s ago" in kept.why or "the pods of n were last seen 2 s ago" in kept.why
