# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, each with --check and without, on real API servers.

fireworks.byoc.onboard, fireworks.byoc.validate, fireworks.byoc.status, fireworks.byoc.offboard.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import write_fleet
from tests.integration.ansible_runs import ROOT, commands_of, run_script
from tests.integration.journey import (
    NO_BAKE,
    NO_REQUESTS,
    agreed,
    bare,
    changes,
    ending,
    line,
    offboard,
    onboard,
    ours,
    play,
    unreachable,
    versions,
)
from tests.integration.plays import AS_MODULE, connection_to, run_tasks


@pytest.fixture
def acme(bed: Any, tmp_path: Path) -> Iterator[Any]:
    with bare(bed["acme"], tmp_path) as cluster:
        yield cluster


def test_the_whole_journey(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)

    checked = onboard(tmp_path, contract, options=("--check", "--diff"))
    assert checked.returncode == 0, checked.stdout
    assert "would change" in line(checked, "acme-eu-1")
    assert "+++ after: Deployment fireworks-models/llama-3-1-8b (created)" in checked.stdout
    assert ours(acme) == {}, "check mode wrote"

    done = onboard(tmp_path, contract)
    assert done.returncode == 0, done.stdout
    assert " done " in line(done, "acme-eu-1")
    assert changes(checked, "acme-eu-1") == changes(done, "acme-eu-1") > 80, "check mode promised otherwise"
    model = acme.request("GET", "/apis/apps/v1/namespaces/fireworks-models/deployments/llama-3-1-8b")
    assert model["status"]["readyReplicas"] == 2

    before, stamps = ours(acme), versions(acme)
    again = onboard(tmp_path, contract)
    assert again.returncode == 0, again.stdout
    assert "unchanged" in line(again, "acme-eu-1")
    assert "changed=0" in again.stdout
    assert (ours(acme), versions(acme)) == (before, stamps)

    status = play("status", tmp_path, [contract], clusters="")
    assert line(status, "acme-eu-1").split()[2:6] == ["ready", "2026.11.0", "1/1", "2/2"]

    asked = offboard(tmp_path, contract, options=("--check", "--diff"))
    assert "would change" in line(asked, "acme-eu-1"), asked.stdout
    assert ours(acme) == before, "check mode removed"

    operator = str(acme.kubeconfig_for_service_account("fireworks-system", "operator"))
    theirs = {**contract, "access": {**contract["access"], "credential": {"kubeconfig_file": operator}}}
    before = ours(acme)
    refused = offboard(tmp_path, theirs)
    assert refused.returncode == 2, refused.stdout
    assert "and so could not prove that nothing is left; nothing was changed" in " ".join(refused.stdout.split())
    assert ours(acme) == before, "what serves was removed by who cannot remove the rest"

    node = f"/api/v1/nodes/{acme.nodes[0]}"
    acme.request("PATCH", node, {"metadata": {"annotations": {"byoc.fireworks.ai/remediation-released": "x"}}})
    write_fleet(tmp_path, [contract])
    (tmp_path / "admin.kubeconfig").write_bytes(acme.kubeconfig.read_bytes())
    for command in commands_of(ROOT / "docs" / "guides" / "offboard.md"):
        assert ours(acme) == before, f"removed before: {command}"
        gone = run_script(command, tmp_path)
        assert gone.returncode == 0, f"{command}\n{gone.stdout}"
    assert ours(acme) == {}
    assert not [key for key in acme.request("GET", node)["metadata"]["annotations"] if key.startswith("byoc.")]


