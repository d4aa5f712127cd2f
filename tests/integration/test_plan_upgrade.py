# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.plan_upgrade`` over three clusters: one can go, one is frozen by its customer, one is offline."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration.ansible_runs import ROOT
from tests.integration.governed import bounds_in_force
from tests.integration.journey import agreed, line, onboard, play, unreachable, wipe, without_approvals
from tests.integration.plays import connection_to, run_tasks

ASKED = ("-e", "release=2026.12.0", "-e", "requested_by=sre@fireworks.example")
NAMESPACE = "/api/v1/namespaces/fireworks-system"


def annotate(cluster: Any, **notes: str | None) -> None:
    annotations = {f"byoc.fireworks.ai/{key}": text for key, text in notes.items()}
    cluster.request("PATCH", NAMESPACE, {"metadata": {"annotations": annotations}})


LEASES = "/apis/coordination.k8s.io/v1/namespaces/fireworks-system/leases"
UPGRADER = "/apis/rbac.authorization.k8s.io/v1/namespaces/fireworks-system/roles/fireworks-upgrader"


def hold_lock(cluster: Any) -> None:
    """For a day: a plan knows that a lock of minutes is free again when the second wave begins."""
    now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    notes = {"byoc.fireworks.ai/purpose": "deploy_models"}
    spec = {"holderIdentity": "bob@ctl/7", "leaseDurationSeconds": 86400, "acquireTime": now, "renewTime": now}
    cluster.request("POST", LEASES, {"metadata": {"name": "operation-lock", "annotations": notes}, "spec": spec})


