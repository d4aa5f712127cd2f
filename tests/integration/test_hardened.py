# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding with the operator's own identity, in a cluster whose administrators have run the presetup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CONNECTING, PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.audit_log import by_identity_and_verb, calls
from tests.integration.journey import NO_REQUESTS, as_admin, hardened, line, onboard, ours, play, versions, wipe
from tests.integration.upgrades import NEW, OLD, QUICK, REQUESTED_BY, ended, publish, rollback


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    """A cluster on which the customer has made the presetup, and nothing more."""
    cluster = bed["acme"]
    assert ours(cluster) == {}
    contract = hardened(cluster, cluster.kubeconfig)
    made = play("presetup", tmp_path / "presetup", [contract], *as_admin(cluster))
    assert " done " in line(made, "acme-eu-1"), made.stdout
    yield cluster
    wipe(cluster)


@pytest.fixture
def operator(acme: Any) -> dict[str, Any]:
    """The contract, with the operator's credential."""
    return hardened(acme, acme.kubeconfig_for_service_account("fireworks-system", "operator"))


@pytest.fixture(scope="module")
def serving(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Another cluster, onboarded in hardened mode, for tests that do not change it."""
    cluster, folder = bed["birch"], tmp_path_factory.mktemp("serving")
    assert ours(cluster) == {}
    admin = hardened(cluster, cluster.kubeconfig)
    play("presetup", folder, [admin], *as_admin(cluster))
    token = cluster.kubeconfig_for_service_account("fireworks-system", "operator")
    assert onboard(folder, hardened(cluster, token)).returncode == 0
    yield cluster
    wipe(cluster)


def test_the_operator_onboards_validates_and_shows_the_status(acme: Any, operator: Any, tmp_path: Path) -> None:
    made = ours(acme)
    checked = onboard(tmp_path, operator, options=("--check", "--diff"))
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert ours(acme) == made, "check mode wrote"

    done = onboard(tmp_path, operator)
    assert done.returncode == 0, done.stdout
    assert " done " in line(done, "acme-eu-1")
    stamps = versions(acme)
    again = onboard(tmp_path, operator)
    assert "unchanged" in line(again, "acme-eu-1"), again.stdout
    assert versions(acme) == stamps
    status = play("status", tmp_path, [operator], clusters="")
    assert line(status, "acme-eu-1").split()[2:6] == ["ready", "2026.11.0", "1/1", "2/2"]


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize(
    ("playbook", "identity"),
    [(name, who) for name, who in PLAYBOOKS.items() if who in CONNECTING],
)
def test_every_playbook_runs_as_the_identity_that_it_declares(
    serving: Any, tmp_path: Path, playbook: str, identity: str
) -> None:
    contract = hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", identity))
    contract["change"] = {"approvals": {"stack_upgrade": "none", "model_change": "none"}}
    known = {"clusters": "byoc", "model": "llama-3-1-8b", "revision": 1, "confirm": "retire"}
    known |= {"cluster": "birch-eu-1", "node": "h100-0", "credentials_dir": str(tmp_path)}
    known |= {"release": NEW, "to": OLD, "releases": str(publish(tmp_path))}
    taken = {each.name for each in VARIABLES if playbook in each.playbooks}
    given = ("-e", json.dumps({name: value for name, value in known.items() if name in taken}))
    done = play(playbook, tmp_path, [contract], *NO_REQUESTS, *REQUESTED_BY, *QUICK, *given, clusters="")
    assert done.returncode == 0, done.stdout
    assert "failed=0" in done.stdout
    if playbook == "upgrade":
        assert ended(done, "birch-eu-1")[4:6] == ["done", "go"], done.stdout
        assert rollback(tmp_path, [contract]).returncode == 0, "the next test finds another release"


def test_no_cluster_admin_anywhere_but_in_the_presetup(tmp_path: Path) -> None:
    with Testbed.start([ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)]) as bed:
        cluster = bed["acme"]
        play("presetup", tmp_path / "presetup", [hardened(cluster, cluster.kubeconfig)], *as_admin(cluster))
        operator = hardened(cluster, cluster.kubeconfig_for_service_account("fireworks-system", "operator"))
        begun = cluster.audit_log.stat().st_size
        done = onboard(tmp_path, operator)
        assert done.returncode == 0, done.stdout
        made = list(calls(cluster.audit_log, after=begun))
    assert {call.user for call in made} == {"system:serviceaccount:fireworks-system:operator"}
    written = {call.namespace for call in made if call.verb in ("create", "patch", "update", "delete")}
    assert written <= {"fireworks-system", "fireworks-models", ""}
    in_no_namespace = {call.resource for call in made if call.verb == "create" and not call.namespace}
    assert in_no_namespace <= {"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews"}
    report = ROOT / "build" / "hardened_onboarding.md"
    report.parent.mkdir(exist_ok=True)
    report.write_text(
        "\n".join(["# Who did what while a hardened cluster was onboarded", "", *by_identity_and_verb(made), ""])
    )


MODELS, SYSTEM = "/api/v1/namespaces/fireworks-models", "/api/v1/namespaces/fireworks-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
NETWORK = "/apis/networking.k8s.io/v1/namespaces/fireworks-models/networkpolicies"
MERGE = "application/merge-patch+json"
PLAYBOOK = "ansible-playbook fireworks.byoc.presetup"


#: How somebody may have edited the presetup: what is done, how it is named, and the command that fixes it.
EDITS = [
    ("PATCH", f"{MODELS}/resourcequotas/approved-gpus", {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}},
     "ResourceQuota fireworks-models/approved-gpus: spec.hard[requests.nvidia.com/gpu]",
     "kubectl -n fireworks-models patch"),
    ("PATCH", MODELS, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
     "Namespace fireworks-models: metadata.labels[pod-security.kubernetes.io/enforce]", "kubectl label namespace"),
    ("DELETE", f"{SYSTEM}/serviceaccounts/observer", None,
     "ServiceAccount fireworks-system/observer: It is missing", PLAYBOOK),
    ("DELETE", f"{NETWORK}/closed", None, "NetworkPolicy fireworks-models/closed: It is missing", PLAYBOOK),
    ("DELETE", f"{RBAC}/clusterrolebindings/fireworks-node-medic", None,
     "ClusterRoleBinding fireworks-node-medic: It is missing", PLAYBOOK),
    ("PATCH", f"{RBAC}/namespaces/fireworks-models/roles/fireworks-router", {"rules": []},
     "Role fireworks-models/fireworks-router", PLAYBOOK),
    ("PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/fireworks-batch", {"description": "ours now"},
     "PriorityClass fireworks-batch: description", "kubectl patch priorityclass fireworks-batch"),
    ("DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-nodes", None,
     "ValidatingAdmissionPolicyBinding fireworks-nodes: It is missing", PLAYBOOK),
    ("PATCH", f"{ADMISSION}/validatingadmissionpolicies/fireworks-workloads", {"spec": {"failurePolicy": "Ignore"}},
     "ValidatingAdmissionPolicy fireworks-workloads: spec.failurePolicy",
     "kubectl patch validatingadmissionpolicy"),
]  # fmt: skip


def test_an_edited_and_partial_presetup_is_named_with_what_fixes_it_and_nothing_is_done(
    serving: Any, tmp_path: Path
) -> None:
    are_named_and_nothing_is_done(serving, tmp_path, EDITS)


@pytest.mark.soak
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit[3].partition(":")[0])
def test_each_edit_alone_is_named_with_what_fixes_it_and_nothing_is_done(
    serving: Any, tmp_path: Path, edit: tuple[Any, ...]
) -> None:
    are_named_and_nothing_is_done(serving, tmp_path, [edit])


def are_named_and_nothing_is_done(serving: Any, folder: Path, edits: list[tuple[Any, ...]]) -> None:
    """Make the edits, onboard, and have the customer's administrator repair them."""
    contract = hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", "operator"))
    before = versions(serving)
    try:
        for verb, path, body, _named, _command in edits:
            serving.request(verb, path, body, MERGE if verb == "PATCH" else "")
        done = onboard(folder, contract)
        said = " ".join(done.stdout.split())
        assert done.returncode == 2
        for _verb, _path, _body, named, command in edits:
            assert named in said, done.stdout
            assert command in said
        assert "Birch Security <security@birch.example>" in said
    finally:
        repaired = play("presetup", folder, [contract], *as_admin(serving), "-e", "presetup_force_conflicts=true")
        assert repaired.returncode == 0, repaired.stdout
    assert len(versions(serving)) == len(before)
    assert onboard(folder, contract).returncode == 0


def test_an_old_presetup_is_named_as_such(serving: Any, tmp_path: Path) -> None:
    contract = hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", "operator"))
    contract["compliance"]["egress"] = ["10.0.0.0/16"]
    done = onboard(tmp_path, contract)
    said = " ".join(done.stdout.split())
    assert "NetworkPolicy fireworks-models/approved-egress" in said, done.stdout
    assert PLAYBOOK in said
