# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drain in which everything that may go wrong does: killed at any write, refused, cut off, without room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import until
from tests.integration.remediating import (
    MODULE,
    NODE,
    OTHER,
    PODS,
    SPACE,
    dead_node,
    finding,
    node,
    places,
    ready,
    remediate,
    said,
    taken,
    task,
    with_models,
    workload,
)
from tests.integration.troubled import RESET, by_status, troubled

MODEL = {"byoc.fireworks.ai/model": "web"}
REPLACED = "byoc.fireworks.ai/replaced-by"
RUN = """
import json, sys
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_remediation import OPERATION
print(json.dumps(OPERATION.attempt(json.load(sys.stdin), Context(False, False, print))))
"""
DEFAULTS = {"findings": [], "reports": [], "nodes": [], "approvals": [], "requested_by": "", "emergency": {},
            "fleet": None, "required": [], "diagnosed": {}, "parallel": 1}  # fmt: skip


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    with with_models(bed["birch"]) as it:
        yield it


def start(cluster: Any, server: str, *findings: dict[str, Any], **more: Any) -> subprocess.Popen[str]:
    """The module's operation, in a process of its own that can be killed, by another address of the API server."""
    # With a token: a client's certificate would end at whoever answers there.
    connection = {"cluster_name": cluster.name, "cluster_uid": cluster.uid, "server": server, "token": cluster.token,
                  "ca_file": str(cluster.ca_file)}  # fmt: skip
    parameters = {**DEFAULTS, **task(*findings, **more)[MODULE], "connection": connection}
    command = [sys.executable, "-c", RUN]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen(command, cwd=ROOT, env=paths, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdin is not None
    run.stdin.write(json.dumps(parameters))
    run.stdin.close()
    run.stdin = None
    return run


def result_of(run: subprocess.Popen[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run.communicate(timeout=120)[0])
    assert not result.get("failed"), result
    return result


def orphaned(cluster: Any) -> list[str]:
    """Pods that are nobody's now, because their replacements were to come first."""
    marked = [
        pod for pod in cluster.request("GET", PODS)["items"] if REPLACED in pod["metadata"].get("annotations", {})
    ]
    return [pod["metadata"]["name"] for pod in marked]


class Killer:
    """Kills a run at its first write: before the API server has it, or after and before the run knows."""

    def __init__(self) -> None:
        self.run: subprocess.Popen[str] | None = None
        self.written = False
        self.killed: list[str] = []
        self._lock = threading.Lock()

    def before(self, method: str, path: str) -> int | None:
        return self._kill(method, path) if not self.written else None

    def after(self, method: str, path: str) -> int | None:
        return self._kill(method, path) if self.written else None

    def _kill(self, method: str, path: str) -> int | None:
        if method == "GET":
            return None
        with self._lock:
            if self.run is not None:
                os.kill(self.run.pid, signal.SIGKILL)
                self.run = None
                what = "eviction" if path.endswith("/eviction") else path.split("?")[0].split("/")[-2]
                self.killed.append(f"{'after' if self.written else 'before'} {method} {what}")
        return RESET


@pytest.mark.soak
def test_killed_before_and_after_every_write_it_is_finished_by_the_runs_after_it(cluster: Any) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 1}, **MODEL)
    killer = Killer()
    sessions: set[str] = set()
    with troubled(cluster, by_status(killer.before, killer.after)) as server:

        def until_done(**asked: Any) -> dict[str, Any]:
            for _attempt in range(40):
                killer.written = not killer.written
                # The lock makes sure that the run is known before it can write.
                with killer._lock:
                    killer.run = run = start(cluster, server, *asked.get("findings", ()), **asked.get("more", {}))
                run.wait(60)
                if state := said(cluster).get("session"):
                    sessions.add(state)
                if run.returncode == 0:
                    killer.run = None
                    return result_of(run)
                assert run.returncode == -signal.SIGKILL
            raise AssertionError(f"it does not end: {killer.killed}")

        repair = until_done(findings=[finding()])["repairs"]
        assert [one["goal"] for one in repair] == ["reboot"]
        assert places(cluster) == [OTHER] * 2
        report = {"node": NODE, "session": repair[0]["session"], "outcome": "done"}
        until_done(more={"reports": [{**report, "detail": ""}]})
        time.sleep(3.5)
        until_done()
    assert sessions == {repair[0]["session"]}, "more than one journey"
    assert set(said(cluster)) == {"history", "returned"}
    assert [one["outcome"] for one in json.loads(said(cluster)["history"])] == ["done"], "one repair, counted once"
    assert not node(cluster)["spec"].get("unschedulable")
    assert orphaned(cluster) == []
    assert len(ready(cluster)) == 2
    points = Counter(killer.killed)
    print("\n" + "\n".join(f"killed {count} times {point}" for point, count in sorted(points.items())))
    assert {"before PATCH nodes", "after PATCH nodes", "before PATCH pods", "after PATCH pods"} <= set(points)
    assert {"before POST eviction", "after POST eviction"} & set(points)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("trouble", [429, 500, RESET])
