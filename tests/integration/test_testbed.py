# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The testbed is what it says it is: a real Kubernetes whose pods and nodes do as they are told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import byoc_testbed
from byoc_testbed import ApiError, Cluster, ClusterSpec, NodePool, Testbed, TestbedError
from tests.beds import SharedClusters

TESTBED = Path(byoc_testbed.__file__).parents[1]
H100_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.fixture
def acme(bed: SharedClusters) -> Cluster:
    return bed["acme"]


@pytest.fixture
def namespace(acme: Cluster) -> Iterator[str]:
    """A namespace of its own, with a service account to run pods as."""
    made = acme.request(
        "POST",
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "testbed-"}},
    )
    name = made["metadata"]["name"]
    until(lambda: names(acme, name, "serviceaccounts") == ["default"])
    yield name
    acme.request("DELETE", f"/api/v1/namespaces/{name}")


def until(check: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something to be true; gives it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def names(cluster: Cluster, namespace: str, plural: str) -> list[str]:
    items = cluster.request("GET", f"/api/v1/namespaces/{namespace}/{plural}")["items"]
    return [item["metadata"]["name"] for item in items]


def pod(name: str, namespace: str, gpus: int = 1, policy: str = "Always", **annotations: str) -> dict[str, Any]:
    container = {"name": "model", "image": "vllm", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": name},
            "annotations": {f"testbed/{key.replace('_', '-')}": value for key, value in annotations.items()},
        },
        "spec": {"restartPolicy": policy, "containers": [container], "tolerations": [H100_TAINT]},
    }


