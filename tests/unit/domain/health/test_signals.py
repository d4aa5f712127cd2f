# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each reader of a source, on samples in the form that the source really has (recorded from public ones, shortened)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema_health import REACHES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.assess import assess
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.conditions import condition_signs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.dcgm import (
    METRIC_NAMES,
    NEEDED,
    gather,
    metrics_signs,
    read_metrics,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.engines import (
    KEPT,
    engine_query,
    engine_records,
    merged,
    read_engine,
    stands_still_since,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.events import (
    event_record,
    event_signs,
    times_not_ready,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.infiniband import active_ports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.kernel import kernel_signs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.nodes import node_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import pod_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus_text import (
    NoResultError,
    is_exposition,
    query_samples,
    samples,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.reach import (
    API_SERVER,
    NODE_NETWORK,
    POD_NETWORK,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.signs import Gpu, pci_address
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import seconds_at, shown_moment
from tests.unit.domain.health.scene import NOW, agreed, recorded
from tests.unit.domain.health.test_policy import POLICY, ROOT

RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.11.0"

# NVIDIA/dcgm-exporter 4.x with its Kubernetes mapping, on two GPUs; the second is cut into two slices.
EXPORTER = """\
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{{{first},container="engine",namespace="fireworks-models",pod="llama-7d9f"}} 41
# HELP DCGM_FI_DEV_XID_ERRORS Value of the last XID error encountered.
# TYPE DCGM_FI_DEV_XID_ERRORS gauge
DCGM_FI_DEV_XID_ERRORS{{{first},err_code="31",err_msg="GPU memory page fault"}} 31
DCGM_FI_DEV_XID_ERRORS{{{second},GPU_I_PROFILE="2g.20gb",GPU_I_ID="3"}} 0
DCGM_FI_DEV_XID_ERRORS{{{second},GPU_I_PROFILE="2g.20gb",GPU_I_ID="5"}} 13
DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{{{first}}} 9223372036854775794
DCGM_FI_DEV_ROW_REMAP_FAILURE{{{first}}} nonsense
# TYPE DCGM_EXP_XID_ERRORS_COUNT gauge
DCGM_EXP_XID_ERRORS_COUNT{{{first},window_size_in_ms="300000",xid="31"}} 2
DCGM_EXP_XID_ERRORS_COUNT{{{first},window_size_in_ms="300000",xid="0"}} 1
DCGM_EXP_XID_ERRORS_COUNT{{{second},window_size_in_ms="300000"}} 0
DCGM_EXP_CLOCK_EVENTS_COUNT{{{first},clock_event="hw_thermal"}} 4
""".format(
    first=(
        'gpu="0",UUID="GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418",pci_bus_id="00000000:0F:00.0",device="nvidia0",'
        'modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-17",DCGM_FI_DRIVER_VERSION="570.124.06"'
    ),
    second=(
        'gpu="1",UUID="GPU-9e5b8fec-61bf-5124-a0a9-079af1b65cc6",device="nvidia1",'
        'modelName="NVIDIA A800-SXM4-80GB",Hostname="gpu-17",DCGM_FI_DRIVER_VERSION="535.129.03"'
    ),
)


def test_the_exporters_text_is_read_by_gpu() -> None:
    report = read_metrics(EXPORTER)
    first, second = report["gpus"]
    assert first == {
        "uuid": "GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418",
        "index": "0",
        "pci": "0000:0f:00",
        "pods": ["fireworks-models/llama-7d9f"],
        "last_xid": 31,
        "xids": {"31": 2},
        "slowdowns": {"hw_thermal": 4},
        "window": 300.0,
    }
    assert (second["index"], second["pci"], second["last_xid"], second["pods"]) == ("1", "", 13, [])
    assert report["lacking"] == [name for name in NEEDED if name != "DCGM_EXP_XID_ERRORS_COUNT"]
    assert read_metrics("") == {"gpus": [], "lacking": []}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (EXPORTER, True),
        ("# HELP nothing to tell\n", True),
        (EXPORTER.rstrip()[:-3], False),
        ("", False),
        ("<html>Sign in</html>\n", False),
        ('{"error": "no"}\n', False),
    ],
)
def test_half_of_an_exporters_text_and_another_text_are_told_from_a_whole_one(text: str, whole: bool) -> None:
    assert is_exposition(text) is whole


def test_prometheus_says_the_same_in_its_query_api() -> None:
    vector = [
        {
            "metric": {
                "__name__": "DCGM_FI_DEV_ROW_REMAP_PENDING",
                "UUID": "GPU-1f02",
                "gpu": "0",
                "exported_pod": "llama-7d9f",
                "exported_namespace": "fireworks-models",
            },
            "value": [1795640400.1, "1"],
        },
        {"metric": {"__name__": "DCGM_FI_DEV_GPU_TEMP"}, "value": [1795640400.1, "41"]},
        {"metric": {"__name__": "DCGM_FI_DEV_GPU_TEMP", "UUID": "GPU-1f02"}},
        {"metric": {"__name__": "DCGM_FI_DEV_GPU_TEMP", "UUID": "GPU-1f02"}, "value": [1795640400.1]},
        {"metric": {"__name__": "DCGM_FI_DEV_GPU_TEMP", "UUID": "GPU-1f02"}, "value": "41"},
        {"metric": {"__name__": "DCGM_FI_DEV_XID_ERRORS", "UUID": "GPU-1f02"}, "value": "79"},
        {"metric": {"__name__": "DCGM_FI_DEV_XID_ERRORS", "UUID": "GPU-1f02"}, "value": [1795640400.1, "NaN"]},
        {"metric": "DCGM_FI_DEV_GPU_TEMP", "value": [1795640400.1, "41"]},
        None,
    ]
    answer = {"status": "success", "data": {"resultType": "vector", "result": vector}}
    (gpu,) = gather(query_samples(answer))["gpus"]
    assert gpu["remap_pending"] == 1 and gpu["pods"] == ["fireworks-models/llama-7d9f"]
    assert "last_xid" not in gpu


def test_labels_may_hold_quotes_and_braces() -> None:
    text = 'a{x="say \\"hi\\" {now}",y="back\\\\slash\\n"} 1.5 1795640400000\nab{x="1"} 2\na 3\n'
    assert list(samples(text, ["a"])) == [
        ("a", {"x": 'say "hi" {now}', "y": "back\\slash\n"}, 1.5),
        ("a", {}, 3.0),
    ]


@pytest.mark.parametrize(
    ("line", "signal", "gpu", "more"),
    [
        (
            "kernel: [16450076.435595] NVRM: Xid (PCI:0002:00:00): 119, pid=1582259, name=nvc:[driver], Timeout",
            "xid 119",
            "0002:00:00",
            {},
        ),
        ("NVRM: Xid (PCI:0000:b3:00.0): 79, GPU has fallen off the bus.", "xid 79", "0000:b3:00", {}),
        ("NVRM: Xid (0000:03:00): 31, Ch 00000003, engmask 00000101", "xid 31", "0000:03:00", {}),
        (
            "NVRM: Xid (PCI:0018:01:00): 145, RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x0409a0c2 0x00000008)",
            "xid 145",
            "0018:01:00",
            {"says": "nonfatal"},
        ),
        (
            "NVRM: Xid (PCI:0000:00:00): 149, NETIR_LINK_EVT Fatal XC0 i0 Link 00 (0x025001c6 0x00000000)",
            "xid 149",
            "0000:00:00",
            {"says": "fatal"},
        ),
        (
            "NVRM: Xid (PCI:0000:dc:00): 45, pid=1818990, name=python3, Ch 00000001 caused by previous Xid 149",
            "xid 45",
            "0000:dc:00",
            {"follows": 149},
        ),
        (
            "NVRM: Xid (PCI:0000:cb:00): 13, Graphics SM Warp Exception on (GPC 7, TPC 7, SM 0): Illegal Instruction",
            "xid 13",
            "0000:cb:00",
            {"unit": "GPC 7, TPC 7, SM 0"},
        ),
        (
            "NVRM: Xid (PCI:0008:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)",
            "xid 154",
            "0008:01:00",
            {"asks": 1},
        ),
        ("NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.", "fallen_off_the_bus", "0000:01:00", {}),
        (
            "[ 1108.858286] nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 28 sourcetrack timeout error",
            "sxid fatal",
            "",
            {},
        ),
        ("nvidia-nvswitch3: SXid (PCI:0000:08:00.0): 22013, Severity 0 Engine instance 60", "sxid", "", {}),
    ],
)
def test_lines_of_the_kernels_log(line: str, signal: str, gpu: str, more: dict[str, Any]) -> None:
    (sign,) = kernel_signs(line, node="gpu-17", source="event", at=1.0, seen=1.0)
    assert (sign.signal, sign.gpu.pci) == (signal, gpu)
    assert {key: getattr(sign, key) for key in more} == more


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        ("NVRM: Xid (PCI:0000:3b:00 GPU-I:02): 95, pid=77, Uncontained: FBHUB (0x1)", [("xid 95", "0000:3b:00")]),
        ("NVRM: Xid (PCI:0000:3b:00 GPU-I:02 GPU-CI:00): 43, pid=77, Ch 00000008", [("xid 43", "0000:3b:00")]),
        ("NVRM: Xid (PCI:0000:3b:00, GPU-I:02): 63", [("xid 63", "0000:3b:00")]),
        ("NVRM: Xid (GPU-I:02 GPU-CI:00): 95, pid=77", [("xid 95", "")]),
        ("NVRM: Xid (GPU-I:13): 119, Timeout", [("xid 119", "")]),
        ("NVRM: Xid (0031:00:00): 95, pid=77", [("xid 95", "0031:00:00")]),
        ("NVRM: Xid (3b:00.0): 79, GPU has fallen off the bus.", [("xid 79", "0000:3b:00")]),
        ("NVRM: Xid: 79, GPU has fallen off the bus.", [("xid 79", "")]),
        ("NVRM: XID (PCI:0000:3B:00): 48, An uncorrectable double bit error", [("xid 48", "0000:3b:00")]),
        ("kernel: Xid (PCI:0000:3b:00): 64, row remap failure", [("xid 64", "0000:3b:00")]),
        ("NVRM: Xid (PCI:0000:3b:00 GPU-I:02", [("unread_xid", "0000:3b:00")]),
        ("NVRM: Xid (PCI:0000:3b:00): <unknown>, 31 of 95", [("unread_xid", "0000:3b:00")]),
        ("NVRM: Xid (PCI:0031:00:00", [("unread_xid", "0031:00:00")]),
        ("NVRM: Xid 0031:00:00 failed", [("unread_xid", "0031:00:00")]),
        ("NVRM: Xid (PCI:0000:3b:00): 0x4f", [("unread_xid", "0000:3b:00")]),
        ("NVRM: Xid logging disabled after 31 lines", [("unread_xid", "")]),
        (
            "NVRM: Xid (PCI:0000:3b:00): 31, Ch 3 NVRM: Xid (PCI:0000:4b:00 GPU-I:01): 95, pid=1",
            [("xid 31", "0000:3b:00"), ("xid 95", "0000:4b:00")],
        ),
        (
            "NVRM: Xid (PCI:0000:3b:00): 43, Ch 3\nNVRM: GPU 0000:4b:00.0: GPU has fallen off the bus.",
            [("xid 43", "0000:3b:00"), ("fallen_off_the_bus", "0000:4b:00")],
        ),
        (
            "NVRM: GPU at PCI:0000:3b:00: GPU-1f02\nNVRM: Xid (PCI:0000:4b:00): 79, GPU has fallen off the bus.",
            [("xid 79", "0000:4b:00")],
        ),
        ("NVRM: GPU at PCI:0000:3b:00 has fallen off the bus", [("fallen_off_the_bus", "0000:3b:00")]),
        ("NVRM: GPU has fallen off the bus", [("fallen_off_the_bus", "")]),
        ("nvidia-nvswitch0: SXid (0000:c3:00.0): 24007, Fatal, Link 28", [("sxid fatal", "")]),
        ("nvidia-nvswitch0: SXid (PCI:0000:c3:00.0 LINK:3): <unknown>", [("sxid", "")]),
        (
            "nvidia-nvswitch0: SXid (PCI:1): 12028, Non-fatal, Link 3 nvswitch1: SXid (PCI:2): 24007, Fatal, Link 4",
            [("sxid nonfatal", ""), ("sxid fatal", "")],
        ),
    ],
)
def test_every_form_of_a_line_is_read_and_what_cannot_be_read_is_told(text: str, signals: list[Any]) -> None:
    found = kernel_signs(text, node="gpu-17", source="event", at=1.0, seen=1.0)
    assert [(sign.signal, sign.gpu.pci) for sign in found] == signals


def test_a_code_at_the_end_of_a_text_that_was_cut_is_not_believed() -> None:
    line = "NVRM: Xid (PCI:0000:3b:00): 11"
    short, long = (kernel_signs(text, node="n1", source="event", at=1.0, seen=1.0) for text in (line, "." * 990 + line))
    assert [sign.signal for sign in short] == ["xid 11"]
    assert [sign.signal for sign in long] == ["unread_xid"], "it may have been 119"


def test_a_line_may_name_the_gpu_itself() -> None:
    uuid = "GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418"
    (sign,) = kernel_signs(f"NVRM: Xid ({uuid}): 79, lost", node="n1", source="event", at=1.0, seen=1.0)
    assert (sign.signal, sign.gpu) == ("xid 79", Gpu(uuid=uuid))


@pytest.mark.parametrize(
    ("kind", "reason", "message", "signals"),
    [
        ("XIDErrors", "XidSeen", "Xid 79 on 0000:0f:00.0", ["xid 79"]),
        ("XIDErrors", "XidSeen", "XIDs: 31, 63 and 95", ["xid 31", "xid 63", "xid 95"]),
        ("XIDErrors", "XidSeen", "Xid 31 on GPU 0, Xid 95 on GPU 1", ["xid 31", "xid 95"]),
        ("XIDErrors", "XidSeen", "XID 31, 3 times", ["xid 31"]),
        ("XIDErrors", "XidSeen", "Xid (79) on GPU 3", ["xid 79"]),
        ("XIDErrors", "XidSeen", "Xid at 0031:00:00", ["condition XIDErrors"]),
        ("XIDErrors", "XidSeen", "NVRM: Xid (PCI:0031:00:00 GPU-I:02", ["unread_xid"]),
        ("GpuXidFatal", "Seen", "look at the log", ["unread_xid"]),
        ("SysLogsXIDError", "NotHealthy", "", ["unread_xid"]),
        ("SysLogsSXIDError", "NotHealthy", "SXid 24007", ["condition SysLogsSXIDError"]),
        ("XidWatcherRuns", "Running", "well", ["condition XidWatcherRuns"]),
        ("AcceleratedHardwareReady", "NvidiaXID95Error", "NVRM: Xid (PCI:0000:3b:00 GPU-I:0", ["xid 95"]),
    ],
)
def test_a_condition_about_xids_is_none_milder_than_what_it_says(
    kind: str, reason: str, message: str, signals: list[str]
) -> None:
    status = "False" if kind == "AcceleratedHardwareReady" else "True"
    found = condition_signs("n1", [(kind, status, reason, message, 1.0, 1.0)], frozenset(POLICY.index))
    assert [sign.signal for sign in found] == signals


@pytest.mark.parametrize(
    ("reason", "message", "signals"),
    [
        ("GpuXid", "NVRM: Xid (PCI:0000:3b:00 GPU-I:02): 95, pid=77", ["xid 95"]),
        ("GpuXid", "NVRM: Xid (PCI:0000:3b:00 GPU-I:02", ["unread_xid"]),
        ("Anything", "NVRM: Xid <lost>", ["unread_xid"]),
        ("NvidiaXID13Warning", "NVRM: Xid (PCI:0000", ["xid 13"]),
        ("NodeReady", "No XID was seen", []),
    ],
)
def test_an_event_with_a_line_that_cannot_be_read_is_not_dropped(reason: str, message: str, signals: list[str]) -> None:
    found = event_signs([["n1", reason, message, 1.0, 1.0, 1]], frozenset(POLICY.index))
    assert [sign.signal for sign in found] == signals


@pytest.mark.parametrize(
    ("events", "since", "times"),
    [
        ([(100.0, 900.0, 3)], 50.0, 3),
        ([(100.0, 900.0, 3)], 100.0, 3),
        ([(100.0, 900.0, 90)], 500.0, 1),
        ([(100.0, 900.0, 90)], 901.0, 0),
        ([(100.0, 900.0, 9), (600.0, 800.0, 2)], 500.0, 3),
    ],
)
def test_of_an_event_only_its_first_and_last_moment_are_known(events: list[Any], since: float, times: int) -> None:
    told = [["n1", "NodeNotReady", "", first, last, count] for first, last, count in events]
    told.append(["n1", "NodeReady", "", 100.0, 900.0, 50])
    assert times_not_ready(told, since) == times


@pytest.mark.parametrize(
    ("before", "times"),
    [
        ([(100.0, 600.0, 87)], 3),
        ([(100.0, 900.0, 90)], 1),
        ([(100.0, 600.0, 95)], 1),
        # Its sender made it anew, and counted on from what nobody has seen.
        ([(50.0, 600.0, 2)], 1),
        ([], 1),
    ],
)
def test_an_earlier_look_tells_how_often_it_happened_since(before: list[Any], times: int) -> None:
    earlier = [["n1", "NodeNotReady", "", *event] for event in before]
    assert times_not_ready([["n1", "NodeNotReady", "", 100.0, 900.0, 90]], 500.0, earlier) == times


def test_a_node_that_comes_and_goes_for_weeks_is_seen_by_two_looks() -> None:
    def look(times: int, **more: Any) -> dict[str, Any]:
        flaps = {"reason": "NodeNotReady", "first": "20d", "ago": "1m", "times": times, "component": "node-controller"}
        return recorded({"events": [flaps]}, **more)

    for taken, faults in ((NOW - 1800, ["node_flapping"]), (NOW - 7200, [])):
        earlier = json.loads(json.dumps({**look(80), "taken": taken}))
        found = assess(look(84, earlier=earlier), POLICY, agreed({}), NOW).findings
        assert [one.fault for one in found] == faults


@pytest.mark.parametrize("value", ["NaN", "nan", "+Inf", "-Inf", "-1", "1e999", "junk"])
@pytest.mark.parametrize(
    "metric", ["DCGM_FI_DEV_ROW_REMAP_PENDING", "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_GPU_RECOVERY_ACTION"]
)
def test_a_bad_sample_costs_only_itself(metric: str, value: str) -> None:
    text = f'DCGM_FI_DEV_GPU_TEMP{{gpu="0",UUID="GPU-1"}} 40\n{metric}{{gpu="0",UUID="GPU-1"}} {value}\n'
    text += f'{metric}{{gpu="1",UUID="GPU-2"}} 2\n'
    first, second = read_metrics(text)["gpus"]
    assert sorted(first) == ["index", "pci", "pods", "uuid"], "it says nothing, and its GPU is there"
    assert 2 in second.values()


@pytest.mark.parametrize(
    ("labels", "counts", "window"),
    [
        ('xid="79",window_size_in_ms="600000"', {"79": 2}, 600.0),
        ('xid="79",window_size_in_ms="NaN"', {"79": 2}, 300.0),
        ('xid="79",window_size_in_ms="soon"', {"79": 2}, 300.0),
        ('xid="79"', {"79": 2}, 300.0),
        ('xid="unknown"', {"unknown": 2}, 300.0),
    ],
)
def test_a_bad_label_costs_only_itself(labels: str, counts: dict[str, int], window: float) -> None:
    (gpu,) = read_metrics(f'DCGM_EXP_XID_ERRORS_COUNT{{gpu="0",UUID="GPU-1",{labels}}} 2\n')["gpus"]
    assert (gpu["xids"], gpu["window"]) == (counts, window)


def test_a_counted_code_that_is_none_is_an_unread_xid() -> None:
    report = read_metrics('DCGM_EXP_XID_ERRORS_COUNT{gpu="0",UUID="GPU-1",xid="unknown"} 2\n')
    (sign,) = metrics_signs("n1", report, 5.0, POLICY.limits, {})
    assert (sign.signal, sign.gpu.uuid, sign.times) == ("unread_xid", "GPU-1", 2)


def test_a_bad_sample_of_an_engine_is_no_sample() -> None:
    assert read_engine(VLLM.replace(" 100.0", " NaN"), **NAMES) is None
    assert read_engine(VLLM.replace(" 2.0", " +Inf"), **NAMES) is None


def test_other_lines_are_none() -> None:
    line = "nvidia-peermem nv_get_p2p_free_callback:127 ERROR detected invalid context, skipping further processing"
    assert list(kernel_signs(line, node="gpu-17", source="event", at=1.0, seen=1.0)) == []


def test_a_condition_of_nvsentinel_holds_several_errors() -> None:
    named = "PCI:0002:00:00 GPU_UUID:GPU-22222222-2222-2222-2222-222222222222 kernel: [16450076.435595] NVRM: Xid"
    message = (
        f"ErrorCode:119 {named} (PCI:0002:00:00): 119, pid=1582259, Timeout. Recommended Action=COMPONENT_RESET;"
        f"ErrorCode:94 {named} (PCI:0002:00:00): 94, pid=789012, Contained ECC. Recommended Action=CONTACT_SUPPORT;"
    )
    condition = ["SysLogsXIDError", "True", "SysLogsXIDErrorIsNotHealthy", message, 5.0, 5.0]
    first, second = condition_signs("gpu-17", [condition], frozenset(POLICY.index))
    gpu = Gpu("GPU-22222222-2222-2222-2222-222222222222", "", "0002:00:00")
    assert [(one.signal, one.gpu, one.max_age) for one in (first, second)] == [
        ("xid 119", gpu, "silent_condition_max_age"),
        ("xid 94", gpu, "silent_condition_max_age"),
    ]


def test_events_in_both_forms() -> None:
    old = {
        "metadata": {"name": "gpu-17.17a5b3", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "gpu-17", "uid": "gpu-17"},
        "reason": "GpuXid",
        "message": "NVRM: Xid (PCI:0000:0f:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "source": {"component": "gpu-monitor", "host": "gpu-17"},
        "firstTimestamp": "2026-11-25T20:10:00Z",
        "lastTimestamp": "2026-11-25T20:15:00Z",
        "count": 3,
        "eventTime": None,
    }
    new = {
        "regarding": {"kind": "Node", "name": "gpu-17"},
        "reason": "NvidiaXID13Warning",
        "note": "XID 13 on GPU 3",
        "eventTime": "2026-11-25T20:10:00.123456Z",
        "series": {"count": 5, "lastObservedTime": "2026-11-25T20:14:00.000000Z"},
    }
    records = [event_record(old), event_record(new)]
    assert [record and record[3:] for record in records] == [
        [seconds_at("2026-11-25T20:10:00Z"), seconds_at("2026-11-25T20:15:00Z"), 3],
        [seconds_at("2026-11-25T20:10:00.123456Z"), seconds_at("2026-11-25T20:14:00Z"), 5],
    ]
    signs = list(event_signs([record for record in records if record], frozenset(POLICY.index)))
    assert [(sign.signal, sign.times) for sign in signs] == [("xid 79", 3), ("xid 13", 5)]
    assert event_record({"involvedObject": {"kind": "Pod", "name": "llama"}}) is None
    assert event_record({"involvedObject": {"kind": "Node", "name": "gpu-17"}}) is None


VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen3-30B"} 2.0
vllm:num_requests_running{engine="1",model_name="Qwen3-30B"} 1.0
vllm:num_requests_waiting{engine="0",model_name="Qwen3-30B"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_sum{engine="0",model_name="Qwen3-30B"} 1234.0
vllm:iteration_tokens_total_count{engine="0",model_name="Qwen3-30B"} 100.0
"""
NAMES = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "heartbeat": "vllm:iteration_tokens_total_count",
}


def test_an_engine_is_read_by_the_names_of_its_metrics() -> None:
    assert read_engine(VLLM, **NAMES) == {"running": 3.0, "waiting": 0.0, "heartbeat": 100.0}
    assert read_engine(VLLM, **{**NAMES, "heartbeat": "sglang:generation_tokens_total"}) is None


def test_the_samples_of_an_engine_are_few_and_in_order() -> None:
    sampled: list[Any] = []
    for at in (3.0, 1.0, 2.0, *range(4, 20)):
        sampled = merged(sampled, {"at": float(at), "running": 1, "waiting": 0, "heartbeat": 7})
    assert [sample["at"] for sample in sampled] == [float(at) for at in range(20 - KEPT, 20)]
    assert merged(sampled, None) == sampled
    assert stands_still_since(sampled) == float(20 - KEPT)
    assert stands_still_since([]) is None
    assert stands_still_since(sampled[-1:]) is None


def test_an_engine_that_produced_something_since_the_sample_before_does_not_stand_still() -> None:
    sampled = [{"at": at, "running": 1.0, "waiting": 0.0, "heartbeat": at} for at in (1.0, 2.0)]
    assert stands_still_since(sampled) is None


def test_ports_of_infiniband() -> None:
    assert (active_ports([4.0, 1.0]), active_ports([1.0]), active_ports([])) == (1, 0, None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("00000000:0F:00.0", "0000:0f:00"),
        ("0000:b3:00", "0000:b3:00"),
        ("0008:01:00", "0008:01:00"),
        ("0f:00.0", "0000:0f:00"),
        ("", ""),
        ("GPU", ""),
    ],
)
def test_a_place_on_the_bus_has_one_form(text: str, address: str) -> None:
    assert pci_address(text) == address


def test_moments() -> None:
    assert (
        seconds_at("2026-11-25T20:10:00Z")
        == seconds_at("2026-11-25T20:10:00")
        == seconds_at("2026-11-25T21:10:00+01:00")
    )
    assert [seconds_at(text) for text in (None, "", "yesterday")] == [None, None, None]
    assert (shown_moment(seconds_at("2026-11-25T20:10:00.9Z")), shown_moment(None)) == ("2026-11-25T20:10:00Z", "")


def test_a_pod_that_has_no_part_in_this_is_not_kept() -> None:
    assert pod_record({"metadata": {"name": "web"}, "spec": {"nodeName": "n1", "containers": [{}]}}) is None
    waiting = {"metadata": {"name": "x", "labels": {"byoc.fireworks.ai/model": "llama"}}, "spec": {"containers": []}}
    assert pod_record(waiting) is None, "it is on no node yet"
    gke = {"metadata": {"labels": {"k8s-app": "nvidia-gpu-device-plugin"}}, "spec": {"nodeName": "n1"}}
    assert (pod_record(gke) or {})["part"] == "device_plugin"
    other = {"metadata": {"labels": {"app": "sriov-device-plugin"}}, "spec": {"nodeName": "n1"}}
    assert pod_record(other) is None


def test_a_contract_knows_every_way_to_an_exporter() -> None:
    """The contract's schema needs nothing of ours but itself, so the words stand there once more."""
    assert REACHES == [API_SERVER, POD_NETWORK, NODE_NETWORK]


def test_where_an_exporter_is_reached_is_kept_and_of_no_other_pod() -> None:
    status = {"podIP": "10.1.0.7", "hostIP": "10.0.0.7"}
    spec = {"nodeName": "n1"}
    exporter = {"metadata": {"labels": {"app": "nvidia-dcgm-exporter"}}, "spec": spec, "status": status}
    assert (pod_record(exporter) or {})["addresses"] == {"pod_network": "10.1.0.7", "node_network": "10.0.0.7"}
    assert (pod_record({**exporter, "status": {}}) or {})["addresses"] == {"pod_network": "", "node_network": ""}
    plugin = {"metadata": {"labels": {"app": "nvidia-device-plugin"}}, "spec": spec, "status": status}
    assert (pod_record(plugin) or {})["addresses"] == {}


def test_a_node_that_says_nothing_of_itself() -> None:
    record = node_record({"metadata": {"name": "n1"}})
    assert (record["gpu"], record["capacity"], record["conditions"], record["history"]) == (False, 0, [], [])
    odd = {"name": "n1", "annotations": {"byoc.fireworks.ai/remediation-history": '["x"]'}}
    assert node_record({"metadata": odd})["history"][0]["state"] == "unreadable"


def test_the_releases_list_has_all_that_is_read_but_one_of_two_names() -> None:
    listed = {line.split(",")[0] for line in (RELEASE / "dcgm-metrics.csv").read_text().splitlines() if line[:1] == "D"}
    assert set(METRIC_NAMES) - listed == {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"}, (
        "the older name of CLOCKS_EVENT_REASONS"
    )


def test_the_releases_rules_report_the_lines_that_are_read() -> None:
    rules = json.loads((RELEASE / "gpu-monitor.json").read_text())["rules"]
    for line, reason in (
        ("NVRM: Xid (PCI:0000:0f:00): 79, GPU has fallen off the bus.", "GpuXid"),
        ("NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.", "GpuFallenOffTheBus"),
        ("nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 28", "NvSwitchSxid"),
    ):
        # node-problem-detector's patterns must match to the end of a message.
        assert next(rule["reason"] for rule in rules if re.search(rf"{rule['pattern']}\Z", line)) == reason
        assert list(kernel_signs(line, node="n1", source="event", at=1.0, seen=1.0))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"message": "<html>Sign in</html>"},
        {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}},
        {"status": "error", "errorType": "timeout"},
        {"status": "success", "data": None},
        {"status": "success", "data": {"resultType": "matrix"}},
    ],
)
def test_what_is_no_answer_of_prometheus_is_not_one_without_series(answer: dict[str, Any]) -> None:
    with pytest.raises(NoResultError):
        list(query_samples(answer))
    with pytest.raises(NoResultError):
        engine_records(answer, {"llama": NAMES}, "fireworks-models")
    nothing = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    assert engine_records(nothing, {"llama": NAMES}, "fireworks-models") == []


