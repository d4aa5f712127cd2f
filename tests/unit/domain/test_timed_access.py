# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, kubeconfigs and setup grants: what is read, what is written, what is refused."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import (
    Grant,
    grant_end,
    lifetime_of,
    setup_grant,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.kubeconfig import kubeconfig_for
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.open_grants import (
    OpenGrant,
    beside,
    issued_tokens,
    notes_of,
    open_grants,
    taken_up,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.rotation import (
    connecting_identities,
    credential_file,
    credential_files,
    rotation_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_access import setup_access_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_bounds import setup_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.tokens import Claims, is_due, read_claims
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.unit.domain.agreed import WITH_GATEWAY, contract

NOW = "2026-11-24T08:00:00Z"
ISSUED = 1_000_000
SAID: dict[str, Any] = {
    "sub": "system:serviceaccount:fireworks-system:observer",
    "iat": ISSUED,
    "exp": ISSUED + 1000,
    "kubernetes.io": {"namespace": "fireworks-system", "serviceaccount": {"name": "observer", "uid": "u-1"}},
}


def token(said: Any) -> str:
    """As a token of the API server, with a signature that is none."""
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"h.{payload}.s"


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SAID.items() if name != key}


def test_a_token_tells_whose_it_is_and_when_it_ends() -> None:
    claims = read_claims(token(SAID))
    assert claims == Claims(
        user="system:serviceaccount:fireworks-system:observer",
        namespace="fireworks-system",
        account="observer",
        account_uid="u-1",
        issued=ISSUED,
        expires=ISSUED + 1000,
    )
    assert claims.until == "1970-01-12T14:03:20Z"


@pytest.mark.parametrize(("aud", "audiences"), [("a", ("a",)), (["a", "b"], ("a", "b")), ([], ())])
def test_a_token_tells_whom_it_is_for(aud: Any, audiences: tuple[str, ...]) -> None:
    assert read_claims(token({**SAID, "aud": aud})).audiences == audiences


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no-token",
        "a.b.c",
        "a.\u00e9.c",
        token([]),
        token({}),
        token("text"),
        token(without("exp")),
        token(without("iat")),
        token(without("kubernetes.io")),
        token({**SAID, "exp": "never"}),
        token({**SAID, "kubernetes.io": {"namespace": "a", "serviceaccount": None}}),
    ],
)
def test_what_is_no_token_is_said_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it is no short-lived token of a ServiceAccount$"):
        read_claims(text)


@pytest.mark.parametrize(
    ("left", "share", "due"),
    [(1000, 0.5, False), (501, 0.5, False), (500, 0.5, True), (1, 0.5, True), (1, 0, False), (0, 0, True),
     (-5, 0, True), (1000, 1, True)],
)  # fmt: skip
def test_a_token_is_due_when_less_than_the_share_is_left(left: int, share: float, due: bool) -> None:
    assert is_due(read_claims(token(SAID)), ISSUED + 1000 - left, share) is due


def written(**changes: Any) -> str:
    given = {
        "server": "https://a.example",
        "ca_pem": "PEM",
        "token": "t0ken",
        "cluster_name": "acme-eu-1",
        "context": "acme",
        "user": "observer",
        "namespace": "fireworks-system",
        "annotations": {"reason": "health checks", "nothing": ""},
    }
    return kubeconfig_for(**{**given, **changes})


def test_a_kubeconfig_has_one_context_and_a_head_for_people() -> None:
    text = written()
    assert text.startswith("# reason: health checks\napiVersion: v1\n")
    config = yaml.safe_load(text)
    assert config["current-context"] == "acme"
    assert config["contexts"] == [
        {"name": "acme", "context": {"cluster": "acme-eu-1", "user": "observer", "namespace": "fireworks-system"}}
    ]
    assert config["users"] == [{"name": "observer", "user": {"token": "t0ken"}}]
    assert config["clusters"][0]["cluster"] == {
        "server": "https://a.example",
        "certificate-authority-data": base64.b64encode(b"PEM").decode(),
    }


def test_a_kubeconfig_reaches_the_cluster_as_its_maker_did() -> None:
    cluster = yaml.safe_load(written(ca_pem=None, tls_server_name="b.example", proxy_url="http://p"))["clusters"][0]
    assert cluster["cluster"] == {
        "server": "https://a.example",
        "tls-server-name": "b.example",
        "proxy-url": "http://p",
    }


