# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding with the operator's own identity, in a cluster whose administrators have run the presetup.

fireworks.byoc.plan_presetup, fireworks.byoc.issue_operator_credential and the whole journey by the documentation.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.tokens import read_claims
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import GUARDRAILS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CONNECTING
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    EVICTION_ROLE,
    PRIORITIES,
    product_class,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import ADDED
from byoc_testbed import ClusterSpec, Testbed
from demo.contracts import write_fleet
from tests.beds import H100, h100
from tests.integration.ansible_runs import ROOT, commands_of, run_playbook, run_script
from tests.integration.audit_log import by_identity_and_verb, calls
from tests.integration.journey import (
    NO_REQUESTS,
    as_admin,
    bare,
    hardened,
    line,
    onboard,
    ours,
    play,
    versions,
    wipe,
    without_approvals,
)
from tests.integration.kubelets import kubelets_for
from tests.integration.nothing_proved import fleet
from tests.integration.plays import token_in
from tests.integration.upgrades import NEW, OLD, QUICK, RELEASES, REQUESTED_BY, ended, publish, rollback

#: Nothing waits for an approval, replicas may be moved, and the observer sees what other pods take, without which no
#: capacity is known.
AGREED: dict[str, Any] = {
    "change": without_approvals(),
    "health": {"observer_may_list": ["pods"]},
    "efficiency": {"mode": "execute"},
}


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
    admin = {**hardened(cluster), **AGREED}
    play("presetup", folder, [admin], *as_admin(cluster))
    token = cluster.kubeconfig_for_service_account("fireworks-system", "operator")
    assert onboard(folder, {**hardened(cluster, token), **AGREED}).returncode == 0
    yield cluster
    wipe(cluster)


@pytest.mark.soak
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


