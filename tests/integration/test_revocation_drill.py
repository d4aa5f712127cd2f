# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.revocation_drill``: all our access is revoked, models keep serving, and it is restored."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CONNECTING
from tests.integration.journey import NO_REQUESTS, as_admin, ending, hardened, line, offboard, onboard, ours, play
from tests.integration.plays import connection_to, perform

ACCOUNTS = "/api/v1/namespaces/fireworks-system/serviceaccounts"
CLUSTER = "acme-eu-1"


@pytest.fixture(scope="module")
def serving(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, Any], Path]]:
    """A cluster onboarded in hardened mode, its contract as the operator, and the folder of the credentials."""
    cluster, folder = bed["acme"], tmp_path_factory.mktemp("serving")
    assert ours(cluster) == {}
    credentials = folder / "credentials"
    credentials.mkdir()
    operator = credentials / f"{CLUSTER}-operator.kubeconfig"
    contract = hardened(cluster, operator)
    for playbook, options in (
        ("presetup", ()),
        ("issue_operator_credential", ("-e", f"operator_kubeconfig={operator}")),
    ):
        made = play(playbook, folder, [contract], *as_admin(cluster), *options)
        assert made.returncode == 0, made.stdout
    assert onboard(folder, contract).returncode == 0
    rotated = play("rotate_credentials", folder, [contract], "-e", f"credentials_dir={credentials}")
    assert rotated.returncode == 0, rotated.stdout
    yield cluster, contract, credentials
    gone = offboard(folder, contract, options=as_admin(cluster))
    assert gone.returncode == 0, gone.stdout
    assert ours(cluster) == {}


def drill(
    serving: tuple[Any, dict[str, Any], Path],
    folder: Path,
    *options: str,
    confirm: str = "drill",
    clusters: str = "byoc",
) -> subprocess.CompletedProcess[str]:
    cluster, contract, credentials = serving
    said = ("-e", f"credentials_dir={credentials}", "-e", f"confirm={confirm}")
    return play(
        "revocation_drill", folder, [contract], *as_admin(cluster), *NO_REQUESTS, *said, *options, clusters=clusters
    )


def pods(cluster: Any) -> dict[str, tuple[str, int, str]]:
    """Our pods: their UIDs, restarts, and since when they have been ready."""
    found = {}
    for namespace in ("fireworks-system", "fireworks-models"):
        for pod in cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]:
            restarts = sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
            [ready] = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
            found[pod["metadata"]["name"]] = (pod["metadata"]["uid"], restarts, ready["lastTransitionTime"])
    return found


def accounts(cluster: Any) -> dict[str, str]:
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in cluster.request("GET", ACCOUNTS)["items"]}


def withdraw(cluster: Any) -> None:
    """What the customer does in an emergency, and where a killed drill leaves the cluster."""
    for name in CONNECTING:
        cluster.request("DELETE", f"{ACCOUNTS}/{name}")


@pytest.mark.soak
def test_access_is_revoked_and_restored_and_models_keep_serving(serving: Any, tmp_path: Path) -> None:
    cluster, contract, credentials = serving
    before, running, made = ours(cluster), pods(cluster), accounts(cluster)
    old = {path.name: path.read_bytes() for path in credentials.iterdir()}
    assert len(running) >= 4
    assert len(old) == len(CONNECTING)

    done = drill(serving, tmp_path)
    assert done.returncode == 0, done.stdout
    assert " done " in line(done, CLUSTER)
    for identity in CONNECTING:
        said = line(done, CLUSTER, f" {identity} ")
        assert re.search(r"deleted +refused with 401 after \d+\.\d s +20\d\d-", said), said
        assert "401: Unauthorized" in said
        assert "renew the credential" not in said, "that it is refused is intended"
    assert "none gone, restarted or unready" in line(done, CLUSTER, "the same pods")
    assert "no request was sent" in line(done, CLUSTER, "endpoint reachability")

    assert ours(cluster) == before
    assert pods(cluster) == running
    now = accounts(cluster)
    assert {name for name in made if now[name] != made[name]} == set(CONNECTING)
    assert {path.name for path in credentials.iterdir()} == set(old)
    assert all(path.read_bytes() != old[path.name] for path in credentials.iterdir())
    again = onboard(tmp_path, contract)
    assert "unchanged" in line(again, CLUSTER), again.stdout
    assert pods(cluster) == running


