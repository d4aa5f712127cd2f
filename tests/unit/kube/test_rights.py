# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rights are asked about, what RBAC's objects give, how answers are judged, and who refuses a call."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.forbidden_calls import refusing_layer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.rbac import Rbac, foreign_bindings, rights_given
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.rights import (
    ANOTHER_NAME,
    EVERY,
    Answer,
    Right,
    everything_in,
    is_key,
    matrix,
    rights_of,
    rights_to_ask,
    rows,
    too_few,
    too_many,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.served import Served, parse_served

PODS = Served("", "pods", True, frozenset({"get"}))
NODES = Served("", "nodes", False, frozenset({"get"}))
YES, NO = Answer(True, "RBAC: x"), Answer(False)


def right(resource: str, verb: str = "get", namespace: str = "ns", name: str = "", group: str = "") -> Right:
    return Right(namespace, group, resource, name, verb)


def test_what_is_served_counts_once_with_the_verbs_of_all_versions() -> None:
    def version(*verbs: str) -> dict[str, Any]:
        sub = [{"subresource": "status", "verbs": ["get"]}, {"subresource": "none"}]
        return {"resources": [{"resource": "jobs", "scope": "Namespaced", "verbs": list(verbs), "subresources": sub}]}

    group = {"metadata": {"name": "batch"}, "versions": [version("get"), version("list")]}
    assert parse_served([{"items": [group]}, {}]) == [
        Served("batch", "jobs", True, frozenset({"get", "list"})),
        Served("batch", "jobs/status", True, frozenset({"get"})),
    ]


def test_each_right_is_asked_in_each_namespace_that_it_can_be_in() -> None:
    asked = set(rights_to_ask([PODS, NODES], ["a"], [], []))
    assert {r.namespace for r in asked if r.resource == "pods"} == {EVERY, "a"}
    assert {r.namespace for r in asked if r.resource == "nodes"} == {""}
    assert {r.verb for r in asked if r.resource == "clusterroles"} == {"bind", "escalate"}
    assert right("/metrics", namespace="") in asked
    assert not any(r.verb == "use" for r in asked)
    for group, resource in (("security.openshift.io", "securitycontextconstraints"), ("policy", "podsecuritypolicies")):
        constraints = Served(group, resource, False, frozenset({"get"}))
        assert any(r.verb == "use" for r in rights_to_ask([constraints], [], [], []))


def test_what_follows_from_everything_is_not_asked_again() -> None:
    assert {r.namespace for r in rights_to_ask([PODS], ["a", "b"], [], ["a"]) if r.resource == "pods"} == {EVERY, "b"}
    left = {r.resource for r in rights_to_ask([PODS, NODES], ["a"], [], [EVERY])}
    assert left == {"/configz", "/debug/pprof/", "/logs/", "/metrics"}


@pytest.mark.parametrize(
    ("group", "resources", "verbs"),
    [
        ("", "secrets", "get list create"),
        ("", "pods", "create patch"),
        ("", "pods/attach pods/exec pods/portforward pods/ephemeralcontainers serviceaccounts/token", "create"),
        ("", "serviceaccounts", "create impersonate"),
        ("", "users groups", "impersonate"),
        ("", "namespaces", "create patch delete"),
        ("", "nodes", "patch delete"),
        ("", "nodes/proxy", "get create"),
        ("", "persistentvolumes", "create"),
        ("", "resourcequotas", "patch"),
        ("apps", "daemonsets deployments statefulsets", "create patch"),
        ("leaderworkerset.x-k8s.io", "leaderworkersets", "create patch"),
        ("batch", "cronjobs jobs", "create"),
        ("rbac.authorization.k8s.io", "clusterroles roles", "create patch escalate bind"),
        ("rbac.authorization.k8s.io", "clusterrolebindings rolebindings", "create patch"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "create patch delete"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies", "create patch delete"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "create patch delete"),
        ("certificates.k8s.io", "certificatesigningrequests", "create"),
        ("certificates.k8s.io", "signers", "approve"),
        ("networking.k8s.io", "networkpolicies", "delete"),
    ],
)
def test_a_right_that_leads_to_more_is_asked_whatever_rbac_says(group: str, resources: str, verbs: str) -> None:
    asked = [right(resource, verb, group=group) for resource in resources.split() for verb in verbs.split()]
    assert [each for each in asked if not is_key(each)] == []


def test_reading_what_holds_no_secret_is_no_key() -> None:
    assert is_key(right("/metrics"))
    assert not is_key(right("pods", "list"))
    assert not is_key(right("secrets", group="apps"))


def test_a_right_by_name_is_asked_with_another_name_and_without() -> None:
    asked = rights_to_ask([], [], [right("secrets", name="one")], [])
    assert {r.name for r in asked if r.resource == "secrets"} == {"", "one", ANOTHER_NAME}


@pytest.mark.parametrize(
    ("asked", "attributes"),
    [
        (right("pods/exec", "create", "a"),
         {"verb": "create", "resource": "pods", "subresource": "exec", "namespace": "a"}),
        (right("pods", namespace=EVERY), {"verb": "get", "resource": "pods"}),
        (right("jobs", namespace="a", name="b", group="batch"),
         {"verb": "get", "resource": "jobs", "group": "batch", "namespace": "a", "name": "b"}),
    ],
)  # fmt: skip
def test_a_right_as_a_review_asks_about_it(asked: Right, attributes: dict[str, str]) -> None:
    assert asked.attributes() == {"resourceAttributes": attributes}


def test_a_path_is_no_resource() -> None:
    assert right("/metrics").attributes() == {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}


def test_rules_become_rights() -> None:
    rules = [
        {"scope": "", "group": "", "resource": "nodes", "verbs": ["get"]},
        {"scope": "", "group": "", "resource": "pods", "verbs": ["get"], "names": ["a", "b"]},
    ]
    assert rights_of(rules, [PODS, NODES]) == {
        right("nodes", namespace=""),
        right("pods", namespace=EVERY, name="a"),
        right("pods", namespace=EVERY, name="b"),
    }


TOO_MANY: dict[str, tuple[dict[Right, Answer], set[Right], dict[Right, Answer], set[Right]]] = {
    "allowed and not expected": ({right("pods"): YES, right("nodes"): NO}, set(), {}, {right("pods")}),
    "expected": ({right("pods"): YES}, {right("pods")}, {}, set()),
    "one name of all that are expected": ({right("pods", name="a"): YES}, {right("pods")}, {}, set()),
    "one namespace of all that are expected": ({right("pods"): YES}, {right("pods", namespace=EVERY)}, {}, set()),
    "what everybody has": ({right("pods"): YES}, set(), {right("pods", namespace=EVERY): YES}, set()),
    "said of every namespace, and not again of each": (
        {right("pods"): YES, right("pods", namespace=EVERY): YES}, set(), {}, {right("pods", namespace=EVERY)},
    ),
    "any name where one is expected": (
        {right("pods", name="a"): YES, right("pods"): YES, right("pods", name=ANOTHER_NAME): YES},
        {right("pods", name="a")}, {}, {right("pods")},
    ),
    "everything": ({everything_in(EVERY): YES, everything_in("ns"): YES}, set(), {}, {everything_in(EVERY)}),
}  # fmt: skip


@pytest.mark.parametrize("case", TOO_MANY)
def test_too_many(case: str) -> None:
    answers, expected, everybody, found = TOO_MANY[case]
    assert set(too_many(answers, expected, everybody)) == found


def test_too_few() -> None:
    expected = {right("pods"), right("nodes", namespace=""), right("jobs")}
    answers = {right("pods"): YES, right("nodes", namespace=""): NO, right("jobs"): Answer(False, "no such role")}
    assert too_few(answers, expected, set()) == {right("nodes", namespace=""): "", right("jobs"): "no such role"}
    assert set(too_few({right("nodes", namespace=""): NO}, expected, {"ns"})) == {right("nodes", namespace="")}


def test_rows_and_matrix_are_compact() -> None:
    rights = {right("pods", verb): "because" for verb in ("list", "get")}
    [row] = rows(rights, "observer")
    assert (row["identity"], row["verbs"], row["reason"]) == ("observer", ["get", "list"], "because")
    expected = {right("secrets", name="a"), right("secrets", name="b"), right("jobs")}
    answers = {right("secrets", name="a"): YES, right("secrets", name="b"): YES, right("jobs"): NO, right("pods"): YES}
    found = matrix(answers, expected, [right("pods")], "observer")
    assert [(r["resource"], r["names"], r["expected"], r["actual"]) for r in found] == [
        ("jobs", [], ["get"], []),
        ("pods", [], [], ["get"]),
        ("secrets", ["a", "b"], ["get"], ["get"]),
    ]


# --- what RBAC's own objects say --------------------------------------------------------------------------------------

USER = "system:serviceaccount:home:me"
GROUPS = ["system:serviceaccounts", "system:serviceaccounts:home", "system:authenticated"]


def binding(kind: str, namespace: str, *subjects: dict[str, Any], name: str = "x", **metadata: Any) -> dict[str, Any]:
    role = {"kind": kind.removesuffix("Binding"), "name": "r"}
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata}, "roleRef": role,
            "subjects": list(subjects)}  # fmt: skip


