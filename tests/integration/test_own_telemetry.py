# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU rules by our own telemetry, without a Prometheus of the customer's: its configuration on a real Prometheus.

That pods are found by DNS is simulated: each source is one address here.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_testbed.ports import quiet_ports
from tests.integration.autoscaled import telemetry_objects
from tests.integration.event_chain import RELEASE
from tests.integration.exporting import Exporter
from tests.integration.test_node_health import asks_for_a_reset
from tests.tools import monitoring
from tests.unit.domain.agreed import contract

NODE = "h100-0"
SCRAPED = [
    {"what": "dcgm_exporter", "namespace": "gpu-operator", "service": "dcgm-exporter-each", "port": 9400},
    {"what": "kube_state_metrics", "namespace": "monitoring", "service": "kube-state-metrics", "port": 8080},
    {"what": "node_problem_detector", "namespace": "kube-system", "service": "npd-each", "port": 20257},
]
AGREED = contract(health={"scrape": SCRAPED})
KUBE_STATE = """# TYPE kube_node_status_capacity gauge
kube_node_status_capacity{node="h100-0",resource="nvidia_com_gpu"} 8
kube_node_status_allocatable{node="h100-0",resource="nvidia_com_gpu"} 7
kube_node_status_condition{node="h100-0",condition="Ready",status="true"} 1
kube_deployment_status_replicas_available{namespace="fireworks-system",deployment="router"} 2
kube_pod_info{namespace="acme-secret-project",pod="x"} 1
"""


def settings(agreed: Any) -> dict[str, str]:
    return next(one["data"] for one in telemetry_objects(agreed) if one["kind"] == "ConfigMap")


def jobs(agreed: Any) -> dict[str, Any]:
    config = yaml.safe_load(settings(agreed)["prometheus.yml"])
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_only_what_the_contract_names_is_scraped_and_found_without_a_right() -> None:
    assert set(jobs(contract())) == {"models", "router", "telemetry"}
    made = {name: job for name, job in jobs(AGREED).items() if "/" in name}
    assert [job["dns_sd_configs"][0]["names"] for job in made.values()] == [
        ["dcgm-exporter-each.gpu-operator.svc"],
        ["kube-state-metrics.monitoring.svc"],
        ["npd-each.kube-system.svc"],
    ]
    assert not any("kubernetes_sd_configs" in job for job in made.values())


def test_what_the_rules_ask_for_is_kept() -> None:
    kept = [job["metric_relabel_configs"][0]["regex"] for name, job in jobs(AGREED).items() if "/" in name]
    rules = (RELEASE / "alert-rules.yml").read_text()
    expressions = [rule["expr"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]
    asked = {name for each in expressions for name in re.findall(r"\b(?:DCGM|kube)_\w+", each)}
    assert len(asked) > 10
    assert {name for name in asked if not any(re.fullmatch(regex, name) for regex in kept)} == set()
    assert not any(re.fullmatch(regex, "kube_pod_info") for regex in kept)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[tuple[int, Exporter]]:
    """The port of a Prometheus with that configuration, and the exporter of the one node, which is well."""
    prometheus = monitoring.command("prometheus")
    if prometheus is None:
        pytest.skip(monitoring.lacking("prometheus"))
    data = settings(AGREED)
    config = yaml.safe_load(data["prometheus.yml"].replace("/etc/prometheus/", ""))
    played = {"dcgm_exporter": Exporter(""), "kube_state_metrics": Exporter(KUBE_STATE)}
    made = []
    for job in config["scrape_configs"]:
        what = job["job_name"].partition(" ")[0]
        if what in played:
            del job["dns_sd_configs"]
            made.append({**job, "static_configs": [{"targets": [f"127.0.0.1:{played[what].port}"]}]})
    config |= {"scrape_configs": made}
    for name, text in {**data, "prometheus.yml": yaml.safe_dump(config)}.items():
        (tmp_path / name).write_text(text)
    [port] = quiet_ports(1)
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen([*prometheus, *words], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: queried(port, 'up{job="dcgm_exporter"} == 1'), 60)
        yield port, played["dcgm_exporter"]
    finally:
        run.terminate()
        run.wait(20)
        for each in played.values():
            each.close()


def queried(port: int, query: str) -> list[dict[str, Any]]:
    address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return list(json.loads(answer.read())["data"]["result"])
    except OSError:
        return []


def until(check: Any, seconds: float) -> float:
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.mark.soak
def test_a_fault_is_told_within_seconds_without_a_prometheus_of_the_customers(watching: tuple[int, Exporter]) -> None:
    port, exporter = watching
    assert queried(port, "ALERTS{alertname=~'Gpu.*', alertstate='firing'}") == []
    exporter.text = asks_for_a_reset()
    asks = 'ALERTS{alertname="GpuAsksForRecovery", alertstate="firing"}'
    took = until(lambda: queried(port, asks), 30)
    [alert] = [one["metric"] for one in queried(port, asks)]
    assert (alert["node"], alert["severity"], alert["remediate"]) == (NODE, "critical", "true"), alert
    print(f"told after {took:.1f} s")
    pending = until(lambda: queried(port, 'ALERTS{alertname="GpuNotAllocatable"}'), 60)
    assert pending >= 0 and queried(port, "kube_pod_info") == [], "of other people's pods nothing is kept"
