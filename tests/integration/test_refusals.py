# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not work: one clear message each, no traceback, nothing written. The messages land in build/refusals.md."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.contracts import Contract, write_fleet
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.journey import agreed, onboard, ours, unreachable, wipe
from tests.integration.plays import connection_to, run_tasks

TABLE = ROOT / "build" / "refusals.md"
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[list[tuple[str, str]]]:
    """Collects each case and its message, and writes them as one table."""
    rows: list[tuple[str, str]] = []
    yield rows
    TABLE.parent.mkdir(exist_ok=True)
    lines = [f"| {case} | {message} |" for case, message in rows]
    TABLE.write_text("\n".join(["| case | message |", "|---|---|", *lines, ""]), encoding="utf-8")


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- the cluster and the credential: through a whole onboarding ------------------------------------


def wrong_uid(contract: Contract, _cluster: Any, _folder: Path) -> None:
    contract["identity"]["uid"] = "11111111-2222-3333-4444-555555555555"


def revoked_token(contract: Contract, cluster: Any, _folder: Path) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    cluster.request("POST", accounts, {"metadata": {"name": "was-here"}})
    kubeconfig = cluster.kubeconfig_for_service_account("default", "was-here")
    cluster.request("DELETE", f"{accounts}/was-here")
    contract["access"]["credential"] = {"kubeconfig_file": str(kubeconfig)}


def another_authority(contract: Contract, cluster: Any, folder: Path) -> None:
    other = folder / "other-ca.crt"
    other.write_text(Path(contract["_other_ca"]).read_text())
    changed = cluster.kubeconfig_with(folder / "other.kubeconfig", ca_file=other)
    contract["access"]["credential"] = {"kubeconfig_file": str(changed)}


def no_permission(contract: Contract, cluster: Any, _folder: Path) -> None:
    contract["access"]["credential"] = {"kubeconfig_file": str(cluster.kubeconfig_for("a-visitor"))}


CLUSTER_CASES: list[tuple[str, Callable[[Contract, Any, Path], None], str]] = [
    ("wrong cluster UID", wrong_uid, "this is the wrong cluster: the contract says UID 11111111-"),
    ("expired or revoked token", revoked_token, "401"),
    ("unreachable server", unreachable, "the API server did not answer: Connection refused"),
    ("TLS failure", another_authority, "the server's certificate is not trusted"),
    ("missing permission", no_permission, "403"),
]


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize(("case", "spoil", "message"), CLUSTER_CASES, ids=[c[0] for c in CLUSTER_CASES])
def test_onboarding_refuses(
    bed: Any, tmp_path: Path, table: list[tuple[str, str]], case: str, spoil: Callable[..., None], message: str
) -> None:
    cluster = bed["acme"]
    contract = agreed(cluster)
    contract["_other_ca"] = str(bed["birch"].ca_file)
    spoil(contract, cluster, tmp_path)
    del contract["_other_ca"]
    done = onboard(tmp_path, contract)  # asserts that there is no traceback
    assert done.returncode == 2, done.stdout
    said = next(text for text in done.stdout.splitlines() if message in text and "Action required by:" in text)
    table.append((case, one_line(said)))
    assert ours(cluster) == {}


# --- the contract: through the inventory ------------------------------------------------------------


def unknown_key(contracts: list[Contract]) -> None:
    contracts[0]["identity"]["regoin"] = contracts[0]["identity"].pop("region")