@pytest.mark.soak
def test_withdrawn_access_is_said_clearly_and_restored_by_the_next_drill(serving: Any, tmp_path: Path) -> None:
    cluster, contract, credentials = serving
    before, running = ours(cluster), pods(cluster)
    withdraw(cluster)
    wait_for_401(cluster, tmp_path, contract)
    kept = ("-e", f"credentials_dir={credentials}")
    for playbook, options in (("onboard", ()), ("validate", ()), ("rotate_credentials", kept)):
        done = play(playbook, tmp_path, [contract], *NO_REQUESTS, *options)
        assert done.returncode == 2, done.stdout
        said = ending(done)
        assert said.count("with 401: Unauthorized\n  Fix     renew the credential") == 1, done.stdout
        asked = "Action required by: customer (Acme Cloud Platform <cloud@acme.example>)"
        assert said.count(asked) == said.count("docs/runbooks/credential-expired.md") == 1
        assert "failed" in line(done, CLUSTER)
    shown = play("status", tmp_path, [contract], clusters="")
    assert "with 401: Unauthorized. Next: renew the credential" in line(shown, CLUSTER, "unreachable")
    assert pods(cluster) == running

    done = drill(serving, tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"was missing +was refused with 401 before", line(done, CLUSTER, " observer ")), done.stdout
    assert "401: Unauthorized" in line(done, CLUSTER, " observer ")
    assert ours(cluster) == before
    assert pods(cluster) == running
    assert "unchanged" in line(onboard(tmp_path, contract), CLUSTER)


def wait_for_401(cluster: Any, folder: Path, contract: Any) -> None:
    """The API server may remember for 10 s that it has accepted a token."""
    for _ in range(30):
        if "401" in line(play("status", folder, [contract], clusters=""), CLUSTER):
            return
    raise AssertionError("the operator's token is still accepted")


@pytest.mark.soak
def test_nothing_happens_in_check_mode_or_unless_it_is_meant(serving: Any, tmp_path: Path) -> None:
    cluster, _contract, credentials = serving
    before = (accounts(cluster), {path.name: path.read_bytes() for path in credentials.iterdir()})
    checked = drill(serving, tmp_path, "--check", "--diff")
    assert "would change" in line(checked, CLUSTER), checked.stdout
    assert re.search(r"would be deleted +accepted; would be refused", line(checked, CLUSTER, " operator "))
    for options, message in (
        ({"confirm": ""}, "to do so, add -e confirm=drill"),
        ({"clusters": ""}, "no clusters are named"),
    ):
        refused = drill(serving, tmp_path, **options)
        assert refused.returncode == 2
        assert message in " ".join(refused.stdout.split())
    assert before == (accounts(cluster), {path.name: path.read_bytes() for path in credentials.iterdir()})


@pytest.mark.soak
def test_a_drill_that_proves_nothing_still_restores_access(serving: Any, tmp_path: Path) -> None:
    """No second is left for the token to be refused in, and the API server remembers it for longer."""
    cluster, contract, credentials = serving
    for _ in range(3):
        before, running, made = ours(cluster), pods(cluster), accounts(cluster)
        old = {path.name: path.read_bytes() for path in credentials.iterdir()}
        done = drill(serving, tmp_path, "-e", "drill_refusal_timeout=0")
        if done.returncode == 2:
            break  # else this machine was slower than the API server forgets, and the token was refused in time
    assert done.returncode == 2
    said = " ".join(ending(done).split())
    assert "the token of observer was not refused with 401 in 0 s" in said, done.stdout
    assert "Acme Cloud Platform <cloud@acme.example>" in said
    assert "deleted" in line(done, CLUSTER, "accepted before, not tried since")
    assert ours(cluster) == before
    assert pods(cluster) == running
    assert not set(accounts(cluster).values()) & {made[name] for name in CONNECTING}
    assert all(path.read_bytes() != old[path.name] for path in credentials.iterdir())
    assert "unchanged" in line(onboard(tmp_path, contract), CLUSTER)


GRANT = "setup-alice-test-20261124-1800"
WORK = {"run_id": "one", "holder": "sre@controller", "purpose": "deploy_models", "duration": 60}


