# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sick nodes go out of service and come back, with real budgets and evictions, whatever happens in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed.errors import ApiError
from tests.integration import journey
from tests.integration.guarded import governed, until
from tests.integration.plays import AS_MODULE, ROOT, ansible_environment, connection_to, run_tasks
from tests.unit.domain.agreed import contract as agreed

SPACE = "fireworks-models"
NODE, OTHER = "h100-0", "h100-1"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
SAYS, TAINT = "byoc.fireworks.ai/remediation-", "byoc.fireworks.ai/quarantined"
ALLOWED = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "auto")
MODULE = "fireworks.byoc.node_remediation"


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    """A cluster with the models' namespace, left as it was."""
    it = bed["birch"]
    nodes = {name: it.request("GET", f"/api/v1/nodes/{name}") for name in (NODE, OTHER)}
    it.request("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    yield it
    it.request("DELETE", f"/api/v1/namespaces/{SPACE}")
    for name, node in nodes.items():
        restore(it, name, node)
    until(lambda: gone(it, f"/api/v1/namespaces/{SPACE}"), f"{SPACE} is still there", 90)


def restore(cluster: Any, name: str, before: dict[str, Any]) -> None:
    """A node as it was: without marks, taint and cordon, and there."""
    taints = before["spec"].get("taints")
    if gone(cluster, f"/api/v1/nodes/{name}"):
        metadata = {key: before["metadata"][key] for key in ("name", "labels")}
        made = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": before["spec"]}
        cluster.request("POST", "/api/v1/nodes", {**made, "status": before["status"]})
        return
    annotations = cluster.request("GET", f"/api/v1/nodes/{name}")["metadata"].get("annotations") or {}
    marks = {key: None for key in annotations if key.startswith(SAYS)}
    patch = {"metadata": {"annotations": marks}, "spec": {"taints": taints, "unschedulable": None}}
    cluster.request("PATCH", f"/api/v1/nodes/{name}", patch)


def gone(cluster: Any, path: str) -> bool:
    try:
        cluster.request("GET", path)
    except ApiError as error:
        return error.status == 404
    return False


def finding(action: str = "reboot", *, ago: float = 5, node: str = NODE, **more: Any) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
    return {"node": node, "gpu": None, "class": "xid_79", "severity": "critical", "action": action,
            "owner": "fireworks", "evidence": [{"at": at}], "confidence": "high", "recurrence": {}, **more}  # fmt: skip


def task(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    bounds = {"drain_deadline": "60s", "healthy_for": "3s", **more.pop("bounds", {})}
    contract = {"actions": more.pop("actions", ALLOWED), "remediation": bounds, "models": []}
    return {MODULE: {"contract": contract, "findings": list(findings), **more}}


def remediate(cluster: Any, folder: Path, *findings: dict[str, Any], flags: tuple[str, ...] = (), **more: Any) -> Any:
    result = run_tasks(folder, connection_to(cluster), task(*findings, **more), flags=flags).result
    assert not result.get("failed"), result
    return result


def node(cluster: Any, name: str = NODE) -> dict[str, Any]:
    return dict(cluster.request("GET", f"/api/v1/nodes/{name}"))


def said(cluster: Any, name: str = NODE) -> dict[str, str]:
    annotations = node(cluster, name)["metadata"].get("annotations") or {}
    return {key.removeprefix(SAYS): value for key, value in annotations.items() if key.startswith(SAYS)}


def workload(cluster: Any, kind: str, replicas: int, budget: dict[str, Any] | None = None) -> None:
    """Pods that are all on the node, and may go to the other one; perhaps with a budget."""
    marks = {"app": "web"}
    prefers = {"weight": 100, "preference": {"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]}}  # fmt: skip
    spec = {
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [prefers]}},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [{"name": "main", "image": "web:1"}],
    }
    made: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": marks},
                            "template": {"metadata": {"labels": marks}, "spec": spec}}  # fmt: skip
    if kind == "StatefulSet":
        made["serviceName"] = "web"
    group = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": SPACE}}
    if budget is not None:
        held = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "keep-web", "namespace": SPACE},
                "spec": {"selector": {"matchLabels": marks}, **budget}}  # fmt: skip
        cluster.api.create(held)
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": True}})
    cluster.api.create({**group, "spec": made})
    until(lambda: len(ready(cluster)) == replicas, "the pods are not ready")
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": None}})


def ready(cluster: Any) -> list[dict[str, Any]]:
    return [
        pod
        for pod in cluster.request("GET", PODS)["items"]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ())
        and not pod["metadata"].get("deletionTimestamp")
    ]


def places(cluster: Any) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in ready(cluster))


def taken(result: dict[str, Any], do: str) -> dict[str, Any]:
    [one] = [one for one in result["taken"] if one["do"] == do]
    return dict(one)