def test_an_api_that_refuses_or_cuts_off_every_other_request_only_costs_time(cluster: Any, trouble: int) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 1}, **MODEL)
    asked: Counter[str] = Counter()

    def before(method: str, path: str) -> int | None:
        if said(cluster).get("state") != "quarantined":
            return None
        what = "watch" if "watch=" in path else f"{method} {path.split('?')[0].split('/')[-1]}"
        asked[what] += 1
        refused = asked[what] % 2 and (trouble != 500 or what == "POST eviction")
        return trouble if refused else None

    with troubled(cluster, by_status(before)) as server:
        drain = taken(result_of(start(cluster, server, finding())), "drain")
    assert (drain["failed"], len(drain["evicted"])) == (False, 2), f"{drain['result']}; {asked}"
    assert asked["POST eviction"] >= 3, "nothing was refused"
    assert places(cluster) == [OTHER] * 2


def test_replacements_come_first_and_no_moment_has_fewer(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 1}, **MODEL)
    least, over = [2], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            least.append(len(ready(cluster)))

    looking = threading.Thread(target=look)
    looking.start()
    drain = taken(remediate(cluster, tmp_path, finding()), "drain")
    over.set()
    looking.join()
    assert (len(drain["first"]), len(drain["evicted"])) == (2, 2)
    assert min(least) == 2
    assert places(cluster) == [OTHER] * 2
    assert orphaned(cluster) == []


@pytest.mark.soak
def test_a_drain_that_is_given_up_is_undone_and_the_node_stays_quarantined(cluster: Any, tmp_path: Path) -> None:
    """No replacement may be made, and without one the model would have nothing: so its only pod stays, as it was."""
    workload(cluster, "Deployment", 1, {"maxUnavailable": 1}, **MODEL)
    [before] = ready(cluster)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full", "namespace": SPACE}}
    cluster.api.create({**quota, "spec": {"hard": {"pods": "1"}}})
    model = {"name": "web", "replicas": {"min": 1}}
    drain = taken(remediate(cluster, tmp_path, finding(), models=[model], bounds={"drain_deadline": "3s"}), "drain")
    assert (drain["failed"], drain["held"], drain["evicted"]) == (True, [f"{SPACE}/{before['metadata']['name']}"], [])
    assert "its replacement is not Ready yet" in drain["result"]

    def is_as_before() -> bool:
        [pod] = ready(cluster)
        now, then = pod["metadata"], before["metadata"]
        return all(now.get(key) == then.get(key) for key in ("uid", "labels", "annotations", "ownerReferences"))

    until(is_as_before, "the pod was not returned to its owner")
    assert (said(cluster)["state"], node(cluster)["spec"]["unschedulable"]) == ("quarantined", True)


