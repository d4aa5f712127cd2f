# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sick nodes go out of service and come back, with real budgets and evictions, whatever happens in the middle.

By ``fireworks.byoc.node_remediation``, and the playbook around it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration import journey
from tests.integration.guarded import governed, until
from tests.integration.plays import AS_MODULE, connection_to, run_tasks
from tests.integration.remediating import (
    ALLOWED,
    NODE,
    OTHER,
    PODS,
    SPACE,
    TAINT,
    canaries_that_end,
    finding,
    node,
    places,
    ready,
    remediate,
    restore,
    said,
    taken,
    task,
    with_models,
    workload,
)
from tests.unit.domain.agreed import contract as agreed

CANARY = "fireworks.byoc.node_canary"


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    with with_models(bed["birch"]) as it:
        yield it


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
    others = [
        {"node": NODE, "session": "another", "outcome": "done"},
        {"node": NODE, "session": repair["session"], "goal": "replace", "outcome": "done"},
    ]
    assert not remediate(cluster, tmp_path, reports=others)["changed"]
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


@pytest.mark.soak
def test_a_budget_that_never_yields_is_named_and_the_drain_given_up(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})
    drain = taken(remediate(cluster, tmp_path, finding(), bounds={"drain_deadline": "4s"}), "drain")
    assert (drain["failed"], drain["blocked_by"], drain["evicted"]) == (True, [f"{SPACE}/keep-web"], [])
    assert "keep-web" in drain["result"]
    assert said(cluster)["state"] == "quarantined"
    assert places(cluster) == [NODE] * 2


@pytest.mark.soak
def test_the_next_pod_of_a_stateful_set_is_another_pod(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "StatefulSet", 1)
    [old] = ready(cluster)
    drain = taken(remediate(cluster, tmp_path, finding()), "drain")
    assert (drain["failed"], drain["evicted"]) == (False, [f"{SPACE}/web-0"])
    [new] = ready(cluster)
    assert new["metadata"]["name"] == "web-0"
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["spec"]["nodeName"] == OTHER


@pytest.mark.soak
def test_replacements_that_find_no_node_are_named(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 1)
    cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": True}})
    drain = taken(remediate(cluster, tmp_path, finding()), "drain")
    assert not drain["failed"], drain
    assert "nodes are available" in drain["unschedulable"][0]


@pytest.mark.soak
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


@pytest.mark.soak
def test_a_node_that_is_deleted_in_the_middle_ends_its_drain(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 1, {"maxUnavailable": 0})

    def delete() -> None:
        cluster.request("DELETE", f"/api/v1/nodes/{NODE}")
        for pod in cluster.request("GET", PODS)["items"]:  # what the garbage collector of pods does a minute later
            cluster.request("DELETE", f"{PODS}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})

    drain = while_it_drains(cluster, tmp_path, delete)
    assert (drain["failed"], drain["result"]) == (False, "the node is gone, and its pods with it")
    assert places(cluster) == [OTHER]


@pytest.mark.soak
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


@pytest.mark.soak
def test_a_node_that_is_returned_by_hand_in_the_middle_keeps_its_pods(cluster: Any, tmp_path: Path) -> None:
    workload(cluster, "Deployment", 2, {"maxUnavailable": 0})

    def uncordon() -> None:
        cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"unschedulable": None}})

    drain = while_it_drains(cluster, tmp_path, uncordon)
    assert "drain of its node was cancelled" in drain["result"]
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
        image = f"registry.acme.example/fireworks/engine@sha256:{'a1' * 32}"
        canary = {"contract": agreed(), "node": NODE, "image": image, "timeout": 30}
        with canaries_that_end(it):
            checked, tried, unknown = run_tasks(
                tmp_path,
                connection,
                {CANARY: canary, "check_mode": True},
                {CANARY: canary},
                {CANARY: {**canary, "image": ""}, **AS_MODULE},
            ).results
        assert (checked["verdict"], checked["changed"]) == ("untried", True), checked
        assert (tried["verdict"], tried["changed"]) == ("passed", True), tried
        assert "no model serves on" in unknown["why"], unknown
        assert made.cluster.request("GET", PODS)["items"] == []
    restore(it, NODE, kept)


@pytest.mark.soak
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
        "requested_by": "sre@fireworks.example",
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
            "requested_by": "sre@fireworks.example",
            "remediate_findings": [],  # judged here, the node would be unknown: nothing exports its metrics
            "remediate_validate": "custom",
            "remediate_validate_tasks": str(tmp_path / "try.yml"),
        }
        (tmp_path / "more.json").write_text(json.dumps(tried))
        (tmp_path / "try.yml").write_text(json.dumps([{"name": "Try it", "ansible.builtin.fail": {"msg": "sick"}}]))
        time.sleep(2)
        failed = journey.play("remediate", tmp_path, [contract], "-e", f"@{tmp_path / 'more.json'}")
        assert failed.returncode == 0, failed.stdout
        assert (said(it)["state"], said(it)["goal"]) == ("repairing", "replace"), failed.stdout
        report = {"node": NODE, "session": said(it)["session"], "outcome": "done"}
        remediate(it, tmp_path, reports=[report])
        it.request("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": {"name": "engine"}})
        tried |= {"remediate_validate": "canary", "remediate_canary_image": "engine:1", "remediate_canary_timeout": 60}
        tried |= {"remediate_required": ["canary", "diagnostic"]}
        (tmp_path / "more.json").write_text(json.dumps(tried))
        time.sleep(2)
        with canaries_that_end(it):
            one = journey.play("remediate", tmp_path, [contract], "-e", f"@{tmp_path / 'more.json'}")
            assert said(it)["state"] == "validating", one.stdout
            assert "the diagnostic has not passed" in " ".join(one.stdout.split()), one.stdout
            tried |= {"remediate_diagnosed": {NODE: {"diagnostic": "passed"}}}
            (tmp_path / "more.json").write_text(json.dumps(tried))
            back = journey.play("remediate", tmp_path, [contract], "-e", f"@{tmp_path / 'more.json'}")
        assert back.returncode == 0, back.stdout
        assert "the canary: it ended well" in " ".join(back.stdout.split()), back.stdout
        assert set(said(it)) == {"history", "returned"}, back.stdout
    finally:
        restore(it, NODE, kept)
        it.remove_namespaces(SPACE)
