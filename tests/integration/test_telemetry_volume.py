# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The telemetry's metrics on a volume: from the contract to the API server, through an upgrade and back."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import parts
from byoc_testbed.errors import ApiError
from byoc_testbed.ports import quiet_ports
from tests.integration.guarded import image, pod_spec, until
from tests.integration.journey import agreed, as_admin, line, offboard, onboard, ours, play, wipe, without_approvals
from tests.integration.pod_attempts import made_as
from tests.integration.upgrades import NO_SOAK, QUICK, REQUESTED_BY, rollback
from tests.integration.volumes import CLAIM, give_volume, is_bound, take_volume

OLD, NEW = "2026.11.0", "2026.12.0"
TELEMETRY = "/apis/apps/v1/namespaces/fireworks-system/deployments/telemetry"
VOLUME = {"size": "10Gi", "storage_class": "disks"}


@pytest.fixture
def acme(bed: Any) -> Iterator[Any]:
    cluster = bed["acme"]
    assert ours(cluster) == {}
    give_volume(cluster, "disks", default=True)
    yield cluster
    wipe(cluster)
    take_volume(cluster, "disks")


def data_of(cluster: Any) -> tuple[Any, Any]:
    """Where telemetry's data lies, and how its pods are replaced."""
    spec = cluster.request("GET", TELEMETRY)["spec"]
    [volume] = [each for each in spec["template"]["spec"]["volumes"] if each["name"] == "data"]
    return {key: each for key, each in volume.items() if key != "name"}, spec["strategy"]["rollingUpdate"]


def presetup(cluster: Any, contract: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    return play("presetup", folder, [contract], *as_admin(cluster))


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.split())


@pytest.mark.soak
def test_a_cluster_gets_a_volume_by_an_upgrade_keeps_it_through_a_rollback_and_loses_it_at_the_end(
    acme: Any, tmp_path: Path
) -> None:
    contract = agreed(acme)
    contract["change"], contract["stack"] = without_approvals(), {"release": OLD}
    done = onboard(tmp_path, contract)
    assert done.returncode == 0, done.stdout
    in_its_pod = data_of(acme)
    assert in_its_pod == ({"emptyDir": {"sizeLimit": "2Gi"}}, {"maxSurge": "25%", "maxUnavailable": "25%"})

    contract["telemetry"] = {"volume": dict(VOLUME)}
    planned = play("plan_presetup", tmp_path, [contract], *as_admin(acme))
    assert "PersistentVolumeClaim fireworks-system/telemetry-data missing created" in said(planned), planned.stdout
    done = presetup(acme, contract, tmp_path)
    assert " done " in line(done, "acme-eu-1"), done.stdout
    until(lambda: is_bound(acme), "the claim is not bound")
    assert data_of(acme) == in_its_pod
    assert "unchanged" in line(presetup(acme, contract, tmp_path), "acme-eu-1")
    planned = play("plan_presetup", tmp_path, [contract], *as_admin(acme))
    assert planned.returncode == 0 and "PersistentVolumeClaim" not in planned.stdout, planned.stdout

    asked = ("-e", f"release={NEW}", *REQUESTED_BY, *QUICK, *NO_SOAK)
    upgraded = play("upgrade", tmp_path, [contract], *asked)
    assert upgraded.returncode == 0, upgraded.stdout
    on_a_volume = ({"persistentVolumeClaim": {"claimName": "telemetry-data"}}, {"maxSurge": 0, "maxUnavailable": 1})
    assert data_of(acme) == on_a_volume
    again = play("upgrade", tmp_path, [contract], *asked)
    assert "unchanged" in line(again, "acme-eu-1"), again.stdout

    volume = acme.request("GET", CLAIM)["metadata"]["uid"]
    back = rollback(tmp_path, [contract], to=OLD)
    assert back.returncode == 0, back.stdout
    assert data_of(acme) == in_its_pod
    assert acme.request("GET", CLAIM)["metadata"]["uid"] == volume
    gone = offboard(tmp_path, contract)
    assert gone.returncode == 0, gone.stdout
    assert ours(acme) == {}