@pytest.mark.soak
def test_an_orphaned_pod_is_adopted_again_when_its_node_is_returned_by_hand(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 1, {"maxUnavailable": 1}, **MODEL)
    [before] = ready(cluster)
    killer = Killer()
    killer.written = True

    def once_it_was_orphaned(method: str, path: str) -> int | None:
        return killer.after(method, path) if "/pods/" in path else None

    with troubled(cluster, by_status(after=once_it_was_orphaned)) as server:
        with killer._lock:
            killer.run = run = start(cluster, server, finding())
        run.wait(60)
    assert orphaned(cluster) == [before["metadata"]["name"]], killer.killed
    until(lambda: len(ready(cluster)) == 2, "no replacement came")
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"unschedulable": None}})
    kept = remediate(cluster, tmp_path, finding())
    assert taken(kept, "keep_pod")["changed"]
    assert taken(kept, "release")["changed"]
    until(lambda: len(ready(cluster)) == 1, "there is one too many")
    assert orphaned(cluster) == []
    [pod] = ready(cluster)  # which of the two is up to the ReplicaSet: of pods about as old it takes any
    assert pod["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]


@pytest.mark.soak
def test_a_dead_nodes_pods_count_as_gone_once_others_serve_and_its_repair_is_requested(
    cluster: Any, tmp_path: Path
) -> None:
    workload(cluster, "Deployment", 2, pod={"terminationGracePeriodSeconds": 8})
    before = {pod["metadata"]["uid"] for pod in ready(cluster)}
    dead = finding(fault="node_not_ready")
    with dead_node(cluster):
        given_up = remediate(cluster, tmp_path, dead, bounds={"drain_deadline": "3s"})
        drain = taken(given_up, "drain")
        assert (drain["failed"], drain["evicted"], given_up["repairs"]) == (True, [], [])
        assert drain["result"].count("its node cannot answer: its grace period is over at") == 2
        result = remediate(cluster, tmp_path, dead)
        drain = taken(result, "drain")
        assert (drain["failed"], sorted(drain["counted_as_gone"])) == (False, sorted(drain["evicted"]))
        assert len(drain["evicted"]) == 2
        assert [one["goal"] for one in result["repairs"]] == ["reboot"]
        assert places(cluster) == [OTHER] * 2
        there = {pod["metadata"]["uid"] for pod in cluster.request("GET", PODS)["items"]}
        assert before <= there, "deleted by force"


@pytest.mark.soak
def test_a_dead_nodes_stateful_pod_waits_until_somebody_confirms_that_the_node_is_off(
    cluster: Any, tmp_path: Path
) -> None:
    workload(cluster, "StatefulSet", 1, pod={"terminationGracePeriodSeconds": 1})
    dead = finding(fault="node_not_ready")
    with dead_node(cluster):
        for _run in range(2):
            result = remediate(cluster, tmp_path, dead)
            drain = taken(result, "drain")
            assert (drain["failed"], list(drain["held_by_node"])) == (True, [f"{SPACE}/web-0"])
            assert drain["seconds"] < 30, "waited for what nobody does"
            [step] = result["steps"]
            assert (step["do"], step["owner"], step["pods"], result["repairs"]) == (
                "wait", "customer", [f"{SPACE}/web-0"], [])  # fmt: skip
            assert step["why"].startswith(f"{SPACE}/web-0: it belongs to a StatefulSet, and its node cannot answer")
            assert step["why"].endswith("Action required by: customer.")
        off = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        taints = node(cluster)["spec"]["taints"]
        cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": [*taints, off]}})
        result = remediate(cluster, tmp_path, dead)
        assert [one["goal"] for one in result["repairs"]] == ["reboot"]
        until(lambda: places(cluster) == [OTHER], "its next pod is not Ready")


@pytest.mark.soak
def test_a_dead_nodes_pod_with_a_volume_for_one_node_waits_although_another_serves(
    cluster: Any, tmp_path: Path
) -> None:
    size = {"storage": "1Gi"}
    one_node = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "only-once"}}
    cluster.api.create({**volume, "spec": {**one_node, "capacity": size, "hostPath": {"path": "/data"}}})
    try:
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                 "metadata": {"name": "data", "namespace": SPACE}}  # fmt: skip
        wanted = {**one_node, "volumeName": "only-once", "resources": {"requests": size}}
        cluster.api.create({**claim, "spec": wanted})
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        workload(cluster, "Deployment", 1, pod={"terminationGracePeriodSeconds": 1, "volumes": volumes})
        with dead_node(cluster):
            result = remediate(cluster, tmp_path, finding(fault="node_not_ready"))
            until(lambda: places(cluster) == [OTHER], "no other serves")
            assert result["repairs"] == []
            assert [(one["do"], one["owner"]) for one in result["steps"]] == [("wait", "customer")]
            assert "its volume claim data is ReadWriteOnce" in result["steps"][0]["why"]
    finally:
        cluster.request("DELETE", "/api/v1/persistentvolumes/only-once")
