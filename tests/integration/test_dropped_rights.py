# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a contract drops, on a real API server: gone, told by everything that looks, and back again.

That all playbooks run without what none of them needs is in the soak: tests/soak/test_dropped_rights.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_testbed.api import Api
from tests.integration.guarded import MODELS, RBAC, SYSTEM, refusal, until
from tests.integration.journey import as_admin, bare, hardened, line, play
from tests.integration.plays import token_in

SERVICES, REVISIONS = f"/api/v1{MODELS}/services", f"/apis/apps/v1{MODELS}/controllerrevisions"
DROPPED = [
    {"identity": "deployer", "resource": "services", "verbs": ["delete"], "namespace": "fireworks-models"},
    {"identity": "deployer", "resource": "events", "verbs": ["get", "list", "watch"], "namespace": "fireworks-models"},
    {
        "identity": "deployer",
        "resource": "controllerrevisions.apps",
        "verbs": ["list"],
        "namespace": "fireworks-models",
    },
    {"identity": "operator", "resource": "services", "verbs": ["delete"], "namespace": "fireworks-models"},
]
STOPS = [
    ("deployer", "delete services", "deploy_models, rollback_model, retire_model"),
    ("deployer", "list controllerrevisions.apps", "deploy_models, rollback_model, retire_model, plan_models"),
    ("operator", "delete services", "onboard"),
]
LOST = [
    ("deployer", "delete services"),
    ("deployer", "get, list, watch events"),
    ("deployer", "list controllerrevisions.apps"),
    ("operator", "delete services"),
]


def dropping(contract: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    return {**contract, "access": {**contract["access"], "dropped_rights": list(entries)}}


def told(name: str, folder: Path, contract: dict[str, Any], *options: str) -> tuple[Any, dict[str, list[Any]]]:
    """A run, and its tables by title."""
    file = folder / f"{name}.json"
    done = play(name, folder, [contract], *options, "-e", f"result_file={file}")
    reports = json.loads(file.read_text())["reports"]
    return done, {each["title"]: each["rows"] for each in reports if each.get("title")}


def stops(tables: dict[str, list[Any]]) -> list[tuple[str, ...]]:
    rows = tables.get("Dropped rights that playbooks need", [])
    return [(row["identity"], row["right"], row["stops"]) for row in rows]


@pytest.mark.soak
def test_a_dropped_right_is_gone_everything_agrees_and_it_comes_back(bed: Any, tmp_path: Path) -> None:
    with bare(bed["acme"], tmp_path) as cluster:
        admin, whole = as_admin(cluster), hardened(cluster)
        less = dropping(whole, *DROPPED)
        done, tables = told("presetup", tmp_path, less, *admin)
        assert done.returncode == 0, done.stdout
        assert stops(tables) == STOPS
        kubeconfig = cluster.kubeconfig_for_service_account("fireworks-system", "deployer")
        deployer = Api(cluster.server, cluster.ca_file, token_in(kubeconfig))
        until(lambda: "cannot delete" in refusal(deployer, "DELETE", f"{SERVICES}/x"), "the right is still there")
        assert refusal(deployer, "GET", SERVICES) == ""
        # Whatever a role says: no account of ours deletes services in that namespace any more.
        [scope] = [one["spec"] for one in policies(cluster) if one["metadata"]["name"] == "fireworks-scope"]
        [writes] = [one["expression"] for one in scope["variables"] if one["name"] == "writes"]
        assert "DELETE services" not in writes.partition('"fireworks-models"')[2].partition("]")[0]

        done, tables = told("audit_access", tmp_path, less, *admin)
        assert done.returncode == 0, done.stdout
        assert (set(tables) - {"Rights of each identity"}, stops(tables)) == ({STOP_TITLE}, STOPS)
        done, tables = told("plan_presetup", tmp_path, less, *admin)
        assert (done.returncode, set(tables), stops(tables)) == (0, {"Versions", STOP_TITLE}, STOPS)

        planned = play("plan_models", tmp_path, [with_token(less, kubeconfig)])
        said = " ".join(planned.stdout.split())
        assert planned.returncode == 2, planned.stdout
        assert "access.dropped_rights[2] drops this right" in said and "do without this playbook" in said
        assert "Action required by: customer" in said
        other = play("deploy_models", tmp_path, [with_token(whole, kubeconfig)])
        said = " ".join(other.stdout.split())
        assert 'cannot list resource "controllerrevisions"' in said, other.stdout
        assert "Action required by: customer" in said

        _done, tables = told("plan_presetup", tmp_path, whole, *admin)
        gained = [(row["identity"], row["change"], row["right"]) for row in tables[RIGHTS]]
        assert sorted(gained) == sorted((who, "gains", right) for who, right in LOST)
        assert play("presetup", tmp_path, [whole], *admin).returncode == 0
        until(lambda: refusal(deployer, "DELETE", f"{SERVICES}/x") == "", "the right did not come back")
        assert refusal(deployer, "GET", REVISIONS) == ""


STOP_TITLE, RIGHTS = "Dropped rights that playbooks need", "Rights that would be gained or lost"


def policies(cluster: Any) -> list[dict[str, Any]]:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    return list(cluster.request("GET", path)["items"])


def with_token(contract: dict[str, Any], kubeconfig: Path) -> dict[str, Any]:
    return {**contract, "access": {**contract["access"], "credential": {"kubeconfig_file": str(kubeconfig)}}}


@pytest.mark.soak
def test_a_setup_grant_has_not_what_the_operator_lost_and_leaves_nothing(bed: Any, tmp_path: Path) -> None:
    with bare(bed["acme"], tmp_path) as cluster:
        admin, less = as_admin(cluster), dropping(hardened(cluster), *DROPPED)
        less["access"]["mode"], setup = "standard", tmp_path / "setup.kubeconfig"
        asked = {"grantee": "alice", "reason": "test", "grant_until": "2h", "setup_kubeconfig": str(setup)}
        granted = play("grant_setup_access", tmp_path, [less], *admin, "-e", json.dumps(asked))
        assert granted.returncode == 0, granted.stdout
        holder = Api(cluster.server, cluster.ca_file, token_in(setup))
        assert "cannot delete" in refusal(holder, "DELETE", f"{SERVICES}/x")
        assert "cannot delete" not in refusal(holder, "DELETE", f"/api/v1{SYSTEM}/services/x")
        done, tables = told("audit_access", tmp_path, less, *admin)
        assert done.returncode == 0 and "Left behind" not in tables, done.stdout
        name = yaml.safe_load(setup.read_text())["users"][0]["name"]
        revoked = play("revoke_setup_access", tmp_path, [less], *admin, "-e", f"setup_grant={name}")
        assert revoked.returncode == 0 and "left behind" not in line(revoked, "acme-eu-1"), revoked.stdout
        left = cluster.request("GET", f"{RBAC}/namespaces/fireworks-models/roles")["items"]
        assert [one["metadata"]["name"] for one in left if "setup" in one["metadata"]["name"]] == []