def bad_time_zone(contracts: list[Contract]) -> None:
    window = {"weekly": ["tue"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berln"}
    contracts[0]["change"] = {"windows": [window]}


def duplicate_name(contracts: list[Contract]) -> None:
    contracts[1]["identity"]["name"] = contracts[0]["identity"]["name"]


CONTRACT_CASES: list[tuple[str, Callable[[list[Contract]], None], str]] = [
    ("unknown contract key", unknown_key, "did you mean 'region'"),
    ("bad time zone", bad_time_zone, "did you mean 'Europe/Berlin'"),
    ("duplicate cluster name", duplicate_name, "acme-eu-1"),
]


@pytest.mark.parametrize(("case", "spoil", "message"), CONTRACT_CASES, ids=[c[0] for c in CONTRACT_CASES])
def test_the_inventory_refuses(
    bed: Any, tmp_path: Path, table: list[tuple[str, str]], case: str, spoil: Callable[..., None], message: str
) -> None:
    contracts = [copy.deepcopy(agreed(bed["acme"])), copy.deepcopy(agreed(bed["birch"]))]
    inventory = write_fleet(tmp_path, contracts)
    spoil(contracts)
    for number, contract in enumerate(contracts):
        name = ("acme-eu-1.yml", "birch-eu-1.yml")[number]
        (tmp_path / "clusters" / name).write_text(yaml.safe_dump(contract))
    done = run_playbook("fireworks.byoc.onboard", "-i", str(inventory), "-e", "clusters=byoc")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    said = one_line(done.stdout.split("PLAY [")[0])
    assert message in said
    table.append((case, said))
    assert ours(bed["acme"]) == ours(bed["birch"]) == {}


# --- the objects: through apply_set -----------------------------------------------------------------


def test_a_manifest_that_the_server_rejects(bed: Any, tmp_path: Path, table: list[tuple[str, str]]) -> None:
    broken = {**SETTINGS, "metadata": {"name": "Not_A_Name", "namespace": "default"}}
    said = refused(bed["acme"], tmp_path, [SETTINGS, broken])
    assert "Not_A_Name" in said
    table.append(("manifest the server rejects", said))


def test_a_field_of_somebody_else(bed: Any, tmp_path: Path, table: list[tuple[str, str]]) -> None:
    cluster = bed["acme"]
    path = "/api/v1/namespaces/default/configmaps"
    theirs = {**SETTINGS, "data": {"a": "theirs"}}
    cluster.request("POST", f"{path}?fieldManager=their-editor", theirs)
    try:
        said = refused(cluster, tmp_path, [{**SETTINGS, "data": {"a": "ours"}}], adopt="unowned")
        assert ".data.a" in said
        assert "their-editor" in said
        assert cluster.request("GET", f"{path}/settings")["data"] == {"a": "theirs"}
        table.append(("field conflict", said))
    finally:
        cluster.request("DELETE", f"{path}/settings")


def refused(cluster: Any, folder: Path, manifests: list[dict[str, Any]], **options: Any) -> str:
    before = set(names(cluster))
    arguments = {"name": "refused", "namespace": "default", "definition": manifests, **options}
    outcome = run_tasks(folder, connection_to(cluster), {"fireworks.byoc.apply_set": arguments})
    assert outcome.result["failed"]
    assert "Traceback" not in outcome.output
    assert set(names(cluster)) == before, "something was written"
    return one_line(outcome.result["msg"])


def names(cluster: Any) -> list[str]:
    found = cluster.request("GET", "/api/v1/namespaces/default/configmaps")["items"]
    return [item["metadata"]["name"] for item in found]


def test_no_cluster_is_meant_unless_somebody_says_so(bed: Any, tmp_path: Path, table: list[tuple[str, str]]) -> None:
    inventory = write_fleet(tmp_path, [agreed(bed["acme"])])
    for playbook in ("onboard", "offboard"):
        done = run_playbook(f"fireworks.byoc.{playbook}", "-i", str(inventory))
        assert done.returncode == 2
        said = one_line(done.stdout.split("fatal:")[1].split("PLAY RECAP")[0])
        assert "no clusters are named" in said
        table.append((f"{playbook} without saying which clusters", said))


def test_offboarding_wants_to_be_confirmed(bed: Any, tmp_path: Path, table: list[tuple[str, str]]) -> None:
    namespace = {"name": "fireworks-system", "labels": {"app.kubernetes.io/managed-by": "fireworks-byoc"}}
    bed["acme"].request("POST", "/api/v1/namespaces", {"metadata": namespace})
    before = ours(bed["acme"])
    assert before
    inventory = write_fleet(tmp_path, [agreed(bed["acme"])])
    done = run_playbook("fireworks.byoc.offboard", "-i", str(inventory), "-e", "clusters=byoc")
    assert done.returncode == 2
    assert "confirm=offboard" in done.stdout
    table.append(("offboard without confirming", one_line(done.stdout.split("fatal:")[1].split("PLAY RECAP")[0])))
    assert ours(bed["acme"]) == before
    wipe(bed["acme"])
