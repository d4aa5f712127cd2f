# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``access_token`` against a real API server: credentials that come, stay, are renewed, and end."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.tokens import read_claims
from byoc_testbed.api import Api, ApiError
from tests.integration.plays import AS_MODULE, Outcome, connection_to, perform_tasks, token_in

SPACE = "default"
ACCOUNTS = f"/api/v1/namespaces/{SPACE}/serviceaccounts"
NAME = "short-lived"
USER = f"system:serviceaccount:{SPACE}:{NAME}"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


@pytest.fixture
def birch(bed: Any) -> Iterator[Any]:
    """A cluster with the account."""
    cluster = bed["birch"]
    make_account(cluster)
    yield cluster
    end_account(cluster)


def make_account(cluster: Any) -> None:
    cluster.request("POST", ACCOUNTS, {"metadata": {"name": NAME}})


def end_account(cluster: Any) -> None:
    try:
        cluster.request("DELETE", f"{ACCOUNTS}/{NAME}")
    except ApiError as error:
        assert error.status == 404


def task(kubeconfig: Path | None = None, **options: Any) -> dict[str, Any]:
    keywords = {key: options.pop(key) for key in list(options) if key in ("environment", "check_mode")}
    given = {"service_account": NAME, "namespace": SPACE, **options}
    if kubeconfig:
        given["kubeconfig"] = str(kubeconfig)
    return {"fireworks.byoc.access_token": given, **keywords}


def go(cluster: Any, folder: Path, *tasks: dict[str, Any], **more: Any) -> Outcome:
    outcome = perform_tasks(folder, connection_to(cluster), *tasks, **more)
    assert "Traceback" not in outcome.output
    return outcome


def answer_to(cluster: Any, token: str) -> int:
    api = Api(cluster.server, cluster.ca_file, token)
    try:
        api.request("POST", REVIEWS, REVIEW)
    except ApiError as error:
        return int(error.status)
    finally:
        api.close()
    return 201


@pytest.mark.floor
def test_a_credential_comes_stays_and_ends(birch: Any, tmp_path: Path) -> None:
    path = tmp_path / "short.kubeconfig"
    notes = {"reason": "a test\nusers: []", "for": "alice"}
    [checked] = go(birch, tmp_path, task(path), flags=("--check", "--diff")).results
    assert not path.exists()
    made, again, ended_check = go(
        birch,
        tmp_path,
        task(path, lifetime=600, annotations=notes),
        task(path, lifetime=600),
        task(path, state="absent", check_mode=True),
    ).results
    assert (checked["changed"], checked["why"], checked["valid_until"]) == (True, "there is no file", "")
    assert made["changed"] is True
    assert (made["user"], made["lifetime"]) == (USER, 600)
    assert "kubeconfig" not in made
    assert (again["changed"], again["why"], again["valid_until"]) == (False, "", made["valid_until"])
    assert (ended_check["changed"], ended_check["evidence"]) == (True, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob(".short*")] == []
    head = path.read_text().split("apiVersion")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert "# for: alice" in head
    assert f"delete serviceaccount {NAME}" in head
    token = token_in(path)
    assert answer_to(birch, token) == 201

    outcome = go(birch, tmp_path, task(path, state="absent"), task(path, state="absent"))
    ended, nothing = outcome.results
    assert ended["changed"] is True
    assert ended["evidence"]["status"] == 401
    assert 0 <= ended["evidence"]["seconds"] < 15
    print("evidence:", ended["evidence"])
    assert answer_to(birch, token) == 401
    assert not path.exists()
    assert (nothing["changed"], nothing["evidence"]) == (False, {})
    assert token not in outcome.output


def test_the_module_and_the_action_do_the_same(birch: Any, tmp_path: Path) -> None:
    path = tmp_path / "short.kubeconfig"
    made, kept, inline, missing, also_missing = go(
        birch,
        tmp_path,
        task(path, **AS_MODULE),
        task(path),
        task(**AS_MODULE),
        task(path, service_account="nobody", **AS_MODULE),
        task(path, service_account="nobody"),
    ).results
    assert (made["changed"], kept["changed"]) == (True, False)
    assert made["valid_until"] == kept["valid_until"]
    assert yaml.safe_load(inline["kubeconfig"])["current-context"] == "birch"
    assert read_claims(yaml.safe_load(inline["kubeconfig"])["users"][0]["user"]["token"]).user == USER
    assert "there is no ServiceAccount default/nobody" in missing["msg"]
    assert missing["msg"] == also_missing["msg"]


