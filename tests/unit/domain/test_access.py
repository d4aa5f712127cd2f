# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What identities should be able to do, and what is said of everything that is otherwise."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.audit import (
    access_findings,
    access_summary,
    audit_verdict,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.presetup_check import (
    presetup_rows,
    refusal,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import failure
from tests.unit.domain.agreed import contract

NAMED = "-e clusters=acme-eu-1 -e admin_kubeconfig=<your kubeconfig>"
PLAY = f"ansible-playbook fireworks.byoc.presetup -i <inventory> {NAMED}"
HARD = shlex.quote(json.dumps({"spec": {"hard": {"requests.nvidia.com/gpu": "16"}}}))
FORCED = f"{PLAY} -e presetup_force_conflicts=true"
OURS = ("", "fireworks-system", "fireworks-models")
STATES = ("same", "missing", "differs", "unreadable", "extra")


# --- what should be -------------------------------------------------------------------------------------------------


THIS = {"byoc.fireworks.ai/presetup": "this"}


def test_expectations_are_what_the_roles_give() -> None:
    made = identity_objects(contract())
    bindings = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in made if "roleRef" in o}
    expected = access_expectations(contract())
    assert {(b["kind"], b["namespace"], b["name"]) for each in expected for b in each["bindings"]} == bindings
    roles = {(o["metadata"].get("namespace", ""), o["metadata"]["name"]): o["rules"] for o in made if "rules" in o}
    for each in expected:
        for rule in each["rules"]:
            given = roles[rule["scope"], f"fireworks-{each['identity']}"]
            assert any(
                rule["resource"] in g["resources"] and rule["verbs"] == g["verbs"] and rule["group"] in g["apiGroups"]
                and rule["names"] == g.get("resourceNames", []) for g in given
            )  # fmt: skip


def test_an_identity_knows_its_user_and_groups_and_one_that_is_not_called_for_should_do_nothing() -> None:
    found = {each["identity"]: each for each in access_expectations(contract())}
    assert found["engine"]["user"] == "system:serviceaccount:fireworks-models:engine"
    assert "system:serviceaccounts:fireworks-models" in found["engine"]["groups"]
    assert (found["engine"]["rules"], found["engine"]["bindings"]) == ([], [])
    nothing_allowed = contract(actions=dict.fromkeys(contract()["actions"], "never"))
    [leftover] = [each for each in access_expectations(nothing_allowed) if each["identity"] == "node-medic"]
    assert (leftover["rules"], leftover["bindings"]) == ([], [])


@pytest.mark.parametrize(
    ("health", "rules"),
    [
        ({}, []),
        ({"exporters": {}}, []),
        ({"exporters": {"namespace": "gpus", "reach": "pod_network"}}, []),
        ({"exporters": {"namespace": "gpus"}}, [("gpus", "pods/proxy", ["get"], [])]),
        ({"prometheus": {"namespace": "m", "service": "p"}}, [("m", "services/proxy", ["get"], ["p:9090"])]),
        (
            {"prometheus": {"namespace": "m", "service": "p", "port": 80}, "exporters": {"namespace": "gpus"}},
            [("m", "services/proxy", ["get"], ["p:80"])],
        ),
    ],
)
def test_what_the_customer_grants_the_observer_is_expected_and_not_created(
    health: dict[str, Any], rules: list[tuple[Any, ...]]
) -> None:
    agreed_on = contract(health=health)
    beyond = {
        each["identity"]: (
            [(r["scope"], r["resource"], r["verbs"], r["names"]) for r in each["rules"] if r["scope"] not in OURS],
            [(b["kind"], b["namespace"], b["name"]) for b in each["bindings"] if b["namespace"] not in OURS],
        )
        for each in access_expectations(agreed_on)
    }
    assert beyond.pop("observer") == (rules, [("RoleBinding", rule[0], "fireworks-observer") for rule in rules])
    assert set(map(str, beyond.values())) == {"([], [])"}
    assert identity_objects(agreed_on) == identity_objects(contract())


# --- the prerequisites ------------------------------------------------------------------------------------------------