@pytest.mark.parametrize(
    "text", ["x\nevil: 1", "x\r\nevil: 1", "x\x0bevil: 1", "x\u2028evil: 1", "x\x85evil: 1", "y " * 200]
)
def test_no_comment_leaves_the_head(text: str) -> None:
    made = written(annotations={"reason": text})
    assert yaml.safe_load(made) == yaml.safe_load(written())
    head = made[: made.index("apiVersion")]
    assert all(line.startswith("#") and len(line) <= 120 for line in head.split("\n") if line)


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("8h", "2026-11-24T16:00:00Z"),
        (" 1h30m ", "2026-11-24T09:30:00Z"),
        ("2026-11-24T18:00+01:00", "2026-11-24T17:00:00Z"),
        ("2026-11-24T18:00Z", "2026-11-24T18:00:00Z"),
    ],
)
def test_an_end_is_a_span_or_a_time(until: str, end: str) -> None:
    assert grant_end(until, NOW) == end


@pytest.mark.parametrize("until", ["", "soon", "2026-11-24T18:00", "2026-11-24", "0h", "8"])
def test_no_other_text_is_an_end(until: str) -> None:
    with pytest.raises(ValueError, match=r"^until: '.*' is not an expiry: write a duration like 8h"):
        grant_end(until, NOW)


@pytest.mark.parametrize(
    ("until", "lifetime"),
    [("8h", "28800s"), (" 480m ", "28800s"), ("1h30m", "5400s"), ("2026-11-24T18:00+01:00", ""), ("soon", "")],
)
def test_a_span_is_a_lifetime_and_a_time_is_none(until: str, lifetime: str) -> None:
    assert lifetime_of(until) == lifetime


def granted(grantee: str = "Alice Smith", reason: str = "onboarding", until: str = "2026-11-24T16:00:00Z") -> Grant:
    return setup_grant(grantee, reason, until, NOW)


def test_a_grant_is_named_for_who_what_and_when() -> None:
    made = granted(reason=" on-\nboarding ")
    assert made == Grant("setup-alice-smith-on-boarding-20261124-1600", "Alice Smith", "on- boarding",
                         "2026-11-24T16:00:00Z", 8 * 3600)  # fmt: skip
    assert made.set == "setup-access-alice-smith-on-boarding-20261124-1600"
    assert made.role == "fireworks-setup-alice-smith-on-boarding-20261124-1600"