def test_a_node_goes_the_whole_way_and_check_mode_writes_nothing(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 3, {"maxUnavailable": 1})
    observed = remediate(cluster, tmp_path, finding(), actions={})
    assert (observed["changed"], observed["steps"][0]["do"]) == (False, "observe")
    checked = remediate(cluster, tmp_path, finding(), flags=("--check",))
    assert (checked["changed"], taken(checked, "quarantine")["node"]) == (True, NODE)
    assert said(cluster) == {}
    assert places(cluster) == [NODE] * 3
    result = remediate(cluster, tmp_path, finding())
    assert len(taken(result, "drain")["evicted"]) == 3
    assert places(cluster) == [OTHER] * 3
    [repair] = result["repairs"]
    assert (repair["goal"], said(cluster)["state"]) == ("reboot", "repairing")
    again = remediate(cluster, tmp_path, finding())
    assert (again["changed"], again["repairs"][0]["session"]) == (False, repair["session"])
    other = remediate(cluster, tmp_path, reports=[{"node": NODE, "session": "another", "outcome": "done"}])
    assert not other["changed"]
    report = {"node": NODE, "session": repair["session"], "outcome": "done"}
    remediate(cluster, tmp_path, reports=[report])
    time.sleep(4)
    returned = run_tasks(tmp_path, connection_to(cluster), {**task(), **AS_MODULE}).result
    assert taken(returned, "return")["changed"]
    spec = node(cluster)["spec"]
    assert not spec.get("unschedulable")
    assert TAINT not in [taint["key"] for taint in spec.get("taints") or ()]
    assert set(said(cluster)) == {"history", "returned"}
    replayed = remediate(cluster, tmp_path, finding(ago=120))
    assert "before the node was returned" in replayed["steps"][0]["why"]


def test_a_budget_that_never_yields_is_named_and_the_drain_given_up(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})
    drain = taken(remediate(cluster, tmp_path, finding(), bounds={"drain_deadline": "4s"}), "drain")
    assert (drain["failed"], drain["blocked_by"], drain["evicted"]) == (True, [f"{SPACE}/keep-web"], [])
    assert "keep-web" in drain["result"]
    assert said(cluster)["state"] == "quarantined"
    assert places(cluster) == [NODE] * 2


def test_the_next_pod_of_a_stateful_set_is_another_pod(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "StatefulSet", 1)
    [old] = ready(cluster)
    drain = taken(remediate(cluster, tmp_path, finding()), "drain")
    assert (drain["failed"], drain["evicted"]) == (False, [f"{SPACE}/web-0"])
    [new] = ready(cluster)
    assert new["metadata"]["name"] == "web-0"
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["spec"]["nodeName"] == OTHER


def test_replacements_that_find_no_node_are_named(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 1)
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": True}})
    drain = taken(remediate(cluster, tmp_path, finding()), "drain")
    assert not drain["failed"], drain
    assert "nodes are available" in drain["unschedulable"][0]


def test_a_run_that_is_killed_is_finished_by_the_next(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task(finding())],
             "module_defaults": {"group/fireworks.byoc.cluster": {"connection": connection_to(cluster)}}}]  # fmt: skip
    (tmp_path / "killed.yml").write_text(json.dumps(play))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local",
               str(tmp_path / "killed.yml")]  # fmt: skip
    run = subprocess.Popen(
        command, cwd=ROOT, env=ansible_environment(), start_new_session=True, stdout=subprocess.DEVNULL
    )
    until(lambda: said(cluster).get("state") == "quarantined", "it was not quarantined")
    session = said(cluster)["session"]
    for pid in children(run.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait()
    cluster.request("DELETE", f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets/keep-web")
    result = remediate(cluster, tmp_path, finding())
    assert [one["session"] for one in result["repairs"]] == [session]
    assert places(cluster) == [OTHER] * 2


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in listed.read_text().split()]
    return found


def test_two_at_once_make_one_journey(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 3, {"maxUnavailable": 1})
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(lambda folder: remediate(cluster, folder, finding()), folders))
    sessions = {one["session"] for result in results for one in result["taken"] if one["changed"]}
    assert sessions == {said(cluster)["session"]}
    assert said(cluster)["state"] == "repairing"
    assert sorted(places(cluster)) == [OTHER] * 3
    assert json.loads(said(cluster).get("history", "[]")) == []


def while_it_drains(cluster: Any, folder: Path, what: Any) -> dict[str, Any]:
    """The drain's result, where something happened while a budget held it up."""
    found: list[Any] = []
    run = threading.Thread(target=lambda: found.append(remediate(cluster, folder, finding())))
    run.start()
    until(lambda: said(cluster).get("state") == "quarantined", "it was not quarantined")
    time.sleep(1)
    what()
    run.join()
    return taken(found[0], "drain")