def entry(kind: str, name: str, state: str, namespace: str = "", *differences: tuple[str, Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": kind, "group": "", "namespace": namespace, "name": name, "state": state}
    if differences:
        made["differences"] = [dict(zip(("field", "expected", "found"), each, strict=True)) for each in differences]
    return made


def result(*entries: dict[str, Any], made_from: str | None = None, same: int = 1) -> dict[str, Any]:
    counts = {state: sum(each["state"] == state for each in entries) for state in STATES}
    annotations = {} if made_from is None else {"byoc.fireworks.ai/presetup": made_from}
    parent = {"name": "presetup", "state": "same", "annotations": annotations}
    return {"counts": {**counts, "same": counts["same"] + same}, "objects": list(entries), "set": parent}


QUOTA = ("ResourceQuota", "approved-gpus", "differs", "fireworks-models")
ROWS = {
    "missing": (entry("Role", "a", "missing", "ns"), "It is missing.", PLAY),
    "extra": (
        entry("ClusterRoleBinding", "a", "extra"),
        "It is in the set presetup, but not in the contract.",
        "kubectl delete clusterrolebinding a",
    ),
    "a label": (
        entry(
            "Namespace", "ns", "differs", "",
            ("metadata.labels[pod-security.kubernetes.io/enforce]", "restricted", "privileged"),
        ),
        "metadata.labels[pod-security.kubernetes.io/enforce] is privileged; it should be restricted.",
        "kubectl label namespace ns pod-security.kubernetes.io/enforce=restricted --overwrite",
    ),
    "a value": (
        entry(*QUOTA, ("spec.hard[requests.nvidia.com/gpu]", "16", "64")),
        "spec.hard[requests.nvidia.com/gpu] is 64; it should be 16.",
        f"kubectl -n fireworks-models patch resourcequota approved-gpus --type=merge -p {HARD}",
    ),
    "a value that is gone": (
        entry("ServiceAccount", "a", "differs", "ns", ("automountServiceAccountToken", False, None)),
        "automountServiceAccountToken is gone; it should be false.",
        """kubectl -n ns patch serviceaccount a --type=merge -p '{"automountServiceAccountToken": false}'""",
    ),
    "an addition": (
        entry("NetworkPolicy", "closed", "differs", "ns", ("spec.ingress", None, [{}])),
        "spec.ingress is [{}]; it should not be there.",
        """kubectl -n ns patch networkpolicy closed --type=json -p '[{"op": "remove", "path": "/spec/ingress"}]'""",
    ),
    "an item of a list": (
        entry("Role", "a", "differs", "ns", ("rules[0].verbs", ["get"], ["*"])),
        'rules[0].verbs is ["*"]; it should be ["get"].',
        FORCED,
    ),
    "a whole list": (
        entry("Role", "a", "differs", "ns", ("rules", [{}], None)),
        "rules is gone; it should be [{}].",
        FORCED,
    ),
    "what cannot be changed": (
        entry("RoleBinding", "a", "differs", "ns", ("roleRef.name", "a", "cluster-admin")),
        "roleRef.name is cluster-admin; it should be a.",
        f"kubectl -n ns delete rolebinding a && {PLAY}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_each_difference_has_a_message_and_the_command_that_fixes_it(case: str) -> None:
    given, message, command = ROWS[case]
    [row] = presetup_rows(result(given), contract(), THIS)
    assert (row["message"], row["command"]) == (message, command)
    assert row["state"] == ("partial" if case == "missing" else "edited")


def test_what_may_not_be_read_is_one_row() -> None:
    entries = [entry("Role", "a", "unreadable", "ns"), entry("Role", "b", "unreadable", "ns")]
    [row] = presetup_rows(result(*entries), contract(), THIS)
    assert row["object"] == "2 objects"
    assert row["message"] == "This identity may not read Role ns/a, Role ns/b, so their state is unknown."


def test_where_nothing_is_there_is_one_row() -> None:
    entries = [entry("Role", name, "missing", "ns") for name in "abc"]
    [row] = presetup_rows(result(*entries, same=0), contract(), THIS)
    assert (row["state"], row["expected"], row["command"]) == ("absent", "3 objects", PLAY)


def test_of_another_version_of_the_contract_the_whole_is_made_anew() -> None:
    added = entry("NetworkPolicy", "closed", "differs", "ns", ("spec.ingress", None, [{}]))
    quota = entry(*QUOTA, ("spec.hard[requests.nvidia.com/gpu]", "16", "8"))
    entries = [quota, entry("Role", "a", "extra", "ns"), added]
    rows = presetup_rows(result(*entries, made_from="another"), contract(), THIS)
    assert {row["state"] for row in rows} == {"stale"}
    assert [row["command"] for row in rows[:2]] == [FORCED, PLAY]
    # What others have added stays in any apply, so it is taken away first; the set applied with force is enough.
    said = refusal("acme-eu-1", rows, contract()).splitlines()
    assert said[said.index("To fix it:") + 1 : -1] == [f"  {rows[2]['command']}", f"  {FORCED}"]
    of_this = presetup_rows(result(*entries, made_from="this"), contract(), THIS)
    assert {row["state"] for row in of_this} == {"edited"}


def test_when_all_is_as_it_should_be_there_is_nothing_to_say() -> None:
    assert presetup_rows(result(entry("Role", "a", "same", "ns"), made_from="another"), contract(), THIS) == []
    assert refusal("acme-eu-1", [], contract()) == ""


@pytest.mark.parametrize(
    ("entries", "same", "made_from", "said"),
    [
        ([entry("Role", "a", "missing", "ns")], 0, None, "the prerequisites are missing"),
        ([entry("Role", "a", "missing", "ns")], 1, None, "the prerequisites are incomplete"),
        ([entry("Role", "a", "missing", "ns")], 1, "x", "the prerequisites are from another version of the contract"),
        ([entry("Role", "a", "extra", "ns")], 1, None, "the prerequisites were edited"),
    ],
)
def test_a_refusal_says_what_differs_and_who_has_to_act(
    entries: list[dict[str, Any]], same: int, made_from: str | None, said: str
) -> None:
    text = refusal(
        "acme-eu-1", presetup_rows(result(*entries, made_from=made_from, same=same), contract(), THIS), contract()
    )
    assert text.startswith(f"acme-eu-1: {said}; nothing was changed.")
    assert text.endswith("Action required by: customer (Acme security <security@acme.example>).")


def test_a_long_refusal_is_cut_and_says_each_command_once() -> None:
    rows = presetup_rows(result(*(entry("Role", f"r{n}", "missing", "ns") for n in range(30))), contract(), THIS)
    text = refusal("acme-eu-1", rows, contract())
    assert "And 10 more." in text
    assert text.count(PLAY) == 1


# --- the audit ------------------------------------------------------------------------------------------------------


def right(identity: str, namespace: str, resource: str, *verbs: str, **more: str) -> dict[str, Any]:
    return {"identity": identity, "namespace": namespace, "group": "", "resource": resource, "name": "",
            "reason": 'RBAC: allowed by ClusterRoleBinding "x"', "verbs": list(verbs), **more}  # fmt: skip


def told(**found: Any) -> dict[str, Any]:
    summary = [{"identity": "observer", "expected": 70, "too_many": 1, "too_few": 0, "asked": 400}]
    everybody = {"expected": 3, "too_many": 0}
    return {"too_many": [], "too_few": [], "foreign_bindings": [], "summary": summary, "everybody": everybody, **found}


def foreign(**more: Any) -> dict[str, Any]:
    return {"kind": "RoleBinding", "namespace": "ns", "name": "x", "role": "ClusterRole view",
            "subject": "ServiceAccount fireworks-system/observer", "others": 0, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "finding", "what"),
    [
        ({"too_many": [right("a", "*", "*", "*")]}, "too many", "everything in every namespace"),
        ({"too_many": [right("a", "", "nodes", "patch")]}, "too many", "patch nodes in the cluster"),
        (
            {
                "too_many": [
                    right("a", "ns", "pods", "get", "list"),
                    right("a", "ns", "roles", "get", group="rbac", name="x"),
                ]
            },
            "too many",
            "get, list pods; get roles.rbac x in ns",
        ),
        (
            {"too_many": [right("a", "ns", f"r{n}", "get") for n in range(8)]},
            "too many",
            "get r0, r1, r2 and 5 more in ns",
        ),
        (
            {"too_many": [right("a", "ns", f"r{n}", f"verb{n}") for n in range(5)]},
            "too many",
            "verb0 r0; verb1 r1; verb2 r2; and 2 more such in ns",
        ),
        (
            {"too_few": [right("a", "fireworks-models", "pods", "get", reason="")]},
            "too few",
            "get pods in fireworks-models",
        ),
        ({"too_few": [right("a", "", "nodes", "get", reason="")]}, "too few", "get nodes in the cluster"),
        ({"too_few": [right("a", "ns", "pods", "get", reason="")]}, "not granted", "get pods in ns"),
        ({"foreign_bindings": [foreign()]}, "foreign binding", "gets ClusterRole view"),
    ],
)
def test_findings_are_grouped_by_what_gives_them(found: dict[str, Any], finding: str, what: str) -> None:
    [row] = access_findings(told(**found), "acme-eu-1")
    assert (row["cluster"], row["finding"], row["what"]) == ("acme-eu-1", finding, what)
    assert row["why"]


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ('RBAC: allowed by ClusterRoleBinding "for-all" of ClusterRole "r" to Group "system:authenticated"',
         "kubectl edit clusterrolebinding for-all   # and remove Group system:authenticated"),
        ('RBAC: allowed by RoleBinding "some/ns" of Role "r" to User "u"',
         "kubectl -n ns edit rolebinding some   # and remove User u"),
        ('RBAC: allowed by RoleBinding "fireworks-a/ns" of Role "fireworks-a" to ServiceAccount "a/ns"',
         "kubectl -n ns edit role fireworks-a   # and keep only what the contract implies"),
        ('RBAC: allowed by RoleBinding "fireworks-a/fireworks-system" of Role "r" to ServiceAccount "a/ns"', ""),
        ('RBAC: allowed by ClusterRoleBinding "fireworks-a" of ClusterRole "r" to ServiceAccount "a/ns"', ""),
        ('RBAC: allowed by RoleBinding "x/ns" of Role "r" to ServiceAccount "a/ns"', ""),
        ("another authorizer says so", ""),
    ],
)  # fmt: skip
def test_what_gives_a_right_too_many_is_to_be_edited_unless_another_row_fixes_it(reason: str, command: str) -> None:
    result = told(too_many=[right("a", "ns", "pods", "get", reason=reason)], foreign_bindings=[foreign()])
    assert access_findings(result, "acme-eu-1")[0]["command"] == command


def test_a_binding_of_others_too_is_not_deleted() -> None:
    own, shared = access_findings(told(foreign_bindings=[foreign(), foreign(others=2, namespace="")]), "acme-eu-1")
    assert own["command"] == "kubectl -n ns delete rolebinding x"
    assert shared["command"].startswith("kubectl edit rolebinding x   # and remove ServiceAccount")


def test_rights_that_only_the_presetup_fixes_have_no_command_of_their_own() -> None:
    findings = access_findings(told(too_few=[right("a", "fireworks-models", "pods", "get", reason="")]), "acme-eu-1")
    assert "To fix it" not in audit_verdict(contract(), [], findings)["message"]


@pytest.mark.parametrize(("name", "limited"), [("p:9090", ", resourceNames p:9090"), ("", "")])
def test_what_the_customer_has_not_granted_is_named_and_the_customer_has_to_act(name: str, limited: str) -> None:
    findings = access_findings(told(too_few=[right("observer", "m", "x/proxy", "get", name=name)]), "acme-eu-1")
    [row] = findings
    assert (row["finding"], row["code"], row["command"]) == ("not granted", "right_not_granted", "")
    assert row["why"] == (
        f"the customer has not granted it: in m it needs a Role fireworks-observer with get on x/proxy{limited}, and a "
        "RoleBinding fireworks-observer of it to the ServiceAccount observer of fireworks-system; "
        "docs/health.md shows both"
    )
    verdict = audit_verdict(contract(), [], findings)
    assert verdict["found"] == "1 right that the customer has not granted"
    assert verdict["message"].endswith("Action required by: customer (Acme security <security@acme.example>).")


def test_the_summary_has_everybody_last() -> None:
    rows = access_summary(told(), "acme-eu-1")
    assert rows[0] == {"cluster": "acme-eu-1", "identity": "observer", "expected": 70, "too_many": 1, "too_few": 0}
    assert rows[-1]["identity"] == "everybody"


def test_the_verdict_is_one_message() -> None:
    drift = presetup_rows(result(entry("Role", "a", "missing", "ns")), contract(), THIS)
    findings = access_findings(
        told(too_many=[right("a", "ns", "pods", "get")], foreign_bindings=[foreign()]), "acme-eu-1"
    )
    good = audit_verdict(contract(), [], [])
    assert (good["ok"], good["message"], good["found"], good["code"]) == (True, "", "as the contract says", "")
    only_drift = audit_verdict(contract(), drift, [])
    assert only_drift["message"] == refusal("acme-eu-1", drift, contract())
    only_rights = audit_verdict(contract(), [], findings)
    assert only_rights["found"] == "1 group of rights too many, 1 foreign binding"
    assert (only_drift["code"], only_rights["code"]) == ("prerequisites_differ", "rights_too_many")
    refused = failure(contract(), {"msg": only_rights["message"]}, "a task", [only_rights])
    assert (refused["code"], refused["blockers"][0]["code"]) == ("rights_too_many", "rights_too_many")
    assert only_rights["message"].endswith("Action required by: customer (Acme security <security@acme.example>).")
    both = audit_verdict(contract(), drift, findings)
    assert "kubectl -n ns delete rolebinding x" in both["message"]
    assert both["message"].endswith(only_drift["message"])
    assert both["contact"]["email"] == "security@acme.example"