@pytest.mark.soak
def test_a_volume_grows_and_what_kubernetes_refuses_is_said_in_words(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)
    contract["telemetry"] = {"volume": dict(VOLUME)}
    contract["capacity"]["quotas"] = {"stack": {"storage": "15Gi"}}
    assert " done " in line(presetup(acme, contract, tmp_path), "acme-eu-1")
    until(lambda: is_bound(acme), "the claim is not bound")

    larger = copy.deepcopy(contract)
    larger["telemetry"]["volume"]["size"] = "12Gi"
    done = presetup(acme, larger, tmp_path)
    assert " done " in line(done, "acme-eu-1"), done.stdout
    assert acme.request("GET", CLAIM)["spec"]["resources"]["requests"]["storage"] == "12Gi"
    quota = "/api/v1/namespaces/fireworks-system/resourcequotas/agreed"
    until(lambda: acme.request("GET", quota)["status"].get("used") == {"requests.storage": "12Gi"}, "it is not counted")

    before = ours(acme)
    for change, why in (
        ({"size": "5Gi"}, "the volume of telemetry-data has 12Gi and cannot shrink to 5Gi: Kubernetes refuses that"),
        ({"size": "12Gi", "storage_class": "fast"},
         "the volume of telemetry-data has storageClassName disks for good, and cannot get fast"),
    ):  # fmt: skip
        other = copy.deepcopy(contract)
        other["telemetry"]["volume"] |= change
        for verb in ("plan_presetup", "presetup"):
            refused = play(verb, tmp_path, [other], *as_admin(acme))
            assert refused.returncode == 2 and why in said(refused), refused.stdout
        assert ours(acme) == before

    given_up = {key: section for key, section in contract.items() if key != "telemetry"}
    assert " done " in line(presetup(acme, given_up, tmp_path), "acme-eu-1")
    with pytest.raises(ApiError):
        acme.request("GET", CLAIM)


def test_only_the_telemetrys_own_pods_may_mount_it(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)
    contract["telemetry"] = {"volume": dict(VOLUME)}
    assert " done " in line(presetup(acme, contract, tmp_path), "acme-eu-1")

    def tried(kind: str, component: str, namespace: str = "fireworks-system", **claim: Any) -> str:
        mounted = {"name": "data", "persistentVolumeClaim": {"claimName": "telemetry-data", **claim}}
        spec = pod_spec(image("registry.acme.example/fireworks"), account="telemetry", volumes=[mounted])
        path, body = made_as(kind, spec, spec)
        made = body["spec"]["jobTemplate"] if kind == "CronJob" else body
        labels = (made["spec"].get("template") or body)["metadata"].setdefault("labels", {})
        labels |= {"byoc.fireworks.ai/component": component} if component else {}
        try:
            acme.request("POST", f"{path.replace('fireworks-models', namespace)}?dryRun=All", body)
        except ApiError as error:
            return str(error)
        return ""

    until(lambda: tried("Pod", "router"), "the guardrail is not in force")
    for kind in ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "CronJob"):
        for component in ("router", "alerts", "", "telemetry-2"):
            for how in ({}, {"readOnly": True}):
                refused = tried(kind, component, **how)
                assert "telemetry.volume" in refused and "fireworks-pods" in refused, (kind, component, how, refused)
        assert tried(kind, "telemetry") == "", kind
    # Two guardrails refuse it, and the API server names whichever it asked first.
    refused = tried("Deployment", "telemetry", "fireworks-models")
    assert "telemetry.volume" in refused or "runs as engine, not as telemetry" in refused, refused


def test_two_prometheus_never_write_to_one_volume(tmp_path: Path) -> None:
    """Both pods of a rolling update may be on one node for a moment: the second waits until the first has ended."""
    (tmp_path / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n")
    ready, running = "Server is ready", []

    def begin(name: str) -> tuple[subprocess.Popen[bytes], Path]:
        [port] = quiet_ports(1)
        words = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"]
        log = tmp_path / name
        with log.open("wb") as out:
            running.append(
                subprocess.Popen(
                    [str(parts.program(parts.PROMETHEUS, "prometheus")), *words], cwd=tmp_path, stdout=out, stderr=out
                )
            )
        return running[-1], log

    try:
        first, log = begin("first")
        until(lambda: ready in log.read_text(), "it does not start")
        second, refused = begin("second")
        assert second.wait(30) != 0 and "lock DB directory" in refused.read_text()
        first.terminate()
        first.wait(30)
        _third, log = begin("third")
        until(lambda: ready in log.read_text(), "it does not start once the other has ended")
    finally:
        for each in running:
            each.kill()
            each.wait()
