# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exporters and events may look like and still mean the same: each bad datum costs itself and nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.dcgm import read_metrics
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.engines import read_engine
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.events import event_record, times_not_ready
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import pod_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus import reports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus_text import (
    NoResultError,
    query_samples,
    query_series,
    samples,
)

PENDING, TEMPERATURE = "DCGM_FI_DEV_ROW_REMAP_PENDING", "DCGM_FI_DEV_GPU_TEMP"
GPU = 'gpu="0",UUID="GPU-1"'


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ('up{a="b"} 1', {"a": "b"}, 1),
        ("up 1", {}, 1),
        ("up\t1 1764115200000", {}, 1),
        ("up{} 1", {}, 1),
        ('  up { a = "b" , c="d", }  1  ', {"a": "b", "c": "d"}, 1),
        ('up{a="b"}1', {"a": "b"}, 1),
        ('up{a="b"} 1\r', {"a": "b"}, 1),
        ('up{a="b"} 5 # {trace_id="x"} 0.67 1764115200.1', {"a": "b"}, 5),
        ('up{a="b"} 5 1764115200 # {} 1', {"a": "b"}, 5),
        ('up 5 # {span="}"} 9', {}, 5),
        ('up{a="} 7",c="d"} 1', {"a": "} 7", "c": "d"}, 1),
        (r'up{a="say \"hi\", c=\"x\"",c="d"} 1', {"a": 'say "hi", c="x"', "c": "d"}, 1),
        (r'up{a="C:\\new\nline"} 1', {"a": "C:\\new\nline"}, 1),
        ('up{a="# HELP {"} 1e3', {"a": "# HELP {"}, 1000),
        ("up +Inf", {}, float("inf")),
        ("up -Inf", {}, float("-inf")),
    ],
)
def test_a_sample_is_read_as_the_format_allows_it_to_be_written(
    line: str, labels: dict[str, str], value: float
) -> None:
    assert list(samples(f"# TYPE up gauge\n{line}\n# EOF\n", ["up"])) == [("up", labels, value)]


@pytest.mark.parametrize(
    "line",
    ["upper 1", "up2 1", 'up{a="b} 1', "up", "up{} x", "up 1_0", "#up 1", 'up{a="b"', "up{ 1", 'x{up="1"} 1', "up_ 1"],
)
def test_what_is_no_sample_of_it_costs_only_its_line(line: str) -> None:
    assert list(samples(f"up 1\n{line}\nup 2\n", ["up"])) == [("up", {}, 1), ("up", {}, 2)]


def test_a_long_line_that_is_no_sample_is_over_at_once() -> None:
    began = time.process_time()
    for text in ("up{" + 'a="b",' * 50_000, "up{" + "a" * 300_000, 'up{a="' + "\\\\" * 150_000, "up" + " " * 300_000):
        assert list(samples(text + "\n", ["up"])) == []
    assert time.process_time() - began < 2


@pytest.mark.parametrize("value", ["NaN", "nan", "+Inf", "-Inf", "-1", "1e300", "1_0", "many", "9223372036854775807"])
def test_a_value_that_is_none_costs_neither_its_gpu_nor_the_others(value: str) -> None:
    text = f'{TEMPERATURE}{{{GPU}}} 40\n{PENDING}{{{GPU}}} {value}\n{PENDING}{{gpu="1",UUID="GPU-2"}} 1\n'
    first, second = read_metrics(text)["gpus"]
    assert "remap_pending" not in first
    assert second["remap_pending"] == 1


def test_less_than_one_counted_xid_is_none() -> None:
    [gpu] = read_metrics(f'{TEMPERATURE}{{{GPU}}} 40\nDCGM_EXP_XID_ERRORS_COUNT{{{GPU},xid="79"}} 0.5\n')["gpus"]
    assert "xids" not in gpu


def test_what_is_there_twice_counts_once() -> None:
    counted = f'DCGM_EXP_XID_ERRORS_COUNT{{{GPU},xid="79",window_size_in_ms="300000"}} 2\n'
    assert read_metrics(counted * 3) == read_metrics(counted)
    names = {"running": "r", "waiting": "w", "heartbeat": "h"}
    text = 'r{core="0"} 1\nr{core="1"} 2\nr{core="0"} 1\nw 0\nw 0\nh 7\nh 7\n'
    assert read_engine(text, **names) == {"running": 3, "waiting": 0, "heartbeat": 7}
    assert read_engine(text + "w NaN\n", **names) is None


def test_of_prometheus_answers_what_is_no_value_costs_only_itself() -> None:
    values: list[Any] = [[1, "5"], [1, "x"], [1], None, "15", [1, None], [1, "1_0"], [1, True], {"a": 1}]
    result: list[Any] = [{"metric": {"__name__": "up"}, "value": value} for value in values]
    result += [None, "up", {"metric": []}, {"metric": {"__name__": "up"}}]
    found = query_samples({"status": "success", "data": {"result": result}})
    assert list(found) == [("up", {}, 5)]
    series = {"status": "success", "data": {"result": [{"metric": {"__name__": "up"}, "values": values}]}}
    assert list(query_series(series)) == [("up", {}, {1: 5})]


@pytest.mark.parametrize(
    "said",
    [
        *(None, [], "up", {"status": "success"}, {"status": "success", "data": []}),
        {"status": "success", "data": {"result": 5}},
        {"status": "error", "data": {"result": []}},
    ],
)
def test_what_is_no_answer_of_prometheus_is_told_as_that(said: Any) -> None:
    with pytest.raises(NoResultError, match="not one of Prometheus' query API"):
        list(query_samples(said))