@pytest.mark.soak
def test_every_release_that_is_shipped_gets_past_the_guardrails(
    acme: Any, operator: dict[str, Any], tmp_path: Path
) -> None:
    for release in sorted(path.parent.name for path in RELEASES.glob("*/release.yml")):
        checked = onboard(tmp_path, {**operator, "stack": {"release": release}}, options=("--check",))
        assert "would change" in line(checked, "acme-eu-1"), checked.stdout


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("playbook", "identity"),
    [(name, who) for name, who in PLAYBOOKS.items() if who in CONNECTING],
)
def test_every_playbook_runs_as_the_identity_that_it_declares(
    serving: Any, tmp_path: Path, playbook: str, identity: str
) -> None:
    contract = {**hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", identity)), **AGREED}
    known = {"clusters": "byoc", "model": "llama-3-1-8b", "revision": 1, "confirm": "retire"}
    known |= {"cluster": "birch-eu-1", "node": "h100-0", "credentials_dir": str(tmp_path)}
    known |= {"release": NEW, "to": OLD, "releases": str(publish(tmp_path)), "kubernetes": "1.37"}
    taken = {each.name for each in VARIABLES if playbook in each.playbooks}
    if playbook == "support_bundle":
        taken -= {"model"}  # A bundle is about a node or a model.
    given = ("-e", json.dumps({name: value for name, value in known.items() if name in taken}))
    with kubelets_for(playbook, serving, tmp_path):
        done = play(playbook, tmp_path, [contract], *NO_REQUESTS, *REQUESTED_BY, *QUICK, *given, clusters="")
    assert done.returncode == 0, done.stdout
    assert "failed=0" in done.stdout
    if playbook == "upgrade":
        assert ended(done, "birch-eu-1")[4:6] == ["done", "go"], done.stdout
        assert rollback(tmp_path, [contract]).returncode == 0, "the next test finds another release"


#: The page of which the commands are run as they stand there; the names that it says are to be replaced are kept.
PAGE = ROOT / "docs" / "guides" / "hardened.md"
NAME, OURS = "globex-fra-1", "system:serviceaccount:fireworks-system:"


@pytest.mark.soak
def test_the_hardened_journey_is_documented_whole_and_needs_no_administrator_afterwards(tmp_path: Path) -> None:
    """From nothing to serving and back by the commands of the page alone; the audit log says who did what."""
    with Testbed.start([ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)]) as bed:
        cluster = bed["acme"]
        credential = tmp_path / "credentials" / f"{NAME}-operator.kubeconfig"
        write_fleet(tmp_path, [hardened(cluster, credential, name=NAME)])
        (tmp_path / "group_vars").mkdir()
        # The testbed's pods are simulated, and answer no request.
        (tmp_path / "group_vars" / "all.yml").write_text("validate_http_request: false\nmodel_bake: 0\n")
        (tmp_path / "admin.kubeconfig").write_bytes(cluster.kubeconfig.read_bytes())
        after = [0]
        for command in commands_of(PAGE):
            done = run_script(command, tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            after.append(cluster.audit_log.stat().st_size)
        begun, ended = after[position("issue_operator_credential") + 1], after[position("offboard")]
        whole = list(calls(cluster.audit_log))
        made = list(calls(cluster.audit_log, after=begun, until=ended))
        assert ours(cluster) == {}
    assert any(not call.user.startswith(OURS) for call in whole), "the log does not show the administrator"
    assert {call.user for call in made if not call.user.startswith(OURS)} == set()
    assert f"{OURS}operator" in {call.user for call in made}
    written = {call.namespace for call in made if call.verb in ("create", "patch", "update", "delete")}
    assert written <= {"fireworks-system", "fireworks-models", ""}
    in_no_namespace = {call.resource for call in made if call.verb == "create" and not call.namespace}
    assert in_no_namespace <= {"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews"}
    report = ROOT / "build" / "hardened_onboarding.md"
    report.parent.mkdir(exist_ok=True)
    report.write_text(
        "\n".join(["# Who did what while a hardened cluster was onboarded", "", *by_identity_and_verb(made), ""])
    )


def position(playbook: str) -> int:
    """Where the one command with this playbook is."""
    [found] = [number for number, command in enumerate(commands_of(PAGE)) if f"fireworks.byoc.{playbook} " in command]
    return found


# -- the first credential ------------------------------------------------------------------------------------------


def issue(cluster: Any, folder: Path, *options: str, **access: Any) -> subprocess.CompletedProcess[str]:
    """Issue the operator's credential where the contract refers to it, which is of no use before."""
    credential = folder / "operator.kubeconfig"
    contract = hardened(cluster, credential)
    contract["access"] |= access
    given = ("-e", f"operator_kubeconfig={credential}")
    return play("issue_operator_credential", folder, [contract], *as_admin(cluster), *given, *options)


@pytest.mark.soak
def test_the_first_credential_is_issued_only_where_the_prerequisites_are_as_the_contract_wants_them(
    bed: Any, tmp_path: Path
) -> None:
    credential = tmp_path / "operator.kubeconfig"
    with bare(bed["acme"], tmp_path) as cluster:
        contract = hardened(cluster, credential)
        none = issue(cluster, tmp_path)
        said = " ".join(none.stdout.split())
        assert none.returncode == 2
        assert "1 difference in the prerequisites" in said, none.stdout
        assert f"{PLAYBOOK} -i <inventory> -e clusters=acme-eu-1" in said, none.stdout
        assert "acme-eu-1 REFUSED" in said
        assert "Acme Security <security@acme.example>" in said
        assert play("presetup", tmp_path, [contract], *as_admin(cluster)).returncode == 0
        before = versions(cluster)
        quota = f"{MODELS}/resourcequotas/approved-gpus"
        cluster.request("PATCH", quota, {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}}, MERGE)
        edited = issue(cluster, tmp_path)
        assert edited.returncode == 2
        assert "approved-gpus" in edited.stdout and not credential.exists()
        cluster.request("PATCH", quota, {"spec": {"hard": {"requests.nvidia.com/gpu": "16"}}}, MERGE)
        checked = issue(cluster, tmp_path, "--check")
        assert checked.returncode == 0, checked.stdout
        assert "would change" in line(checked, "acme-eu-1") and not credential.exists()
        done = issue(cluster, tmp_path, "-e", "credentials_lifetime=3600")
        assert done.returncode == 0, done.stdout
        assert read_claims(token_in(credential)).expires - time.time() == pytest.approx(3600, abs=60)
        assert token_in(credential) not in done.stdout
        assert "unchanged" in line(issue(cluster, tmp_path), "acme-eu-1")
        assert versions(cluster) == before
        assert_an_administrator_renews_what_has_expired(cluster, tmp_path)