class Pod:
    """A pod that was created, and how it is now."""

    def __init__(self, cluster: Cluster, wanted: dict[str, Any]) -> None:
        self.cluster = cluster
        self.path = f"/api/v1/namespaces/{wanted['metadata']['namespace']}/pods/{wanted['metadata']['name']}"
        cluster.create_many([wanted])
        self.created = time.monotonic()

    @property
    def now(self) -> dict[str, Any]:
        return self.cluster.request("GET", self.path)

    @property
    def ready(self) -> bool:
        conditions = self.now["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    @property
    def container(self) -> dict[str, Any]:
        return next(iter(self.now["status"].get("containerStatuses", [])), {"state": {}})

    def annotate(self, **annotations: str | None) -> None:
        wanted = {f"testbed/{key}": value for key, value in annotations.items()}
        self.cluster.request("PATCH", self.path, {"metadata": {"annotations": wanted}})


def condition(cluster: Cluster, node: str, kind: str = "Ready") -> str:
    conditions = cluster.request("GET", f"/api/v1/nodes/{node}")["status"]["conditions"]
    return next((each["status"] for each in conditions if each["type"] == kind), "absent")


# -- clusters -------------------------------------------------------------------------------------


def test_each_cluster_has_an_identity_and_an_authority_of_its_own(bed: SharedClusters) -> None:
    clusters = list(bed)
    assert len({cluster.uid for cluster in clusters}) == len({cluster.server for cluster in clusters}) == len(clusters)
    assert len({cluster.ca_file.read_bytes() for cluster in clusters}) == len(clusters)


def test_the_server_tells_its_true_version_and_so_do_its_nodes(acme: Cluster) -> None:
    required = next(line for line in (TESTBED / "go.mod").read_text().splitlines() if "k8s.io/kubernetes v" in line)
    version = required.split()[1]
    assert acme.request("GET", "/version")["gitVersion"] == version
    nodes = acme.request("GET", "/api/v1/nodes")["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {version}


def test_nodes_have_the_shape_asked_for(bed: SharedClusters) -> None:
    node = bed["cedar"].request("GET", "/api/v1/nodes/h100-0")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert node["metadata"]["labels"]["nvidia.com/gpu.memory"] == "81559"
    assert node["spec"]["providerID"].startswith("gce://")
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["nvidia.com/gpu"]
    assert "providerID" not in bed["birch"].request("GET", "/api/v1/nodes/h100-0")["spec"]


def test_the_device_plugin_runs_on_every_gpu_node_from_the_start(acme: Cluster) -> None:
    path = "/apis/apps/v1/namespaces/gpu-operator/daemonsets/nvidia-device-plugin-daemonset"
    assert acme.request("GET", path)["status"]["numberReady"] == len(acme.nodes)


def test_the_gateway_api_is_served_where_it_was_asked_for_and_nowhere_else(bed: SharedClusters) -> None:
    served = bed["birch"].request("GET", "/apis/gateway.networking.k8s.io/v1")
    assert {"Gateway", "HTTPRoute"} <= {each["kind"] for each in served["resources"]}
    with pytest.raises(ApiError) as refused:
        bed["acme"].request("GET", "/apis/gateway.networking.k8s.io/v1")
    assert refused.value.status == 404


def test_clusters_start_in_seconds_and_leave_nothing_behind() -> None:
    started = time.monotonic()
    with Testbed.start([ClusterSpec("quick", pools=[NodePool("h100", count=4)], audit=True)]) as bed:
        took = time.monotonic() - started
        cluster, folder = bed["quick"], bed.folder
        port = int(cluster.server.rpartition(":")[2])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert cluster.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert len(cluster.nodes) == 4
        assert '"user":{"username":"admin"' in cluster.audit_log.read_text()
    assert took < 20  # 3 to 5 on two idle cores
    assert not folder.exists()
    assert is_free(port)


@pytest.mark.soak
def test_a_cluster_can_be_made_unreachable_and_comes_back_as_it_was() -> None:
    with Testbed.start([ClusterSpec("away", pools=[NodePool("h100", count=1)], device_plugin=False)]) as bed:
        cluster = bed["away"]
        cluster.stop_apiserver()
        with pytest.raises(TestbedError, match="cannot be reached"):
            cluster.request("GET", "/version")
        cluster.start_apiserver()
        assert cluster.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"] == cluster.uid
        until(lambda: "default" in names(cluster, "default", "serviceaccounts"), seconds=60)
        after = Pod(cluster, pod("after", "default", load_seconds="0"))
        until(lambda: after.ready, seconds=90)  # controllers and the scheduler come back at their own pace


@pytest.mark.soak
def test_hundreds_of_nodes_and_pods_are_there_in_seconds() -> None:
    pools = [NodePool("h100", count=200)]
    spec = ClusterSpec("big", pools=pools, controllers=False, scheduler=False, device_plugin=False, load_seconds=0)
    with Testbed.start([spec]) as bed:
        cluster = bed["big"]
        pods = [pod(f"pod-{number}", "default") for number in range(400)]
        for number, each in enumerate(pods):
            each["spec"]["nodeName"] = f"h100-{number % 200}"
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        started = time.monotonic()
        cluster.create_many([account], threads=1)
        cluster.create_many(pods)
        running = "/api/v1/namespaces/default/pods?fieldSelector=status.phase%3DRunning"
        until(lambda: len(cluster.request("GET", running)["items"]) == 400, seconds=60)
        assert time.monotonic() - started < 60


# -- pods -----------------------------------------------------------------------------------------


def test_a_pod_becomes_ready_after_the_delay_that_it_asks_for(acme: Cluster, namespace: str) -> None:
    loading = Pod(acme, pod("model", namespace, load_seconds="2"))
    until(lambda: loading.now["status"]["phase"] == "Running")
    assert not loading.ready
    until(lambda: loading.ready)
    assert 2 <= time.monotonic() - loading.created < 12


def test_the_delay_of_a_cluster_can_be_set_while_it_runs(acme: Cluster, namespace: str) -> None:
    acme.set_load_seconds(600)
    try:
        slow = Pod(acme, pod("slow", namespace))
        until(lambda: slow.now["status"]["phase"] == "Running")
        assert not slow.ready
        acme.set_load_seconds(0)
        quick = Pod(acme, pod("quick", namespace))
        until(lambda: quick.ready)
        until(lambda: slow.ready)  # it began anew
    finally:
        acme.set_load_seconds(acme.spec.load_seconds)


@pytest.mark.soak
def test_a_pod_told_to_crash_crashes_and_recovers_when_told_to(acme: Cluster, namespace: str) -> None:
    crashing = Pod(acme, pod("model", namespace, behaviour="crash", exit_code="137", exit_reason="OOMKilled"))
    state = until(lambda: crashing.container["state"].get("waiting"))
    assert state["reason"] == "CrashLoopBackOff"
    ended = crashing.container["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    assert not crashing.ready
    crashing.annotate(behaviour=None)
    until(lambda: crashing.ready, seconds=30)
    assert crashing.container["restartCount"] == 1


def test_a_ready_pod_told_to_crash_is_ready_no_more(acme: Cluster, namespace: str) -> None:
    serving = Pod(acme, pod("model", namespace, load_seconds="0"))
    until(lambda: serving.ready)
    serving.annotate(behaviour="crash")
    until(lambda: serving.container["state"].get("waiting"))
    assert not serving.ready


def test_a_pod_told_to_hang_runs_and_is_never_ready(acme: Cluster, namespace: str) -> None:
    hanging = Pod(acme, pod("model", namespace, load_seconds="0", behaviour="hang"))
    until(lambda: hanging.now["status"]["phase"] == "Running")
    time.sleep(1)
    assert not hanging.ready
    hanging.annotate(behaviour=None)
    until(lambda: hanging.ready)
    hanging.annotate(behaviour="hang")
    until(lambda: not hanging.ready)


def test_a_pod_whose_image_cannot_be_pulled_waits_for_it(acme: Cluster, namespace: str) -> None:
    waiting = Pod(acme, pod("model", namespace, behaviour="image-pull"))
    assert until(lambda: waiting.container["state"].get("waiting"))["reason"] == "ImagePullBackOff"
    assert waiting.now["status"]["phase"] == "Pending"


def test_a_pod_for_which_there_are_not_enough_gpus_stays_pending(acme: Cluster, namespace: str) -> None:
    wanting = Pod(acme, pod("model", namespace, gpus=9))
    reason = until(lambda: next(iter(wanting.now["status"].get("conditions", [])), None))
    assert reason["reason"] == "Unschedulable"
    assert "Insufficient nvidia.com/gpu" in reason["message"]


def test_a_job_completes_and_a_pod_that_is_told_to_fail_fails(acme: Cluster, namespace: str) -> None:
    template = pod("work", namespace, policy="Never", run_seconds="1")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work", "namespace": namespace},
        "spec": {
            "template": {"metadata": {"annotations": template["metadata"]["annotations"]}, "spec": template["spec"]}
        },
    }
    acme.create_many([job])
    failing = Pod(acme, pod("failing", namespace, policy="Never", behaviour="crash", exit_code="3"))
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/work"
    until(lambda: acme.request("GET", path)["status"].get("succeeded") == 1)
    until(lambda: failing.now["status"]["phase"] == "Failed")
    assert failing.container["state"]["terminated"]["exitCode"] == 3


def test_a_deleted_pod_is_gone_in_a_moment(acme: Cluster, namespace: str) -> None:
    leaving = Pod(acme, pod("model", namespace, load_seconds="0"))
    until(lambda: leaving.ready)
    acme.request("DELETE", leaving.path)
    until(lambda: names(acme, namespace, "pods") == [], seconds=5)


# -- nodes ----------------------------------------------------------------------------------------


@pytest.mark.soak
def test_a_node_whose_heartbeats_stop_is_lost_until_it_is_repaired(acme: Cluster, namespace: str) -> None:
    acme.break_node("h100-1", "not-ready")
    try:
        until(lambda: condition(acme, "h100-1") == "Unknown", seconds=30)
        taints = until(lambda: acme.request("GET", "/api/v1/nodes/h100-1")["spec"]["taints"][1:])
        assert {taint["key"] for taint in taints} == {"node.kubernetes.io/unreachable"}
        time.sleep(3)  # longer than between two heartbeats
        assert condition(acme, "h100-1") == "Unknown"
        assert condition(acme, "h100-0") == "True"
    finally:
        acme.repair_node("h100-1")
    until(lambda: condition(acme, "h100-1") == "True")
    until(lambda: len(acme.request("GET", "/api/v1/nodes/h100-1")["spec"]["taints"]) == 1)
    lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/h100-1"
    renewed = acme.request("GET", lease)["spec"]["renewTime"]
    until(lambda: acme.request("GET", lease)["spec"]["renewTime"] != renewed)


def test_a_node_whose_kubelet_says_that_it_is_not_ready_stays_so(acme: Cluster) -> None:
    acme.break_node("h100-1", "not-ready", status="False")
    try:
        time.sleep(3)
        assert condition(acme, "h100-1") == "False"
    finally:
        acme.repair_node("h100-1")
    assert condition(acme, "h100-1") == "True"


def test_a_condition_posted_on_a_node_stays_until_it_is_repaired(acme: Cluster) -> None:
    acme.break_node("h100-0", "condition", type="GpuXid", reason="Xid79", message="GPU has fallen off the bus")
    try:
        time.sleep(3)
        assert condition(acme, "h100-0", "GpuXid") == "True"
        assert condition(acme, "h100-0") == "True"
    finally:
        acme.repair_node("h100-0")
    assert condition(acme, "h100-0", "GpuXid") == "absent"


def test_a_node_offers_fewer_gpus_until_it_is_repaired(acme: Cluster) -> None:
    def offered() -> str:
        return str(acme.request("GET", "/api/v1/nodes/h100-0")["status"]["allocatable"]["nvidia.com/gpu"])

    acme.break_node("h100-0", "allocatable", gpus=7)
    try:
        time.sleep(3)
        assert offered() == "7"
    finally:
        acme.repair_node("h100-0")
    assert offered() == "8"


def test_breaking_a_node_in_an_unknown_way_is_refused_in_words(acme: Cluster) -> None:
    with pytest.raises(TestbedError, match="'melt' is none of not-ready, condition, allocatable"):
        acme.break_node("h100-0", "melt")
    with pytest.raises(TestbedError, match="unknown gpu; known are gpus"):
        acme.break_node("h100-0", "allocatable", gpu=7)


# -- access ---------------------------------------------------------------------------------------


def as_user(kubeconfig: Path, cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What Python's own TLS gets with the credential of a kubeconfig."""
    script = """
import base64, json, ssl, sys, tempfile, urllib.error, urllib.request, yaml
config = yaml.safe_load(open(sys.argv[1]))
cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
if "client-key-data" in user:
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
headers = {"Authorization": "Bearer " + user["token"]} if "token" in user else {}
headers["Content-Type"] = "application/json"
body = sys.argv[3].encode() if len(sys.argv) > 3 else None
request = urllib.request.Request(cluster["server"] + sys.argv[2], data=body, headers=headers)
try:
    print(urllib.request.urlopen(request, context=context).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(str(error.code))
"""
    command = [sys.executable, "-c", script, str(kubeconfig), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def who_am_i(kubeconfig: Path, cluster: Cluster) -> dict[str, Any]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    done = as_user(kubeconfig, cluster, "/apis/authentication.k8s.io/v1/selfsubjectreviews", json.dumps(review))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["status"]["userInfo"]
    return found


def test_a_kubeconfig_of_any_user_in_any_group_is_that_user_and_may_do_nothing_unasked(acme: Cluster) -> None:
    kubeconfig = acme.kubeconfig_for("jane", groups=["customer:platform"])
    seen = who_am_i(kubeconfig, acme)
    assert seen["username"] == "jane"
    assert "customer:platform" in seen["groups"]
    assert as_user(kubeconfig, acme, "/api/v1/nodes").stderr.strip() == "403"


def test_a_kubeconfig_of_a_service_account_holds_a_token_of_that_account(acme: Cluster, namespace: str) -> None:
    kubeconfig = acme.kubeconfig_for_service_account(namespace, "default")
    assert who_am_i(kubeconfig, acme)["username"] == f"system:serviceaccount:{namespace}:default"
    config = yaml.safe_load(kubeconfig.read_text())
    assert config["current-context"] == "acme"
    assert kubeconfig.stat().st_mode & 0o777 == 0o600


def test_a_credential_of_one_cluster_opens_no_other(bed: SharedClusters, tmp_path: Path) -> None:
    birch = bed["birch"]
    wrong = birch.kubeconfig_with(tmp_path / "wrong.kubeconfig", token=bed["acme"].token)
    assert as_user(wrong, birch, "/version/").returncode != 0


def test_an_eviction_that_a_disruption_budget_forbids_is_refused_with_429(acme: Cluster, namespace: str) -> None:
    guarded = Pod(acme, pod("model", namespace, load_seconds="0"))
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "model", "namespace": namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "model"}}},
    }
    acme.create_many([budget])
    until(lambda: guarded.ready)
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/model"
    until(lambda: acme.request("GET", path)["status"].get("currentHealthy") == 1)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "model", "namespace": namespace}}
    with pytest.raises(ApiError) as refused:
        acme.request("POST", f"{guarded.path}/eviction", eviction)
    assert refused.value.status == 429
    acme.request("DELETE", path)
    acme.request("POST", f"{guarded.path}/eviction", eviction)
    until(lambda: names(acme, namespace, "pods") == [])


