# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a setup grant's holder left behind is named by the revocation and by the audit; and nothing else is.

fireworks.byoc.leftover_info, by fireworks.byoc.revoke_setup_access and fireworks.byoc.audit_access.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import Contract
from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import refusal
from tests.integration.holding import REFUSED, a_candidate, leave
from tests.integration.journey import NO_BAKE, NO_REQUESTS, agreed, as_admin, bare, line, onboard, play
from tests.integration.leaving_behind import Way, left, ways
from tests.integration.plays import connection_to, perform, token_in
from tests.integration.test_setup_access import api, grant, name_in, who
from tests.integration.upgrades import NO_SOAK, QUICK, REQUESTED_BY

CLUSTER = "acme-eu-1"


@pytest.fixture(scope="module")
def onboarded(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Contract]]:
    """A cluster that serves a model."""
    folder = tmp_path_factory.mktemp("onboarded")
    with bare(bed["acme"], folder) as cluster:
        contract = agreed(cluster)
        done = onboard(folder, contract)
        assert done.returncode == 0, done.stdout
        yield cluster, contract


def audit(contract: Contract, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return play("audit_access", folder, [contract], *options)


def scale(cluster: Any, namespace: str, name: str, replicas: int) -> None:
    """As an autoscaler does it."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
    cluster.request("PATCH", path, {"spec": {"replicas": replicas}})


def test_nothing_is_found_that_we_have_made(onboarded: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = onboarded
    scale(cluster, "fireworks-system", "router", 3)
    assert "passed" in line(audit(contract, tmp_path), CLUSTER)


def test_what_routers_are_told_is_held_against_the_services_of_models(onboarded: tuple[Any, Contract]) -> None:
    cluster, _contract = onboarded
    path = "/api/v1/namespaces/fireworks-system/configmaps/router-models"
    manifest = {"apiVersion": "v1", "kind": "ConfigMap"}
    manifest["metadata"] = {"name": "router-models", "namespace": "fireworks-system"}
    asked = {"accounted": [], "definition": [manifest]}

    def fields() -> set[str]:
        found = perform(connection_to(cluster), "fireworks.byoc.leftover_info", **asked)["altered"]
        return {each["field"] for each in found if each["field"].startswith("data")}

    told = cluster.request("GET", path)["data"]
    assert fields() == set()
    try:
        elsewhere = told["clusters.json"].replace("fireworks-models.svc", "elsewhere.svc")
        cluster.request("PATCH", path, {"data": {"clusters.json": elsewhere, "more.json": "{}"}})
        assert fields() == {"data[clusters.json]", "data[more.json]"}
    finally:
        cluster.request("PATCH", path, {"data": {**told, "more.json": None}})


def test_what_may_not_be_listed_is_not_called_absent(onboarded: tuple[Any, Contract]) -> None:
    cluster, _contract = onboarded
    observer = str(cluster.kubeconfig_for_service_account("fireworks-system", "observer"))
    found = perform(connection_to(cluster, kubeconfig_file=observer), "fireworks.byoc.leftover_info", accounted=[])
    assert {"Secret", "RoleBinding.rbac.authorization.k8s.io", "Job.batch"} <= set(found["unreadable"])
    assert found["kinds"] > 50


def test_what_the_customer_calls_theirs_is_not_told(onboarded: tuple[Any, Contract]) -> None:
    cluster, _contract = onboarded
    own = ["ConfigMap fireworks-*/kube-root-ca.crt"]
    before, after = (
        perform(connection_to(cluster), "fireworks.byoc.leftover_info", accounted=[], customers_own=given)[
            "left_behind"
        ]
        for given in ([], own)
    )
    gone = {each["object"] for each in before} - {each["object"] for each in after}
    assert gone == {f"ConfigMap {place}/kube-root-ca.crt" for place in ("fireworks-system", "fireworks-models")}


@pytest.mark.soak
def test_nothing_is_found_after_an_upgrade_and_a_change_of_a_model(
    onboarded: tuple[Any, Contract], tmp_path: Path
) -> None:
    _cluster, contract = onboarded
    upgraded = play(
        "upgrade", tmp_path, [contract], "-e", "release=2026.12.0", *REQUESTED_BY, *QUICK, *NO_SOAK, *NO_REQUESTS
    )
    assert upgraded.returncode == 0, upgraded.stdout
    contract["models"][0]["context_length"] = 16384
    pending = audit(contract, tmp_path)
    assert pending.returncode == 0, pending.stdout
    deployed = play("deploy_models", tmp_path, [contract], *NO_REQUESTS, *NO_BAKE)
    assert deployed.returncode == 0, deployed.stdout
    done = audit(contract, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.soak
def test_everything_that_was_left_behind_is_named_with_what_removes_it(
    onboarded: tuple[Any, Contract], tmp_path: Path
) -> None:
    cluster, contract = onboarded
    credential, answers = tmp_path / "setup.kubeconfig", tmp_path / "result.json"
    granted = grant(cluster, tmp_path, credential)
    assert granted.returncode == 0, granted.stdout
    name, made = name_in(credential), ways(cluster)
    options = (*as_admin(cluster), "-e", f"setup_grant={name}", "-e", f"setup_kubeconfig={credential}")
    with left(cluster, made):
        audited = audit(contract, tmp_path)
        revoked = play("revoke_setup_access", tmp_path, [contract], *options, "-e", f"result_file={answers}")
    found = {
        run: [way.name for way in made if not _named(way, said)]
        for run, said in (("audit_access", audited), ("revoke_setup_access", revoked))
    }
    write_table(made, audited, revoked)
    assert found == {"audit_access": [], "revoke_setup_access": []}
    assert (audited.returncode, revoked.returncode) == (2, 2)
    [outcome] = json.loads(answers.read_text())["clusters"]
    assert (outcome["code"], outcome["owner"]) == ("left_behind", "customer"), outcome["what"]
    assert "the grant has ended, and the contract does not account for " in outcome["what"]
    proof = line(revoked, CLUSTER, "refused with 401 after")
    assert "none: it could issue none" in proof
    for done in (audited, revoked):
        assert "kubectl delete clusterroles.rbac.authorization.k8s.io 'fireworks-x; id'" in done.stdout
        assert "remove ServiceAccount fireworks-models/default" in done.stdout

    again = play("revoke_setup_access", tmp_path, [contract], *options)
    assert again.returncode == 0, again.stdout
    assert "nothing" in line(again, CLUSTER, name), again.stdout


@pytest.mark.soak
def test_what_a_holder_changes_in_what_is_accounted_for_is_named_however_they_hide_it(
    onboarded: tuple[Any, Contract], tmp_path: Path
) -> None:
    """The last of these: the cluster is not as it was onboarded any more."""
    cluster, contract = onboarded
    credential = tmp_path / "setup.kubeconfig"
    granted = grant(cluster, tmp_path, credential)
    assert granted.returncode == 0, granted.stdout
    name, token = name_in(credential), token_in(credential)
    holder = api(cluster, token)
    let_in = [f"{method} {path}" for method, path, body in REFUSED if not refusal(holder, method, path, body)]
    assert let_in == []
    model = contract["models"][0]["name"]
    made = leave(holder, cluster.api, model)
    audited = audit(contract, tmp_path)
    candidate = a_candidate(holder, cluster.api, model)
    options = (*as_admin(cluster), "-e", f"setup_grant={name}", "-e", f"setup_kubeconfig={credential}")
    revoked = play("revoke_setup_access", tmp_path, [contract], *options)
    assert candidate in revoked.stdout, "it trusts the lock that the holder wrote"
    for run in (audited, revoked):
        missed = [f"{each}, {how}" for each, how in made.items() if each not in run.stdout]
        assert missed == [], run.stdout
        assert run.returncode == 2
    assert who(cluster, token) == 401


def _named(way: Way, done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a row of its report names it. Of a binding that access_info tells, its name and kind are enough."""
    place = way.manifest["metadata"].get("namespace")
    binding = f"{way.manifest['kind']} {place + '/' if place else ''}{way.manifest['metadata']['name']}"
    return re.search(rf"(?m)^{CLUSTER} .*{re.escape(way.name)}( |$)", done.stdout) is not None or (
        f"({binding} is not from the contract)" in done.stdout
    )


def write_table(made: list[Way], *runs: subprocess.CompletedProcess[str]) -> None:
    """What each way came to."""
    rows = [f"{way.name:75} {' '.join('named' if _named(way, run) else 'MISSED' for run in runs)}" for way in made]
    path = ROOT / "build" / "left-behind.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["way, and whether audit_access and revoke_setup_access name it", *rows, ""]))