def account(name: str = "me", namespace: str = "home") -> dict[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def group(name: str) -> dict[str, Any]:
    return {"kind": "Group", "name": name}


CANDIDATES = [
    right("pods"), right("pods", namespace=EVERY), right("pods", "list"), right("pods/exec", "create"),
    right("nodes", namespace=""), right("jobs", group="batch"), right("/metrics", namespace=""),
]  # fmt: skip
CORE = {"apiGroups": [""], "verbs": ["get"]}


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ({**CORE, "resources": ["pods"]}, {right("pods")}),
        ({**CORE, "resources": ["pods"], "verbs": ["*"]}, {right("pods"), right("pods", "list")}),
        ({**CORE, "resources": ["pods"], "resourceNames": ["a"]}, {right("pods", name="a")}),
        ({**CORE, "resources": ["*/exec"], "verbs": ["create"]}, {right("pods/exec", "create")}),
        ({**CORE, "resources": ["*"], "apiGroups": ["*"]}, {right("pods"), right("jobs", group="batch")}),
        ({**CORE, "resources": ["pods/*"]}, set()),
    ],
)
def test_a_role_gives_what_its_rules_match(rule: dict[str, Any], given: set[Right]) -> None:
    rbac = Rbac({("Role", "ns", "r"): [rule]}, [binding("RoleBinding", "ns", account())], [])
    assert rights_given(rbac, USER, GROUPS, CANDIDATES) == given


