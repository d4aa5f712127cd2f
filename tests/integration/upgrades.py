# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stack releases made for tests, upgrades over fleets on the testbed, and what the clusters hold afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import bundle_digest
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import file_hashes
from demo.contracts import Contract, write_fleet
from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import until
from tests.integration.journey import ours, play
from tests.integration.killing import begin_playbook, kill

RELEASES = ROOT / "roles" / "stack" / "files" / "releases"
OLD, NEW, NEWER, NEWEST = "2026.11.0", "2026.90.0", "2026.90.1", "2026.90.2"
REQUESTED_BY = ("-e", "requested_by=sre@fireworks.example")
QUICK = ("-e", "stack_bake=1", "-e", "stack_wait_timeout=20", "-e", "stack_deadline=60", "-e", "lock_duration=10")
NO_SOAK = ("-e", '{"policy": {"soak": 0}}')
NAMESPACE = "/api/v1/namespaces/fireworks-system"

_LEDGER = """---
# What is new in this release, in a few objects. On {{ broken }} its pods crash.
apiVersion: v1
kind: ConfigMap
metadata:
  name: ledger-{{ ('EDITION' | hash('sha256'))[:10] }}
  namespace: fireworks-system
  labels:
    app.kubernetes.io/managed-by: fireworks-byoc
    app.kubernetes.io/part-of: stack
    app.kubernetes.io/name: ledger
data: {edition: "EDITION"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ledger
  namespace: fireworks-system
  labels: &labels
    app.kubernetes.io/managed-by: fireworks-byoc
    app.kubernetes.io/part-of: stack
    app.kubernetes.io/name: ledger
    byoc.fireworks.ai/component: ledger
    byoc.fireworks.ai/release: {{ stack_release.version }}
spec:
  replicas: 1
  selector: {matchLabels: {byoc.fireworks.ai/component: ledger}}
  template:
    metadata:
      labels: *labels
      annotations:
        byoc.fireworks.ai/configuration: "EDITION"
        testbed/behaviour: "{{ 'crash' if inventory_hostname in BROKEN else '' }}"
    spec:
      serviceAccountName: telemetry
      enableServiceLinks: false
      priorityClassName: fireworks-standard
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: ledger
          image: {{ stack_images.telemetry }}
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}
"""


def publish(
    folder: Path, version: str = NEW, *, source: str = OLD, broken: Iterable[str] = (), edition: str = "1"
) -> Path:
    """The releases of the collection, and one more: with a ledger, and without telemetry.

    :param broken: the clusters on which the ledger's pods crash. Published again without them, it is corrected.
    """
    made = folder / "releases"
    if not made.exists():
        shutil.copytree(RELEASES, made)
    target = made / version
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(RELEASES / OLD, target)
    described = yaml.safe_load((target / "release.yml").read_text())
    described |= {"version": version, "upgrades_from": [source, OLD], "components": ["router", "ledger"]}
    (target / "release.yml").write_text(yaml.safe_dump(described))
    text = _LEDGER.replace("{{ broken }}", "some").replace("EDITION", edition).replace("BROKEN", repr(list(broken)))
    (target / "ledger.yml.j2").write_text(text)
    note_digest(target)
    return made


def note_digest(release: Path) -> None:
    """Write down what a release is, as whoever publishes it does: another one is not used."""
    digests = release.parent / "digests.yml"
    known = yaml.safe_load(digests.read_text()) if digests.exists() else {}
    digests.write_text(yaml.safe_dump({**known, release.name: bundle_digest(file_hashes(release))}))


def upgrade(
    folder: Path, contracts: Iterable[Contract], releases: Path, *options: str, release: str = NEW, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Run ``fireworks.byoc.upgrade`` over a fleet, with short waits."""
    asked = ("-e", f"release={release}", "-e", f"releases={releases}", *REQUESTED_BY)
    soak = () if any("policy" in option for option in options) else NO_SOAK
    return play("upgrade", folder, contracts, *asked, *QUICK, *soak, *options, **how)


def kill_upgrade(
    folder: Path, contracts: Iterable[Contract], releases: Path, release: str, *, reached: Callable[[], bool]
) -> None:
    """Begin an upgrade that would bake for long, and kill it and its workers once it has got somewhere."""
    inventory = write_fleet(folder, contracts)
    given = ("-e", "clusters=byoc", "-e", f"release={release}", "-e", f"releases={releases}", *REQUESTED_BY, *NO_SOAK)
    options = ("-i", str(inventory), *given, *QUICK, "-e", "stack_bake=600")
    running = begin_playbook("fireworks.byoc.upgrade", *options, log=folder / "killed.log")
    try:
        until(reached, "the upgrade did not get that far", seconds=90)
    finally:
        kill(running)


def edition_of(cluster: Any) -> str:
    """Which edition of the ledger a cluster has."""
    found = cluster.request("GET", f"{NAMESPACE}/configmaps")["items"]
    return next((str(one["data"]["edition"]) for one in found if one["metadata"]["name"].startswith("ledger")), "")


def deployments(cluster: Any) -> set[str]:
    """The names of the stack's deployments."""
    path = "/apis/apps/v1/namespaces/fireworks-system/deployments"
    return {one["metadata"]["name"] for one in cluster.request("GET", path)["items"]}


def rollback(
    folder: Path, contracts: Iterable[Contract], *options: str, to: str = OLD
) -> subprocess.CompletedProcess[str]:
    """Run ``fireworks.byoc.rollback_stack`` over a fleet; with an empty ``to``, without saying to which release."""
    return play("rollback_stack", folder, contracts, *QUICK, *(("-e", f"to={to}") if to else ()), *options)


def stack(cluster: Any) -> dict[str, str]:
    """The stack object by object, with a digest of each; not what upgrades leave to go back by."""
    return {
        place: digest
        for place, digest in ours(cluster).items()
        if "fireworks-system/" in place and "/stack-upgrade-" not in place and not place.endswith("/stack")
    }


def release_of(cluster: Any) -> dict[str, str]:
    """What the set's parent says of the release."""
    notes = cluster.request("GET", f"{NAMESPACE}/configmaps/stack")["metadata"]["annotations"]
    return {key.partition("/")[2]: text for key, text in notes.items() if "fireworks.ai/release" in key}


def entries(cluster: Any) -> list[tuple[str, str, str]]:
    """What the upgrades of a cluster came to, oldest first: from, to, state."""
    selector = "?labelSelector=byoc.fireworks.ai%2Fstack-upgrade"
    found = cluster.request("GET", f"{NAMESPACE}/configmaps{selector}")["items"]
    found.sort(key=lambda one: int(one["metadata"]["labels"]["byoc.fireworks.ai/stack-upgrade"]))
    notes = [{k.partition("/")[2]: v for k, v in one["metadata"]["annotations"].items()} for one in found]
    return [(each["from"], each["to"], each["state"]) for each in notes]


def ended(done: subprocess.CompletedProcess[str], cluster: str) -> list[str]:
    """The words of a cluster's row in the last table: wave, cluster, ring, from, result, code, …"""
    rows = [each.split() for each in done.stdout.partition("\nWaves\n")[2].splitlines()]
    found = [row for row in rows if len(row) > 5 and row[1] == cluster]
    assert found, done.stdout
    return found[0]
