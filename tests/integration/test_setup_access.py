# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setup access, granted, used and revoked on a real API server; and the credentials that are renewed.

fireworks.byoc.grant_setup_access, fireworks.byoc.revoke_setup_access, fireworks.byoc.rotate_credentials.
What a grant may not do is in test_setup_bounds.py.
"""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import (
    GUARDRAILS,
    PRODUCTS_GUARDRAIL,
)
from byoc_testbed.api import Api, ApiError
from demo.contracts import write_fleet
from tests.integration.journey import NO_REQUESTS, agreed, as_admin, changes, line, onboard, ours, play, wipe
from tests.integration.killing import begin_playbook, kill, wait_for_task
from tests.integration.plays import token_in

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def hours_from_now(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def grant(cluster: Any, folder: Path, path: Path, *options: str, who: str = "alice", until: str = "2h") -> Any:
    return play("grant_setup_access", folder, [agreed(cluster)], *asking(cluster, path, who, until), *options)


def asking(cluster: Any, path: Path, who: str = "alice", until: str = "2h") -> list[str]:
    """The options that ask for a grant."""
    given = {"grantee": who, "reason": "a test", "grant_until": until, "setup_kubeconfig": str(path)}
    extra = [word for key, value in given.items() if value for word in ("-e", yaml.safe_dump({key: value}).strip())]
    return [*as_admin(cluster), *(word if word == "-e" else "{" + word + "}" for word in extra)]


def revoke(cluster: Any, folder: Path, name: str, *options: str) -> Any:
    options = (*as_admin(cluster), "-e", f"setup_grant={name}", *options)
    return play("revoke_setup_access", folder, [agreed(cluster)], *options)


def name_in(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["users"][0]["name"])


def api(cluster: Any, token: str) -> Api:
    return Api(cluster.server, cluster.ca_file, token)


def who(cluster: Any, token: str) -> int:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return refusal(api(cluster, token), "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)[0]


def refusal(by: Api, method: str, path: str, body: Any = None, content_type: str = "") -> tuple[int, str]:
    try:
        by.request(method, path, body, content_type)
    except ApiError as error:
        return int(error.status), str(error)
    return 200, ""


def is_there(cluster: Any, path: str) -> bool:
    return refusal(cluster.api, "GET", path)[0] == 200


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    """A cluster on which nothing of ours is, before and after."""
    cluster = bed["acme"]
    assert ours(cluster) == {}
    yield cluster
    wipe(cluster)
    assert not is_there(cluster, f"{ADMISSION}/validatingadmissionpolicies/fireworks-setup")


@pytest.mark.soak
def test_a_grant_is_made_used_and_revoked(acme: Any, tmp_path: Path) -> None:
    path, until = tmp_path / "setup.kubeconfig", hours_from_now(2)
    checked = grant(acme, tmp_path, path, "--check", "--diff", until=until)
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert ours(acme) == {}, "check mode wrote"
    assert not path.exists()

    made = grant(acme, tmp_path, path, until=until)
    assert made.returncode == 0, made.stdout
    assert " done " in line(made, "acme-eu-1")
    assert "proved" in line(made, "acme-eu-1", "setup-alice-a-test-")
    assert changes(checked, "acme-eu-1") == changes(made, "acme-eu-1") > 0, "check mode promised otherwise"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    name, token = name_in(path), token_in(path)
    assert name == "setup-alice-a-test-" + until.replace("-", "").replace(":", "").replace("T", "-")[:13]
    head = path.read_text().split("apiVersion")[0]
    assert all(said in head for said in ("granted to: alice", "reason: a test", f"valid until: {until[:16]}", name))
    assert token not in made.stdout
    again = grant(acme, tmp_path, path, until=until)
    assert "unchanged" in line(again, "acme-eu-1"), again.stdout
    assert token_in(path) == token
    prerequisites = not_of_setup(acme)
    for name_of_guardrail in set(GUARDRAILS) - {PRODUCTS_GUARDRAIL}:  # there is one product
        assert f"{ADMISSION}/validatingadmissionpolicybindings /{name_of_guardrail}" in prerequisites

    # Everything else that onboarding does, with nothing but the grant; then it ends, and serving goes on.
    as_alice = ("-e", f"admin_kubeconfig={path}")
    done = onboard(tmp_path, agreed(acme), options=as_alice)
    assert done.returncode == 0, done.stdout
    assert " done " in line(done, "acme-eu-1")
    before = not_of_setup(acme)
    assert {place: before[place] for place in prerequisites} == prerequisites
    assert any("deployments" in place for place in before)

    asked = revoke(acme, tmp_path, name, "-e", f"setup_kubeconfig={path}", "--check")
    assert "would change" in line(asked, "acme-eu-1"), asked.stdout
    assert path.exists()
    assert who(acme, token) == 200
    gone = revoke(acme, tmp_path, name, "-e", f"setup_kubeconfig={path}")
    assert gone.returncode == 0, gone.stdout
    proof = line(gone, "acme-eu-1", "refused with 401 after")
    print("evidence:", " ".join(proof.split()))
    assert who(acme, token) == 401
    assert not path.exists()
    assert ours(acme) == before
    assert not is_there(acme, "/api/v1/namespaces/fireworks-setup")


def not_of_setup(cluster: Any) -> dict[str, str]:
    """Everything of ours but setup access."""
    return {place: digest for place, digest in ours(cluster).items() if "fireworks-setup" not in place}


@pytest.mark.soak
def test_a_grant_does_not_onboard_where_the_prerequisites_are_not_as_agreed(acme: Any, tmp_path: Path) -> None:
    path, edited = tmp_path / "setup.kubeconfig", "/api/v1/namespaces/fireworks-models"
    assert grant(acme, tmp_path, path).returncode == 0
    acme.request("PATCH", edited, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})
    before = ours(acme)
    done = onboard(tmp_path, agreed(acme), options=("-e", f"admin_kubeconfig={path}"))
    assert done.returncode == 2, done.stdout
    said = " ".join(done.stdout.split())
    assert "metadata.labels[pod-security.kubernetes.io/enforce] is privileged; it should be restricted" in said, said
    assert "kubectl label namespace fireworks-models pod-security.kubernetes.io/enforce=restricted" in said
    assert ours(acme) == before
    stricter = agreed(acme)
    stricter["compliance"]["egress"] = ["10.0.0.0/16"]
    acme.request("PATCH", edited, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    done = onboard(tmp_path, stricter, options=("-e", f"admin_kubeconfig={path}"))
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout
    assert "NetworkPolicy fireworks-models/approved-egress" in said, said
    assert "ansible-playbook fireworks.byoc.presetup -i <inventory> -e clusters=acme-eu-1" in said


def accounts(cluster: Any) -> list[str]:
    """The accounts in the place of grants that are ours."""
    return [place.rpartition("/")[2] for place in ours(cluster) if "serviceaccounts fireworks-setup/" in place]


def ends_of(cluster: Any, name: str) -> str:
    account = cluster.request("GET", f"/api/v1/namespaces/fireworks-setup/serviceaccounts/{name}")
    return str(account["metadata"]["annotations"]["byoc.fireworks.ai/until"])


@pytest.mark.soak
def test_a_grant_that_was_killed_before_its_credential_was_kept_is_taken_up_by_the_next_run(
    acme: Any, tmp_path: Path
) -> None:
    path = tmp_path / "setup.kubeconfig"
    inventory = write_fleet(tmp_path, [agreed(acme)])
    options = ("-i", str(inventory), "-e", "clusters=byoc", *asking(acme, path))
    running = begin_playbook("fireworks.byoc.grant_setup_access", *options)
    try:
        wait_for_task(running, "Get its credential")
    finally:
        kill(running)
    [name] = accounts(acme)
    path.unlink(missing_ok=True)  # where it had got so far already
    ends = ends_of(acme, name)
    time.sleep(1.1)  # a span from now ends at another time now

    other = grant(acme, tmp_path, path, until="3h")
    assert other.returncode == 2, other.stdout
    said = " ".join(other.stdout.split())
    assert f"a grant to alice with this reason is open and is not what was asked for: {name}" in said, said
    assert f"revoke it with fireworks.byoc.revoke_setup_access -e setup_grant={name}" in said, said
    assert not path.exists()
    for turn in ("first", "second"):
        again = grant(acme, tmp_path, path)
        assert again.returncode == 0, again.stdout
        assert (" done " if turn == "first" else " unchanged ") in line(again, "acme-eu-1"), again.stdout
        assert accounts(acme) == [name_in(path)] == [name]
        assert ends_of(acme, name) == ends
        assert who(acme, token_in(path)) == 200
    gone = revoke(acme, tmp_path, name, "-e", f"setup_kubeconfig={path}")
    assert gone.returncode == 0, gone.stdout
    assert ours(acme) == not_of_setup(acme) != {}


@pytest.mark.soak
def test_grants_stand_side_by_side_and_a_vault_may_take_one(acme: Any, tmp_path: Path) -> None:
    alices, bobs = tmp_path / "alice.kubeconfig", tmp_path / "bob.kubeconfig"
    assert grant(acme, tmp_path, alices).returncode == 0
    vault = tmp_path / "to_vault.yml"
    copy = {"content": "{{ setup_access_kubeconfig }}", "dest": str(bobs), "mode": "0600"}
    vault.write_text(yaml.safe_dump([{"name": "Keep it", "ansible.builtin.copy": copy}]))
    handed = grant(acme, tmp_path, Path(), "-e", f"setup_access_tasks={vault}", "-e", "setup_kubeconfig=", who="Bob")
    assert handed.returncode == 0, handed.stdout
    assert "handed over" in line(handed, "acme-eu-1", "setup-bob")
    assert token_in(bobs) not in handed.stdout
    assert token_in(bobs)[:40] not in handed.stdout
    gone = revoke(acme, tmp_path, name_in(alices), "-e", f"setup_kubeconfig={alices}")
    assert name_in(bobs) in line(gone, "acme-eu-1", "refused with 401"), gone.stdout
    assert who(acme, token_in(bobs)) == 200
    last = revoke(acme, tmp_path, name_in(bobs))
    assert "not at hand" in line(last, "acme-eu-1", "setup-bob")
    assert not is_there(acme, "/api/v1/namespaces/fireworks-setup")


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"until": "2020-01-01T00:00Z"}, "is in the past"),
        ({"until": "5m"}, "is too soon"),
        ({"until": "30d"}, "at most 7 days"),
        ({"until": "tomorrow"}, "write a duration like 8h"),
        ({"who": ""}, "grantee is not given, which is who gets setup access: -e grantee="),
    ],
)
def test_a_grant_that_is_none_is_refused(bed: Any, tmp_path: Path, given: dict[str, str], message: str) -> None:
    done = grant(bed["acme"], tmp_path, tmp_path / "setup.kubeconfig", **given)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split()), done.stdout
    assert ours(bed["acme"]) == {}


@pytest.mark.soak
def test_a_grant_says_who_grants_it_and_where_it_goes(bed: Any, tmp_path: Path) -> None:
    cluster = bed["acme"]
    options = ("-e", "grantee=alice", "-e", "reason=test", "-e", "grant_until=2h")
    for playbook, more, message in (
        ("grant_setup_access", options, "works with an administrator's credential, and none is named"),
        ("grant_setup_access", (*as_admin(cluster), *options), "it is not said where the credential goes"),
        ("revoke_setup_access", as_admin(cluster), "no setup grant is named"),
        ("rotate_credentials", (), "the folder of credentials is not named"),
        ("grant_setup_access", (*as_admin(cluster), *options, *_no_place("setup_kubeconfig")), "cannot write"),
        ("issue_operator_credential", (*as_admin(cluster), *_no_place("operator_kubeconfig")), "cannot write"),
        ("rotate_credentials", _no_place("credentials_dir"), "cannot write"),
    ):
        for flags in ((), ("--check",)):
            done = play(playbook, tmp_path, [agreed(cluster)], *more, *flags)
            assert done.returncode != 0
            assert message in " ".join(done.stdout.split()), done.stdout
    assert ours(cluster) == {}


def _no_place(option: str) -> tuple[str, str]:
    """The option with a path that nobody can write to."""
    return "-e", f"{option}=/proc/none/a"


@pytest.mark.soak
def test_a_grant_whose_credential_cannot_be_handed_over_is_taken_back(acme: Any, tmp_path: Path) -> None:
    vault = tmp_path / "vault.yml"
    vault.write_text(yaml.safe_dump([{"name": "Store it", "ansible.builtin.fail": {"msg": "the vault is sealed"}}]))
    done = play(
        "grant_setup_access",
        tmp_path,
        [agreed(acme)],
        *as_admin(acme),
        *("-e", "grantee=alice", "-e", "reason=test", "-e", "grant_until=2h", "-e", f"setup_access_tasks={vault}"),
    )
    assert done.returncode == 2, done.stdout
    assert ours(acme) == not_of_setup(acme) != {}, "the prerequisites stay, and nothing of the grant does"


@pytest.mark.soak
def test_a_grant_gives_itself_up_and_what_is_left_of_it_is_without_power(acme: Any, tmp_path: Path) -> None:
    alices, bobs = tmp_path / "alice.kubeconfig", tmp_path / "bob.kubeconfig"
    assert grant(acme, tmp_path, alices).returncode == 0
    assert grant(acme, tmp_path, bobs, who="bob").returncode == 0
    name, bob, token = name_in(alices), name_in(bobs), token_in(alices)
    needed = onboard(tmp_path, agreed(acme), options=("-e", f"admin_kubeconfig={alices}"))
    assert "no longer needed: run revoke_setup_access" in line(needed, "acme-eu-1", name), needed.stdout
    others = f"/api/v1/namespaces/fireworks-setup/serviceaccounts/{bob}"
    status, said = refusal(api(acme, token), "DELETE", others)
    assert (status, '" cannot delete resource' in said) == (403, True), said
    done = onboard(tmp_path, agreed(acme), options=("-e", f"admin_kubeconfig={alices}", "-e", "revoke_setup=true"))
    assert done.returncode == 0, done.stdout
    assert "given up: its token is refused with 401 after" in line(done, "acme-eu-1", name), done.stdout
    assert who(acme, token) == 401
    assert not alices.exists()
    # Its role and binding stay, for the administrator to remove; until then the place of grants does too.
    gone = revoke(acme, tmp_path, bob, "-e", f"setup_kubeconfig={bobs}")
    assert name in line(gone, "acme-eu-1", "refused with 401"), gone.stdout
    assert is_there(acme, "/api/v1/namespaces/fireworks-setup")
    last = revoke(acme, tmp_path, name)
    assert last.returncode == 0, last.stdout
    assert not is_there(acme, "/api/v1/namespaces/fireworks-setup")
    assert not is_there(acme, f"{RBAC}/clusterrolebindings/fireworks-{name}")


@pytest.mark.soak
def test_credentials_are_renewed_under_those_who_use_them(acme: Any, tmp_path: Path) -> None:
    assert onboard(tmp_path, agreed(acme)).returncode == 0
    folder = tmp_path / "credentials"
    first = rotate(agreed(acme), tmp_path, folder)
    assert first.returncode == 0, first.stdout
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == 6
    assert "renewed" in line(first, "acme-eu-1", "observer")
    operator = folder / "acme-eu-1-operator.kubeconfig"
    as_operator = agreed(acme, kubeconfig=operator)  # from here on with the operator's own file
    kept = rotate(as_operator, tmp_path, folder)
    assert "unchanged" in line(kept, "acme-eu-1"), kept.stdout
    assert "kept" in line(kept, "acme-eu-1", "operator")
    checked = rotate(as_operator, tmp_path, folder, "-e", "credentials_renew_below=1.0", "--check")
    assert "would be renewed" in line(checked, "acme-eu-1", "operator"), checked.stdout

    over, answers = threading.Event(), []
    watched = [folder / name for name in files]

    def work() -> None:
        while not over.is_set():
            answers.extend(who(acme, token_in(path)) for path in watched)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        tokens = {token_in(operator)}
        for _ in range(3):
            done = rotate(as_operator, tmp_path, folder, "-e", "credentials_renew_below=1.0")
            assert done.returncode == 0, done.stdout
            tokens.add(token_in(operator))
    finally:
        over.set()
        worker.join()
    assert len(tokens) == 4
    assert set(answers) == {200}
    print(f"3 rotations of 6 credentials, {len(answers)} calls, failed: {len(answers) - answers.count(200)}")
    assert sorted(path.name for path in folder.iterdir()) == files, "something was left behind"
    status = play("status", tmp_path, [agreed(acme, kubeconfig=folder / "acme-eu-1-observer.kubeconfig")], *NO_REQUESTS)
    assert "ready" in line(status, "acme-eu-1"), status.stdout


def rotate(contract: Any, tmp_path: Path, folder: Path, *options: str) -> Any:
    return play("rotate_credentials", tmp_path, [contract], "-e", f"credentials_dir={folder}", *options)