def test_what_is_ours_is_taken_off_nodes_and_nothing_else(acme: Any, tmp_path: Path) -> None:
    node, theirs = f"/api/v1/nodes/{acme.nodes[0]}", {"key": "acme.example/reserved", "effect": "NoSchedule"}
    notes = {"byoc.fireworks.ai/remediation-cordoned": "true", "acme.example/note": "x"}
    taints = [theirs, {"key": "byoc.fireworks.ai/quarantined", "effect": "NoSchedule"}]
    acme.request("PATCH", node, {"metadata": {"annotations": notes}, "spec": {"taints": taints, "unschedulable": True}})
    before, marks = acme.request("GET", node)["metadata"]["annotations"], {"fireworks.byoc.node_marks": {}}
    row = {"node": acme.nodes[0], "removed": True, "why": ""}
    try:
        [checked] = run_tasks(tmp_path, connection_to(acme), marks, flags=("--check",)).results
        assert (checked["changed"], checked["nodes"]) == (True, [row])
        assert acme.request("GET", node)["metadata"]["annotations"] == before, "check mode wrote"
        done, again = run_tasks(tmp_path, connection_to(acme), marks, {**marks, **AS_MODULE}).results
        assert (done["changed"], done["nodes"], again["changed"], again["nodes"]) == (True, [row], False, [])
        # Nothing tells any more who cordoned it, and the proof of a rerun names it all the same.
        assert done["cordoned"] == again["cordoned"] == [acme.nodes[0]]
        live = acme.request("GET", node)
        assert set(before) - set(live["metadata"]["annotations"]) == {"byoc.fireworks.ai/remediation-cordoned"}
        kept = [taint["key"] for taint in live["spec"]["taints"] if taint["key"] != "node.kubernetes.io/unschedulable"]
        assert (kept, live["spec"]["unschedulable"]) == (["acme.example/reserved"], True)
    finally:
        clean = {"metadata": {"annotations": dict.fromkeys(notes)}, "spec": {"taints": None, "unschedulable": None}}
        acme.request("PATCH", node, clean)


@pytest.mark.soak
def test_a_changed_contract_changes_what_it_names_and_no_more(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)
    onboard(tmp_path, contract)
    before = ours(acme)
    contract["capacity"]["gpus"][0]["count"] = 12
    bounded = onboard(tmp_path, contract)
    assert bounded.returncode == 0, bounded.stdout
    assert changed_since(before, acme) == {"fireworks-models/approved-gpus", "/fireworks-workloads"}
    before = ours(acme)
    contract["models"][0]["context_length"] = 16384
    deployed = play("deploy_models", tmp_path, [contract], *NO_REQUESTS, *NO_BAKE)
    assert deployed.returncode == 0, deployed.stdout
    # The model, and its second revision.
    assert changed_since(before, acme) == {"fireworks-models/llama-3-1-8b", "fireworks-models/llama-3-1-8b-2"}


def changed_since(before: dict[str, str], cluster: Any) -> set[str]:
    return {place.split()[-1] for place, digest in ours(cluster).items() if before.get(place) != digest}


@pytest.mark.soak
def test_validation_says_unproven_when_nothing_was_asked_and_failed_when_nothing_answers(
    acme: Any, tmp_path: Path
) -> None:
    contract = agreed(acme)
    done = onboard(tmp_path, contract)
    assert "unproven" in line(done, "acme-eu-1", "endpoint reachability")
    assert "no request was sent" in line(done, "acme-eu-1", "routing and load balancing")
    assert "passed" in line(done, "acme-eu-1", "GPU nodes and scheduling")
    asked = play("validate", tmp_path, [contract], "-e", "validate_request_timeout=2")
    assert asked.returncode == 2
    assert "failed" in line(asked, "acme-eu-1", "endpoint reachability")
    assert "passed" in line(asked, "acme-eu-1", "autoscaling inside the approved GPUs")
    assert "failed 3 of 5 checks" in asked.stdout
    quiet = play("validate", tmp_path, [contract], "-e", "validate_http_request=false", "--check")
    assert quiet.returncode == 0, quiet.stdout


@pytest.mark.soak
def test_one_bad_cluster_never_holds_up_the_others(bed: Any, acme: Any, tmp_path: Path) -> None:
    small = agreed(bed["cedar"], model_gpus=4)
    wrong = agreed(acme, "wrong-eu-1", uid="11111111-2222-3333-4444-555555555555")
    wrong["identity"]["customer"] = agreed(acme)["identity"]["customer"]
    away = agreed(bed["birch"], "away-eu-1", uid="11111111-2222-3333-4444-666666666666")
    unreachable(away, bed["birch"], tmp_path)
    contracts = [agreed(acme), small, wrong, away]
    done = onboard(tmp_path, *contracts)
    assert done.returncode == 2
    assert " done " in line(done, "acme-eu-1")
    assert "refused" in line(done, "cedar-eu-1")
    assert "Cedar GPU Capacity <gpu-capacity@cedar.example>" in ending(done)
    assert "failed" in line(done, "wrong-eu-1")
    assert "failed" in line(done, "away-eu-1")
    assert "3 of 4 clusters not completed: away-eu-1, cedar-eu-1, wrong-eu-1" in done.stdout
    assert ours(bed["cedar"]) == ours(bed["birch"]) == {}

    status = play("status", tmp_path, contracts, clusters="")
    assert status.returncode == 0, status.stdout
    assert "ready" in line(status, "acme-eu-1")
    assert "not onboarded" in line(status, "cedar-eu-1")
    assert line(status, "away-eu-1", "unreachable")


