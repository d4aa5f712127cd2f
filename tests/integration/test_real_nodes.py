# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The testbed's real nodes run real containers, and leave nothing on the machine that lent itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import byoc_testbed
from byoc_testbed import ClusterSpec, Image, NodePool, Testbed, real_nodes_missing
from tests.integration.guarded import until
from tests.integration.plays import connection_to, perform
from tests.integration.serving import ON_REAL_NODES

TESTBED = Path(byoc_testbed.__file__).parents[1]
ENGINE = "registry.example/engine@sha256:" + "ab" * 32
PODS = "/api/v1/namespaces/default/pods"
SPEC = ClusterSpec(
    "real",
    pools=[NodePool("h100", count=2, gpus_per_node=4, taint=False)],
    device_plugin=False,
    real_nodes=True,
    images=[Image(ENGINE, environment={"STANDIN_VERSION": "7", "STANDIN_LOAD_SECONDS": "0"})],
)
TUNED = [Path("/proc/sys") / name for name in ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")]


@pytest.fixture(scope="module")
def real() -> Iterator[Any]:
    with Testbed.start([SPEC]) as bed:
        yield bed["real"]


@pytest.fixture(scope="module")
def engines(real: Any) -> list[dict[str, Any]]:
    """A Deployment of two engines behind a Service, ready."""
    marks = {"app": "engine"}
    container = {
        "name": "engine",
        "image": ENGINE,
        "command": ["vllm", "serve", "tiny"],
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1},
        "resources": {"limits": {"nvidia.com/gpu": "3"}},
    }
    template = {"metadata": {"labels": marks}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}}
    spec = {"replicas": 2, "selector": {"matchLabels": marks}, "template": template}
    ports = [{"port": 80, "targetPort": "http"}]
    for made in (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "engine"}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "engine"},
            "spec": {"selector": marks, "ports": ports},
        },
    ):
        real.api.create(made)
    path = "/apis/apps/v1/namespaces/default/deployments/engine"
    until(lambda: real.request("GET", path)["status"].get("readyReplicas") == 2, "the engines are not ready")
    items: list[dict[str, Any]] = real.request("GET", PODS)["items"]
    return items


@ON_REAL_NODES
def test_pods_run_on_the_nodes_that_have_the_gpus_and_can_be_asked(real: Any, engines: list[dict[str, Any]]) -> None:
    assert sorted(each["spec"]["nodeName"] for each in engines) == ["h100-0", "h100-1"], "three of four GPUs each"
    name = engines[0]["metadata"]["name"]
    models = real.request("GET", f"{PODS}/{name}:8000/proxy/v1/models")
    assert [each["id"] for each in models["data"]] == ["tiny"]
    assert "vllm:iteration_tokens_total_count{" in real.request("GET", f"{PODS}/{name}:8000/proxy/metrics")
    assert real.kubectl("logs", name) == "serving tiny\n"


@ON_REAL_NODES
def test_logs_are_read_of_a_real_kubelet(real: Any) -> None:
    """What the stand-in kubelets of test_logs.py play."""
    for namespace in ("fireworks-system", "fireworks-models"):
        real.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    pods = "/api/v1/namespaces/fireworks-models/pods"
    crashes = [{"name": "STANDIN_BEHAVIOUR", "value": "crash"}]
    containers = [
        {"name": "engine", "image": ENGINE, "command": ["vllm", "serve", "tiny"]},
        {"name": "broken", "image": ENGINE, "command": ["vllm", "serve", "torn"], "env": crashes},
    ]
    labels = {"byoc.fireworks.ai/model": "tiny"}
    made = {"metadata": {"name": "tiny-0", "labels": labels}, "spec": {"containers": containers}}
    until(lambda: real.request("GET", "/api/v1/namespaces/fireworks-models/serviceaccounts")["items"], "no account")
    real.request("POST", pods, made)

    def found(**options: Any) -> dict[str, Any]:
        result = perform(connection_to(real), "fireworks.byoc.log_info", of="tiny", **options)
        assert not result.get("failed"), result
        return result

    until(lambda: any("serving tiny" in line for line in found()["lines"]), "the engine says nothing")
    until(lambda: any("/broken " in line for line in found()["lines"]), "the one that crashes says nothing")
    lines = found()["lines"]
    assert lines == sorted(lines) and all(re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in lines)
    assert found(grep="serving ti")["lines"][0].endswith("fireworks-models/tiny-0/engine serving tiny")
    assert len(found(lines=1)["lines"]) == 1
    # A kubelet that starts a container again has no log of the one before for a moment, and says so.
    until(lambda: found()["unread"] == [], "what could not be read stays so")