def test_engines_are_read_out_of_what_our_telemetry_keeps() -> None:
    def series(name: str, values: list[tuple[float, str]], **labels: str) -> dict[str, Any]:
        named = {"__name__": name, "model": "llama", "pod": "llama-7d9f", "node": "gpu-17", "engine": "0", **labels}
        return {"metric": named, "values": values}

    result = [
        series(NAMES["running"], [(0.0, "2"), (30.0, "2"), (60.0, "3")]),
        series(NAMES["running"], [(0.0, "1"), (30.0, "1")], engine="1"),
        series(NAMES["waiting"], [(0.0, "0"), (30.0, "1"), (60.0, "1")]),
        series(NAMES["heartbeat"], [(0.0, "100"), (30.0, "100")]),
        series(NAMES["heartbeat"], [(0.0, "100")], model="unknown"),
        series(NAMES["waiting"], [(0.0, "1")], pod="half"),
        {"metric": {"__name__": NAMES["waiting"]}, "values": [["x"]]},
        # What cannot be read, of one engine core or of all, costs its own moment only.
        series(NAMES["heartbeat"], [(60.0, "NaN")]),
        series(NAMES["heartbeat"], [("soon", "1"), (90.0, "lost")], engine="1"),
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    half, whole = engine_records(answer, {"llama": NAMES}, "fireworks-models")
    assert half == {"pod": "fireworks-models/half", "node": "gpu-17", "model": "llama", "samples": [], "error": ""}
    assert whole["samples"] == [
        {"at": 0.0, "running": 3.0, "waiting": 0.0, "heartbeat": 100.0},
        {"at": 30.0, "running": 3.0, "waiting": 1.0, "heartbeat": 100.0},
    ]
    query = engine_query([NAMES, NAMES], 240.0)
    assert query == f'{{__name__=~"{"|".join(sorted(NAMES.values()))}",pod!=""}}[240s:30s]'
