# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fireworks.byoc.access_token on a real API server."""

from __future__ import annotations

import contextlib
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._connection import open_session
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.permissions import who_am_i
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.tokens import life_of
from byoc_testbed.errors import ApiError
from tests.integration.plays import AS_MODULE, connection_to, run_tasks

SPACE = "default"
USER = f"system:serviceaccount:{SPACE}:worker"


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    """A cluster with one account."""
    birch = bed["birch"]
    birch.request("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": {"name": "worker"}})
    yield birch
    with contextlib.suppress(ApiError):
        birch.request("DELETE", f"/api/v1/namespaces/{SPACE}/serviceaccounts/worker")


def keep(path: Path | None, **more: Any) -> dict[str, Any]:
    given = {"service_account": "worker", "namespace": SPACE, **({"kubeconfig": str(path)} if path else {}), **more}
    keywords = {key: given.pop(key) for key in AS_MODULE if key in given}
    return {"fireworks.byoc.access_token": given, **keywords}


def does(cluster: Any, folder: Path, *tasks: dict[str, Any], flags: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return run_tasks(folder, connection_to(cluster), *tasks, flags=flags).results


def bearer(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["users"][0]["user"]["token"])


def test_a_token_is_issued_once_kept_and_ended_with_a_proof(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "worker.kubeconfig"
    [checked] = does(cluster, tmp_path, keep(path), flags=("--check",))
    assert checked["changed"] and not path.exists()
    issued, kept, as_module = does(cluster, tmp_path, keep(path), keep(path), keep(path, **AS_MODULE))
    assert "msg" not in issued, issued["msg"]
    assert (issued["changed"], kept["changed"], as_module["changed"]) == (True, False, False)
    assert issued["user"] == USER
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bearer(path) not in str([issued, kept])
    connection = connection_to(cluster, kubeconfig_file=str(path))
    assert who_am_i(open_session(connection)) == USER
    assert sorted(p.name for p in tmp_path.glob(".worker*")) == [], "a temporary file was left"

    end = keep(path, state="absent")
    [would_end] = does(cluster, tmp_path, end, flags=("--check",))
    assert would_end["changed"] and path.exists()
    ended, again = does(cluster, tmp_path, end, end)
    assert ended["proof"]["status"] == 401
    assert ended["proof"]["seconds"] < 15
    assert not path.exists()
    assert again == {**again, "changed": False}


def test_a_token_with_too_little_left_is_renewed_and_the_old_one_lives_on(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "worker.kubeconfig"
    does(cluster, tmp_path, keep(path, lifetime=600))
    old = bearer(path)
    [renewed] = does(cluster, tmp_path, keep(path, lifetime=1200, renew_below=1))
    assert renewed["changed"]
    life = life_of(bearer(path))
    assert life is not None and life.ends - life.issued == renewed["lifetime"] == 1200
    session = open_session({**connection_to(cluster, kubeconfig_file=None), "server": cluster.server,
                            "token": old, "ca_file": str(cluster.ca_file)})  # fmt: skip
    assert who_am_i(session) == USER


@pytest.mark.parametrize("content", ["no yaml: [", "", "apiVersion: v1\nkind: Config\n"])
def test_a_file_that_is_no_credential_is_replaced(cluster: Any, tmp_path: Path, content: str) -> None:
    path = tmp_path / "worker.kubeconfig"
    path.write_text(content)
    [issued] = does(cluster, tmp_path, keep(path))
    assert issued["changed"]
    assert life_of(bearer(path)) is not None


def test_a_token_of_an_account_made_anew_is_replaced(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "worker.kubeconfig"
    does(cluster, tmp_path, keep(path))
    cluster.request("DELETE", f"/api/v1/namespaces/{SPACE}/serviceaccounts/worker")
    cluster.request("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": {"name": "worker"}})
    [issued] = does(cluster, tmp_path, keep(path, state="present"))
    # The API server may know the old token for 10 s yet; if it does, the next run replaces it.
    assert issued["user"] == USER


def test_what_cannot_be_issued_is_said_in_one_sentence(cluster: Any, tmp_path: Path) -> None:
    nobody, short, nowhere = does(
        cluster,
        tmp_path,
        keep(tmp_path / "a", service_account="nobody"),
        keep(tmp_path / "a", lifetime=60),
        keep(tmp_path / "no" / "such" / "folder"),
    )
    assert "there is no ServiceAccount default/nobody" in nobody["msg"]
    assert "issues none shorter than 600 s" in short["msg"]
    assert "cannot be written: No such file or directory" in nowhere["msg"]
    assert not (tmp_path / "a").exists()


def test_without_a_file_the_kubeconfig_is_the_result(cluster: Any, tmp_path: Path) -> None:
    [issued] = does(cluster, tmp_path, keep(None, notes=["for the vault"]))
    assert issued["kubeconfig"].startswith("# for the vault\n")
    assert yaml.safe_load(issued["kubeconfig"])["current-context"] == "birch"


def test_rotation_under_a_loop_of_calls_fails_none_of_them(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "worker.kubeconfig"
    does(cluster, tmp_path, keep(path, lifetime=600))
    users: list[str] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            users.append(who_am_i(open_session(connection_to(cluster, kubeconfig_file=str(path)))))

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    tokens = set()
    try:
        for turn in range(4):
            does(cluster, tmp_path, keep(path, lifetime=600 + turn, renew_below=1))
            tokens.add(bearer(path))
    finally:
        done.set()
        for caller in callers:
            caller.join()
    assert len(tokens) == 4
    assert len(users) > 50
    assert set(users) == {USER}