@ON_REAL_NODES
def test_a_service_is_reached_from_every_node_and_leads_to_every_pod(real: Any, engines: list[dict[str, Any]]) -> None:
    address = real.request("GET", "/api/v1/namespaces/default/services/engine")["spec"]["clusterIP"]
    body = json.dumps({"model": "tiny", "max_tokens": 1})
    script = f"""
import sys, urllib.request
for _ in range(int(sys.argv[1])):
    with urllib.request.urlopen("http://{address}/v1/completions", b'{body}', timeout=5) as answer:
        print(answer.status, answer.headers["X-Standin-Version"])
"""

    def ask(node: str, times: int) -> subprocess.CompletedProcess[str]:
        command = real.real.in_network_of(node, [sys.executable, "-c", script, str(times)])
        return subprocess.run(command, capture_output=True, text=True, check=False)

    for node in real.real.names:
        # Each kube-proxy learns of the endpoints by itself, a moment after they are there.
        until(lambda node=node: ask(node, 1).returncode == 0, f"{node} does not lead to the service")
        done = ask(node, 10)
        assert done.stdout.splitlines() == ["200 7"] * 10, done.stderr

    def each_was_asked() -> bool:
        ask(real.real.names[0], 10)  # which pod gets a request is chance, and the last endpoint may just have come
        paths = [f"{PODS}/{each['metadata']['name']}:8000/proxy/metrics" for each in engines]
        counted = [real.request("GET", path).split('reason="length"} ')[1] for path in paths]
        return all(int(each.splitlines()[0]) > 0 for each in counted)

    until(each_was_asked, "the service does not lead to every pod")


@ON_REAL_NODES
def test_nothing_of_the_nodes_is_left_when_their_owner_is_killed(tmp_path: Path) -> None:
    others = groups()
    before = [path.read_text(encoding="ascii") for path in TUNED]
    script = """
import time
from byoc_testbed import ClusterSpec, NodePool, Testbed
spec = ClusterSpec("brief", pools=[NodePool("h100")], device_plugin=False, real_nodes=True)
with Testbed.start([spec]):
    print("up", flush=True)
    time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(TESTBED)}
    owner = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    processes = descendants(owner.pid)
    made = groups() - others
    assert len(processes) > 8, "control plane, keeper, relay, and the node's own"
    assert made, "the node has no control group"
    owner.send_signal(signal.SIGKILL)
    owner.wait(timeout=10)
    until(lambda: not any(map(runs, processes)), "processes outlive their owner")
    until(lambda: not groups() & made, "control groups are left")
    assert "byoc-testbed" not in Path("/proc/mounts").read_text(encoding="utf-8")
    assert [path.read_text(encoding="ascii") for path in TUNED] == before, "a kubelet tuned this machine"


def test_what_a_machine_lacks_for_real_nodes_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert real_nodes_missing() == "real nodes need root, for namespaces, mounts and cgroups"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command: None if command == "runc" else f"/usr/bin/{command}")
    assert "runc" in real_nodes_missing()
    assert "apt-get install" in real_nodes_missing()


def groups() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob("*/byoc-testbed-*"))


def descendants(owner: int) -> list[int]:
    """Every process that was started by this one, or by one that was."""
    parents = {int(path.name): int(fields(path)[1]) for path in Path("/proc").glob("[0-9]*") if fields(path)}
    found = [owner]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def runs(process: int) -> bool:
    """Whether a process is there and not merely waiting to be buried by the machine's first process."""
    known = fields(Path(f"/proc/{process}"))
    return bool(known) and known[0] != "Z"


def fields(process: Path) -> list[str]:
    """State, parent and more of a process; nothing of one that is gone."""
    try:
        return (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []
