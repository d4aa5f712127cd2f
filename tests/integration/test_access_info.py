# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.access_info``: what each identity may do, asked of a real API server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.audit import access_findings, audit_verdict
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from byoc_testbed.api import Api
from byoc_testbed.errors import ApiError
from demo.contracts import Contract
from tests.integration.ansible_runs import ROOT
from tests.integration.forbidden_objects import set_parent
from tests.integration.governed import RBAC, governed
from tests.integration.guarded import until
from tests.integration.plays import AS_MODULE, connection_to, perform_tasks

PAGE = ROOT / "docs" / "health.md"
OBSERVER = {"kind": "ServiceAccount", "name": "observer", "namespace": "fireworks-system"}
SYSTEM = f"{RBAC}/namespaces/fireworks-system"


@pytest.fixture(scope="module")
def presetup(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Contract]]:
    with governed(bed["acme"]) as contract:
        yield bed["acme"], contract


def asked(contract: Contract, *identities: str, **more: Any) -> dict[str, Any]:
    """The question about some identities (all, when none is named); the bindings of the others are expected too."""
    every = access_expectations(contract)
    chosen = [each for each in every if not identities or each["identity"] in identities]
    bindings = [binding for each in every for binding in each["bindings"]]
    return {"fireworks.byoc.access_info": {"expectations": [{**each, "bindings": bindings} for each in chosen], **more}}


def of(cluster: Any, folder: Path, *tasks: dict[str, Any], **connection: Any) -> list[dict[str, Any]]:
    return perform_tasks(folder, connection_to(cluster, **connection), *tasks).results


@contextmanager
def granted(
    cluster: Any, kind: str, role: dict[str, Any] | str, *subjects: dict[str, Any], name: str = "extra"
) -> Iterator[None]:
    """A binding (of a role of its own, when rules are given) that is there for a while."""
    place = SYSTEM if kind == "Role" else RBAC
    made = []
    if not isinstance(role, str):
        cluster.request("POST", f"{place}/{kind.lower()}s", {"metadata": {"name": name}, "rules": [role]})
        made.append(f"{place}/{kind.lower()}s/{name}")
    binding = {
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": kind,
            "name": role if isinstance(role, str) else name,
        },
        "subjects": list(subjects),
    }
    cluster.request("POST", f"{place}/{kind.lower()}bindings", binding)
    made.append(f"{place}/{kind.lower()}bindings/{name}")
    time.sleep(0.5)  # until the authorizer has seen it
    try:
        yield
    finally:
        for path in made:
            cluster.request("DELETE", path)
        time.sleep(0.5)


def test_every_identity_may_do_exactly_what_is_expected(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    [result] = of(cluster, tmp_path, asked(contract))
    assert (result["too_many"], result["too_few"], result["foreign_bindings"], result["unlisted"]) == ([], [], [], [])
    assert result["everybody"] == {"expected": 3, "too_many": 0}
    assert {row["identity"] for row in result["summary"]} == {
        each["identity"] for each in access_expectations(contract)
    }
    assert all(row["expected"] == row["actual"] for row in result["matrix"])
    [tokens] = [row for row in result["matrix"] if row["resource"] == "serviceaccounts/token"]
    assert (tokens["identity"], tokens["actual"]) == ("operator", ["create"])
    assert "node-medic" in tokens["names"]
    assert result["changed"] is False


@pytest.mark.soak
def test_asking_everything_finds_the_same(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    tasks = [asked(contract, exhaustive=exhaustive) for exhaustive in (False, True)]
    rule = {"apiGroups": ["batch", "events.k8s.io"], "resources": ["*"], "verbs": ["*"]}
    with granted(cluster, "Role", rule, OBSERVER):
        times = []
        results = []
        for task in tasks:
            started = time.monotonic()
            results += of(cluster, tmp_path, task)
            times.append(time.monotonic() - started)
    guided, everything = results
    print(f"{guided['questions']} questions in {times[0]:.1f} s, {everything['questions']} in {times[1]:.1f} s")
    for key in ("too_many", "too_few", "matrix", "foreign_bindings", "everybody"):
        assert guided[key] == everything[key]
    assert (guided["exhaustive"], everything["exhaustive"]) == (False, True)
    assert guided["questions"] * 3 < everything["questions"]
    assert {row["resource"] for row in guided["too_many"]} > {"jobs", "cronjobs", "events"}


def test_the_module_and_the_action_and_check_mode_say_the_same(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    task = asked(contract, "metrics-reader")
    in_process, as_module = perform_tasks(
        tmp_path, connection_to(cluster), task, {**task, **AS_MODULE}, flags=("--check",)
    ).results
    as_module.pop("invocation", None)
    assert as_module == in_process
    assert in_process["too_few"] == []


# What the page gives customers to apply.
HANDED_OUT = [
    list(yaml.safe_load_all(block))
    for block in re.findall(r"```yaml\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if "kind: RoleBinding" in block
]
CUSTOMERS = {
    "prometheus": (
        {"prometheus": {"namespace": "monitoring", "service": "prometheus-operated", "port": 9090}},
        "services/prometheus-operated:9090",
        "get on services/proxy, resourceNames prometheus-operated:9090, and a RoleBinding fireworks-observer of it",
        {("services/proxy", "create"), ("services/proxy", "get")},
    ),
    "exporters": (
        {"exporters": {"namespace": "gpu-operator"}},
        "pods/dcgm:9400",
        "get on pods/proxy, and a RoleBinding fireworks-observer of it",
        {("pods/proxy", "create")},
    ),
}


@contextmanager
def handed(cluster: Any, space: str, role: dict[str, Any], binding: dict[str, Any]) -> Iterator[None]:
    """What a customer has temporarily applied in their namespace."""
    made = {
        f"{RBAC}/namespaces/{space}/{plural}": each for plural, each in (("roles", role), ("rolebindings", binding))
    }
    for path, each in made.items():
        cluster.request("POST", path, {**each, "metadata": {"name": each["metadata"]["name"]}})
    time.sleep(0.5)  # until the authorizer has seen it
    try:
        yield
    finally:
        for path, each in made.items():
            cluster.request("DELETE", f"{path}/{each['metadata']['name']}")
        time.sleep(0.5)


@contextmanager
def namespace(cluster: Any, space: str) -> Iterator[None]:
    """A namespace of the customer's, for a while; one that is there stays."""
    there = {each["metadata"]["name"] for each in cluster.request("GET", "/api/v1/namespaces")["items"]}
    if space not in there:
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    try:
        yield
    finally:
        if space not in there:
            cluster.request("DELETE", f"/api/v1/namespaces/{space}")


def observed(cluster: Any, space: str, path: str) -> tuple[int, str]:
    """How a request of the observer for something missing is refused: as forbidden, else as not found."""
    account = "/api/v1/namespaces/fireworks-system/serviceaccounts/observer/token"
    token = cluster.request("POST", account, {"spec": {}})["status"]["token"]
    with pytest.raises(ApiError) as refused:
        Api(cluster.server, cluster.ca_file, token).request("GET", f"/api/v1/namespaces/{space}/{path}/proxy/metrics")
    return refused.value.status, str(refused.value)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("case", CUSTOMERS)
def test_what_the_customer_grants_in_their_namespace_is_expected_and_allowed(
    bed: Any, tmp_path: Path, case: str
) -> None:
    cluster, (health, path, words, wider) = bed["birch"], CUSTOMERS[case]
    role, binding = HANDED_OUT[list(CUSTOMERS).index(case)]
    space = role["metadata"]["namespace"]
    with governed(cluster, health=health) as contract:
        task = asked(contract, "observer")
        [without] = of(cluster, tmp_path, task)
        with handed(cluster, "default", role, binding):
            until(lambda: "Fireworks writes only in" in observed(cluster, "default", path)[1], "no guardrail")
        with namespace(cluster, space):
            before = observed(cluster, space, path)
            with handed(cluster, space, role, binding):
                [with_it] = of(cluster, tmp_path, task)
                after = observed(cluster, space, path)
            rules = [{**role["rules"][0], "resourceNames": [], "verbs": ["get", "create"]}]
            with handed(cluster, space, {**role, "rules": rules}, binding):
                [too_wide] = of(cluster, tmp_path, task)
    assert (before[0], after[0]) == (403, 404), (before, after)
    assert (without["too_many"], without["foreign_bindings"]) == ([], [])
    [row] = access_findings(without, "birch-eu-1")
    assert (row["finding"], words in row["why"]) == ("not granted", True), row
    assert audit_verdict(contract, [], [row])["message"].splitlines()[-1].startswith("Action required by: customer (")

    assert [with_it[key] for key in ("too_many", "too_few", "foreign_bindings")] == [[], [], []]

    assert {(each["resource"], verb) for each in too_wide["too_many"] for verb in each["verbs"]} == wider
    assert (too_wide["too_few"], too_wide["foreign_bindings"]) == ([], [])
    [row] = access_findings(too_wide, "birch-eu-1")
    assert row["command"].startswith(f"kubectl -n {space} edit role fireworks-observer ")


GRANTS: dict[str, tuple[str, Any, dict[str, Any], set[tuple[str, str, str, str]], str]] = {
    "a cluster role": (
        "ClusterRole",
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]},
        OBSERVER,
        {("observer", "*", "secrets", "get,list")},
        "ServiceAccount fireworks-system/observer",
    ),
    "subresources by a wildcard": (
        "Role",
        {"apiGroups": ["*"], "resources": ["*/proxy"], "verbs": ["create"]},
        {"kind": "User", "name": "system:serviceaccount:fireworks-system:observer"},
        {("observer", "fireworks-system", f"{plural}/proxy", "create") for plural in ("pods", "services")},
        "User system:serviceaccount:fireworks-system:observer",
    ),
    "one object by its name": (
        "Role",
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]},
        OBSERVER,
        {("observer", "fireworks-system", "secrets", "get")},
        "ServiceAccount fireworks-system/observer",
    ),
    "everything": (
        "ClusterRole",
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        OBSERVER,
        {("observer", "*", "*", "*")},
        "ServiceAccount fireworks-system/observer",
    ),
    "everything in one namespace": (
        "Role",
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        OBSERVER,
        {("observer", "fireworks-system", "*", "*")},
        "ServiceAccount fireworks-system/observer",
    ),
    "to escalate": (
        "ClusterRole",
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["escalate", "bind"]},
        OBSERVER,
        {("observer", "", "clusterroles", "bind,escalate")},
        "ServiceAccount fireworks-system/observer",
    ),
    "to be somebody else": (
        "ClusterRole",
        {"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]},
        OBSERVER,
        {("observer", "", "users", "impersonate"), ("observer", "", "groups", "impersonate")},
        "ServiceAccount fireworks-system/observer",
    ),
    "a path of the server": (
        "ClusterRole",
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
        OBSERVER,
        {("observer", "", "/metrics", "get")},
        "ServiceAccount fireworks-system/observer",
    ),
    "any name instead of some": (
        "Role",
        {"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get"]},
        OBSERVER,
        {("observer", "fireworks-system", "services/proxy", "get")},
        "ServiceAccount fireworks-system/observer",
    ),
    "to all accounts of our namespace": (
        "Role",
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"kind": "Group", "name": "system:serviceaccounts:fireworks-system"},
        {("observer", "fireworks-system", "secrets", "get")},
        "Group system:serviceaccounts:fireworks-system",
    ),
}  # fmt: skip


