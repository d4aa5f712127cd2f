# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster for a case: three healthy nodes in the forms that real sources have, with what the case changes.

A case is a mapping: ``nodes`` (by name, what is different), ``lines`` (of the kernel's log, as events of
node-problem-detector), ``events``, ``metrics`` (by node and GPU), ``exporter``, ``pods``, ``engines``, ``infiniband``,
``unreadable``, ``contract``, ``override``, ``earlier`` (metrics of a snapshot before). Times are how long ago: 2m.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import parse_duration
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.assess import Assessment, assess
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.dcgm import read_metrics
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.engines import engine_record, read_engine
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.events import event_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.infiniband import active_ports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.nodes import node_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import pod_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.policy import build_policy, layered
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.snapshot import check_snapshot, snapshot
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import shown_moment
from tests.unit.domain.agreed import contract, model
from tests.unit.domain.health.test_policy import POLICY, TABLE
from tests.unit.domain.raw import H100

NOW = 1_795_640_400.0
GPUS = 8
BLANK = 9223372036854775794
Case = dict[str, Any]

_WELL = {
    "DCGM_FI_DEV_GPU_TEMP": 41,
    "DCGM_FI_DEV_GPU_RECOVERY_ACTION": 0,
    "DCGM_FI_DEV_XID_ERRORS": 0,
    "DCGM_EXP_XID_ERRORS_COUNT": 0,
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 0,
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": 0,
    "DCGM_FI_DEV_ROW_REMAP_PENDING": 0,
    "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 3,
}
_KUBELET = (
    ("MemoryPressure", "KubeletHasSufficientMemory"),
    ("DiskPressure", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "KubeletHasSufficientPID"),
)
_NPD = (("KernelDeadlock", "KernelHasNoDeadlock"), ("ReadonlyFilesystem", "FilesystemIsNotReadOnly"))
_ENGINE = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"}} {running}
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"}} {waiting}
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_bucket{{engine="0",le="1.0",model_name="meta-llama/Llama-3.1-8B-Instruct"}} 12.0
vllm:iteration_tokens_total_count{{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"}} {heartbeat}
"""
_NAMES = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "heartbeat": "vllm:iteration_tokens_total_count",
}


def ago(text: str) -> float:
    return NOW - (parse_duration(text).total_seconds() if text != "0" else 0)


def when(text: str) -> str:
    return shown_moment(ago(text))


def uuid(node: str, gpu: int) -> str:
    return f"GPU-{int(node[1:]):08x}-62b9-4c3e-8d1a-{gpu:012x}"


def pci(gpu: int) -> str:
    return f"0000:{0x0F + 0x10 * gpu:02x}:00"


def _past(history: Any) -> dict[str, str]:
    """The marks of past repairs, each with the state it is to be in; text as it is."""
    marks = "byoc.fireworks.ai/remediation-"
    if isinstance(history, str):
        return {marks + "history": history}
    entries = [
        {"goal": one["action"], "at": when(one["at"]), "fault": one["fault"], "gpu": one["gpu"]} for one in history
    ]
    said = {marks + "history": json.dumps(entries)}
    for word, state in (("returned", "returned"), ("released", "cancelled")):
        ended = [when(one["at"]) for one in history if one["state"] == state]
        said |= {marks + word: max(ended)} if ended else {}
    return said


def node(name: str, **this: Any) -> dict[str, Any]:
    gpus = this.get("gpus", GPUS)
    labels = {"nvidia.com/gpu.product": this.get("product", H100), "node.kubernetes.io/instance-type": "p5.48xlarge"}
    labels |= {key: str(value) for key, value in this.get("labels", {}).items()}
    ready = this.get("ready", {})
    conditions = (
        [
            _condition(
                "Ready",
                ready.get("status", "True"),
                "KubeletReady",
                "kubelet is posting ready status",
                ready.get("since", "30d"),
                ready.get("beat", "1m"),
            )
        ]
        if ready is not None
        else []
    )
    conditions += [_condition(kind, "False", reason, "", "30d", "1m") for kind, reason in _KUBELET]
    if this.get("npd", "1m") != "none":
        conditions += [_condition(kind, "False", reason, "", "30d", this.get("npd", "1m")) for kind, reason in _NPD]
    replaced = {one["type"] for one in this.get("conditions", ())}
    conditions = [one for one in conditions if one["type"] not in replaced]
    conditions += [
        _condition(one["type"], one.get("status", "True"), one.get("reason", ""), one.get("message", ""),
                   one.get("since", "5m"), one.get("beat", "1m"))
        for one in this.get("conditions", ())
    ]  # fmt: skip
    capacity = {"cpu": "192", "nvidia.com/gpu": str(gpus), **this.get("resources", {})}
    annotations = {}
    if "history" in this:
        annotations = _past(this["history"])
    if gpus is None:
        labels, capacity = {}, {"cpu": "16"}
    offered = {"nvidia.com/gpu": str(this.get("allocatable", gpus))} if gpus is not None else {}
    metadata = {"name": name, "labels": labels, "creationTimestamp": when(this.get("created", "30d"))}
    if "deleted" in this:
        metadata["deletionTimestamp"] = when(this["deleted"])
    return {
        "metadata": {**metadata, "annotations": annotations},
        "spec": {
            "unschedulable": this.get("cordoned", False),
            "taints": [{"key": key} for key in this.get("taints", ())],
        },
        "status": {
            "capacity": capacity,
            "allocatable": {**capacity, **offered},
            "conditions": conditions,
        },
    }  # fmt: skip


def _condition(kind: str, status: str, reason: str, message: str, since: str, beat: str) -> dict[str, str]:
    beats = {} if beat == "none" else {"lastHeartbeatTime": when(beat)}
    made = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**made, "lastTransitionTime": when(since), **beats}


def event(about: str, **this: Any) -> dict[str, Any]:
    """As the API server lists it, of node-problem-detector unless it says another reporter."""
    return {
        "metadata": {"name": f"{about}.17a5", "namespace": "default"},
        "involvedObject": {"kind": this.get("kind", "Node"), "name": about, "uid": about},
        "reason": this["reason"],
        "message": this.get("message", ""),
        "type": "Warning",
        "source": {"component": this.get("component", "kernel-monitor"), "host": about},
        "firstTimestamp": when(this.get("first", this["ago"])),
        "lastTimestamp": when(this["ago"]),
        "count": this.get("times", 1),
    }


def exporter_text(name: str, changes: Any, gpus: int = GPUS, pods: dict[int, str] | None = None) -> str:
    """What a DCGM exporter answers, with the metrics of its default list that matter and with ours."""
    lines = []
    for metric, well in _WELL.items():
        lines += [f"# HELP {metric} As DCGM describes it.", f"# TYPE {metric} gauge"]
        for gpu in range(gpus):
            value = changes.get(gpu, {}).get(metric, changes.get("all", {}).get(metric, well))
            lines += [f"{metric}{{{labels}}} {said}" for labels, said in _series(name, gpu, pods or {}, value)]
    for gpu in (key for key in changes if key != "all"):
        for metric, value in changes[gpu].items():
            if metric not in _WELL and gpu < gpus:
                lines += [f"{metric}{{{labels}}} {said}" for labels, said in _series(name, gpu, pods or {}, value)]
    return "\n".join([*lines, ""])


def _series(name: str, gpu: int, pods: dict[int, str], value: Any) -> list[tuple[str, Any]]:
    labels = (
        f'gpu="{gpu}",UUID="{uuid(name, gpu)}",pci_bus_id="0000{pci(gpu).upper()}.0",device="nvidia{gpu}",'
        f'modelName="NVIDIA H100 80GB HBM3",Hostname="{name}",DCGM_FI_DRIVER_VERSION="570.124.06"'
    )
    if gpu in pods:
        labels += f',container="engine",namespace="fireworks-models",pod="{pods[gpu]}"'
    if value == "absent":
        return []
    if isinstance(value, dict):  # a count by xid or by clock event, in a window
        label = "clock_event" if any(not str(key).isdigit() for key in value) else "xid"
        return [(f'{labels},window_size_in_ms="300000",{label}="{key}"', count) for key, count in value.items()]
    return [(labels, value)]


def pod(name: str, on: str, **this: Any) -> dict[str, Any]:
    labels = {"byoc.fireworks.ai/model": this.get("model", "llama")} if this.get("model", "llama") else {}
    state = {"waiting": {"reason": this["failing"]}} if "failing" in this else {"running": {}}
    ready = "False" if "failing" in this or this.get("ready") is False else "True"
    return {
        "metadata": {"name": name, "namespace": this.get("namespace", "fireworks-models"), "uid": f"uid-{name}",
                     "labels": {**labels, **this.get("labels", {})}},
        "spec": {"nodeName": on, "containers": [
            {"name": "engine", "resources": {"limits": {"nvidia.com/gpu": str(this.get("gpus", 1))}}}]},
        "status": {"phase": this.get("phase", "Running"), "reason": this.get("reason", ""),
                   "conditions": [{"type": "Ready", "status": ready}],
                   "containerStatuses": [{"name": "engine", "restartCount": this.get("restarts", 0), "state": state}]},
    }  # fmt: skip


def part(word: str, on: str, ready: bool = True) -> dict[str, Any]:
    return pod(f"{word}-{on}", on, model="", gpus=0, namespace="gpu-operator", labels={"app": word}, ready=ready)


def agreed(case: Case) -> dict[str, Any]:
    made = contract(models=[model("llama"), model("qwen")])
    made["health"] = {"expect": [{"product": H100, "gpus": GPUS}], "sources": {}}
    for key, value in case.get("contract", {}).items():
        made[key] = {**made.get(key, {}), **value} if isinstance(value, dict) else value
    return made


def recorded(case: Case, *, changes: Any = None, earlier: Any = None) -> dict[str, Any]:
    """The snapshot of a case, as the readers of its sources make it."""
    nodes = {"n1": {}, "n2": {}, "n3": {}} | case.get("nodes", {})
    changes = copy.deepcopy(case.get("metrics", {}) if changes is None else changes)
    if case.get("driver") == "silent":
        # As an older driver is: DCGM has the field, and a blank in it.
        changes.setdefault("n1", {}).setdefault(0, {}).setdefault("DCGM_FI_DEV_GPU_RECOVERY_ACTION", BLANK)
    exporter, parts = case.get("exporter", {}), case.get("parts", {})
    raw_pods = [pod(f"llama-{name}", name) for name in ("n1", "n2")]
    mapping = {"n1": {0: "llama-n1"}, "n2": {0: "llama-n2"}} if case.get("mapped", True) else {}
    metrics: dict[str, Any] = {}
    for name, this in nodes.items():
        if this.get("gpus", GPUS) is None:
            continue
        how = exporter.get(name, exporter.get("all", "fine"))
        absent = [*parts.get(name, ()), *parts.get("all", ())]
        if how != "none" and "nvidia-dcgm-exporter" not in absent:
            raw_pods.append(part("nvidia-dcgm-exporter", name))
        if "nvidia-device-plugin-daemonset" not in absent:
            raw_pods.append(part("nvidia-device-plugin-daemonset", name, ready=this.get("plugin_ready", True)))
        if this.get("npd") != "none" or case.get("detector") == "broken":
            raw_pods.append(part("node-problem-detector", name, ready=this.get("npd") != "none"))
        if how == "error":
            metrics[name] = {"error": "502 Bad Gateway"}
        elif how not in ("none", "unread"):
            seen = exporter.get("gpus", {}).get(name, min(this.get("gpus", GPUS), GPUS))
            text = exporter_text(name, changes.get(name, {}), seen, mapping.get(name))
            metrics[name] = {**read_metrics(text), "at": ago("10s" if how == "fine" else how), "error": ""}
    raw_pods += [pod(one.pop("name"), one.pop("node"), **one) for one in map(dict, case.get("pods", ()))]
    events = [event(one.pop("node", "n1"), **one) for one in map(dict, case.get("events", ()))]
    for line in case.get("lines", ()):
        said = {"ago": "2m", "gpu": 0, "node": "n1", "times": 1, **line}
        prefix = f"NVRM: Xid (PCI:{pci(said['gpu'])}): " if isinstance(said.get("xid"), int) else ""
        text = f"{prefix}{said['xid']}, {said['text']}" if prefix else said["text"]
        more = {"first": said["first"]} if "first" in said else {}
        events.append(event(said["node"], reason="GpuXid", message=text, ago=said["ago"], times=said["times"], **more))
    events += [event(name, reason="Rebooted", ago=this["boot"], message=f"Node {name} has been rebooted, boot id: 7c1f",
                     component="kubelet") for name, this in nodes.items() if "boot" in this]  # fmt: skip
    return snapshot(
        taken=NOW,
        nodes=[node_record(node(name, **this)) for name, this in nodes.items()],
        pods=[pod_record(one) for one in raw_pods],
        events=[event_record(one) for one in events],
        leases={name: ago(this.get("lease", "8s")) for name, this in nodes.items()},
        metrics=metrics,
        engines=[_engine(one) for one in case.get("engines", ())],
        infiniband={name: active_ports(states) for name, states in case.get("infiniband", {}).items()},
        engines_error=case.get("telemetry", ""),
        unreadable=case.get("unreadable", ()),
        earlier=earlier,
    )


def _engine(this: Case) -> dict[str, Any]:
    samples = []
    for moment, running, waiting, heartbeat in this.get("samples", ()):
        read = read_engine(_ENGINE.format(running=running, waiting=waiting, heartbeat=heartbeat), **_NAMES)
        samples.append({**(read or {}), "at": ago(moment)})
    pod_name = this.get("pod", "fireworks-models/llama-n1")
    return engine_record(pod_name, this.get("node", "n1"), "llama", samples, this.get("error", ""))


def assessed(case: Case) -> Assessment:
    """The case's snapshot, kept as JSON, read back and judged."""
    earlier = recorded(case, changes=case["earlier"]) if "earlier" in case else None
    kept = json.loads(json.dumps(recorded(case, earlier=earlier)))
    check_snapshot(kept)
    policy = build_policy(layered(TABLE, [("cluster", case["override"])])) if "override" in case else POLICY
    return assess(kept, policy, agreed(case), NOW)