def end_all_tokens(serving: Any, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    cluster, contract, credentials = serving
    said = ("-e", f"setup_grant={GRANT}", "-e", "end_all_tokens=true", "-e", f"credentials_dir={credentials}")
    return play("revoke_setup_access", folder, [contract], *as_admin(cluster), *said, *options)


def accepted(cluster: Any, token: str) -> bool:
    """Whether the API server takes it for that of one of our accounts."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    review = cluster.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
    return bool(review["status"].get("authenticated"))


@pytest.mark.soak
def test_a_revocation_ends_all_tokens_when_that_is_asked_for(serving: Any, tmp_path: Path) -> None:
    cluster, contract, credentials = serving
    before, running, made = ours(cluster), pods(cluster), accounts(cluster)
    old = {path.name: path.read_bytes() for path in credentials.iterdir()}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    hidden = cluster.request("POST", f"{ACCOUNTS}/observer/token", body)["status"]["token"]
    assert accepted(cluster, hidden)

    lock = perform(connection_to(cluster), "fireworks.byoc.operation_lock", **WORK)
    assert lock["held"], lock
    refused = end_all_tokens(serving, tmp_path)
    perform(connection_to(cluster), "fireworks.byoc.operation_lock", **WORK, state="absent")
    assert refused.returncode == 2, refused.stdout
    said = " ".join(ending(refused).split())
    assert "would interrupt deploy_models, which sre@controller/one has carried out since 20" in said, said
    assert "or add -e confirm=interrupt" in said
    checked = end_all_tokens(serving, tmp_path, "--check")
    assert "would change" in line(checked, CLUSTER), checked.stdout
    assert re.search(r"would be deleted +accepted; would be refused", line(checked, CLUSTER, " operator "))
    assert (accounts(cluster), accepted(cluster, hidden)) == (made, True)

    done = end_all_tokens(serving, tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"nothing +ended", line(done, CLUSTER, GRANT)), done.stdout
    for identity in CONNECTING:
        assert re.search(r"deleted +refused with 401 after \d+\.\d s +20\d\d-", line(done, CLUSTER, f" {identity} "))
    assert not accepted(cluster, hidden)
    assert {name for name in made if accounts(cluster)[name] != made[name]} == set(CONNECTING)
    assert {path.name for path in credentials.iterdir()} == set(old)
    assert all(path.read_bytes() != old[path.name] for path in credentials.iterdir())
    assert (ours(cluster), pods(cluster)) == (before, running)
    assert "unchanged" in line(onboard(tmp_path, contract), CLUSTER)


@pytest.fixture
def somebody_elses(serving: Any) -> Iterator[str]:
    """An administrator's credential where the observer's should be."""
    cluster, _contract, credentials = serving
    place = credentials / f"{CLUSTER}-observer.kubeconfig"
    kept = place.read_bytes()
    place.write_bytes(Path(cluster.kubeconfig).read_bytes())
    yield "the credential of observer belongs to "
    place.write_bytes(kept)


@pytest.fixture
def granted(serving: Any) -> Iterator[str]:
    """A setup grant that nobody has ended."""
    cluster, _contract, _credentials = serving
    label = {"app.kubernetes.io/managed-by": "fireworks-byoc"}
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-setup"}})
    account = {"metadata": {"name": "setup-jane", "labels": label}}
    cluster.request("POST", "/api/v1/namespaces/fireworks-setup/serviceaccounts", account)
    yield "a setup grant is still there (setup-jane)"
    cluster.request("DELETE", "/api/v1/namespaces/fireworks-setup/serviceaccounts/setup-jane")
    cluster.request("DELETE", "/api/v1/namespaces/fireworks-setup")


@pytest.mark.soak
@pytest.mark.parametrize("reason", ["somebody_elses", "granted"])
def test_a_drill_that_could_not_prove_all_withdraws_nothing(
    serving: Any, tmp_path: Path, reason: str, request: pytest.FixtureRequest
) -> None:
    message = request.getfixturevalue(reason)
    before = accounts(serving[0])
    done = drill(serving, tmp_path)
    assert done.returncode == 2
    said = " ".join(ending(done).split())
    assert message in said, done.stdout
    assert re.search("(othing|no account of ours|No account of ours) was changed Fix ", said), said
    assert accounts(serving[0]) == before
