# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where drains need the customer's approval, pods are evicted by their grant only, and it ends in the API server.

fireworks.byoc.grant_eviction, fireworks.byoc.revoke_eviction, in them fireworks.byoc.eviction_grant.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    EVICTION_GRANT_ANNOTATION,
    EVICTION_PODS_ANNOTATION,
    EVICTION_UNTIL_ANNOTATION,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.outcome import remediation_outcome
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Target, target_digest
from byoc_testbed.api import Api
from tests.beds import H100
from tests.integration.governed import RBAC, governed
from tests.integration.guarded import image, layer_of, pod, pod_spec, refusal, until
from tests.integration.journey import agreed, as_admin, line, play, versions
from tests.integration.plays import connection_to, perform, perform_tasks, token_in
from tests.integration.remediating import MODULE, NODE, OTHER, PODS, finding, gone, node, restore, said

GRANT = "fireworks.byoc.eviction_grant"
WHO = {"requested_by": "sre@fireworks.example", "reason": "a double-bit error"}
SYSTEM = "/api/v1/namespaces/fireworks-system"
BINDING = f"{RBAC}/namespaces/fireworks-models/rolebindings/fireworks-node-medic-eviction"
ACTIONS = {"cordon": "auto", "drain": "approve", "reboot": "auto"}
REMEDIATION = {"drain_deadline": "60s", "healthy_for": "3s"}
FORGED = [
    {"manager": "me", "operation": "Update", "apiVersion": "policy/v1", "time": "2020-01-01T00:00:00Z",
     "fieldsType": "FieldsV1", "fieldsV1": {"f:deleteOptions": {}}}
]  # fmt: skip