def test_an_admission_policy_refuses_what_it_forbids(acme: Cluster, namespace: str) -> None:
    base = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
            "validations": [{"expression": "object.metadata.name != 'forbidden'", "message": "it is forbidden"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    }
    acme.create_many([policy, binding], threads=1)

    def refused() -> bool:
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "forbidden"}}
        try:
            acme.request("POST", f"/api/v1/namespaces/{namespace}/configmaps?dryRun=All", wanted)
        except ApiError as error:
            assert "it is forbidden" in str(error)
            return True
        return False

    try:
        until(refused)
    finally:
        acme.request("DELETE", f"{base}/validatingadmissionpolicybindings/{namespace}")
        acme.request("DELETE", f"{base}/validatingadmissionpolicies/{namespace}")


# -- ends -----------------------------------------------------------------------------------------


def run_driver(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "byoc_testbed", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TESTBED)}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes, **more)


def children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections may linger; nobody may hold it
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def one_cluster(folder: Path) -> Path:
    path = folder / "clusters.yml"
    path.write_text("clusters: [{name: lone, device_plugin: false, pools: [{name: h100, count: 1}]}]\n")
    return path


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["kill -9", "kill", "Ctrl-C"])
def test_no_process_and_no_port_outlives_the_owner_whatever_ends_it(tmp_path: Path, end: signal.Signals) -> None:
    owner = run_driver("up", "--clusters", str(one_cluster(tmp_path)))
    assert owner.stdout is not None
    assert owner.stdout.readline().startswith("up in"), owner.communicate()
    line = owner.stdout.readline()
    port = int(line.split()[1].rpartition(":")[2])
    folder = Path(line.split("KUBECONFIG=")[1].strip()).parent
    processes = children(owner.pid)
    assert len(processes) == 5
    assert not is_free(port)

    owner.send_signal(end)
    owner.wait(timeout=10)
    until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), seconds=5)
    assert is_free(port)
    if end == signal.SIGKILL:
        with Testbed.start([]):  # the next start sweeps up
            assert not folder.exists()
    assert not folder.exists()


