# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``log_info``, ``support_bundle`` and their playbooks against real API servers, whose nodes have stand-in kubelets."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed.errors import ApiError
from demo.contracts import H100, contract, write_fleet
from tests.canaries import PLAIN, PROMPT, SECRETS, TOKENS, lines_with_canaries
from tests.integration.ansible_runs import run_playbook
from tests.integration.governed import governed
from tests.integration.kubelets import Kubelets, kubelets
from tests.integration.plays import connection_to, perform, run_tasks

LOGS = "fireworks.byoc.log_info"
MERGE = "application/merge-patch+json"


BUNDLE = "fireworks.byoc.support_bundle"
ANNOTATED = {f"acme.example/a{number}": value for number, value in enumerate(TOKENS.values())}


def pod(
    cluster: Any,
    namespace: str,
    name: str,
    labels: dict[str, str],
    notes: dict[str, str] | None = None,
    environment: list[dict[str, str]] | None = None,
) -> None:
    container = {"name": "main", "image": "it:1", "args": ["--api-key", PLAIN["api_key"]], "env": environment or []}
    spec = {"nodeName": "h100-0", "containers": [container]}
    made = {"metadata": {"name": name, "labels": labels, "annotations": notes or {}}, "spec": spec}
    cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods", made)


def running(cluster: Any, namespace: str) -> bool:
    items = cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    return all(each["status"].get("phase") == "Running" for each in items)


@pytest.fixture(scope="module")
def cluster(bed: Any) -> Iterator[Any]:
    """Two routers and one replica of a model, and no guardrails: what is made here is not ours to make otherwise."""
    acme = bed["acme"]
    for namespace in ("fireworks-system", "fireworks-models"):
        acme.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    deadline = time.monotonic() + 30
    while True:
        try:
            pod(acme, "fireworks-system", "router-a", {"byoc.fireworks.ai/component": "router"})
            break
        except ApiError as error:  # the account of pods is not there yet
            assert error.status == 403 and time.monotonic() < deadline, error
            time.sleep(0.2)
    pod(acme, "fireworks-system", "router-b", {"byoc.fireworks.ai/component": "router"})
    environment = [{"name": name.upper().replace("-", "_"), "value": value} for name, value in PLAIN.items()]
    notes = {"acme.example/told": PROMPT, "byoc.fireworks.ai/note": f"token={PLAIN['token']}", **ANNOTATED}
    pod(acme, "fireworks-models", "llama-0", {"byoc.fireworks.ai/model": "llama"}, notes, environment)
    while not (running(acme, "fireworks-system") and running(acme, "fireworks-models")):
        assert time.monotonic() < deadline + 30, "the pods do not start"
        time.sleep(0.2)
    yield acme
    acme.remove_namespaces("fireworks-system", "fireworks-models")


@pytest.fixture
def nodes(cluster: Any, tmp_path: Path) -> Iterator[Kubelets]:
    with kubelets(cluster, tmp_path / "kubelets") as made:
        yield made


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def texts(result: dict[str, Any]) -> list[str]:
    return [line.split(" ", 1)[1] for line in result["lines"]]


def test_logs_of_several_pods_are_one_in_the_order_of_time(cluster: Any, nodes: Kubelets) -> None:
    nodes.logs = {
        ("router-a", "main"): [(ago(3600), "an hour ago"), (ago(30), "first"), (ago(10), "third")],
        ("router-b", "main"): [(ago(20), "second"), (ago(5), "fourth")],
        ("llama-0", "main"): [(ago(15), "of the model")],
    }
    found = perform(connection_to(cluster), LOGS, of="router")
    a, b = "fireworks-system/router-a/main", "fireworks-system/router-b/main"
    assert texts(found) == [f"{a} first", f"{b} second", f"{a} third", f"{b} fourth"]
    assert (found["containers"], found["left_out"], found["unread"]) == (2, [], [])
    assert texts(perform(connection_to(cluster), LOGS, of="router", since="2h", grep="our ago|fo.rth")) == [
        f"{a} an hour ago",
        f"{b} fourth",
    ]
    assert len(texts(perform(connection_to(cluster), LOGS))) == 5, "all pods of our namespaces"
    assert texts(perform(connection_to(cluster), LOGS, of="llama-0")) == ["fireworks-models/llama-0/main of the model"]