@pytest.mark.parametrize(
    "subject", [account(), {"kind": "User", "name": USER}, *(group(name) for name in GROUPS)], ids=lambda s: s["name"]
)
def test_a_cluster_role_gives_it_everywhere_however_it_reaches(subject: dict[str, Any]) -> None:
    rules = [{**CORE, "resources": ["pods", "nodes"]}, {"nonResourceURLs": ["/met*"], "verbs": ["get"]}]
    rbac = Rbac({("ClusterRole", "", "r"): rules}, [binding("ClusterRoleBinding", "", subject)], [])
    assert rights_given(rbac, USER, GROUPS, CANDIDATES) == {
        right("pods"), right("pods", namespace=EVERY), right("nodes", namespace=""), right("/metrics", namespace=""),
    }  # fmt: skip


def test_others_bindings_and_roles_that_are_gone_give_nothing() -> None:
    somebody = [account("you"), {"kind": "User", "name": "you"}, group("them")]
    bindings = [binding("RoleBinding", "ns", *somebody), binding("ClusterRoleBinding", "", account())]
    assert rights_given(Rbac({}, bindings, []), USER, GROUPS, CANDIDATES) == set()


@pytest.mark.parametrize(
    ("subject", "reached"),
    [
        (account(), "ServiceAccount home/me"),
        (account("neighbour"), "ServiceAccount home/neighbour"),
        (account("me", "elsewhere"), ""),
        ({"kind": "User", "name": "system:serviceaccount:home:other"}, "User system:serviceaccount:home:other"),
        ({"kind": "User", "name": "somebody"}, ""),
        (group("system:serviceaccounts:home"), "Group system:serviceaccounts:home"),
        (group("system:serviceaccounts"), "Group system:serviceaccounts"),
        (group("system:authenticated"), ""),
    ],
)
def test_a_binding_that_reaches_us_is_foreign(subject: dict[str, Any], reached: str) -> None:
    found = foreign_bindings([binding("ClusterRoleBinding", "", subject, account("z", "z"))], [USER], GROUPS, [])
    assert [row["subject"] for row in found] == ([reached] if reached else [])
    assert all(row["others"] == 1 and row["role"] == "ClusterRole r" for row in found)


def test_expected_bindings_and_kubernetes_own_to_all_accounts_are_not_foreign() -> None:
    own = {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
    bindings = [
        binding("RoleBinding", "ns", account(), name="ours"),
        binding("ClusterRoleBinding", "", group("system:serviceaccounts"), name="issuer", **own),
        binding("ClusterRoleBinding", "", account(), name="cluster-admin", **own),
    ]
    expected = [{"kind": "RoleBinding", "namespace": "ns", "name": "ours"}]
    assert [row["name"] for row in foreign_bindings(bindings, [USER], GROUPS, expected)] == ["cluster-admin"]


@pytest.mark.parametrize(
    ("status", "message", "layer"),
    [
        (201, "", ""),
        (403, 'pods is forbidden: User "x" cannot list resource "pods" in API group ""', "authorization"),
        (403, "is attempting to grant RBAC permissions not currently held:", "authorization (no escalation)"),
        (403, "pods \"a\" is forbidden: exceeded quota: approved-gpus, requested: 9", "quota approved-gpus"),
        (422, "ValidatingAdmissionPolicy 'a' with binding 'b' denied request: no", "admission policy a"),
        (403, 'admission webhook "a.example" denied the request', "admission webhook a.example"),
        (403, 'violates PodSecurity "restricted:latest": x', "pod security"),
        (422, "spec is required", "validation"),
        (401, "Unauthorized", "authentication"),
        (404, "not found", "HTTP 404"),
    ],
)  # fmt: skip
def test_who_refuses(status: int, message: str, layer: str) -> None:
    assert refusing_layer(status, message) == layer