def test_a_command_runs_with_the_clusters_and_its_status_is_ours(tmp_path: Path) -> None:
    script = "import json, os, sys; print(open(os.environ['BYOC_TESTBED_DIR'] + '/testbed.json').read()); sys.exit(3)"
    done = run_driver("run", "--clusters", str(one_cluster(tmp_path)), "--", sys.executable, "-c", script)
    output, complaints = done.communicate(timeout=60)
    assert done.returncode == 3, complaints
    described = json.loads(output)["clusters"][0]
    assert described["name"] == "lone"
    assert set(described) == {"name", "uid", "server", "kubeconfig", "ca_file"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clusters: [{name: Acme}]", "'Acme' is not a cluster name"),
        ("clusters: [{name: a, pool: []}]", "clusters[0]: unknown pool; known are name, pools"),
        ("clusters: [{name: a, pools: [{name: p, provider: mars}]}]", "provider 'mars' is none of aws"),
        ("clusters: [{name: a}, {name: a}]", "two clusters have the same name"),
        ("clusters: [", "while parsing"),
        ("", "expected 'clusters:'"),
    ],
)
def test_a_wrong_description_of_clusters_is_one_clear_message(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "clusters.yml"
    path.write_text(content)
    done = run_driver("run", "--clusters", str(path), "--", "true")
    _, complaints = done.communicate(timeout=60)
    assert done.returncode == 1
    assert message in complaints
    assert "Traceback" not in complaints
