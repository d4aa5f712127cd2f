# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.set_info``: what is there of a set, on a real API server."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from demo.contracts import Contract
from tests.integration.governed import RBAC, apply_presetup, compiled, governed, in_full
from tests.integration.guarded import AUDIENCES
from tests.integration.plays import AS_MODULE, connection_to, perform_tasks

MODELS = "/api/v1/namespaces/fireworks-models"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/fireworks-system/networkpolicies"
ROLES = f"{RBAC}/namespaces/fireworks-system/roles"


@pytest.fixture(scope="module")
def presetup(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Contract]]:
    with governed(bed["acme"]) as contract:
        yield bed["acme"], contract


def asked(manifests: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"fireworks.byoc.set_info": {"name": "presetup", "definition": manifests, **more}}


def told(result: dict[str, Any]) -> set[str]:
    """Everything that is not as it should be, one line each."""
    found = set()
    for entry in result["objects"]:
        place = f"{entry['kind']} {entry['namespace']}/{entry['name']}"
        if entry["state"] not in ("same", "differs"):
            found.add(f"{place} {entry['state']}")
        for each in entry.get("differences", ()):
            found.add(f"{place} {each['field']}: {each['expected']} -> {each['found']}")
    return found


@pytest.mark.soak
def test_the_whole_presetup_is_the_same_as_module_and_in_process_and_in_check_mode(
    presetup: tuple[Any, Contract], tmp_path: Path
) -> None:
    cluster, contract = presetup
    task = asked(compiled(contract))
    for flags in ((), ("--check",)):
        in_process, as_module = perform_tasks(
            tmp_path, connection_to(cluster), task, {**task, **AS_MODULE}, flags=flags
        ).results
        as_module.pop("invocation", None)
        assert as_module == in_process
        assert told(in_process) == set()
        assert in_process["changed"] is False
        assert in_process["counts"]["same"] == len(compiled(contract))
        assert (
            in_process["set"]["annotations"].items() >= presetup_annotations(compiled(contract), (), AUDIENCES).items()
        )
        assert in_process["unlisted"] == []


def test_ten_edits_are_each_named_exactly_and_repaired_by_applying_again(
    presetup: tuple[Any, Contract], tmp_path: Path
) -> None:
    cluster, contract = presetup
    objects = compiled(contract)
    rules = cluster.request("GET", f"{ROLES}/fireworks-observer")["rules"]
    widened = [{**rules[0], "verbs": ["*"]}, *rules[1:]]
    set_id = cluster.request("GET", "/api/v1/namespaces/fireworks-models")["metadata"]["labels"]
    somebody = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    leftover = {
        "metadata": {
            "name": "leftover",
            "labels": {
                "applyset.kubernetes.io/part-of": set_id["applyset.kubernetes.io/part-of"],
                "app.kubernetes.io/managed-by": "fireworks-byoc",
            },
        }
    }

    def change(path: str, patch: Any) -> None:
        cluster.request("PATCH", f"{path}?fieldManager=kubectl-edit", patch)

    change(f"{MODELS}/resourcequotas/approved-gpus", {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}})
    change(
        "/api/v1/namespaces/fireworks-models", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}
    )
    change(f"{POLICIES}/closed", {"spec": {"ingress": [{}]}})
    change(f"{POLICIES}/dns", {"spec": {"podSelector": {"matchLabels": {"only": "these"}}}})
    change(f"{ROLES}/fireworks-observer", {"rules": widened})
    change(f"{ROLES}/fireworks-telemetry", {"rules": []})
    change("/api/v1/namespaces/fireworks-system/serviceaccounts/router", {"automountServiceAccountToken": None})
    change(f"{RBAC}/clusterrolebindings/fireworks-observer", {"subjects": [
        {"kind": "ServiceAccount", "name": "observer", "namespace": "fireworks-system"},
        somebody,
    ]})  # fmt: skip
    cluster.request("DELETE", f"{RBAC}/namespaces/fireworks-models/rolebindings/fireworks-deployer")
    cluster.request("POST", f"{MODELS}/serviceaccounts", leftover)
    # Others' labels, and what a controller gives an account, are nobody's business here.
    change("/api/v1/namespaces/fireworks-system", {"metadata": {"labels": {"team": "ml"}}})
    change(f"{MODELS}/serviceaccounts/engine", {"imagePullSecrets": [{"name": "pull"}]})

    [result] = perform_tasks(tmp_path, connection_to(cluster), asked(objects)).results
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    assert told(result) == {
        "ResourceQuota fireworks-models/approved-gpus spec.hard[requests.nvidia.com/gpu]: 16 -> 64",
        "Namespace /fireworks-models metadata.labels[pod-security.kubernetes.io/enforce]: restricted -> None",
        "NetworkPolicy fireworks-system/closed spec.ingress: None -> [{}]",
        "NetworkPolicy fireworks-system/dns spec.podSelector.matchLabels: None -> {'only': 'these'}",
        "Role fireworks-system/fireworks-observer rules[0].verbs: ['get', 'list', 'watch'] -> ['*']",
        f"Role fireworks-system/fireworks-telemetry rules: {[pods]} -> None",
        "ServiceAccount fireworks-system/router automountServiceAccountToken: False -> None",
        f"ClusterRoleBinding /fireworks-observer subjects[1]: None -> {somebody}",
        "RoleBinding fireworks-models/fireworks-deployer missing",
        "ServiceAccount fireworks-models/leftover extra",
    }
    assert result["counts"] == {
        "same": len(objects) - 9, "missing": 1, "differs": 8, "unreadable": 0, "extra": 1
    }  # fmt: skip

    for path in (f"{POLICIES}/closed", f"{POLICIES}/dns"):  # what others have added, an apply leaves alone
        cluster.request("DELETE", path)
    apply_presetup(cluster, contract, force_conflicts=True)
    [result] = perform_tasks(tmp_path, connection_to(cluster), asked(objects)).results
    assert told(result) == set()