@pytest.mark.parametrize(
    ("grantee", "reason"),
    [("a", "b"), ("Zoë", "Grüße"), ("alice@acme.example", "INC-1234: new node pool, second attempt " * 5),
     ("-" * 30 + "a", "--b--"), ("a" * 100, "b" * 100), ("a" * 19 + " b", "c")],
)  # fmt: skip
def test_every_name_is_a_label(grantee: str, reason: str) -> None:
    made = granted(grantee, reason)
    for name in (made.name, made.set):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), name
    assert made.name.startswith("setup-")
    assert made.name.endswith("-20261124-1600")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"grantee": ""}, "grantee: '' is empty"),
        ({"grantee": " -- "}, "grantee: ' -- ' is empty"),
        ({"reason": ""}, "reason: '' is empty"),
        ({"until": "2026-11-24T08:00:00Z"}, "is in the past"),
        ({"until": "2026-11-24T08:09:59Z"}, "is too soon: a token lives for at least 10 minutes"),
        ({"until": "2026-12-01T08:00:01Z"}, "is too late: a setup grant lives for at most 7 days"),
        ({"until": "2026-11-24T16:00:00"}, "has no time zone"),
    ],
)
def test_what_is_no_grant_is_said(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        granted(**given)


@pytest.mark.parametrize("until", ["2026-11-24T08:10:00Z", "2026-12-01T08:00:00Z"])
def test_the_shortest_and_the_longest_grant(until: str) -> None:
    assert granted(until=until).until == until


MADE = setup_grant("alice", "a  test", "2026-11-24T15:30:30Z", NOW, "28800s")
"""Half an hour ago, for eight hours, by a run that was killed."""
NAME = "setup-alice-a-test-20261124-1530"


def in_the_cluster(*kinds: str, grant: Grant = MADE, **notes: str) -> list[dict[str, Any]]:
    """A grant's objects in the order in which they are made, as far as a run came."""
    places = {"ServiceAccount": ("fireworks-setup", grant.name)}
    annotations = {**notes_of(grant), **{f"byoc.fireworks.ai/{key}": text for key, text in notes.items()}}
    made = [{"kind": "ConfigMap", "namespace": "fireworks-setup", "name": grant.set, "annotations": annotations}]
    for kind in kinds:
        namespace, name = places.get(kind, ("", grant.role))
        made.append({"kind": kind, "namespace": namespace, "name": name, "annotations": {}})
    return made


WHOLE = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")


@pytest.mark.parametrize(
    ("objects", "names"),
    [
        (in_the_cluster(), [NAME]),
        (in_the_cluster("ServiceAccount"), [NAME]),
        (in_the_cluster("ServiceAccount", "ClusterRole"), [NAME]),
        (in_the_cluster(*WHOLE), [NAME]),
        # Given up, or half revoked: its tokens are good for nothing.
        (in_the_cluster("ClusterRole", "ClusterRoleBinding"), []),
        ([], []),
        # The bounds of all grants, and what is not in the place of grants.
        ([{"kind": "ConfigMap", "namespace": "fireworks-setup", "name": "setup-access", "annotations": {}}], []),
        ([{**in_the_cluster()[0], "namespace": "fireworks-system"}], []),
        ([{**in_the_cluster()[0], "kind": "Secret"}], []),
    ],
)
def test_which_grants_are_open(objects: list[dict[str, Any]], names: list[str]) -> None:
    assert [one.name for one in open_grants(objects)] == names


def test_an_open_grant_says_what_it_is() -> None:
    assert open_grants(in_the_cluster(*WHOLE)) == [
        OpenGrant(NAME, "alice", "a test", "2026-11-24T15:30:30Z", "28800s", tokens=False)
    ]
    without_notes = [{**one, "annotations": {}} for one in in_the_cluster(*WHOLE)]
    assert open_grants(without_notes) == [OpenGrant(NAME, "", "", "", "")]


def test_only_other_grants_that_are_made_are_beside_one() -> None:
    bobs = setup_grant("bob", "a test", OTHER_END, NOW)
    known = open_grants([*in_the_cluster(*WHOLE), *in_the_cluster(*WHOLE, grant=bobs)])
    [other] = beside(MADE, known)
    assert (other.name, notes_of(other)) == (bobs.name, notes_of(bobs))
    for half in ((), ("ServiceAccount",), ("ServiceAccount", "ClusterRole")):
        assert beside(MADE, open_grants(in_the_cluster(*half, grant=bobs))) == []


def asked(until: str = "8h", grantee: str = "alice", reason: str = "a test") -> Grant:
    return setup_grant(grantee, reason, grant_end(until, NOW), NOW, lifetime_of(until))


OTHER_END = "2026-11-24T20:00:00Z"
BY_END = setup_grant("alice", "a test", OTHER_END, NOW)


@pytest.mark.parametrize(
    ("wanted", "objects", "until", "in_the_way"),
    [
        # Asked for alike, it is the same grant, with the end that it has, as far as its making came.
        (asked(), in_the_cluster(*WHOLE), MADE.until, []),
        (asked(), in_the_cluster(), MADE.until, []),
        (asked("480m"), in_the_cluster(*WHOLE), MADE.until, []),
        (asked(reason=" a\ntest"), in_the_cluster(*WHOLE), MADE.until, []),
        (asked(MADE.until), in_the_cluster(*WHOLE), MADE.until, []),
        (asked(OTHER_END), in_the_cluster(*WHOLE, grant=BY_END), OTHER_END, []),
        # Another end was asked for.
        (asked("2h"), in_the_cluster(*WHOLE), "2026-11-24T10:00:00Z", [NAME]),
        (asked("24h"), in_the_cluster(*WHOLE), "2026-11-25T08:00:00Z", [NAME]),
        (asked(OTHER_END), in_the_cluster(*WHOLE), OTHER_END, [NAME]),
        (asked(), in_the_cluster(*WHOLE, grant=BY_END), "2026-11-24T16:00:00Z", [BY_END.name]),
        # One is taken up, and the other is there all the same.
        (asked(), in_the_cluster(*WHOLE) + in_the_cluster(*WHOLE, grant=BY_END), MADE.until, [BY_END.name]),
        # A token would outlive it.
        (asked(), in_the_cluster(*WHOLE, until="2026-11-24T08:09:00Z"), "2026-11-24T16:00:00Z", [NAME]),
        # Somebody has changed what it says.
        (asked(), in_the_cluster(*WHOLE, until="2026-11-24T15:31:00Z"), "2026-11-24T16:00:00Z", [NAME]),
        # It has ended, it is not said when it ends, or it is somebody else's, or for something else.
        (asked(), in_the_cluster(*WHOLE, until=NOW), "2026-11-24T16:00:00Z", []),
        (asked(), in_the_cluster(*WHOLE, until="never"), "2026-11-24T16:00:00Z", []),
        (asked(grantee="bob"), in_the_cluster(*WHOLE), "2026-11-24T16:00:00Z", []),
        (asked(grantee="Alice"), in_the_cluster(*WHOLE), "2026-11-24T16:00:00Z", []),
        (asked(reason="onboarding"), in_the_cluster(*WHOLE), "2026-11-24T16:00:00Z", []),
    ],
)
def test_a_rerun_takes_up_an_open_grant_or_names_it(
    wanted: Grant, objects: list[dict[str, Any]], until: str, in_the_way: list[str]
) -> None:
    grant, others = taken_up(wanted, open_grants(objects), NOW)
    assert (grant.until, [one.name for one in others]) == (until, in_the_way)
    assert grant.name == setup_grant(wanted.grantee, wanted.reason, until, NOW).name


def test_what_is_taken_up_is_applied_as_it_was() -> None:
    later = "2026-11-24T09:00:00Z"
    again = setup_grant("alice", "a test", grant_end("8h", later), later, "28800s")
    grant, _others = taken_up(again, open_grants(in_the_cluster(*WHOLE)), later)
    assert (grant.name, notes_of(grant), grant.seconds) == (MADE.name, notes_of(MADE), 23430)
    assert setup_access_objects(contract(), grant) == setup_access_objects(contract(), MADE)


def setup_objects(**sections: Any) -> list[dict[str, Any]]:
    return setup_access_objects(contract(**sections), granted())


def rules(objects: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each rule of the roles, with their namespace."""
    roles = [made for made in objects if made["kind"].endswith("Role")]
    return [(made["metadata"].get("namespace", ""), rule) for made in roles for rule in made["rules"]]


def rights(objects: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    return {
        (place, group, resource, verb, name)
        for place, rule in rules(objects)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def test_a_grant_is_an_account_with_roles_of_its_own() -> None:
    account, *others = setup_objects()
    name = account["metadata"]["name"]
    assert (account["kind"], account["metadata"]["namespace"]) == ("ServiceAccount", "fireworks-setup")
    assert account["automountServiceAccountToken"] is False
    assert {(made["kind"], made["metadata"].get("namespace")) for made in others} == {
        *(("Role" + end, f"fireworks-{place}") for end in ("", "Binding") for place in ("system", "models", "setup")),
        *(("ClusterRole" + end, None) for end in ("", "Binding")),
    }
    assert {made["metadata"]["name"] for made in others} == {"fireworks-" + name}
    for binding in (made for made in others if made["kind"].endswith("Binding")):
        assert binding["roleRef"]["kind"] + "Binding" == binding["kind"]
        assert binding["roleRef"]["name"] == "fireworks-" + name
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "fireworks-setup"}]
    for made in (account, *others):
        assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "fireworks-byoc"
        assert made["metadata"]["annotations"] == {
            "byoc.fireworks.ai/contract": "acme-eu-1",
            "byoc.fireworks.ai/cluster-uid": "0f5c",
            "byoc.fireworks.ai/granted-to": "Alice Smith",
            "byoc.fireworks.ai/reason": "onboarding",
            "byoc.fireworks.ai/until": "2026-11-24T16:00:00Z",
        }


def test_a_grant_has_what_the_operator_has_but_no_tokens_and_it_may_end_itself() -> None:
    name = granted().name
    operators = [
        made
        for made in identity_objects(contract(networking=WITH_GATEWAY))
        if made["metadata"]["name"] == "fireworks-operator"
    ]
    tokens = {right for right in rights(operators) if right[2] == "serviceaccounts/token"}
    assert len(tokens) == 6
    itself = {("fireworks-setup", "", "serviceaccounts", verb, name) for verb in ("get", "delete")}
    assert rights(setup_objects(networking=WITH_GATEWAY)) == (rights(operators) - tokens) | itself


def test_a_grant_never_gets_what_nobody_gets() -> None:
    for _place, rule in rules(setup_objects(networking=WITH_GATEWAY)):
        words = {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
        assert not words & {"*", "escalate", "bind", "impersonate", "secrets", "pods/exec", "deletecollection"}


def test_a_grant_writes_no_kind_of_the_prerequisites_and_nothing_outside_our_namespaces() -> None:
    kinds = {made["kind"].lower() for made in presetup_objects(contract(networking=WITH_GATEWAY))}
    for place, group, resource, verb, _name in rights(setup_objects(networking=WITH_GATEWAY)):
        if verb in ("get", "list", "watch") or place == "fireworks-setup":
            continue
        assert place in ("fireworks-system", "fireworks-models"), (group, resource, verb)
        assert not any(kind in (resource[:-1], resource.removesuffix("ies") + "y") for kind in kinds), (resource, verb)


def test_the_bounds_deny_and_fail_closed() -> None:
    namespace, policy, binding = setup_bounds(contract())
    levels = {key: value for key, value in namespace["metadata"]["labels"].items() if "pod-security" in key}
    assert set(levels.values()) == {"restricted"}
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    for made in (namespace, policy, binding):
        assert made["metadata"]["name"] == "fireworks-setup"
        assert made["metadata"]["labels"]["app.kubernetes.io/part-of"] == "setup-access"
    accounts, gives_up = policy["spec"]["matchConditions"]
    assert '["system:serviceaccount:fireworks-setup:"]' in accounts["expression"]
    assert "'DELETE'" in gives_up["expression"]
    for validation in policy["spec"]["validations"]:
        assert validation["reason"] == "Forbidden"
        assert validation["message"]


def test_the_bounds_are_what_a_grant_writes() -> None:
    agreed = contract(networking=WITH_GATEWAY)
    _namespace, policy, _binding = setup_bounds(agreed)
    [writes] = [json.loads(each["expression"]) for each in policy["spec"]["variables"] if each["name"] == "writes"]
    assert set(writes) == {"", "fireworks-system", "fireworks-models"}
    assert writes[""] == []
    operations = {"CREATE": "create", "UPDATE": "patch", "DELETE": "delete", "CONNECT": "get"}
    given = {right[:4] for right in rights(setup_objects(networking=WITH_GATEWAY))}
    for place, listed in writes.items():
        for write in listed:
            operation, _space, kind = write.partition(" ")
            resource, _dot, group = kind.partition(".")
            verbs = {operations[operation], "update"} if operation == "UPDATE" else {operations[operation]}
            assert {(place, group, resource, verb) for verb in verbs} & given, write
    assert "CREATE serviceaccounts/token" not in writes["fireworks-system"]


def test_the_operator_renews_its_own_credential_last() -> None:
    names = connecting_identities(contract())
    assert names[-1] == "operator"
    assert sorted(names) == ["deployer", "metrics-reader", "node-medic", "observer", "operator", "upgrader"]
    never = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "never")
    assert "node-medic" not in connecting_identities(contract(actions=never))
    [first, *_rest] = credential_files([{"inventory_hostname": "acme-eu-1", "contract": contract()}], "~/.byoc")
    assert first == credential_file("acme-eu-1", names[0], "~/.byoc") == f"~/.byoc/acme-eu-1-{names[0]}.kubeconfig"


def test_a_rotation_is_a_row_for_each_identity() -> None:
    until = {"valid_until": "2026-11-24T16:00:00Z"}
    results = [
        {"item": "observer", "changed": True, "why": "there is no file", **until},
        {"item": "deployer", "changed": False, "why": "", **until},
        {"item": "operator", "failed": True, "msg": "no"},
    ]
    rows = rotation_rows("acme-eu-1", results)
    assert [(row["identity"], row["result"], row["valid until"], row["why"]) for row in rows] == [
        ("observer", "renewed", "2026-11-24T16:00:00Z", "there is no file"),
        ("deployer", "kept", "2026-11-24T16:00:00Z", ""),
        ("operator", "failed", "unknown", ""),
    ]
    assert rotation_rows("acme-eu-1", results, check_mode=True)[0]["result"] == "would be renewed"


ALICE = setup_grant("alice", "test", "2026-11-24T18:00:00Z", NOW)


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        (notes_of(ALICE), "none: it could issue none"),
        (notes_of(replace(ALICE, tokens=True)), "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_grant_of_an_older_version_may_have_issued_tokens(annotations: dict[str, str] | None, said: str) -> None:
    kept = {"kind": "ConfigMap", "namespace": "fireworks-setup", "name": ALICE.set, "annotations": annotations}
    assert issued_tokens(ALICE.name, [kept]) == said
    assert issued_tokens("setup-bob-else", [kept]) == issued_tokens(ALICE.name, []) == "unknown"


def test_a_grant_that_was_narrowed_may_still_have_issued_tokens() -> None:
    older = OpenGrant("setup-bob-test", "bob", "test", "2026-11-24T18:00:00Z", "")
    [narrowed] = beside(ALICE, [older])
    assert "byoc.fireworks.ai/issues-tokens" not in notes_of(narrowed)