@pytest.fixture(scope="module")
def site(bed: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A cluster with its prerequisites, in which drains need an approval; and the contract."""
    with governed(bed["acme"], actions=ACTIONS, remediation=REMEDIATION) as contract:
        yield bed["acme"], contract


@pytest.fixture
def pods(site: tuple[Any, dict[str, Any]]) -> Iterator[Any]:
    """Makes pods on nodes; afterwards neither they nor a grant are there, and the node is as it was."""
    cluster, _contract = site
    before = node(cluster)
    made: list[str] = []

    def make(name: str, where: str = NODE) -> str:
        spec = pod_spec(image("registry.acme.example/fireworks"), gpus=1, product=H100)
        spec["nodeSelector"]["kubernetes.io/hostname"] = where
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        uid = str(cluster.request("POST", PODS, pod(name, spec))["metadata"]["uid"])
        made.append(name)
        until(lambda: cluster.request("GET", f"{PODS}/{name}")["spec"].get("nodeName") == where, "it is on no node")
        return uid

    yield make
    there = {one["metadata"]["name"] for one in cluster.request("GET", PODS)["items"]}
    for name in there.intersection(made):
        cluster.request("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
    restore(cluster, NODE, before)
    assert not granting(cluster, state="absent")["failed"]


def granting(cluster: Any, **options: Any) -> dict[str, Any]:
    return perform(connection_to(cluster), GRANT, **options)


def granted(cluster: Any, **options: Any) -> dict[str, Any]:
    result = granting(cluster, **WHO, **options)
    assert not result["failed"], result
    return result


def as_identity(cluster: Any, name: str = "node-medic") -> Api:
    token = token_in(cluster.kubeconfig_for_service_account("fireworks-system", name))
    return Api(cluster.server, cluster.ca_file, token)


def evicting(by: Api, name: str, uid: str = "", **metadata: Any) -> str:
    """Why the API server does not let this pod be evicted; empty where it does."""
    options = {"deleteOptions": {"preconditions": {"uid": uid}}} if uid else {}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, **metadata}, **options}
    return refusal(by, "POST", f"{PODS}/{name}/eviction", body)


def notes(cluster: Any, **values: str | None) -> None:
    known = {"until": EVICTION_UNTIL_ANNOTATION, "pods": EVICTION_PODS_ANNOTATION, "grant": EVICTION_GRANT_ANNOTATION}
    patch = {"metadata": {"annotations": {known[key]: text for key, text in values.items()}}}
    cluster.request("PATCH", SYSTEM, patch)


def annotations(cluster: Any) -> dict[str, str]:
    return dict(cluster.request("GET", SYSTEM)["metadata"].get("annotations") or {})


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def audited(cluster: Any, contract: dict[str, Any]) -> tuple[Any, ...]:
    """How many rights the node medic has, and what is too many, too few and foreign about anybody."""
    asked = access_expectations(contract, notes=annotations(cluster))
    found = perform(connection_to(cluster), "fireworks.byoc.access_info", expectations=asked)
    [row] = [each for each in found["summary"] if each["identity"] == "node-medic"]
    return row["expected"], found["too_many"], found["too_few"], found["foreign_bindings"]


@pytest.mark.soak
def test_a_grant_ends_in_the_api_server_though_nobody_removes_it(site: tuple[Any, dict[str, Any]], pods: Any) -> None:
    cluster, contract = site
    here, there = pods("here"), pods("there", OTHER)
    medic, admin = as_identity(cluster), cluster.api
    assert layer_of(evicting(medic, "here", here)) == "RBAC"
    standing, *wrong = audited(cluster, contract)
    assert wrong == [[], [], []]

    end = at(20)
    granted(cluster, until=end, nodes=[NODE])
    until(lambda: evicting(medic, "here", here) == "", "the grant does not count", 15)
    assert "is for certain nodes" in evicting(medic, "there", there)
    assert "names the pod by its UID" in evicting(medic, "here")
    assert audited(cluster, contract) == (standing + 1, [], [], [])
    until(lambda: f"ended at {end}" in evicting(medic, "here", here), "it has not ended", 40)
    assert at(0) >= end, "it ended too early"

    assert cluster.request("GET", BINDING)["subjects"][0]["name"] == "node-medic", "the right itself is there"
    forged = evicting(medic, "here", here, creationTimestamp="2020-01-01T00:00:00Z", managedFields=FORGED)
    assert f"ended at {end}" in forged
    assert evicting(admin, "here", here) == evicting(admin, "there") == "", "the customer evicts whenever they like"
    assert audited(cluster, contract) == (standing + 1, [], [], [])
    notes(cluster, until=at(5 * 3600))
    until(lambda: "at most an hour" in evicting(medic, "here", here), "it may last for hours", 15)
    notes(cluster, until=None, pods=None)
    until(lambda: "have granted no evictions" in evicting(medic, "here", here), "a right alone is enough", 15)
    assert audited(cluster, contract)[1] != [], "a right without a grant is one too many"


def test_whoever_else_of_us_gets_the_right_evicts_nothing(site: tuple[Any, dict[str, Any]], pods: Any) -> None:
    cluster, _contract = site
    uid = pods("here")
    granted(cluster)
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": "fireworks-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "fireworks-node-medic-eviction"}
    path = f"{RBAC}/namespaces/fireworks-models/rolebindings"
    cluster.request("POST", path, {"metadata": {"name": "mistake"}, "roleRef": role, "subjects": [subject]})
    try:
        deployer = as_identity(cluster, "deployer")
        until(lambda: "only the node medic" in evicting(deployer, "here", uid), "nothing says no", 15)
        assert evicting(as_identity(cluster), "here", uid) == ""
    finally:
        cluster.request("DELETE", f"{path}/mistake")


def test_a_drain_waits_for_the_grant_untouched_and_goes_on_after_one_that_was_too_small(
    site: tuple[Any, dict[str, Any]], pods: Any
) -> None:
    cluster, contract = site
    connection = {**connection_to(cluster), "kubeconfig_file": str(
        cluster.kubeconfig_for_service_account("fireworks-system", "node-medic"))}  # fmt: skip
    pods("first")
    approvals: list[dict[str, str]] = []

    def remediated() -> dict[str, Any]:
        given = {"findings": [finding()], "approvals": approvals, "requested_by": "sre@fireworks.example"}
        result = perform(connection, MODULE, contract=contract, **given)
        outcome = remediation_outcome(contract, result["taken"], result["steps"])
        if said(cluster).get("session") and not approvals:
            digest = target_digest(contract, Target(NODE, "reboot", said(cluster)["session"]))
            approvals.append({"by": "oncall@acme.example", "digest": digest, "given_at": at(0)})
        return {**result, "outcome": outcome}

    first = remediated()
    assert [one["do"] for one in first["taken"]] == ["quarantine"], "a quarantine never waits"
    assert {one["code"] for one in first["outcome"]["blockers"]} == {"approval", "eviction_not_granted"}
    before = versions(cluster)
    waits = remediated()
    assert (waits["taken"], waits["changed"], versions(cluster)) == ([], False, before)
    outcome = waits["outcome"]
    assert (outcome["result"], outcome["code"], outcome["owner"]) == ("waiting", "eviction_not_granted", "customer")
    assert "fireworks.byoc.grant_eviction" in outcome["next_step"]
    assert f'"nodes": ["{NODE}"]' in outcome["next_step"]

    granted(cluster, nodes=[OTHER])
    assert f"is for {OTHER} only" in remediated()["outcome"]["what"]
    granted(cluster, nodes=[NODE])
    sick = {key: node(cluster)["spec"][key] for key in ("unschedulable", "taints")}
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": dict.fromkeys(sick)})
    pods("later")  # than the grant, so that it is not of it
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": sick})
    until(lambda: evicting(as_identity(cluster), "first", uid_of(cluster, "first")) == "", "no grant", 15)
    half = remediated()
    [drain] = [one for one in half["taken"] if one["do"] == "drain"]
    assert (drain["failed"], drain["evicted"]) == (True, ["fireworks-models/first"])
    assert drain["not_granted"] == ["fireworks-models/later"]
    assert (half["outcome"]["code"], half["outcome"]["owner"]) == ("eviction_not_granted", "customer")
    assert "grant_eviction" in half["outcome"]["next_step"]
    granted(cluster, nodes=[NODE])
    until(lambda: evicting(as_identity(cluster), "later", uid_of(cluster, "later")) == "", "no grant", 15)
    done = remediated()
    assert [one["goal"] for one in done["repairs"]] == ["reboot"], done
    assert cluster.request("GET", PODS)["items"] == []


def uid_of(cluster: Any, name: str) -> str:
    return str(cluster.request("GET", f"{PODS}/{name}")["metadata"]["uid"])


def test_a_grant_is_made_once_and_a_rerun_prolongs_nothing(
    site: tuple[Any, dict[str, Any]], pods: Any, tmp_path: Path
) -> None:
    cluster, _contract = site
    uid = pods("here")
    asked = {GRANT: {**WHO, "nodes": [NODE], "until": "30m"}}
    before = versions(cluster)
    checked = perform_tasks(tmp_path, connection_to(cluster), asked, flags=("--check", "--diff")).result
    assert (checked["changed"], versions(cluster)) == (True, before)
    assert uid in checked["diff"][0]["after"]
    first = granted(cluster, nodes=[NODE], until="30m")
    assert [one["action"] for one in first["objects"]] == ["updated", "created"]
    time.sleep(1.1)
    again = granted(cluster, nodes=[NODE], until="30m")
    assert (again["changed"], again["grant"]) == (False, first["grant"])
    wider = granted(cluster, until="30m")
    assert (wider["before"], wider["grant"]["nodes"]) == (first["grant"], [])
    assert EVICTION_PODS_ANNOTATION not in annotations(cluster)
    notes(cluster, until="2026-01-01T00:00:00Z")
    renewed = granted(cluster, until="30m")
    assert renewed["grant"]["until"] > at(0), "what is left of a grant that ended is replaced"
    end = {GRANT: {"state": "absent"}}
    checked = perform_tasks(tmp_path, connection_to(cluster), end, flags=("--check",)).result
    assert (
        checked["changed"] and not gone(cluster, BINDING) and granting(cluster, **WHO, until="30m")["changed"] is False
    )
    assert granting(cluster, state="absent")["changed"]
    assert not granting(cluster, state="absent")["changed"]
    assert not {key for key in annotations(cluster) if "eviction" in key}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"until": "61m"}, "invalid_input", "for at most an hour"),
        ({"until": "soon"}, "invalid_input", "is not an expiry"),
        ({"until": "2026-01-01T00:00:00Z"}, "invalid_input", "in the past"),
        ({"reason": " "}, "invalid_input", "says who asked for it and why"),
        ({"nodes": ["gpu-unknown"]}, "invalid_input", "gpu-unknown"),
    ],
)
def test_what_is_no_grant_is_refused_and_nothing_is_written(
    site: tuple[Any, dict[str, Any]], options: dict[str, Any], code: str, words: str
) -> None:
    cluster, _contract = site
    before = versions(cluster)
    result = granting(cluster, **{**WHO, **options})
    assert (result["failed"], result["code"], versions(cluster)) == (True, code, before)
    assert words in result["msg"]


def test_without_the_role_of_the_prerequisites_there_is_nothing_to_grant(site: tuple[Any, dict[str, Any]]) -> None:
    cluster, _contract = site
    path = f"{RBAC}/namespaces/fireworks-models/roles/fireworks-node-medic-eviction"
    role = cluster.request("GET", path)
    cluster.request("DELETE", path)
    try:
        result = granting(cluster, **WHO)
        assert (result["code"], result["owner"]) == ("nothing_to_grant", "customer")
    finally:
        del role["metadata"]["resourceVersion"], role["metadata"]["uid"]
        cluster.api.create(role)


@pytest.mark.soak
def test_the_playbooks_grant_show_and_revoke(site: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    cluster, _contract = site
    contract = {**agreed(cluster), "actions": ACTIONS}
    given = (*as_admin(cluster), "-e", f'{{"nodes": ["{NODE}"], "requested_by": "sre@fireworks.example"}}')
    why = ("-e", '{"reason": "a double-bit error"}')
    before = annotations(cluster)
    checked = play("grant_eviction", tmp_path, [contract], *given, *why, "--check", "--diff")
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert (annotations(cluster), gone(cluster, BINDING)) == (before, True)
    done = play("grant_eviction", tmp_path, [contract], *given, *why)
    assert "done" in line(done, "acme-eu-1"), done.stdout
    assert "a double-bit error" in done.stdout
    status = play("status", tmp_path, [contract], clusters="")
    assert f"acme-eu-1: pods of {NODE} may be evicted until" in " ".join(status.stdout.split()), status.stdout
    notes(cluster, until="2026-01-01T00:00:00Z")
    left = play("audit_access", tmp_path, [contract], *as_admin(cluster))
    assert "it gives nothing any more" in " ".join(left.stdout.split()), left.stdout
    assert "RoleBinding fireworks-models/fireworks-node-medic-eviction" not in left.stdout, "it is no drift"
    checked = play("revoke_eviction", tmp_path, [contract], *as_admin(cluster), "--check")
    assert "would change" in line(checked, "acme-eu-1"), checked.stdout
    assert not gone(cluster, BINDING)
    ended = play("revoke_eviction", tmp_path, [contract], *as_admin(cluster))
    assert "done" in line(ended, "acme-eu-1"), ended.stdout
    assert (annotations(cluster), gone(cluster, BINDING)) == (before, True)
