# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setup access: granted for hours, bounded, ended with a proof. And the credentials that stay, renewed in time.

fireworks.byoc.grant_setup_access, fireworks.byoc.revoke_setup_access, fireworks.byoc.rotate_credentials.
"""

from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed.errors import TestbedError
from tests.integration.journey import agreed, line, offboard, onboard, ours, play


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    cluster = bed["acme"]
    assert ours(cluster) == {}
    yield cluster
    contract = agreed(cluster)
    play("revoke_setup_access", tmp_path / "cleanup", [contract], *as_admin(cluster))
    offboard(tmp_path / "cleanup", contract)
    assert ours(cluster) == {}


def as_admin(cluster: Any) -> tuple[str, ...]:
    return ("-e", f"admin_kubeconfig={cluster.kubeconfig}")


def grant(folder: Path, cluster: Any, *options: str) -> subprocess.CompletedProcess[str]:
    said = ("-e", "who=jane", "-e", "reason=onboarding", "-e", f"setup_kubeconfig={folder / 'setup'}")
    return play("grant_setup_access", folder, [agreed(cluster)], *as_admin(cluster), *said, *options)


def revoke(folder: Path, cluster: Any, *options: str) -> subprocess.CompletedProcess[str]:
    given = ("-e", f"setup_kubeconfig={folder / 'setup'}")
    return play("revoke_setup_access", folder, [agreed(cluster)], *as_admin(cluster), *given, *options)


def test_setup_access_onboards_and_ends_with_a_proof(acme: Any, tmp_path: Path) -> None:
    checked = grant(tmp_path, acme, "--check", "--diff")
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert ours(acme) == {} and not (tmp_path / "setup").exists()

    granted = grant(tmp_path, acme)
    assert " done " in line(granted, "acme-eu-1"), granted.stdout
    assert stat.S_IMODE((tmp_path / "setup").stat().st_mode) == 0o600
    assert "# Setup access of jane to acme-eu-1, until " in (tmp_path / "setup").read_text()

    setup = agreed(acme, kubeconfig=tmp_path / "setup")
    done = onboard(tmp_path, setup)
    assert done.returncode == 0, done.stdout
    assert "no longer needed" in line(done, "acme-eu-1", "setup-jane"), done.stdout
    models = acme.request("GET", "/apis/apps/v1/namespaces/fireworks-models/deployments")["items"]

    would = revoke(tmp_path, acme, "--check")
    assert "would change" in line(would, "acme-eu-1"), would.stdout
    revoked = revoke(tmp_path, acme)
    assert "refused with 401 after" in line(revoked, "acme-eu-1", "401"), revoked.stdout
    assert " done " in line(revoked, "acme-eu-1", "done")
    assert not (tmp_path / "setup").exists()
    after = acme.request("GET", "/apis/apps/v1/namespaces/fireworks-models/deployments")["items"]
    assert [m["status"]["readyReplicas"] for m in after] == [m["status"]["readyReplicas"] for m in models]
    assert "nothing changed" in line(revoke(tmp_path, acme), "acme-eu-1", "nothing")


def test_setup_access_can_give_itself_up(acme: Any, tmp_path: Path) -> None:
    grant(tmp_path, acme)
    setup = agreed(acme, kubeconfig=tmp_path / "setup")
    given_up = ("-e", f"admin_kubeconfig={tmp_path / 'setup'}", "-e", "revoke_setup=true")
    done = onboard(tmp_path, setup, options=given_up)
    assert done.returncode == 0, done.stdout
    assert "given up" in line(done, "acme-eu-1", "setup-jane")
    assert not (tmp_path / "setup").exists()
    accounts = acme.request("GET", "/api/v1/namespaces/fireworks-setup/serviceaccounts")["items"]
    assert not any(account["metadata"]["name"].startswith("setup-") for account in accounts)


@pytest.fixture
def setup_kubectl(acme: Any, tmp_path: Path) -> Any:
    """kubectl with a granted setup credential; what it answers, whether it succeeds or not."""
    assert grant(tmp_path, acme).returncode == 0
    bounded(acme)

    def kubectl(*arguments: str) -> str:
        try:
            return str(acme.kubectl(f"--kubeconfig={tmp_path / 'setup'}", *arguments))
        except TestbedError as error:
            return str(error)

    return kubectl


def bounded(cluster: Any) -> None:
    """A policy takes a moment until the API server enforces it."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/fireworks-setup"
    deadline = time.monotonic() + 20
    while True:
        policy = cluster.request("GET", path)
        if policy.get("status", {}).get("observedGeneration") == policy["metadata"]["generation"]:
            assert not policy["status"].get("typeChecking", {}).get("expressionWarnings")
            time.sleep(1)
            return
        assert time.monotonic() < deadline, policy
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("get", "secrets", "-n", "kube-system"), "cannot list resource"),
        (("create", "configmap", "x", "-n", "default"), "Setup access writes only in fireworks-system"),
        (("delete", "namespace", "kube-public"), "this namespace may not be deleted"),
        (("create", "clusterrole", "x", "--verb=get", "--resource=nodes"), "writes fireworks-* only"),
        (("delete", "validatingadmissionpolicy", "fireworks-setup"), "not its own bounds"),
        (
            ("create", "clusterrolebinding", "fireworks-x", "--clusterrole=cluster-admin", "--user=jane"),
            "attempting to grant RBAC permissions not currently held",
        ),
        (("delete", "node", "h100-0"), "cannot delete resource"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_setup_access_is_bounded(setup_kubectl: Any, arguments: tuple[str, ...], refusal: str) -> None:
    assert refusal in setup_kubectl(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-e", "valid=30d"), "valid: 30d is not between 10m and 7d"),
        (("-e", "who="), "Say for whom (-e who=jane)"),
        (("-e", "setup_access_tasks=x.yml"), "one of them. Nothing was changed"),
    ],
)
def test_a_grant_that_says_too_little_is_refused(
    acme: Any, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = grant(tmp_path, acme, *options)
    assert done.returncode == 2
    assert message in done.stdout
    assert ours(acme) == {}


def test_a_grant_can_go_to_a_vault_and_is_never_shown(acme: Any, tmp_path: Path) -> None:
    tasks = tmp_path / "store.yml"
    stored = tmp_path / "vault"
    tasks.write_text(
        "- name: Store it\n  ansible.builtin.copy:\n    content: '{{ byoc_setup_kubeconfig }}'\n"
        f"    dest: {stored}\n    mode: '0600'\n  no_log: true\n"
    )
    said = ("-e", "who=jane", "-e", "reason=onboarding", "-e", f"setup_access_tasks={tasks}", "-vvv")
    done = play("grant_setup_access", tmp_path, [agreed(acme)], *as_admin(acme), *said)
    assert done.returncode == 0, done.stdout
    token = stored.read_text().split("token:")[1].split()[0]
    assert token.count(".") == 2
    assert token not in done.stdout


def test_credentials_are_renewed_by_the_operator_himself(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)
    assert onboard(tmp_path, contract).returncode == 0
    folder = tmp_path / "credentials"
    folder.mkdir()
    first = folder / "acme-eu-1-operator.kubeconfig"
    first.write_bytes(Path(acme.kubeconfig_for_service_account("fireworks-system", "operator")).read_bytes())
    operator = agreed(acme, kubeconfig=first)
    rotate = ("-e", f"credentials_dir={folder}")
    checked = play("rotate_credentials", tmp_path, [operator], *rotate, "--check")
    assert "to be renewed" in line(checked, "acme-eu-1", "observer")
    assert len(list(folder.iterdir())) == 1
    done = play("rotate_credentials", tmp_path, [operator], *rotate)
    assert done.returncode == 0, done.stdout
    assert "renewed" in line(done, "acme-eu-1", "observer"), done.stdout
    identities = ("operator", "observer", "deployer", "upgrader", "node-medic", "metrics-reader")
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"acme-eu-1-{each}.kubeconfig" for each in identities)
    again = play("rotate_credentials", tmp_path, [operator], *rotate)
    assert again.returncode == 0
    assert "kept" in line(again, "acme-eu-1", "observer")