def test_a_node_that_is_deleted_in_the_middle_ends_its_drain(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 1, {"maxUnavailable": 0})

    def delete() -> None:
        cluster.request("DELETE", f"/api/v1/nodes/{NODE}")
        for pod in cluster.request("GET", PODS)["items"]:  # what the garbage collector of pods does a minute later
            cluster.request("DELETE", f"{PODS}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})

    drain = while_it_drains(cluster, tmp_path, delete)
    assert (drain["failed"], drain["result"]) == (False, "the node is gone, and its pods with it")
    assert places(cluster) == [OTHER]


def test_an_api_server_that_is_away_during_a_drain_costs_time_only(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})

    def away() -> None:
        cluster.stop_apiserver()
        time.sleep(3)
        cluster.start_apiserver()
        cluster.request("DELETE", f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets/keep-web")

    drain = while_it_drains(cluster, tmp_path, away)
    assert (drain["failed"], len(drain["evicted"])) == (False, 2), drain
    assert places(cluster) == [OTHER] * 2


def test_a_node_that_is_returned_by_hand_in_the_middle_keeps_its_pods(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})

    def uncordon() -> None:
        cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"unschedulable": None}})

    drain = while_it_drains(cluster, tmp_path, uncordon)
    assert "not to be drained any more" in drain["result"]
    assert places(cluster) == [NODE] * 2
    released = remediate(cluster, tmp_path, finding())
    assert taken(released, "release")["changed"]
    assert set(said(cluster)) == {"released", "released-of"}
    after = remediate(cluster, tmp_path, finding(ago=0))
    assert not after["changed"]
    assert not node(cluster)["spec"].get("unschedulable")


def test_the_node_medic_has_the_rights_and_the_guardrails_let_it(bed: Any, tmp_path: Path) -> None:
    it = bed["birch"]
    kept = node(it)
    with governed(it) as made:
        made.govern(agreed(actions={**ALLOWED, "restart_plugin": "never"}))
        token = made.cluster.request("POST", "/api/v1/namespaces/fireworks-system/serviceaccounts/node-medic/token",
                                     {"spec": {"expirationSeconds": 3600}})["status"]["token"]  # fmt: skip
        connection = {"cluster_name": it.name, "cluster_uid": it.uid, "server": it.server, "token": token,
                      "ca_file": str(it.ca_file)}  # fmt: skip
        result = run_tasks(tmp_path, connection, task(finding())).result
        assert not result.get("failed"), result
        assert [one["result"] for one in result["taken"] if one["failed"]] == []
        assert result["repairs"][0]["goal"] == "reboot"
        assert node(it)["spec"]["unschedulable"]
    restore(it, NODE, kept)


def test_the_playbook_has_a_node_repaired_and_tried(bed: Any, tmp_path: Path) -> None:
    """``fireworks.byoc.remediate``, with a task file for the repair and one for the trial."""
    it = bed["acme"]
    kept = node(it)
    it.request("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    (tmp_path / "repair.yml").write_text(
        json.dumps(
            [
                {
                    "name": "Make it",
                    "ansible.builtin.copy": {
                        "content": "{{ remediate_step.goal }}",
                        "dest": str(tmp_path / "repaired"),
                        "mode": "0600",
                    },
                }
            ]
        )
    )
    asked = {
        "remediate_findings": [finding()],
        "remediate_repair": "custom",
        "remediate_repair_tasks": str(tmp_path / "repair.yml"),
    }
    (tmp_path / "more.json").write_text(json.dumps(asked))
    contract = {**journey.agreed(it), "actions": ALLOWED, "remediation": {"healthy_for": "1h"}}
    try:
        checked = journey.play("remediate", tmp_path, [contract], "--check", "-e", f"@{tmp_path / 'more.json'}")
        assert checked.returncode == 0, checked.stdout
        assert said(it) == {}
        done = journey.play("remediate", tmp_path, [contract], "-e", f"@{tmp_path / 'more.json'}")
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "repaired").read_text() == "reboot"
        assert said(it)["state"] == "validating"
        assert "it has to be well until" in done.stdout
        contract["remediation"]["healthy_for"] = "1s"
        tried = {
            "remediate_findings": [],  # judged here, the node would be unknown: nothing exports its metrics
            "remediate_required": ["canary"],
            "remediate_validate_tasks": str(tmp_path / "try.yml"),
        }
        (tmp_path / "more.json").write_text(json.dumps(tried))
        (tmp_path / "try.yml").write_text(json.dumps([{"name": "Try it", "ansible.builtin.debug": {"msg": "well"}}]))
        time.sleep(2)
        back = journey.play("remediate", tmp_path, [contract], "-e", f"@{tmp_path / 'more.json'}")
        assert back.returncode == 0, back.stdout
        assert set(said(it)) == {"history", "returned"}, back.stdout
    finally:
        restore(it, NODE, kept)
        it.request("DELETE", f"/api/v1/namespaces/{SPACE}")
        until(lambda: gone(it, f"/api/v1/namespaces/{SPACE}"), f"{SPACE} is still there", 90)