@pytest.mark.soak
def test_what_is_not_good_is_renewed_and_why_is_said(bed: Any, birch: Any, tmp_path: Path) -> None:
    path = tmp_path / "short.kubeconfig"
    go(birch, tmp_path, task(path))
    good = path.read_text()

    def renewed(text: str, **options: Any) -> str:
        path.write_text(text)
        checked, result = go(birch, tmp_path, task(path, check_mode=True, **options), task(path, **options)).results
        assert (checked["changed"], checked["why"]) == (True, result["why"])
        assert result["changed"] is True
        assert token_in(path) != token_in(good)
        assert answer_to(birch, token_in(path)) == 201
        return str(result["why"])

    assert "is for another server" in renewed(good.replace(birch.server, bed["acme"].server))
    assert "the kubeconfig is not YAML" in renewed("a: [")
    assert "it is no short-lived token" in renewed(good.replace(token_in(good), "abc"))
    assert "too little of its life" in renewed(good, renew_below=1.0)
    assert "of another account" in renewed(Path(birch.kubeconfig_for_service_account(SPACE, "default")).read_text())
    forged = good.replace(token_in(good), token_in(good)[:-40] + "A" * 40)
    assert "the API server does not accept it" in renewed(forged)
    path.chmod(0o644)
    assert "its mode is 0644" in renewed(good)
    end_account(birch)
    make_account(birch)
    assert "made anew" in renewed(good)


def test_a_file_of_somebody_else_ends_nothing(bed: Any, birch: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.kubeconfig"
    other.write_text(Path(birch.kubeconfig_for_service_account(SPACE, "default")).read_text())
    refused = go(birch, tmp_path, task(other, state="absent")).result
    assert refused["failed"]
    assert f"holds no token of {USER}" in refused["msg"]
    assert birch.request("GET", f"{ACCOUNTS}/{NAME}")
    assert other.exists()


@pytest.mark.parametrize(
    ("options", "connection", "message"),
    [
        ({"lifetime": 60}, {}, "no token for less than 600 s"),
        ({"renew_below": 2}, {}, "a share is between 0 and 1"),
        ({}, {"cluster_uid": "11111111-2222-3333-4444-555555555555"}, "this is the wrong cluster"),
        ({"kubeconfig": "/proc/none/short.kubeconfig"}, {}, "cannot write /proc/none/short.kubeconfig"),
    ],
)
def test_refusals(
    birch: Any, tmp_path: Path, options: dict[str, Any], connection: dict[str, Any], message: str
) -> None:
    given = {"kubeconfig": str(tmp_path / "never"), **options}
    outcome = perform_tasks(tmp_path, connection_to(birch, **connection), task(**given), flags=("--diff",))
    assert outcome.result["failed"]
    assert message in outcome.result["msg"]
    assert not (tmp_path / "never").exists()
    assert not outcome.result.get("written"), "a token was issued that nobody holds"


@pytest.mark.soak
def test_nobody_who_works_with_the_file_notices_a_renewal(birch: Any, tmp_path: Path) -> None:
    path = tmp_path / "short.kubeconfig"
    go(birch, tmp_path, task(path))
    over, answers = threading.Event(), []

    def work() -> None:
        while not over.is_set():
            answers.append(answer_to(birch, token_in(path)))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        time.sleep(0.2)
        tokens = {token_in(path)}
        for _ in range(3):
            results = go(birch, tmp_path, *[task(path, renew_below=1.0)] * 5).results
            assert all(result["changed"] for result in results)
            tokens.add(token_in(path))
    finally:
        over.set()
        worker.join()
    assert len(tokens) == 4
    assert len(answers) > 50
    assert set(answers) == {201}
    print(f"15 renewals, {len(answers)} calls, failed: 0")
