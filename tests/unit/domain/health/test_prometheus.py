# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a customer's Prometheus says is read as if each exporter had said it, however its scrapes name a node."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.dcgm import (
    ALWAYS,
    METRIC_NAMES,
    read_metrics,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import pod_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus import QUERIES, reports

NODES = ["gpu-0", "gpu-1"]
UUID = "GPU-6f1c1c2e-0000-4000-8000-000000000001"
EXPORTER = "nvidia-dcgm-exporter-x7k2p"
PODS = [
    None,
    pod_record(
        {
            "metadata": {"namespace": "gpu-operator", "name": EXPORTER, "labels": {"app": "nvidia-dcgm-exporter"}},
            "spec": {"nodeName": "gpu-1"},
        }
    ),
]


def answer(*entries: tuple[dict[str, str], float]) -> dict[str, Any]:
    """As Prometheus' HTTP API answers an instant query."""
    result = [{"metric": labels, "value": [1764115200.0, str(value)]} for labels, value in entries]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def gpu(name: str, value: float, **labels: str) -> tuple[dict[str, str], float]:
    return {"__name__": name, "UUID": UUID, "gpu": "0", "pci_bus_id": "00000000:0F:00.0", **labels}, value


def asked(*gpus: tuple[dict[str, str], float], ports: Any = (), scraped: Any = None) -> Any:
    when = [({k: v for k, v in labels.items() if k != "__name__"}, 1764115190.0) for labels, _value in gpus]
    answers = {
        "gpus": answer(*gpus),
        "scraped": answer(*(when if scraped is None else scraped)),
        "ports": answer(*ports),
    }
    return reports(answers, NODES, PODS)


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"node": "gpu-1"}, "gpu-1"),
        ({"kubernetes_node": "gpu-1", "Hostname": "something-else"}, "gpu-1"),
        ({"Hostname": "gpu-0", "instance": "10.0.0.7:9400"}, "gpu-0"),
        ({"instance": "gpu-0:9400"}, "gpu-0"),
        ({"instance": "gpu-0"}, "gpu-0"),
        ({"instance": "http://gpu-0:9400/metrics"}, "gpu-0"),
        ({"Hostname": "GPU-0"}, "gpu-0"),
        ({"pod": EXPORTER, "namespace": "gpu-operator", "instance": "10.0.0.7:9400"}, "gpu-1"),
        ({"Hostname": "of-another-cluster"}, None),
        ({}, None),
    ],
)
def test_a_series_finds_its_node(labels: dict[str, str], node: str | None) -> None:
    metrics, ports = asked(gpu("DCGM_FI_DEV_GPU_RECOVERY_ACTION", 1, **labels))
    assert list(metrics) == ([node] if node else [])
    assert ports == {}


def test_it_is_read_as_the_exporter_would_tell_it() -> None:
    workload = {"exported_pod": "llama-7d9f", "exported_namespace": "fireworks-models"}
    scrape = {"pod": EXPORTER, "namespace": "gpu-operator"}
    metrics, _ports = asked(
        gpu("DCGM_FI_DEV_GPU_TEMP", 41, **scrape, **workload),
        gpu("DCGM_EXP_XID_ERRORS_COUNT", 2, **scrape, xid="79", window_size_in_ms="300000"),
    )
    common = f'gpu="0",UUID="{UUID}",pci_bus_id="00000000:0F:00.0"'
    text = (
        f'DCGM_FI_DEV_GPU_TEMP{{{common},pod="llama-7d9f",namespace="fireworks-models"}} 41\n'
        f'DCGM_EXP_XID_ERRORS_COUNT{{{common},xid="79",window_size_in_ms="300000"}} 2\n'
    )
    assert metrics == {"gpu-1": {**read_metrics(text), "at": 1764115190.0, "error": ""}}


def test_the_exporter_s_own_pod_holds_no_gpu() -> None:
    metrics, _ports = asked(gpu("DCGM_FI_DEV_GPU_TEMP", 41, pod=EXPORTER, namespace="gpu-operator"))
    assert metrics["gpu-1"]["gpus"][0]["pods"] == []


def test_what_nobody_knows_the_time_of_is_no_report() -> None:
    metrics, _ports = asked(gpu("DCGM_FI_DEV_GPU_RECOVERY_ACTION", 0, node="gpu-0"), scraped=[])
    assert metrics == {"gpu-0": {"error": "Prometheus has no metric that tells when it was scraped"}}


def test_a_moment_that_is_none_costs_only_itself() -> None:
    labels = {"__name__": "DCGM_FI_DEV_GPU_TEMP", "node": "gpu-0"}
    fresh = [(labels, float("nan")), (labels, 1795640400.0), (labels, float("inf"))]
    metrics, _ports = asked(gpu("DCGM_FI_DEV_GPU_RECOVERY_ACTION", 0, node="gpu-0"), scraped=fresh)
    assert metrics["gpu-0"]["at"] == 1795640400.0
    metrics, _ports = asked(gpu("DCGM_FI_DEV_GPU_RECOVERY_ACTION", 0, node="gpu-0"), scraped=fresh[:1])
    assert metrics == {"gpu-0": {"error": "Prometheus has no metric that tells when it was scraped"}}


def test_ports_are_counted_that_are_active() -> None:
    ports = [
        ({"__name__": "node_infiniband_state_id", "instance": "gpu-0:9100", "device": device, "prometheus": replica}, n)
        for replica in ("a", "b")
        for device, n in (("mlx5_0", 4), ("mlx5_1", 4), ("mlx5_2", 1))
    ]
    assert asked(ports=ports) == ({}, {"gpu-0": 2})


def test_all_that_is_read_is_asked_for() -> None:
    assert all(name in QUERIES["gpus"] for name in METRIC_NAMES)
    assert all(f"timestamp({name})" in QUERIES["scraped"] for name in ALWAYS)