def test_a_label_that_is_no_text_is_its_text() -> None:
    entry = {"metric": {"__name__": "up", "pod": ["a"], "node": 5}, "value": [1, "1"]}
    found = query_samples({"status": "success", "data": {"result": [entry]}})
    assert list(found) == [("up", {"pod": "['a']", "node": "5"}, 1)]


def exporter(name: str, node: str, pod_ip: str, host_ip: str, phase: str = "Running") -> Any:
    status = {"podIP": pod_ip, "hostIP": host_ip, "phase": phase}
    labels = {"app": "nvidia-dcgm-exporter"}
    return pod_record({"metadata": {"name": name, "labels": labels}, "spec": {"nodeName": node}, "status": status})


NODES = {"gpu-0": ["10.0.0.1", "gpu-0.internal"], "gpu-1": ["10.0.0.2", "fd00::2"], "gpu-2": []}
PODS = [
    exporter("dcgm-a", "gpu-0", "10.9.0.1", "10.0.0.1"),
    exporter("dcgm-b", "gpu-1", "10.9.0.2", "10.0.0.2"),
    exporter("dcgm-c", "gpu-2", "10.9.0.3", "10.0.0.3"),
    exporter("dcgm-gone", "gpu-2", "10.9.0.1", "10.0.0.3", "Succeeded"),
]


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"Hostname": "gpu-1"}, "gpu-1"),
        ({"Hostname": "dcgm-b"}, "gpu-1"),
        ({"Hostname": "dcgm-b", "pod": "llama-7d9f"}, "gpu-1"),
        ({"Hostname": "gpu-0.internal"}, "gpu-0"),
        ({"exported_node": "gpu-0", "node": "gpu-1"}, "gpu-0"),
        ({"exported_node": "elsewhere", "node": "gpu-1"}, "gpu-1"),
        ({"node": "monitoring", "exported_node": "gpu-2"}, "gpu-2"),
        ({"pod": "dcgm-c"}, "gpu-2"),
        ({"instance": "10.9.0.1:9400"}, "gpu-0"),
        ({"instance": "10.0.0.2:9400"}, "gpu-1"),
        ({"instance": "10.0.0.3:9400"}, "gpu-2"),
        ({"instance": "[fd00::2]:9400"}, "gpu-1"),
        ({"instance": "10.9.0.3"}, "gpu-2"),
        ({"instance": "prometheus:9090", "exported_instance": "10.9.0.3:9400"}, "gpu-2"),
        ({"instance": "10.0.0.9:9400"}, ""),
        ({"instance": ":9400"}, ""),
        ({"Hostname": "", "instance": ""}, ""),
    ],
)
def test_a_series_is_of_the_node_that_it_names_in_any_way(labels: dict[str, str], node: str) -> None:
    sample = {"metric": {"__name__": TEMPERATURE, "UUID": "GPU-1", **labels}, "value": [1, "40"]}
    port = {"metric": {"__name__": "node_infiniband_state_id", "device": "mlx5_0", **labels}, "value": [1, "4"]}
    gpus, ports = ({"status": "success", "data": {"result": [one, one]}} for one in (sample, port))
    metrics, up = reports({"gpus": gpus, "scraped": gpus, "ports": ports}, NODES, PODS, NODES)
    assert (list(metrics), up) == (([node], {node: 1}) if node else ([], {}))


def test_an_address_that_two_nodes_have_names_neither() -> None:
    sample = {"metric": {"__name__": TEMPERATURE, "UUID": "GPU-1", "instance": "10.0.0.1:9400"}, "value": [1, "40"]}
    said = {"status": "success", "data": {"result": [sample]}}
    twice = {"gpu-0": ["10.0.0.1"], "gpu-1": ["10.0.0.1"]}
    assert reports({"gpus": said, "scraped": said, "ports": said}, twice, [], twice) == ({}, {})


HOUR = 3600.0
NOW = 1_800_000_000.0


def not_ready(first: float, last: float, times: int) -> list[Any]:
    return ["n1", "NodeNotReady", "", NOW - first, NOW - last, times]


@pytest.mark.parametrize(
    ("events", "before", "known"),
    [
        ([not_ready(20 * HOUR, 600, 9)], [], 1),
        ([not_ready(1800, 600, 3)], [], 3),
        ([not_ready(20 * HOUR, 2 * HOUR, 9)], [], 0),
        ([not_ready(HOUR + 1, HOUR - 1, 40)], [], 1),
        ([not_ready(20 * HOUR, 600, 9)], [not_ready(20 * HOUR, 3000, 5)], 4),
        ([not_ready(20 * HOUR, 600, 9), not_ready(1200, 300, 2)], [], 3),
        ([["n1", "NodeReady", "", NOW - 60, NOW - 60, 7]], [], 0),
    ],
)
def test_what_an_event_counts_over_its_life_is_not_what_happened_in_a_window(
    events: list[Any], before: list[Any], known: int
) -> None:
    assert times_not_ready(events, NOW - HOUR, before) == known


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ({"count": 3}, 3),
        ({"count": "many"}, 1),
        ({"count": None}, 1),
        ({"count": -2}, 1),
        ({"series": {"count": "x", "lastObservedTime": "2027-01-15T08:00:00Z"}, "count": 2}, 2),
        ({"series": {"count": 5, "lastObservedTime": "2027-01-15T08:00:00Z"}}, 5),
    ],
)
def test_an_event_without_a_readable_count_happened_once(more: dict[str, Any], times: int) -> None:
    about = {"kind": "Node", "name": "n1"}
    found = event_record({"involvedObject": about, "lastTimestamp": "2027-01-15T08:00:00Z", **more})
    assert found
    assert found[-1] == times