def test_what_is_cut_is_said_and_the_newest_is_kept(cluster: Any, nodes: Kubelets) -> None:
    long = "x" * 3000
    nodes.logs = {
        ("router-a", "main"): [(ago(60 - n / 10), f"a{n}") for n in range(40)],
        ("router-b", "main"): [(ago(600 - n / 10), f"b{n} {long}") for n in range(1000)],
    }
    few = perform(connection_to(cluster), LOGS, of="router-a", lines=10)
    assert [text.split()[1] for text in texts(few)] == [f"a{n}" for n in range(30, 40)]
    assert few["left_out"] == ["fireworks-system/router-a/main: only the newest 10 lines were read"]
    large = perform(connection_to(cluster), LOGS, of="router-b", lines=1000)
    assert texts(large)[-1].split()[1] == "b999", "where a MiB is too little, it is the oldest that are not read"
    assert large["left_out"] == ["fireworks-system/router-b/main: only the newest 250 lines were read"]
    both = perform(connection_to(cluster), LOGS, of="router", lines=40)
    assert len(both["lines"]) == 40
    assert "40 lines older than the newest 40" in both["left_out"]


def test_a_log_that_cannot_be_read_is_named_and_the_others_are_read(cluster: Any, nodes: Kubelets) -> None:
    nodes.logs = {("router-a", "main"): [(ago(5), "well")]}
    nodes.broken = {("router-b", "main"): "the runtime is down"}
    found = perform(connection_to(cluster), LOGS, of="router")
    assert texts(found) == ["fireworks-system/router-a/main well"]
    [unread] = found["unread"]
    assert unread.startswith("fireworks-system/router-b/main: ") and "runtime is down" in unread
    alone = perform(connection_to(cluster), LOGS, of="router-b")
    assert (alone["failed"], alone["code"], alone["owner"]) == (True, "api_error", "customer")
    assert alone["what"].startswith("no log could be read: fireworks-system/router-b/main: ")
    nobody = perform(connection_to(cluster), LOGS, of="lama")
    assert nobody["lines"] == [] and "there are pods of: llama, router" in nobody["unread"][0]


def test_bad_requests_end_in_one_message(cluster: Any, tmp_path: Path) -> None:
    refused = perform(connection_to(cluster), LOGS, since="soon", grep="(", lines=0)
    assert refused["failed"] and refused["code"] == "invalid_input"
    for part in ("since: 'soon' is not a duration", "grep: '(' is no regular expression", "lines: '0' is not a number"):
        assert part in refused["msg"]
    [in_play] = run_tasks(tmp_path, connection_to(cluster), {LOGS: {"since": "soon"}}).results
    assert in_play["code"] == "invalid_input"


def test_no_secret_and_no_prompt_is_in_logs(cluster: Any, nodes: Kubelets) -> None:
    planted = lines_with_canaries()
    nodes.logs = {("llama-0", "main"): [(ago(100 - n / 100), line) for n, line in enumerate(planted)]}
    found = perform(connection_to(cluster), LOGS, of="llama", lines=2000)
    assert len(found["lines"]) == len(planted)
    shown = json.dumps(found)
    assert [canary for canary in (*SECRETS, PROMPT) if canary in shown] == []
    assert found["redacted"] >= len(SECRETS)
    assert any("Application startup complete" in line for line in found["lines"]), "what is harmless is shown"
    by_secret = perform(connection_to(cluster), LOGS, of="llama", grep=SECRETS[0][:12])
    assert by_secret["lines"] == [], "and cannot be looked for either"


def test_who_may_not_read_logs_is_told_what_is_missing(cluster: Any, nodes: Kubelets) -> None:
    nodes.logs = {("router-a", "main"): [(ago(5), "well")], ("router-b", "main"): []}
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [
        {"apiGroups": [""], "resources": ["pods", "configmaps", "namespaces"], "verbs": ["get", "list"]},
    ]
    reader = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sees-pods"}
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "watcher"}
    cluster.request("POST", f"{rbac}/clusterroles", {"metadata": {"name": "sees-pods"}, "rules": rules})
    binding = {"metadata": {"name": "sees-pods"}, "roleRef": reader, "subjects": [user]}
    cluster.request("POST", f"{rbac}/clusterrolebindings", binding)
    kubeconfig = str(cluster.kubeconfig_for("watcher"))
    try:
        refused = perform(connection_to(cluster, kubeconfig_file=kubeconfig), LOGS, of="router")
        assert (refused["code"], refused["owner"]) == ("forbidden", "customer")
        assert "prerequisites of version 2 let the observer read logs, and there are none" in refused["msg"]
        older = {"metadata": {"name": "presetup"}}
        cluster.request("POST", "/api/v1/namespaces/fireworks-system/configmaps", older)
        refused = perform(connection_to(cluster, kubeconfig_file=kubeconfig), LOGS, of="router")
        assert "and these are of version 1" in refused["msg"]
        assert "fireworks.byoc.presetup" in refused["next_step"]
    finally:
        cluster.request("DELETE", f"{rbac}/clusterrolebindings/sees-pods")
        cluster.request("DELETE", f"{rbac}/clusterroles/sees-pods")