def test_what_may_not_be_read_is_no_failure(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    operator = str(cluster.kubeconfig_for_service_account("fireworks-system", "operator"))
    visible = asked(compiled(contract))
    hidden = asked(compiled(contract), namespace="kube-system", name="nothing")
    result, elsewhere = perform_tasks(
        tmp_path, connection_to(cluster, kubeconfig_file=operator), visible, hidden
    ).results
    # The operator may get each object, and may not list all of the kinds.
    assert result["counts"] == {**result["counts"], "same": len(compiled(contract)), "unreadable": 0}
    assert "ClusterRole.rbac.authorization.k8s.io" in result["unlisted"]
    assert elsewhere["set"]["state"] == "unreadable"

    observer = str(cluster.kubeconfig_for_service_account("fireworks-system", "observer"))
    [result] = perform_tasks(tmp_path, connection_to(cluster, kubeconfig_file=observer), visible).results
    assert not result.get("failed")
    unread = {entry["kind"] for entry in result["objects"] if entry["state"] == "unreadable"}
    assert {"ServiceAccount", "Role", "ClusterRoleBinding"} <= unread


def test_where_nothing_is_all_is_missing_and_secrets_are_never_shown(bed: Any, tmp_path: Path) -> None:
    cluster = bed["birch"]
    objects = compiled(in_full(cluster))
    unserved = {"apiVersion": "nobody.example/v1", "kind": "Thing", "metadata": {"name": "a"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
    path = "/api/v1/namespaces/default/secrets"
    encoded = base64.b64encode(b"their-value").decode()
    cluster.request("POST", path, {"metadata": {"name": "s"}, "data": {"a": encoded, "b": encoded}})
    try:
        nothing, one, broken = perform_tasks(
            tmp_path,
            connection_to(cluster),
            asked([*objects, unserved]),
            {
                "fireworks.byoc.set_info": {
                    "definition": [{**secret, "stringData": {"a": "our-value", "b": "their-value"}}]
                }
            },
            asked([{"kind": "Secret"}]),
        ).results
    finally:
        cluster.request("DELETE", f"{path}/s")
    assert nothing["counts"]["missing"] == len(objects) + 1
    assert nothing["set"] == {"name": "presetup", "state": "missing", "annotations": {}}
    [entry] = one["objects"]
    assert entry["differences"] == [{"field": "data.a", "expected": "(hidden, after)", "found": "(hidden, before)"}]
    assert "manifest 1: has no apiVersion" in broken["msg"]


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "made-by-others"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["widgets"]}
            ]
        },
        "validations": [{"expression": "true"}],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "made-by-others"},
    "spec": {
        "policyName": "made-by-others",
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}},
    },
}


def test_what_another_tool_has_made_from_the_same_manifests_is_the_same(bed: Any, tmp_path: Path) -> None:
    cluster = bed["birch"]
    objects = [*compiled(in_full(cluster)), POLICY, BINDING]
    made = [cluster.api.create(each) for each in objects]
    try:
        [result] = perform_tasks(tmp_path, connection_to(cluster), asked(objects)).results
        assert told(result) == set()
    finally:
        for each in reversed(made):
            cluster.request("DELETE", f"{cluster.api.collection(each)}/{each['metadata']['name']}")
        gone(cluster, "fireworks-system", "fireworks-models")


def gone(cluster: Any, *namespaces: str) -> None:
    deadline = time.monotonic() + 60
    while any(item["metadata"]["name"] in namespaces for item in cluster.request("GET", "/api/v1/namespaces")["items"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