@pytest.mark.soak(sample=3)
@pytest.mark.parametrize("case", GRANTS)
def test_a_grant_beyond_the_contract_is_found_and_its_binding_named(
    presetup: tuple[Any, Contract], tmp_path: Path, case: str
) -> None:
    cluster, contract = presetup
    kind, rule, subject, rights, reached = GRANTS[case]
    with granted(cluster, kind, rule, subject):
        [result] = of(cluster, tmp_path, asked(contract, "observer"))
    assert {(r["identity"], r["namespace"], r["resource"], ",".join(r["verbs"])) for r in result["too_many"]} == rights
    assert all("extra" in row["reason"] for row in result["too_many"])
    assert result["too_few"] == []
    [binding] = result["foreign_bindings"]
    assert (binding["kind"], binding["name"], binding["subject"]) == (f"{kind}Binding", "extra", reached)


def test_what_everybody_gets_is_said_once(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    everybody = {"kind": "Group", "name": "system:authenticated"}
    with granted(cluster, "ClusterRole", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, everybody):
        [result] = of(cluster, tmp_path, asked(contract, "observer"))
    [row] = result["too_many"]
    assert (row["identity"], row["namespace"], row["resource"], row["verbs"]) == ("everybody", "*", "secrets", ["get"])
    assert 'ClusterRoleBinding "extra"' in row["reason"]
    assert result["everybody"] == {"expected": 3, "too_many": 1}


def test_a_binding_elsewhere_and_to_another_account_of_ours_is_named(
    presetup: tuple[Any, Contract], tmp_path: Path
) -> None:
    cluster, contract = presetup
    path = f"{RBAC}/namespaces/kube-public/rolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    default = {"kind": "ServiceAccount", "name": "default", "namespace": "fireworks-system"}
    cluster.request("POST", path, {"metadata": {"name": "elsewhere"}, "roleRef": role, "subjects": [OBSERVER, default]})
    try:
        [result] = of(cluster, tmp_path, asked(contract, "observer"))
    finally:
        cluster.request("DELETE", f"{path}/elsewhere")
    assert [row["subject"] for row in result["foreign_bindings"]] == [
        "ServiceAccount fireworks-system/default",
        "ServiceAccount fireworks-system/observer",
    ]


def test_a_right_that_is_gone_is_named(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    path = f"{SYSTEM}/rolebindings/fireworks-metrics-reader"
    binding = cluster.request("GET", path)
    cluster.request("DELETE", path)
    time.sleep(0.5)
    try:
        [result] = of(cluster, tmp_path, asked(contract, "metrics-reader"))
    finally:
        binding["metadata"].pop("resourceVersion")
        cluster.request("POST", f"{SYSTEM}/rolebindings", binding)
    found = {(row["namespace"], row["resource"], row["name"], *row["verbs"]) for row in result["too_few"]}
    assert found == {
        ("fireworks-system", "services/proxy", "router:8001", "get"),
        ("fireworks-system", "services/proxy", "telemetry:9090", "get"),
    }
    assert result["too_many"] == []


def test_whoever_may_not_ask_is_told_what_is_missing(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    observer = str(cluster.kubeconfig_for_service_account("fireworks-system", "observer"))
    [result] = of(cluster, tmp_path, asked(contract), kubeconfig_file=observer)
    assert result["failed"]
    assert result["error"] == "MayNotAskError"
    assert "it lacks create on subjectaccessreviews of the group authorization.k8s.io, cluster-wide" in result["msg"]
    assert "Action required by: customer" in result["msg"]

    rule = {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}
    auditor = {"kind": "User", "name": "auditor"}
    sees = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    with granted(cluster, "ClusterRole", rule, auditor), granted(cluster, "ClusterRole", sees, auditor, name="sees"):
        auditors = str(cluster.kubeconfig_for("auditor"))
        [result] = of(cluster, tmp_path, asked(contract, "engine"), kubeconfig_file=auditors)
        assert result["unlisted"] == ["clusterrolebindings", "clusterroles", "rolebindings", "roles"]
        assert result["exhaustive"]
        assert result["too_many"] == []


def test_probes_say_which_layer_refuses(presetup: tuple[Any, Contract], tmp_path: Path) -> None:
    cluster, contract = presetup
    models = "/api/v1/namespaces/fireworks-models"
    parents = "/api/v1/namespaces/fireworks-system/configmaps"
    deployments = "/apis/apps/v1/namespaces/fireworks-models/deployments"
    probes = [
        {"identity": "observer", "method": "GET", "path": f"{models}/secrets", "sentence": "reads secrets"},
        {"identity": "deployer", "method": "POST", "path": parents, "sentence": "is allowed",
         "body": set_parent("model-a")},
        {"identity": "deployer", "method": "POST", "path": deployments, "sentence": "is nonsense",
         "body": {"metadata": {"name": "a"}}},
        {"identity": "deployer", "method": "PATCH", "path": f"{models}/resourcequotas/approved-gpus",
         "sentence": "widens the quota", "body": {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}}},
    ]  # fmt: skip
    task = asked(contract, "observer", "deployer", probe=True, probes=probes)
    result, careless = of(cluster, tmp_path, task, asked(contract, "observer", probe=True))
    assert [(each["status"], each["refused_by"]) for each in result["probes"]] == [
        (403, "authorization"),
        (201, ""),
        (422, "validation"),
        (403, "authorization"),
    ]
    assert "model-a" not in {each["metadata"]["name"] for each in cluster.request("GET", parents)["items"]}
    assert "probes" in careless["msg"]