def as_the_upgrader_of_an_older_presetup(cluster: Any, contract: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The contract with an upgrader's credential, who lacks what the first release did not need."""
    role = cluster.request("GET", UPGRADER)
    rules = [rule for rule in role["rules"] if "horizontalpodautoscalers" not in rule["resources"]]
    assert len(rules) < len(role["rules"])
    cluster.request("PATCH", UPGRADER, {"rules": rules})
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    account = "/api/v1/namespaces/fireworks-system/serviceaccounts/upgrader/token"
    token = cluster.request("POST", account, wanted)["status"]["token"]
    path = cluster.kubeconfig_with(folder / "upgrader.kubeconfig", user="upgrader", token=token)
    access = {**contract["access"], "mode": "hardened", "credential": {"kubeconfig_file": str(path)}}
    return bounds_in_force(cluster, {**contract, "access": access})


def would_change(cluster: Any, contract: dict[str, Any], release: str, folder: Path) -> set[str]:
    """What the API server would make of the stack, were it brought to a release."""
    role = [
        word for part in ("defaults", "vars") for word in ("-e", f"@{ROOT / 'roles' / 'stack' / part / 'main.yml'}")
    ]
    known = {"stack_contract": "{{ stack__contract }}", "stack_release": "{{ stack__release }}"}
    applied = {
        "fireworks.byoc.apply_set": {"name": "stack", "template": "{{ stack__release.templates }}"},
        "vars": {"contract": {**contract, "stack": {"release": release}}, **known},
        "check_mode": True,
    }
    result = run_tasks(folder, connection_to(cluster), applied, flags=tuple(role)).result
    assert not result.get("failed"), result
    changed = [each for each in result["objects"] if each["action"] != "unchanged"]
    return {f"{each['kind']} {each['name']} {each['action']}" for each in changed}


def state(cluster: Any) -> list[tuple[str, str]]:
    """Every object of ours that a plan could have touched, with its version."""
    kinds = ("/apis/apps/v1/deployments", "/api/v1/configmaps", "/api/v1/namespaces")
    return sorted(
        (item["metadata"]["name"], item["metadata"]["resourceVersion"])
        for kind in kinds
        for item in cluster.request("GET", kind)["items"]
        if item["metadata"]["name"] == "fireworks-system" or item["metadata"].get("namespace") == "fireworks-system"
    )


@pytest.mark.soak
def test_a_plan_says_for_each_cluster_what_and_why_and_changes_nothing(bed: Any, tmp_path: Path) -> None:
    acme, birch = bed["acme"], bed["birch"]
    one, two = agreed(acme), agreed(birch)
    one["change"] = {"approvals": {"stack_upgrade": "required", "approvers": ["boss@acme.example"]}}
    two["change"] = without_approvals()
    away = unreachable(agreed(bed["cedar"]), bed["cedar"], tmp_path)
    assert onboard(tmp_path / "both", one, two).returncode == 0
    try:
        annotate(birch, freeze='{"reason": "stocktaking", "until": "2099-01-01T00:00:00+00:00"}')
        before = state(acme), state(birch)
        json_file, svg_file = tmp_path / "plan.json", tmp_path / "plan.svg"
        options = (
            "-e",
            f"plan_json={json_file}",
            "-e",
            f"plan_svg={svg_file}",
        )

        def planned(second: dict[str, Any] = two) -> tuple[dict[str, Any], Any]:
            done = play("plan_upgrade", tmp_path / "fleet", [one, second, away], *ASKED, *options)
            assert done.returncode == 0, done.stdout
            return json.loads(json_file.read_text()), done

        plan, done = planned()
        rows = {row["cluster"]: row for row in plan["clusters"]}
        assert rows["acme-eu-1"]["code"] == "approval"
        assert rows["birch-eu-1"]["code"] == "frozen"
        assert rows["cedar-eu-1"]["code"] == "offline"
        assert "did not answer" in line(done, "-     cedar-eu-1")
        ET.fromstring(svg_file.read_text())  # noqa: S314  (our own text)

        digest, given_at = rows["acme-eu-1"]["digest"], plan["now"]
        annotate(acme, approval=json.dumps({"by": "boss@acme.example", "digest": digest, "given_at": given_at}))
        annotate(birch, freeze=None)
        approved, done = planned()
        rows = {row["cluster"]: row for row in approved["clusters"]}
        assert (rows["acme-eu-1"]["decision"], rows["acme-eu-1"]["digest"]) == ("go", digest)
        assert (rows["birch-eu-1"]["decision"], approved["digest"]) == ("go", plan["digest"])
        assert len(approved["waves"]) == 2
        assert "In the way of the whole fleet: 1 cluster." in done.stdout

        both = {"HorizontalPodAutoscaler router created", "Deployment router updated", "Deployment telemetry updated"}
        newer = would_change(acme, one, "2026.12.0", tmp_path)
        settings = {each for each in newer if each.startswith(("ConfigMap router-", "ConfigMap telemetry-"))}
        assert {each.split()[-1] for each in settings} == {"created", "deleted"}
        assert newer == both | settings
        assert len(settings) == 4

        hold_lock(birch)
        past = {"operation": "upgrade", "result": "done"}
        past |= {"started": "2026-11-01T10:00:00Z", "ended": "2026-11-01T10:08:00Z"}
        (tmp_path / "records").mkdir()
        (tmp_path / "records" / "acme-eu-1.jsonl").write_text(json.dumps(past) + "\n")
        options = (*options, "-e", f"records_dir={tmp_path / 'records'}")
        worked_on, done = planned()
        rows = {row["cluster"]: row for row in worked_on["clusters"]}
        assert (rows["birch-eu-1"]["code"], rows["acme-eu-1"]["estimated_seconds"]) == ("locked", 600)
        assert "bob@ctl/7 works on it for deploy_models" in rows["birch-eu-1"]["reason"]
        birch.request("DELETE", f"{LEASES}/operation-lock")

        refused, done = planned(as_the_upgrader_of_an_older_presetup(birch, two, tmp_path))
        [row] = [row for row in refused["clusters"] if row["cluster"] == "birch-eu-1"]
        assert (row["decision"], row["code"]) == ("wait", "missing_permissions")
        assert "patch, delete horizontalpodautoscalers.autoscaling in fireworks-system" in row["reason"]
        assert (row["owner"], "@" in row["contact"]["email"]) == ("customer", True)

        annotate(acme, approval=None)
        after = state(acme), state(birch)
        names = [[name for name, _version in each] for each in before]
        assert [[name for name, _version in each] for each in after] == names
        touched = [set(now) - set(then) for now, then in zip(after, before, strict=True)]
        assert {name for each in touched for name, _version in each} <= {
            "fireworks-system",
            "presetup",
        }  # our annotations
    finally:
        wipe(acme)
        wipe(birch)


def test_an_upgrade_of_no_cluster_is_not_completed_and_check_mode_writes_no_file(bed: Any, tmp_path: Path) -> None:
    files = [tmp_path / "plan.json", tmp_path / "plan.svg"]
    options = ("-e", f"plan_json={files[0]}", "-e", f"plan_svg={files[1]}")
    done = play("plan_upgrade", tmp_path / "fleet", [agreed(bed["acme"])], *ASKED, *options, "--check")
    assert done.returncode == 2, done.stdout
    assert "onboard it" in line(done, "-     acme-eu-1")
    assert "skipped" in line(done, "PLAN UPGRADE acme-eu-1")
    assert not any(file.exists() for file in files)


def test_it_asks_who_and_to_which_release(bed: Any, tmp_path: Path) -> None:
    done = play("plan_upgrade", tmp_path, [agreed(bed["acme"])])
    assert done.returncode != 0
    assert "the release or who requests it is not named" in done.stdout
