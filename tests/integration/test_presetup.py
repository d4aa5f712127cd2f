# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fireworks.byoc.presetup: what the customer's own administrators make, apply and review."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.journey import agreed, as_admin, line, offboard, ours, play, versions, wipe


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    """A cluster on which nothing of ours is, before and after."""
    cluster = bed["acme"]
    assert ours(cluster) == {}
    yield cluster
    wipe(cluster)


def without_credential(cluster: Any) -> dict[str, Any]:
    """A contract whose credential is good for nothing: what is done here is done as the administrator."""
    contract = agreed(cluster)
    way = {"server": cluster.server, "ca_file": str(cluster.ca_file)}
    contract["access"] = {"mode": "hardened", **way, "credential": {"token_env": "NO_SUCH_TOKEN"}}
    return contract


def presetup(folder: Path, cluster: Any, *options: str) -> subprocess.CompletedProcess[str]:
    return play("presetup", folder, [without_credential(cluster)], *as_admin(cluster), *options)


def test_the_administrator_makes_it_and_a_second_run_changes_nothing(acme: Any, tmp_path: Path) -> None:
    checked = presetup(tmp_path, acme, "--check", "--diff")
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert "+++ after: ResourceQuota fireworks-models/approved-gpus (created)" in checked.stdout
    assert ours(acme) == {}, "check mode wrote"
    assert " done " in line(presetup(tmp_path, acme), "acme-eu-1")
    before = (ours(acme), versions(acme))
    assert "unchanged" in line(presetup(tmp_path, acme), "acme-eu-1")
    assert (ours(acme), versions(acme)) == before
    newer = {"metadata": {"annotations": {"byoc.fireworks.ai/presetup-version": "99"}}}
    acme.request("PATCH", "/api/v1/namespaces/fireworks-system/configmaps/presetup", newer)
    before = (ours(acme), versions(acme))
    refused = presetup(tmp_path, acme)
    assert refused.returncode == 2
    assert "update the collection" in " ".join(refused.stdout.split()), refused.stdout
    assert (ours(acme), versions(acme)) == before


def test_nobodys_credential_is_taken_by_chance(acme: Any, tmp_path: Path) -> None:
    done = play("presetup", tmp_path, [without_credential(acme)])
    assert done.returncode == 2
    assert "works with an administrator's credential, and none is named" in done.stdout
    assert ours(acme) == {}


@pytest.mark.soak
def test_rendered_twice_it_is_the_same_bytes_and_writes_nothing_to_the_cluster(acme: Any, tmp_path: Path) -> None:
    texts = []
    for folder in ("one", "two"):
        done = presetup(tmp_path, acme, "-e", f"render_to={tmp_path / folder}")
        assert done.returncode == 0, done.stdout
        texts.append((tmp_path / folder / "acme-eu-1.yaml").read_bytes())
    assert texts[0] == texts[1]
    assert ours(acme) == {}
    text = texts[0].decode()
    assert text.startswith("# The prerequisites of Fireworks in the cluster acme-eu-1")
    assert max(len(each) for each in text.splitlines() if each.startswith("#")) <= 120
    assert "&id" not in text
    kinds = [each["kind"] for each in yaml.safe_load_all(text)]
    assert kinds[0] == "Namespace"
    assert {"ClusterRole", "ResourceQuota", "NetworkPolicy"} <= set(kinds)
    again = presetup(tmp_path, acme, "-e", f"render_to={tmp_path / 'two'}")
    assert "changed=0" in again.stdout


HEAD = "/api/v1/namespaces/fireworks-system/configmaps/operation-records"
OURS = ("--server-side", "--field-manager=fireworks-byoc")


@pytest.mark.soak
@pytest.mark.parametrize("how", [OURS, ("--server-side",), ()], ids=["as we do", "server-side", "client-side"])
def test_applied_with_kubectl_there_is_nothing_left_to_change(acme: Any, tmp_path: Path, how: tuple[str, ...]) -> None:
    presetup(tmp_path, acme, "-e", f"render_to={tmp_path}")
    acme.kubectl("apply", *how, "-f", str(tmp_path / "acme-eu-1.yaml"))
    assert "data" not in acme.request("GET", HEAD), "the head of the records has no line yet"
    before = versions(acme)
    done = presetup(tmp_path, acme)
    assert "unchanged" in line(done, "acme-eu-1"), done.stdout
    assert versions(acme) == before
    told = acme.request("GET", HEAD)["data"]
    assert json.loads(told["head"])["sequence"] == 1
    acme.kubectl("apply", *how, "-f", str(tmp_path / "acme-eu-1.yaml"))
    assert acme.request("GET", HEAD)["data"] == told, "the head was overwritten"
    # It is the playbook's set now as it was before: what the contract drops goes.
    contract = without_credential(acme)
    contract["actions"] = {}
    if how != OURS:  # what somebody else wrote is only taken over when that is asked for
        refused = play("presetup", tmp_path, [contract], *as_admin(acme))
        assert "fields belong to another manager" in refused.stdout
        assert versions(acme) == before
    force = () if how == OURS else ("-e", "presetup_force_conflicts=true")
    dropped = play("presetup", tmp_path, [contract], *as_admin(acme), *force)
    assert " done " in line(dropped, "acme-eu-1"), dropped.stdout
    assert not any("node-medic" in place for place in ours(acme))


@pytest.mark.soak
def test_in_hardened_mode_only_an_administrator_offboards(acme: Any, tmp_path: Path) -> None:
    presetup(tmp_path, acme)
    before = ours(acme)
    done = offboard(tmp_path, without_credential(acme))
    assert done.returncode == 2
    assert "only the customer's administrator may remove the prerequisites" in done.stdout
    assert ours(acme) == before
    gone = offboard(tmp_path, without_credential(acme), options=as_admin(acme))
    assert gone.returncode == 0, gone.stdout
    assert ours(acme) == {}