def assert_an_administrator_renews_what_has_expired(cluster: Any, folder: Path) -> None:
    """With the credential that is given, not with the contract's, which nobody accepts any more."""
    gone = cluster.kubeconfig_with(folder / "gone.kubeconfig", token="gone")
    options = ("-e", f"credentials_dir={folder / 'renewed'}")
    refused = play("rotate_credentials", folder, [hardened(cluster, gone)], *options)
    assert refused.returncode == 2
    done = play("rotate_credentials", folder, [hardened(cluster, gone)], *as_admin(cluster), *options)
    assert done.returncode == 0, done.stdout
    assert f"the contract refers to {gone}, which is not among these files" in " ".join(done.stdout.split())
    renewed = sorted(path.name for path in (folder / "renewed").iterdir())
    assert renewed == sorted(f"acme-eu-1-{name}.kubeconfig" for name in CONNECTING)


@pytest.mark.parametrize("playbook", ["issue_operator_credential", "rotate_credentials", "revocation_drill"])
def test_a_longer_life_than_the_contract_allows_is_refused_before_anything_is_asked(
    playbook: str, tmp_path: Path
) -> None:
    contracts = fleet(tmp_path)  # where nobody listens: whoever asked a cluster would say so
    options = {
        "clusters": "byoc",
        "admin_kubeconfig": str(tmp_path / "dead.kubeconfig"),
        "credentials_dir": str(tmp_path),
        "operator_kubeconfig": str(tmp_path / "{{ inventory_hostname }}.kubeconfig"),
        "credentials_lifetime": 28801,
        "confirm": "drill",
    }
    taken = {each.name for each in VARIABLES if playbook in each.playbooks}
    if playbook == "support_bundle":
        taken -= {"model"}  # A bundle is about a node or a model.
    given = json.dumps({name: value for name, value in options.items() if name in taken})
    done = run_playbook(f"fireworks.byoc.{playbook}", "-i", str(contracts), "-e", given)
    said = " ".join(done.stdout.split())
    assert done.returncode == 2
    assert "acme-eu-1 allows 28800 s (access.token_lifetime), and 28801 s are asked for" in said
    assert "did not answer" not in said


# -- an older version of the prerequisites -----------------------------------------------------------------------------


@pytest.mark.soak
def test_prerequisites_of_an_older_version_work_on_and_a_line_says_what_they_lack(bed: Any, tmp_path: Path) -> None:
    with bare(bed["acme"], tmp_path) as cluster:
        contract, admin = hardened(cluster, tmp_path / "operator.kubeconfig"), as_admin(cluster)
        first = play("presetup", tmp_path, [contract], *admin, "-e", "presetup_version=1")
        assert first.returncode == 0, first.stdout
        assert not any(place.endswith(f"/{name}") for place in ours(cluster) for name in LATER)
        for done in (
            issue(cluster, tmp_path),
            onboard(tmp_path, contract),
            play("audit_access", tmp_path, [contract], *admin),
            play("rotate_credentials", tmp_path, [contract], "-e", f"credentials_dir={tmp_path / 'renewed'}"),
            play("status", tmp_path, [contract]),
        ):
            said = " ".join(done.stdout.split())
            assert done.returncode == 0, done.stdout
            assert "acme-eu-1: the prerequisites are of version 1 and work on; version 2 adds the guardrail" in said
            assert "ansible-playbook fireworks.byoc.presetup -i <inventory> -e clusters=acme-eu-1" in said
        before = (ours(cluster), versions(cluster))
        planned = planned_by(tmp_path, contract, *admin, "--check")
        assert planned["Versions"] == [{"cluster": "acme-eu-1", "applied": 1, "planned": 2, "adds": ADDED[2]}]
        assert ("operator", "gains") in {(row["identity"], row["change"]) for row in planned[RIGHTS]}
        readable = {*LATER, *CLASSES, "only presetup"}
        more = {
            (row["identity"], row["change"], row["right"])
            for row in planned[RIGHTS]
            if not any(name in row["right"] for name in readable)
        }
        assert more == OTHER_RIGHTS
        created = {row["object"] for row in planned[CHANGES] if row["will_be"] == "created"}
        policies = {f"ValidatingAdmissionPolicy{kind} {name}" for kind in ("", "Binding") for name in LATER}
        roles = {f"Role fireworks-models/{EVICTION_ROLE}"}
        quotas = {f"ResourceQuota {place}/objects" for place in ("fireworks-models", "fireworks-system")}
        assert created == policies | roles | quotas | {f"PriorityClass {name}" for name in CLASSES}
        assert (ours(cluster), versions(cluster)) == before
        newest = play("presetup", tmp_path, [contract], *admin)
        assert newest.returncode == 0, newest.stdout
        kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
        assert set(ours(cluster)) - set(before[0]) == {
            *(f"{ADMISSION}/{kind} /{name}" for kind in kinds for name in LATER),
            *(f"/apis/scheduling.k8s.io/v1/priorityclasses /{name}" for name in CLASSES),
            *(f"/api/v1/resourcequotas {place}/objects" for place in ("fireworks-models", "fireworks-system")),
            f"{RBAC}/roles fireworks-models/{EVICTION_ROLE}",
        }
        assert set(planned_by(tmp_path, contract, *admin)) == {"Versions"}