def test_only_the_observer_may_read_logs_and_only_ours(bed: Any) -> None:
    asked = [
        {"verb": "get", "resource": "pods", "subresource": "log", "namespace": namespace}
        for namespace in ("fireworks-system", "fireworks-models", "default", "kube-system")
    ]
    birch = bed["birch"]
    with governed(birch):
        may = {}
        for identity in ("observer", "deployer", "operator", "upgrader", "node-medic", "metrics-reader"):
            kubeconfig = str(birch.kubeconfig_for_service_account("fireworks-system", identity))
            connection = connection_to(birch, kubeconfig_file=kubeconfig)
            facts = perform(connection, "fireworks.byoc.cluster_info", can_i=asked)["facts"]
            may[identity] = [each["allowed"] for each in facts["permissions"]]
    assert may.pop("observer") == [True, True, False, False]
    assert set(map(tuple, may.values())) == {(False,) * 4}


def test_the_playbook_merges_clusters_and_tells_which_is_missing(cluster: Any, nodes: Kubelets, tmp_path: Path) -> None:
    nodes.logs = {
        ("router-a", "main"): [(ago(30), "first"), (ago(10), "third")],
        ("router-b", "main"): [(ago(20), "\x1b[31msecond")],
    }
    fleet = tmp_path / "fleet"
    where = {"provider": "aws", "region": "here", "gpus": {H100: 16}}
    acme = contract("acme-eu-1", uid=cluster.uid, kubeconfig=cluster.kubeconfig, **where)
    dead = contract("birch-eu-1", uid="11111111-1111-4111-8111-111111111111", kubeconfig=tmp_path / "missing", **where)
    source = write_fleet(fleet, [acme, dead])
    told, kept = tmp_path / "result.json", tmp_path / "logs.txt"
    given = ("-e", "of=router", "-e", f"result_file={told}", "-e", f"logs_file={kept}", "-e", "lines=2")
    done = run_playbook("fireworks.byoc.logs", "-i", str(source), *given)
    result = json.loads(told.read_text())
    assert done.returncode == 0, done.stdout
    by_title = {one["title"]: one["text"] for one in result["reports"]}
    assert [line.split(" ", 1)[1] for line in by_title["Logs"].splitlines()] == [
        "acme-eu-1 fireworks-system/router-b/main \\u001b[31msecond",
        "acme-eu-1 fireworks-system/router-a/main third",
    ]
    assert by_title["Not shown"] == "acme-eu-1: 1 line older than the newest 2"
    assert kept.read_text() == by_title["Logs"] + "\n"
    assert "\x1b" not in done.stdout and "\x1b" not in kept.read_text()
    assert {one["cluster"]: one["result"] for one in result["clusters"]} == {
        "acme-eu-1": "passed",
        "birch-eu-1": "failed",
    }
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.unlink()
    checked = run_playbook("fireworks.byoc.logs", "-i", str(source), *given, "--check")
    assert checked.returncode == 0 and not kept.exists()
    wrong = run_playbook("fireworks.byoc.logs", "-i", str(source), "-e", "since=soon")
    assert wrong.returncode == 2 and "since: 'soon' is not a duration" in wrong.stdout


def opened(path: Path) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
        return {
            one.name.removeprefix("bundle/"): tar.extractfile(one).read().decode()  # type: ignore[union-attr]
            for one in tar.getmembers()
        }


@pytest.fixture
def planted(cluster: Any, nodes: Kubelets) -> Iterator[Kubelets]:
    """Secrets and a prompt in logs, events, and an annotation of the node; those of the pod are there anyhow."""
    nodes.logs = {("llama-0", "main"): [(ago(100 - n / 100), line) for n, line in enumerate(lines_with_canaries())]}
    said = [f"pull failed: {value}" for value in TOKENS.values()] + [f"{key}={value}" for key, value in PLAIN.items()]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"kind": "Pod", "name": "llama-0", "namespace": "fireworks-models"}
    events = "/api/v1/namespaces/fireworks-models/events"
    for number, text in enumerate([*said, f"prompt: {PROMPT}"]):
        made = {"metadata": {"name": f"e{number}"}, "involvedObject": about, "message": text, "lastTimestamp": now}
        cluster.request("POST", events, {**made, "reason": "Failed", "type": "Warning"})
    note = {"metadata": {"annotations": {"byoc.fireworks.ai/remediation-history": f"password={PLAIN['password']}"}}}
    cluster.request("PATCH", "/api/v1/nodes/h100-0", note, MERGE)
    yield nodes
    cluster.request("DELETE", events)
    gone = {"metadata": {"annotations": {"byoc.fireworks.ai/remediation-history": None}}}
    cluster.request("PATCH", "/api/v1/nodes/h100-0", gone, MERGE)


