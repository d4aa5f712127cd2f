# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that lie about, and contexts that moved: none of them ever leads us to another cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.contracts import write_fleet
from tests.integration.ansible_runs import ansible_environment, run_playbook
from tests.integration.journey import NO_REQUESTS, agreed, bare, ours


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    with bare(bed["acme"], tmp_path) as cluster:
        yield cluster


@pytest.fixture
def tempting(bed: Any, tmp_path: Path) -> dict[str, str]:
    """An environment full of another cluster's administrator: KUBECONFIG, ~/.kube/config, and a pod's own account."""
    other = bed["birch"]
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_bytes(Path(other.kubeconfig).read_bytes())
    host, _colon, port = other.server.removeprefix("https://").partition(":")
    return ansible_environment(
        HOME=str(home),
        KUBECONFIG=str(other.kubeconfig),
        K8S_AUTH_KUBECONFIG=str(other.kubeconfig),
        K8S_AUTH_HOST=other.server,
        K8S_AUTH_API_KEY=other.token,
        KUBERNETES_SERVICE_HOST=host,
        KUBERNETES_SERVICE_PORT=port,
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "ansible"),
    )


def onboard_amid(folder: Path, contract: dict[str, Any], environment: dict[str, str]) -> Any:
    inventory = write_fleet(folder, [contract])
    arguments = ("-i", str(inventory), "-e", "clusters=byoc", *NO_REQUESTS)
    return run_playbook("fireworks.byoc.onboard", *arguments, environment=environment)


def write_amid(folder: Path, contract: dict[str, Any], environment: dict[str, str]) -> None:
    """Write an object by the connection that the inventory makes of a contract."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "written", "namespace": "default"}}
    task = {"fireworks.byoc.apply_set": {"name": "where-it-goes", "namespace": "default", "definition": config}}
    play = {"hosts": "byoc", "gather_facts": False, "tasks": [task]}
    play["module_defaults"] = {"group/fireworks.byoc.cluster": {"connection": "{{ byoc_connection }}"}}
    (folder / "write.yml").write_text(json.dumps([play]))
    inventory = write_fleet(folder, [contract])
    done = run_playbook("-i", str(inventory), str(folder / "write.yml"), environment=environment)
    assert done.returncode == 0, done.stdout


def take_written(cluster: Any) -> set[str]:
    """What of it there is on a cluster. It is removed."""
    path = "/api/v1/namespaces/default/configmaps"
    found = {one["metadata"]["name"] for one in cluster.request("GET", path)["items"]} & {"written", "where-it-goes"}
    for name in found:
        cluster.request("DELETE", f"{path}/{name}")
    return found


def test_stray_credentials_of_another_cluster_are_not_even_looked_at(
    bed: Any, acme: Any, tempting: dict[str, str], tmp_path: Path
) -> None:
    write_amid(tmp_path, agreed(acme), tempting)
    assert (take_written(acme), take_written(bed["birch"])) == ({"written", "where-it-goes"}, set())


def test_without_its_own_credential_a_cluster_is_refused_whatever_lies_about(
    bed: Any, tempting: dict[str, str], tmp_path: Path
) -> None:
    contract = agreed(bed["birch"])
    way = {"server": bed["birch"].server, "ca_file": str(bed["birch"].ca_file)}
    contract["access"] |= {**way, "credential": {"token_env": "NOT_SET_ANYWHERE"}}
    done = onboard_amid(tmp_path, contract, tempting)
    assert done.returncode == 2
    assert "NOT_SET_ANYWHERE" in done.stdout
    assert ours(bed["birch"]) == {}


def both(bed: Any, path: Path, *, current: str) -> Path:
    """A kubeconfig with a context for each of two clusters, as people have it."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": current}
    for name in ("acme", "birch"):
        one = yaml.safe_load(Path(bed[name].kubeconfig).read_text())
        [context] = one["contexts"]
        merged.setdefault("contexts", []).append({**context, "name": name, "context": {"cluster": name, "user": name}})
        merged.setdefault("clusters", []).append({**one["clusters"][0], "name": name})
        merged.setdefault("users", []).append({**one["users"][0], "name": name})
    path.write_text(yaml.safe_dump(merged))
    path.chmod(0o600)
    return path


def test_a_context_that_moved_is_the_wrong_cluster_and_nothing_is_written(bed: Any, acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme, kubeconfig=both(bed, tmp_path / "both", current="birch"))
    done = onboard_amid(tmp_path, contract, ansible_environment())
    assert done.returncode == 2
    assert f"the contract says UID {acme.uid}, the cluster that answered has {bed['birch'].uid}" in done.stdout
    assert ours(acme) == ours(bed["birch"]) == {}


def test_a_context_that_the_contract_names_holds_wherever_the_current_one_points(
    bed: Any, acme: Any, tmp_path: Path
) -> None:
    contract = agreed(acme, kubeconfig=both(bed, tmp_path / "both", current="birch"))
    contract["access"]["context"] = "acme"
    write_amid(tmp_path, contract, ansible_environment())
    assert (take_written(acme), take_written(bed["birch"])) == ({"written", "where-it-goes"}, set())
