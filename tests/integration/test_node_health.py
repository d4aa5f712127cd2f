# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``node_health_info`` and fireworks.byoc.health against real API servers, whose nodes are simulated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import MODEL_LABEL, TELEMETRY, TELEMETRY_PORT
from ansible_collections.fireworks.byoc.plugins.module_utils._operations import health_metrics
from byoc_testbed.errors import ApiError
from tests.integration.ansible_runs import ROOT, ansible_environment
from tests.integration.exporting import PODS, exporters, settle, silent_data_plane
from tests.integration.faults import EVENTS, report_xid
from tests.integration.faults import XID_79 as LINE
from tests.integration.governed import governed
from tests.integration.guarded import until
from tests.integration.journey import agreed, line, play
from tests.integration.plays import AS_MODULE, connection_to, perform_tasks, run_tasks

POLICY = yaml.safe_load((ROOT / "roles/stack/files/faults.yml").read_text(encoding="utf-8"))
NODE, OTHER = "h100-0", "h100-1"
UUID = "GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418"


def contract(cluster: Any) -> dict[str, Any]:
    made = agreed(cluster)
    made["actions"] = {"cordon": "auto", "drain": "approve"}
    made["health"] = {"sources": {"dcgm_exporter": False, "node_problem_detector": False}, "faults": [], "xids": []}
    return made


def info(cluster: Any, **options: Any) -> dict[str, Any]:
    keywords = {key: options.pop(key) for key in list(options) if key == "environment"}
    given = {"contract": contract(cluster), "policy": POLICY, **options}
    return {"fireworks.byoc.node_health_info": given, **keywords}