# Of one product there is only the sum to count.
LATER = set(GUARDRAILS) - {"fireworks-nodes", "fireworks-scope", "fireworks-workloads", "fireworks-products"}
CLASSES = {product_class(word, H100) for word in PRIORITIES}
#: Beside what has a guardrail's name: evictions by a grant, logs, and whether routers know a model.
OTHER_RIGHTS = {
    ("observer", "gains", "get pods/log"),
    ("operator", "gains", "get pods/proxy"),
    ("deployer", "gains", "get pods/proxy"),
    ("deployer", "gains", "list pods"),
    ("router", "loses", "everything that Role fireworks-router grants"),
    ("node-medic", "loses", "create pods/eviction"),
    ("node-medic", "gains", "create pods/eviction, only while you grant it"),
}
CHANGES, RIGHTS = "What would change", "Rights that would be gained or lost"


def planned_by(folder: Path, contract: dict[str, Any], *options: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of ``plan_presetup``, from the result for machines."""
    result = folder / "result.json"
    done = play("plan_presetup", folder, [contract], *options, "-e", f"result_file={result}")
    assert done.returncode == 0, done.stdout
    return {each["title"]: each["rows"] for each in json.loads(result.read_text())["reports"]}


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
    ("PATCH", f"{RBAC}/namespaces/fireworks-models/roles/fireworks-deployer", {"rules": []},
     "Role fireworks-models/fireworks-deployer", PLAYBOOK),
    ("PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/fireworks-batch", {"description": "ours now"},
     "PriorityClass fireworks-batch: description", "kubectl patch priorityclass fireworks-batch"),
    ("DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/fireworks-nodes", None,
     "ValidatingAdmissionPolicyBinding fireworks-nodes: It is missing", PLAYBOOK),
    ("PATCH", f"{ADMISSION}/validatingadmissionpolicies/fireworks-workloads", {"spec": {"failurePolicy": "Ignore"}},
     "ValidatingAdmissionPolicy fireworks-workloads: spec.failurePolicy",
     "kubectl patch validatingadmissionpolicy"),
]  # fmt: skip


@pytest.mark.soak
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
    contract = {**hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", "operator")), **AGREED}
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
    contract = {**hardened(serving, serving.kubeconfig_for_service_account("fireworks-system", "operator")), **AGREED}
    contract["compliance"]["egress"] = ["10.0.0.0/16"]
    done = onboard(tmp_path, contract)
    said = " ".join(done.stdout.split())
    assert "NetworkPolicy fireworks-models/approved-egress" in said, done.stdout
    assert PLAYBOOK in said