def test_a_release_that_does_not_exist_is_a_clear_mistake(bed: Any, tmp_path: Path) -> None:
    contract = agreed(bed["birch"])
    contract["stack"] = {"release": "2020.1.0"}
    done = onboard(tmp_path, contract)
    assert done.returncode == 2
    assert "there is no stack release 2020.1.0; there are 2026.11.0" in done.stdout
    assert "failed" in line(done, "birch-eu-1")
    assert ours(bed["birch"]) == {}


@pytest.mark.soak
def test_a_gateway_is_asked_for_and_given_routes(bed: Any, tmp_path: Path) -> None:
    from demo.customers import make_gateway

    birch = bed["birch"]
    contract = agreed(birch, gateway=True)
    refused = onboard(tmp_path, contract)
    assert "gateway: not there" in " ".join(ending(refused).split())
    assert "Birch NetOps" in ending(refused)
    make_gateway(birch)
    try:
        done = onboard(tmp_path, contract)
        assert done.returncode == 0, done.stdout
        path = "/apis/gateway.networking.k8s.io/v1/namespaces/fireworks-system/httproutes"
        assert "llm.birch.example. A 203.0.113.7, *.llm.birch.example. A 203.0.113.7" in " ".join(done.stdout.split())
        hosts = {host for route in birch.request("GET", path)["items"] for host in route["spec"]["hostnames"]}
        assert hosts == {"llm.birch.example", "llama-3-1-8b.llm.birch.example"}
        assert "unchanged" in line(onboard(tmp_path, contract), "birch-eu-1")
    finally:
        assert offboard(tmp_path, contract).returncode == 0
        birch.request("DELETE", "/api/v1/namespaces/gateway-system")


@pytest.mark.soak(sample=3)
@pytest.mark.parametrize(
    ("playbook", "clusters", "options", "message"),
    [
        ("onboard", "", (), "no clusters are named; nothing was changed. Next: name them: -e clusters=acme-eu-1"),
        ("offboard", "", (), "no clusters are named; nothing was changed. Next: name them: -e clusters=acme-eu-1"),
        ("onboard", "nobody", (), "there is no cluster and no group 'nobody'; nothing was changed"),
        ("onboard", " ", (), "the clusters are given as ' ': it is blank; nothing was changed"),
        ("remediate", ",", (), "it is blank; nothing was changed"),
        ("status", "[", (), "it is blank; nothing was changed"),
        ("health", "byoc,!acme-eu1", (), "did you mean 'acme-eu-1'?; nothing was changed"),
        ("onboard", "byoc,!acme-eu-1", (), "the inventory has no cluster that matches byoc,!acme-eu-1"),
        ("offboard", "byoc", (), "add -e confirm=offboard"),
        ("offboard", "byoc", ("-e", "confirm=yes"), "from acme-eu-1"),
    ],
)
def test_a_change_is_meant_or_not_made(
    bed: Any, tmp_path: Path, playbook: str, clusters: str, options: tuple[str, ...], message: str
) -> None:
    from demo.contracts import write_fleet
    from tests.integration.ansible_runs import run_playbook

    inventory = write_fleet(tmp_path, [agreed(bed["acme"])])
    chosen = ["-e", json.dumps({"clusters": clusters})] if clusters else []
    done = run_playbook(f"fireworks.byoc.{playbook}", "-i", str(inventory), *chosen, *options)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split())
    assert ours(bed["acme"]) == {}


def test_offboarding_finds_what_others_left(acme: Any, tmp_path: Path) -> None:
    stray = {
        "metadata": {"name": "stray", "labels": {"app.kubernetes.io/managed-by": "fireworks-byoc"}},
        "data": {"a": "1"},
    }
    acme.request("POST", "/api/v1/namespaces/default/configmaps", stray)
    try:
        done = offboard(tmp_path, agreed(acme))
        assert done.returncode == 2
        assert "ConfigMap default/stray" in " ".join(done.stdout.split())
    finally:
        acme.request("DELETE", "/api/v1/namespaces/default/configmaps/stray")