def asked(cluster: Any, folder: Path, *tasks: dict[str, Any], flags: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return perform_tasks(folder, connection_to(cluster), *tasks, flags=flags).results


def asks_for_a_reset() -> str:
    """What an exporter answers of a node's first GPU, whose driver wants it reset."""
    labels = f'gpu="0",UUID="{UUID}",pci_bus_id="00000000:0F:00.0",modelName="NVIDIA H100 80GB HBM3",Hostname="{NODE}"'
    metrics = ["DCGM_FI_DEV_GPU_RECOVERY_ACTION", "DCGM_FI_DEV_GPU_TEMP"]
    return "\n".join(f"{metric}{{{labels}}} 1" for metric in metrics) + "\n"


@pytest.fixture
def birch(bed: Any) -> Iterator[Any]:
    cluster = bed["birch"]
    yield cluster
    cluster.repair_node(NODE)
    cluster.request("DELETE", f"{EVENTS}?fieldSelector=involvedObject.kind%3DNode")


def test_healthy_nodes_are_healthy(birch: Any, tmp_path: Path) -> None:
    [result] = asked(birch, tmp_path, info(birch))
    assert result["findings"] == [] and result["changed"] is False
    assert {name: node["state"] for name, node in result["nodes"].items()} == {NODE: "healthy", OTHER: "healthy"}


def test_a_fault_in_an_event_and_in_a_condition_is_found_by_module_and_action_alike(birch: Any, tmp_path: Path) -> None:
    report_xid(birch)
    birch.break_node(NODE, "condition", type="GPUMissing", reason="GPUMissing", message="Expected 8, observed 7")
    found, as_module = asked(birch, tmp_path, info(birch), info(birch, **AS_MODULE))
    as_module.pop("invocation", None)
    told = [{key: one[key] for key in ("fault", "node", "action", "allowed", "owner")} for one in found["findings"]]
    assert told == [
        {"fault": "gpu_off_the_bus", "node": NODE, "action": "reboot", "allowed": "never", "owner": "customer"},
        {"fault": "gpu_missing", "node": NODE, "action": "reboot", "allowed": "never", "owner": "customer"},
    ]
    assert as_module["findings"] == found["findings"]
    assert {name: node["state"] for name, node in found["nodes"].items()} == {NODE: "sick", OTHER: "healthy"}
    assert found["handoffs"][0]["text"].splitlines()[1].endswith(LINE)


def test_what_was_kept_is_judged_again_without_the_cluster_and_by_another_table(birch: Any, tmp_path: Path) -> None:
    report_xid(birch)
    first = asked(birch, tmp_path, info(birch, keep_snapshot=True))[0]
    kept = first["snapshot"]
    milder = json.loads(json.dumps(POLICY))
    next(row for row in milder["faults"] if row["class"] == "gpu_off_the_bus")["action"] = "report"
    nowhere = {"server": "https://192.0.2.1:6443", "token": "none", "ca_file": str(birch.ca_file)}
    again, other, broken, old = perform_tasks(
        tmp_path,
        nowhere,
        info(birch, snapshot=kept),
        info(birch, snapshot=kept, policy=milder),
        info(birch, snapshot=kept, policy={**POLICY, "version": "new"}),
        info(birch, snapshot={**kept, "version": 0}),
    ).results
    assert again["findings"] == first["findings"]
    assert [one["action"] for one in other["findings"]] == ["report"]
    assert "version: 'new' cannot be used here" in broken["msg"] and broken["failed"]
    assert "The snapshot has version 0" in old["msg"] and old["failed"]


def test_a_node_that_falls_silent_is_told_after_its_grace(birch: Any, tmp_path: Path) -> None:
    birch.break_node(NODE, "not-ready", status="False")
    [result] = asked(birch, tmp_path, info(birch))
    assert [(one["fault"], one["action"]) for one in result["findings"]] == [("node_not_ready_yet", "record")]


def test_an_exporter_is_read_through_the_api_server(birch: Any, tmp_path: Path) -> None:
    text = asks_for_a_reset()
    sources = {"dcgm_exporter": True, "node_problem_detector": False}
    with exporters(birch, {NODE: text}, by_address=False) as made:
        heard, unheard = (
            {**contract(birch), "health": {"sources": sources, "exporters": {"port": port}}}
            for port in (made[NODE].port, 1)
        )
        found, silent = asked(
            birch, tmp_path, info(birch, contract=heard), info(birch, contract=unheard, exporter_timeout=2)
        )
    [asks] = [one for one in found["findings"] if one["fault"] == "recovery_action"]
    assert (asks["gpu"], asks["action"]) == ({"uuid": UUID, "index": "0", "pci": "0000:0f:00"}, "gpu_reset")
    told = {(one["fault"], one["node"]) for one in found["findings"]}
    assert {("source_incomplete", ""), ("source_stale", NODE), ("source_missing", OTHER)} <= told
    [stale] = [one for one in silent["findings"] if one["fault"] == "source_stale"]
    assert "does not answer" in stale["evidence"][0]["text"]
    assert silent["nodes"][NODE]["state"] == "unknown"


@contextmanager
def serving_and_watched(cluster: Any) -> Iterator[None]:
    """A model's pod, a telemetry Service with one behind it, and an exporter's."""
    spec = {"nodeName": NODE, "containers": [{"name": "it", "image": "it:1"}]}
    exporter = {"name": f"nvidia-dcgm-exporter-{NODE}", "labels": {"app": "nvidia-dcgm-exporter"}}
    system = "/api/v1/namespaces/fireworks-system"
    for name in ("fireworks-system", "fireworks-models"):
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    marks = {"app": TELEMETRY}
    service = {"ports": [{"port": TELEMETRY_PORT}], "selector": marks}
    cluster.request("POST", f"{system}/services", {"metadata": {"name": TELEMETRY}, "spec": service})
    cluster.request("POST", f"{system}/pods", {"metadata": {"name": TELEMETRY, "labels": marks}, "spec": spec})
    model = {"name": "served", "labels": {MODEL_LABEL: "llama-3-1-8b"}}
    cluster.request("POST", "/api/v1/namespaces/fireworks-models/pods", {"metadata": model, "spec": spec})
    cluster.request("POST", PODS, {"metadata": exporter, "spec": spec})
    try:
        until(lambda: cluster.request("GET", f"{PODS}/{exporter['name']}")["status"].get("podIP"), "it does not run")
        until(lambda: sends_to_pods(cluster, f"{system}/services/{TELEMETRY}:{TELEMETRY_PORT}"), "no endpoint is known")
        yield
    finally:
        cluster.request("DELETE", f"{PODS}/{exporter['name']}", {"gracePeriodSeconds": 0})
        cluster.remove_namespaces("fireworks-system", "fireworks-models")


def sends_to_pods(cluster: Any, service: str) -> bool:
    """Whether the API server knows where a Service's pods are, and sends there what it is asked for."""
    try:
        cluster.request("GET", f"{service}/proxy/")
    except ApiError as error:
        return "error trying to reach service" in str(error)
    return True


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("prometheus", [False, True])
def test_what_the_control_plane_cannot_reach_is_asked_once_and_not_waited_for_long(
    birch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prometheus: bool
) -> None:
    monkeypatch.setattr(health_metrics, "_QUERY_SECONDS", 1.0)
    made = contract(birch)
    made["health"]["sources"]["dcgm_exporter"] = True
    if prometheus:
        made["health"]["prometheus"] = {"namespace": "fireworks-system", "service": TELEMETRY, "port": TELEMETRY_PORT}
    with serving_and_watched(birch), silent_data_plane(birch) as sent:
        [result] = asked(birch, tmp_path, info(birch, contract=made, exporter_timeout=1))
    told = json.dumps(result["findings"])
    assert ("Prometheus, fireworks-system/telemetry, does not tell: " in told) is prometheus, told
    assert "no engine could be looked at: the API server did not answer" in told, told
    assert {node["state"] for node in result["nodes"].values()} == {"unknown"}
    # Of the Prometheus three questions and the engines', or the exporter's and the engines'.
    assert len(sent) == (4 if prometheus else 2), f"asked again: {sent}"


def test_a_fleet_is_shown_and_its_worst_finding_decides_how_the_run_ends(bed: Any, birch: Any, tmp_path: Path) -> None:
    contracts = [contract(bed["acme"]), contract(birch)]
    well = play("health", tmp_path, contracts, "--check")
    assert well.returncode == 0, well.stdout
    assert "2 healthy" in line(well, "acme-eu-1") and "2 healthy" in line(well, "birch-eu-1")

    report_xid(birch)
    kept = tmp_path / "health.json"
    sick = play("health", tmp_path, contracts, "-e", f"health_file={kept}")
    assert sick.returncode == 2, sick.stdout
    assert "1 finding of severity critical or worse" in sick.stdout
    acting = set(re.findall(r"Action required by: (\w+)", sick.stdout))
    assert acting == {"customer"}, sick.stdout
    assert line(sick, "birch-eu-1", "gpu_off_the_bus")
    assert line(sick, "acme-eu-1", "2 healthy")
    assert json.loads(kept.read_text())["birch-eu-1"]["summary"]["worst"] == "critical"
    assert play("health", tmp_path, contracts, "-e", "fail_on=never").returncode == 0


def test_a_cluster_that_does_not_answer_is_a_line_and_fails_the_run(birch: Any, tmp_path: Path) -> None:
    away = contract(birch)
    away["identity"] = {**away["identity"], "uid": "11111111-1111-4111-8111-111111111111"}
    done = play("health", tmp_path, [away])
    assert done.returncode == 2, done.stdout
    assert line(done, "birch-eu-1", "this is the wrong cluster")
    assert "1 cluster could not be judged" in done.stdout


def test_a_customers_policy_changes_what_is_recommended_and_a_mistake_in_it_is_named(
    birch: Any, tmp_path: Path
) -> None:
    report_xid(birch)
    said = tmp_path / "group_vars" / "byoc.json"
    said.parent.mkdir()
    calm = {
        "byoc_customer_health": {"faults": [{"class": "gpu_off_the_bus", "action": "report", "severity": "warning"}]}
    }
    said.write_text(json.dumps(calm))
    done = play("health", tmp_path, [contract(birch)])
    assert done.returncode == 0, done.stdout
    assert line(done, "birch-eu-1").split("  ")[-1].strip().startswith("Reboot the node")
    assert line(done, "birch-eu-1", " report ")

    wrong = {"byoc_fleet_health": {"faults": [{"class": "gpu_off_bus", "action": "report"}]}}
    said.write_text(json.dumps(wrong))
    done = play("health", tmp_path, [contract(birch)])
    assert done.returncode == 2, done.stdout
    assert "fleet: health.faults[0].class: there is no class gpu_off_bus" in " ".join(done.stdout.split())


@pytest.mark.soak
def test_an_observer_calls_nodes_healthy_where_the_customer_lets_it_list_what_tells_of_them(
    bed: Any, tmp_path: Path
) -> None:
    sources = {"dcgm_exporter": False, "node_problem_detector": False}
    said = []
    for kinds in ([], ["events", "leases", "pods"]):
        with governed(bed["acme"], health={"sources": sources, "observer_may_list": kinds}) as agreed_on:
            observer = bed["acme"].kubeconfig_for_service_account("fireworks-system", "observer")
            given = {"contract": agreed_on, "policy": POLICY}
            connection = connection_to(bed["acme"], kubeconfig_file=str(observer))
            said.append(perform_tasks(tmp_path, connection, {"fireworks.byoc.node_health_info": given}).result)
            access = {"fireworks.byoc.access_info": {"expectations": access_expectations(agreed_on)}}
            rights = perform_tasks(tmp_path, connection_to(bed["acme"]), access).result
            assert (rights["too_many"], rights["too_few"]) == ([], [])
    without, by_grant = ({node["state"] for node in result["nodes"].values()} for result in said)
    assert (without, by_grant) == ({"unknown"}, {"healthy"})
    assert {one["fault"] for one in said[0]["findings"]} == {"source_missing"} and said[1]["findings"] == []


@pytest.mark.soak
def test_an_exporter_is_asked_at_its_own_address_where_the_contract_says_so(bed: Any, tmp_path: Path) -> None:
    """By an observer without ``pods/proxy``, past the proxies of its environment, and without its credential."""
    acme, here, nowhere = bed["acme"], "127.0.0.1", "127.0.0.9"
    health = {"sources": {"node_problem_detector": False}, "observer_may_list": ["events", "leases", "pods"]}
    with (
        governed(acme, health=health) as agreed_on,
        exporters(acme, {NODE: asks_for_a_reset(), OTHER: ""}, by_address=False) as made,
    ):
        settle(acme, NODE, pod=here, host=nowhere)
        settle(acme, OTHER, pod=nowhere, host=here)
        port = made[NODE].port
        observer = acme.kubeconfig_for_service_account("fireworks-system", "observer")
        tasks = [
            info(acme, contract={**agreed_on, "health": {**health, "exporters": {"reach": reach, "port": port}}})
            for reach in ("pod_network", "node_network", "api_server")
        ]
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), f"http://{nowhere}:1")
        environment = ansible_environment(**proxies)
        connection = connection_to(acme, kubeconfig_file=str(observer))
        by_pod, by_node, by_server = run_tasks(tmp_path, connection, *tasks, environment=environment).results
        headers = made[NODE].headers
    for found, heard, silent in ((by_pod, NODE, OTHER), (by_node, OTHER, NODE)):
        assert [one["node"] for one in found["findings"] if one["fault"] == "recovery_action"] == [heard]
        [stale] = [one for one in found["findings"] if one["fault"] == "source_stale" and one["node"] == silent]
        why = f"the DCGM exporter does not answer: http://{nowhere}:{port}/metrics: Connection refused"
        assert stale["evidence"][0]["text"] == why
        assert "source_missing" not in {one["fault"] for one in found["findings"]}
    assert "source_missing" in {one["fault"] for one in by_server["findings"]}, "it may not use the proxy"
    assert len(headers) == 2 and all("Authorization" not in sent and "Cookie" not in sent for sent in headers)
