# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve clusters, of which each has something else about it, upgraded as an operator would.

Eleven API servers, and one cluster that is offline. What they have of a stack is small here: it is about who goes when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_testbed import ClusterSpec, Testbed
from demo.contracts import H100, Contract, contract, write_fleet
from tests.beds import h100
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.journey import unreachable, without_approvals
from tests.integration.upgrades import NAMESPACE, edition_of, ended, entries, note_digest, release_of, upgrade

OLD, NEW = "2026.1.0", "2026.2.0"
SERVERS = ("ada", "ben", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "joe", "kim")
RINGS = {"ada": "canary", "ben": "early", "cat": "early"}
POLICY = ("-e", '{"policy": {"soak": 0, "wave_percent": 100}}', "-e", "lock_wait=0")
REPORT = ROOT / "build" / "upgrade_fleet.txt"

_STACK = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: ledger, namespace: fireworks-system, labels: {app.kubernetes.io/managed-by: fireworks-byoc}}
data: {edition: "EDITION"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ledger
  namespace: fireworks-system
  labels: &labels
    app.kubernetes.io/managed-by: fireworks-byoc
    byoc.fireworks.ai/component: ledger
    byoc.fireworks.ai/release: {{ stack_release.version }}
spec:
  replicas: 1
  selector: {matchLabels: {byoc.fireworks.ai/component: ledger}}
  template:
    metadata:
      labels: *labels
      annotations:
        testbed/load-seconds: "0.2"
        testbed/behaviour: "{{ 'crash' if inventory_hostname in BROKEN else '' }}"
    spec:
      tolerations: [{operator: Exists}]
      containers: [{name: ledger, image: "ledger:EDITION"}]
"""


def publish(folder: Path, version: str, broken: list[str]) -> Path:
    """A release of one component, which crashes on some clusters."""
    target = folder / "releases" / version
    target.mkdir(parents=True, exist_ok=True)
    described = yaml.safe_load((ROOT / "roles/stack/files/releases/2026.11.0/release.yml").read_text())
    described |= {"version": version, "components": ["ledger"], "upgrades_from": [OLD] if version == NEW else []}
    (target / "release.yml").write_text(yaml.safe_dump(described))
    (target / "ledger.yml.j2").write_text(_STACK.replace("EDITION", version).replace("BROKEN", repr(broken)))
    (folder / "releases" / "channels.yml").write_text(f"stable: {OLD}\n")
    note_digest(target)
    return folder / "releases"


class Fleet:
    """Twelve contracts, and the servers behind them."""

    def __init__(self, bed: Testbed, folder: Path) -> None:
        self.bed = bed
        self.folder = folder
        never = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
        plain = [name for name in SERVERS if name not in ("eve", "fay", "hal")]
        self.contracts = [self.agreed(name) for name in plain]
        until = (datetime.now(UTC) + timedelta(days=40)).strftime("%Y-%m-%dT00:00")
        freeze = {"from": "2026-01-01T00:00", "until": until, "time_zone": "UTC", "reason": "stocktaking"}
        self.contracts += [
            self.agreed("eve", freezes=[freeze]),
            self.agreed("fay", windows=[{"weekly": [never], "start": "02:00", "duration": "3h", "time_zone": "UTC"}]),
            self.agreed("hal", approvals={"approvers": ["boss@hal.example"], "sources": ["file"]}),
        ]
        away = self.agreed("lea", uid="6f459a1c-0000-4000-8000-000000000012")
        self.contracts.append(unreachable(away, bed["ada"], folder))

    def agreed(self, name: str, *, uid: str = "", **change: Any) -> Contract:
        server = self.bed[name if name in SERVERS else "ada"]
        where = {"uid": uid or server.uid, "kubeconfig": server.kubeconfig, "region": "here"}
        made = contract(f"{name}-eu-1", provider="aws", gpus={H100: 8}, **where)
        made["identity"]["ring"] = RINGS.get(name, "general")
        made["change"] = {**without_approvals(), **change}
        del made["models"]
        return made

    def install(self, version: str, clusters: str) -> None:
        """A release where there is none, without the prerequisites."""
        template = str(self.folder / "releases" / version / "ledger.yml.j2")
        play = {
            "hosts": clusters,
            "gather_facts": False,
            "module_defaults": {"group/fireworks.byoc.cluster": {"connection": "{{ byoc_connection }}"}},
            "vars": {"stack_release": {"version": version}},
            "tasks": [
                {
                    "fireworks.byoc.apply_set": {
                        "name": "stack",
                        "template": [template],
                        "annotations": {"byoc.fireworks.ai/release": version},
                    }
                }
            ],
        }
        playbook = self.folder / "install.yml"
        playbook.write_text(json.dumps([play]))
        inventory = write_fleet(self.folder / "all", self.contracts)
        done = run_playbook("-i", str(inventory), str(playbook))
        assert done.returncode == 0, done.stdout

    def run(self, releases: Path, title: str) -> Any:
        done = upgrade(self.folder / "all", self.contracts, releases, *POLICY, release=NEW)
        with REPORT.open("a") as report:
            told = done.stdout[done.stdout.index("\nPlan\n") :].lstrip()
            report.write(f"=== {title}\n{told}\n")
        return done

    def results(self, done: Any) -> dict[str, tuple[str, str]]:
        names = [one["identity"]["name"] for one in self.contracts]
        return {name.partition("-")[0]: tuple(ended(done, name)[4:6]) for name in names}  # type: ignore[misc]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    specs = [ClusterSpec(name, pools=[h100(1, 8, "aws")], load_seconds=0.2) for name in SERVERS]
    with Testbed.start(specs) as bed:
        for name in SERVERS:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fireworks-system"}}
            bed[name].request("POST", "/api/v1/namespaces", namespace)
        yield Fleet(bed, tmp_path)


STAYS = {
    "eve": ("waiting", "frozen"),
    "fay": ("waiting", "outside_window"),
    "hal": ("waiting", "approval"),
    "lea": ("skipped", "offline"),
    "ivy": ("unchanged", "already_there"),
}


@pytest.mark.soak
@pytest.mark.slow
def test_twelve_clusters_end_as_each_must(fleet: Fleet, tmp_path: Path) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("")
    publish(tmp_path, OLD, [])
    releases = publish(tmp_path, NEW, [])
    fleet.install(OLD, "byoc:!ivy-eu-1:!lea-eu-1")
    fleet.install(NEW, "ivy-eu-1")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "operation-lock", "namespace": "fireworks-system"},
        "spec": {"holderIdentity": "bob@desk/1", "leaseDurationSeconds": 3600, "renewTime": now, "acquireTime": now},
    }
    leases = NAMESPACE.replace("/api/v1", "/apis/coordination.k8s.io/v1") + "/leases"
    fleet.bed["gus"].request("POST", leases, lease)
    servers = {name: fleet.bed[name] for name in SERVERS}

    held = ("waiting", "earlier_wave")
    publish(tmp_path, NEW, ["ada-eu-1"])
    done = fleet.run(releases, "it breaks on the canary")
    assert done.returncode == 2, done.stdout
    assert fleet.results(done) == {
        **STAYS,
        "ada": ("failed", "rolled_back"),
        **dict.fromkeys(("ben", "cat", "dan", "joe", "kim"), held),
        "gus": fleet.results(done)["gus"],
    }
    assert fleet.results(done)["gus"] in (held, ("waiting", "locked"))
    assert {name for name in servers if edition_of(servers[name]) == NEW} == {"ivy"}
    assert entries(servers["ada"]) == [(OLD, NEW, "failed")]
    assert all(entries(servers[name]) == [] for name in servers if name != "ada")

    publish(tmp_path, NEW, ["ben-eu-1"])
    done = fleet.run(releases, "corrected; it breaks in the second wave")
    assert done.returncode == 2, done.stdout
    found = fleet.results(done)
    assert found["gus"] in (held, ("waiting", "locked"))
    assert found == {
        **STAYS,
        "ada": ("done", "go"),
        "ben": ("failed", "rolled_back"),
        "cat": ("done", "go"),
        **dict.fromkeys(("dan", "joe", "kim"), held),
        "gus": found["gus"],
    }
    assert {name for name in servers if edition_of(servers[name]) == NEW} == {"ada", "cat", "ivy"}
    assert release_of(servers["ben"])["release"] == OLD

    publish(tmp_path, NEW, [])
    done = fleet.run(releases, "corrected again")
    assert done.returncode == 2, done.stdout
    assert "1 of 12 clusters not completed: lea-eu-1." in " ".join(done.stdout.split()), done.stdout
    found = fleet.results(done)
    assert found == {
        **STAYS,
        **dict.fromkeys(("ada", "cat"), ("unchanged", "already_there")),
        **dict.fromkeys(("ben", "dan", "joe", "kim"), ("done", "go")),
        "gus": ("waiting", "locked"),
    }
    assert {name for name in servers if edition_of(servers[name]) == NEW} == {
        "ada",
        "ben",
        "cat",
        "dan",
        "ivy",
        "joe",
        "kim",
    }
    assert all(release_of(servers[name])["release"] == NEW for name in ("ada", "ben", "cat", "dan", "joe", "kim"))
    assert entries(servers["ben"]) == [(OLD, NEW, "failed"), (OLD, NEW, "good")]
    assert release_of(servers["gus"]) == {"release": OLD}
