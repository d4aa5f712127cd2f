# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.audit_access``: green on what the contract says, and everything else found, named and mendable."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import Contract, write_fleet
from tests.integration.ansible_runs import run_playbook
from tests.integration.governed import RBAC, apply_presetup, compiled, governed
from tests.integration.journey import agreed, ending, line, ours, play, versions
from tests.integration.plays import connection_to, run_tasks

OBSERVER = {"kind": "ServiceAccount", "name": "observer", "namespace": "fireworks-system"}
SYSTEM = f"{RBAC}/namespaces/fireworks-system"
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[tuple[Any, Contract]]:
    """A cluster with the prerequisites, compiled as the playbooks compile it."""
    cluster = bed["acme"]
    with governed(cluster) as contract:
        [read] = run_tasks(tmp_path, connection_to(cluster), {"fireworks.byoc.cluster_info": {}}).results
        objects = compiled(contract, read["facts"]["api_server"])
        apply_presetup(cluster, contract, definition=objects)
        yield cluster, contract


def audit(cluster: Any, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return play("audit_access", folder, [agreed(cluster)], *options, clusters="acme-eu-1")


@pytest.mark.soak
def test_green_and_red_and_repaired(acme: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = acme
    before, stamps = ours(cluster), versions(cluster)
    for options in (
        ("--check",),
        ("-e", f"admin_kubeconfig={cluster.kubeconfig}", "-e", f"admin_context={cluster.name}"),
    ):
        started = time.monotonic()
        done = audit(cluster, tmp_path, *options)
        print(f"audited in {time.monotonic() - started:.1f} s")
        assert done.returncode == 0, done.stdout
        assert "passed" in line(done, "acme-eu-1")
        assert re.search(r"acme-eu-1 +observer +\d+ +0 +0\n", done.stdout)
        assert re.search(r"acme-eu-1 +everybody +3 +0 +0\n", done.stdout)
        assert "changed=0" in done.stdout
    assert (ours(cluster), versions(cluster)) == (before, stamps)

    spoil(cluster)
    try:
        done = audit(cluster, tmp_path)
    finally:
        for path in (f"{RBAC}/clusterrolebindings/extra", f"{RBAC}/clusterrolebindings/for-all"):
            cluster.request("DELETE", path)
    assert done.returncode == 2, done.stdout
    said = done.stdout
    assert "refused" in line(done, "acme-eu-1")
    assert "Action required by: customer (Acme Security <security@acme.example>)\n" in ending(done)
    assert 'ClusterRoleBinding "extra" of ClusterRole "view"' in said
    assert "ServiceAccount fireworks-system/observer  foreign binding  gets ClusterRole view" in said
    assert re.search(r"acme-eu-1 +everybody +too many +.*nodes/proxy in the cluster", said)
    assert re.search(r"acme-eu-1 +telemetry +too many +.*create, delete, .*pods", said)
    assert re.search(r"acme-eu-1 +metrics-reader +too few +get services/proxy router:8001", said)
    assert re.search(r"acme-eu-1 +deployer +too few +", said)
    assert re.search(
        r"ResourceQuota fireworks-models/approved-gpus +spec.hard\[requests.nvidia.com/gpu\] +16 +64", said
    )
    assert re.search(r"RoleBinding fireworks-system/fireworks-metrics-reader +there +missing", said)
    assert re.search(r"NetworkPolicy fireworks-system/closed +spec.ingress", said)
    assert "kubectl delete clusterrolebinding extra" in said
    assert "kubectl edit clusterrolebinding for-all   # and remove Group system:authenticated" in said
    assert "the prerequisites are incomplete" in said
    assert "Action required by: customer (Acme Security <security@acme.example>)." in said

    # the commands it printed fix it: kubectl's as they are printed, and the set anew for the rest.
    message = said.split("To fix it:")[-1]
    for command in re.findall(r"^  kubectl (-n \S+ (?:patch|delete) .*)$", message, re.MULTILINE):
        cluster.kubectl(*shlex.split(command))
    [read] = run_tasks(tmp_path, connection_to(cluster), {"fireworks.byoc.cluster_info": {}}).results
    objects = compiled(contract, read["facts"]["api_server"])
    apply_presetup(cluster, contract, definition=objects, force_conflicts=True)
    time.sleep(0.5)
    done = audit(cluster, tmp_path)
    assert done.returncode == 0, done.stdout


def spoil(cluster: Any) -> None:
    """A foreign binding, a wildcard, a rule that is gone, an edited quota, a deleted binding, a grant to everybody."""

    def bind(name: str, role: str, subject: dict[str, Any]) -> None:
        reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": role}
        body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        cluster.request("POST", f"{RBAC}/clusterrolebindings", body)

    def change(path: str, patch: Any) -> None:
        cluster.request("PATCH", f"{path}?fieldManager=kubectl-edit", patch)

    bind("extra", "view", OBSERVER)
    bind("for-all", "system:kubelet-api-admin", {"kind": "Group", "name": "system:authenticated"})
    pods = {"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}
    change(f"{SYSTEM}/roles/fireworks-telemetry", {"rules": [pods]})
    change(f"{RBAC}/namespaces/fireworks-models/roles/fireworks-deployer", {"rules": []})
    cluster.request("DELETE", f"{SYSTEM}/rolebindings/fireworks-metrics-reader")
    quota = "/api/v1/namespaces/fireworks-models/resourcequotas/approved-gpus"
    change(quota, {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}})
    policies = "/apis/networking.k8s.io/v1/namespaces/fireworks-system/networkpolicies"
    change(f"{policies}/closed", {"spec": {"ingress": [{}]}})
    time.sleep(0.5)


def test_whoever_may_not_ask_gets_one_clear_message(acme: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, _contract = acme
    observer = cluster.kubeconfig_for_service_account("fireworks-system", "observer")
    done = audit(cluster, tmp_path, "-e", f"admin_kubeconfig={observer}")
    assert done.returncode == 2
    assert "it lacks create on subjectaccessreviews of the group authorization.k8s.io, cluster-wide" in done.stdout
    assert "Action required by: customer" in done.stdout


def test_a_cluster_without_us_is_said_to_have_nothing(bed: Any, tmp_path: Path) -> None:
    inventory = write_fleet(tmp_path, [agreed(bed["birch"])])
    done = run_playbook("fireworks.byoc.audit_access", "-i", str(inventory), "-e", "clusters=birch-eu-1")
    assert done.returncode == 2
    assert "birch-eu-1: the prerequisites are missing; nothing was changed." in done.stdout
    assert ours(bed["birch"]) == {}