@pytest.mark.parametrize("target", [{"model": "llama"}, {"node": "h100-0"}])
def test_a_bundle_has_what_is_known_and_no_secret_and_no_prompt(
    cluster: Any, planted: Kubelets, tmp_path: Path, target: dict[str, str]
) -> None:
    place = tmp_path / "bundles" / "it.tar"
    finding = {
        "node": "h100-0",
        "fault": "gpu_lost",
        "replicas": [],
        "evidence": [{"text": f"api_key={PLAIN['api_key']}"}],
    }
    options = {**target, "path": str(place), "findings": [finding]}
    found = perform(connection_to(cluster), BUNDLE, **options)
    assert not found["failed"], found
    data = place.read_bytes()
    assert (found["sha256"], found["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert place.stat().st_mode & 0o777 == 0o600 and len(data) <= 5 * 1024 * 1024
    files = opened(place)
    whole = "".join(files.values())
    assert [canary for canary in (*SECRETS, PROMPT) if canary in whole or canary.encode() in data] == []
    assert "gpu_lost" in files["findings.jsonl"]
    assert '"h100-0"' in files["nodes.jsonl"] and '"llama-0"' in files["pods.jsonl"]
    assert len(files["events.jsonl"].splitlines()) >= len(TOKENS) + len(PLAIN)
    assert "Application startup complete" in files["logs/fireworks-models/llama-0/main.log"]
    about = json.loads(files["about.json"])
    assert about["cluster"] == "acme" and set(found["files"]) == {one["name"] for one in about["files"]}
    assert any(each.startswith("metrics: ") for each in about["not_read"]), "nobody answers for telemetry here"
    assert about["not_read"] == found["unread"]
    again = perform(connection_to(cluster), BUNDLE, **{**options, "around": about["around"]})
    assert not again["failed"]


def test_a_bundle_of_an_earlier_moment_has_the_lines_around_it(cluster: Any, nodes: Kubelets, tmp_path: Path) -> None:
    long = "x" * 2000
    nodes.logs = {("llama-0", "main"): [(ago(4000 - n), f"line {n} {long}") for n in range(4000)]}
    then = ago(2000)
    path = str(tmp_path / "it.tar")
    found = perform(connection_to(cluster), BUNDLE, model="llama", around=then.isoformat(), path=path)
    lines = opened(Path(path))["logs/fireworks-models/llama-0/main.log"].splitlines()
    kept = [int(line.split()[2]) for line in lines]
    assert kept == list(range(kept[0], kept[-1] + 1)) and {1999, 2000, 2001} <= set(kept)
    assert any("only lines since" in each for each in found["left_out"])


def test_what_a_bundle_is_about_has_to_be_said(cluster: Any, tmp_path: Path) -> None:
    for wrong in ({}, {"node": "a", "model": "b"}, {"node": "a", "around": "soon"}, {"node": "a", "before": "x"}):
        refused = perform(connection_to(cluster), BUNDLE, path=str(tmp_path / "it.tar"), **wrong)
        assert refused["failed"] and refused["code"] == "invalid_input", refused
    nowhere = perform(connection_to(cluster), BUNDLE, node="a", path="/proc/nowhere/it.tar")
    assert nowhere["failed"] and "cannot write" in nowhere["msg"]
    assert list(tmp_path.iterdir()) == []


def test_the_playbook_writes_a_bundle_and_tells_its_digest(cluster: Any, planted: Kubelets, tmp_path: Path) -> None:
    where = {"provider": "aws", "region": "here", "gpus": {H100: 16}}
    acme = contract("acme-eu-1", uid=cluster.uid, kubeconfig=cluster.kubeconfig, **where)
    source = write_fleet(tmp_path / "fleet", [acme])
    told, folder = tmp_path / "result.json", tmp_path / "bundles"
    words = (
        "fireworks.byoc.support_bundle",
        "-i",
        str(source),
        "-e",
        "clusters=acme-eu-1",
        "-e",
        f"bundle_dir={folder}",
    )
    words = (*words, "-e", f"result_file={told}", "-e", "model=llama")
    checked = run_playbook(*words, "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert not folder.exists() and "Bundles that would be written" in checked.stdout
    done = run_playbook(*words)
    assert done.returncode == 0, done.stdout
    [path] = folder.iterdir()
    result = json.loads(told.read_text())
    [row] = next(one["rows"] for one in result["reports"] if one["title"] == "Bundles")
    assert (row["file"], row["sha256"]) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    [cluster_told] = result["clusters"]
    assert cluster_told["result"] == "unproven" and "metrics: " in cluster_told["what"]
    assert [canary for canary in (*SECRETS, PROMPT) if canary in done.stdout or canary in told.read_text()] == []
    neither = run_playbook(*words[:-2])
    assert neither.returncode == 2 and "a bundle is about a node or a model" in neither.stdout
