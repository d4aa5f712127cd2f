# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and diffs: data in, data out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.answers import Answer, Asked
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applyset import Membership
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.discovery import Resource, parse_discovery
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref, desired_part, redacted_pair
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.ordering import LAST_STEP, in_steps, step_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.plan import (
    CREATE,
    DELETE,
    UNCHANGED,
    UPDATE,
    Change,
    Plan,
    change_for,
    diff_of,
    not_ours,
    own_record,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.retry import (
    delay_before,
    is_passing_conflict,
    may_pass,
    says_later,
)

CONFIG_MAP = Resource("", "v1", "ConfigMap", "configmaps", True, ("list",), True)
REF = Ref("ConfigMap", "", "ns", "x")
NOTHING = Membership(frozenset(), frozenset())


def live(data: Any = None, kind: str = "ConfigMap", **metadata: Any) -> dict[str, Any]:
    meta = {"name": "x", "namespace": "ns", "uid": "u", "resourceVersion": "7", "managedFields": [], **metadata}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data or {}}


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        (None, live({"a": "1"}), CREATE),
        (live({"a": "1"}), live({"a": "1"}, resourceVersion="8"), UNCHANGED),
        (live({"a": "1"}), live({"a": "2"}), UPDATE),
        (live(labels={"a": "1"}), live(), UPDATE),
        (live(), {**live(), "status": {"seen": True}}, UNCHANGED),
    ],
)
def test_the_servers_dry_run_decides_what_changes(before: Any, after: Any, action: str) -> None:
    assert change_for(REF, CONFIG_MAP, {}, before, after).action == action


def test_only_what_somebody_wants_is_compared() -> None:
    assert desired_part({**live(annotations={}), "status": {}}) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "ns"},
        "data": {},
    }


def test_the_diff_of_a_secret_shows_its_keys_and_never_a_value() -> None:
    before = live({"same": "AAAA", "old": "BBBB", "changed": "CCCC"}, "Secret")
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "AAAA BBBB CCCC"}
    after = live({"same": "AAAA", "changed": "DDDD", "new": "EEEE"}, "Secret")
    [entry] = diff_of([change_for(REF, CONFIG_MAP, {}, before, after)])
    assert entry["before"]["data"] == {"same": "(hidden)", "old": "(hidden, before)", "changed": "(hidden, before)"}
    assert entry["after"]["data"] == {"same": "(hidden)", "changed": "(hidden, after)", "new": "(hidden, after)"}
    assert not any(value in str(entry) for value in ("AAAA", "BBBB", "CCCC", "DDDD", "EEEE"))


def deployment(env: list[dict[str, Any]], **annotations: str) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "other"}, {"name": "main", "env": env}]}}
    metadata = {"name": "x", "annotations": annotations}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def test_the_diff_hides_what_others_have_put_into_an_object_of_ours() -> None:
    mine, theirs = {"name": "A", "value": "new"}, {"name": "HF_TOKEN", "value": "AAAA"}
    manifest = deployment([mine], ours="2")
    before = deployment([theirs, {"name": "A", "value": "old"}], ours="1", theirs="BBBB")
    after = deployment([theirs, mine], ours="2", theirs="BBBB")
    [entry] = diff_of([change_for(REF, CONFIG_MAP, manifest, before, after)])
    assert not any(value in str(entry) for value in ("AAAA", "BBBB"))
    assert all(value in str(entry["before"]) for value in ("HF_TOKEN", "'old'", "'ours': '1'", "theirs"))
    assert entry["after"]["spec"]["template"]["spec"]["containers"][1]["env"][1] == mine
    [gone] = diff_of([change_for(REF, CONFIG_MAP, {}, live({"key": "CCCC"}), live({}))])
    assert "CCCC" not in str(gone)


def test_a_new_secret_is_hidden_too() -> None:
    assert redacted_pair({}, live({"a": "AAAA"}, "Secret"))[1]["data"] == {"a": "(hidden, after)"}


def test_string_data_of_a_secret_never_shows() -> None:
    assert "AAAA" not in str(redacted_pair({}, {"kind": "Secret", "metadata": {}, "stringData": {"a": "AAAA"}}))


@pytest.mark.parametrize(
    ("labels", "adopt", "reason"),
    [
        ({"applyset.kubernetes.io/part-of": "other"}, True, "belongs to another set (other)"),
        ({"applyset.kubernetes.io/part-of": "other"}, False, "belongs to another set (other)"),
        ({}, False, "belongs to no set (written by kubectl)"),
        ({}, True, None),
        ({"applyset.kubernetes.io/part-of": "mine"}, False, None),
    ],
)
def test_objects_of_others_are_taken_over_only_by_the_rule(labels: dict[str, str], adopt: bool, reason: str) -> None:
    thing = live(labels=labels, managedFields=[{"manager": "kubectl"}])
    refused = not_ours([(REF, thing)], "mine", adopt_unowned=adopt)
    assert [reason in said for _ref, said in refused] == ([True] if reason else [])


@pytest.mark.parametrize("adopt", [True, False])
def test_the_record_of_another_set_is_never_taken(adopt: bool) -> None:
    record = live(labels={"applyset.kubernetes.io/id": "theirs"})
    assert not_ours([(REF, record)], "mine", adopt_unowned=adopt) == [(REF, "is the record of another set")]


def test_the_set_s_own_record_is_no_member_of_it() -> None:
    others = [
        Ref("ConfigMap", "", "ns", "y"),
        Ref("ConfigMap", "", "other", "x"),
        Ref("ConfigMap", "z.example", "ns", "x"),
    ]
    assert own_record(REF, [*others, Ref("Secret", "", "ns", "x")]) == []
    [(ref, reason)] = own_record(REF, [*others, REF])
    assert (ref, "its own record" in reason) == (REF, True)


def test_a_parent_that_says_everything_already_does_not_change() -> None:
    plan = Plan(Ref("ConfigMap", "", "ns", "set"), None, {"release": "1"}, NOTHING, NOTHING, ())
    assert plan.changed
    parent = plan.parent_after
    parent["metadata"]["annotations"]["somebody.else"] = "theirs"
    del parent["metadata"]["annotations"]["applyset.kubernetes.io/additional-namespaces"]  # the server drops empty ones
    assert not Plan(plan.parent, parent, {"release": "1"}, NOTHING, NOTHING, ()).changed
    assert Plan(plan.parent, parent, {"release": "2"}, NOTHING, NOTHING, ()).changed


def test_kinds_are_worked_in_the_order_of_their_needs_and_removed_in_reverse() -> None:
    kinds = ["Kafka", "Deployment", "RoleBinding", "Namespace", "Role", "CustomResourceDefinition", "Service"]
    steps = in_steps((kind, kind) for kind in kinds)
    assert steps == [
        ["Namespace"], ["CustomResourceDefinition"], ["Role"], ["RoleBinding"], ["Service"], ["Deployment"], ["Kafka"]
    ]  # fmt: skip
    assert in_steps(((kind, kind) for kind in kinds), reverse=True) == steps[::-1]
    assert step_of("Namespace") == 0
    assert step_of("Deployment.apps") == step_of("LeaderWorkerSet.leaderworkerset.x-k8s.io") < LAST_STEP
    assert {step_of(f"{kind}.other.example") for kind in kinds} == {LAST_STEP}


@pytest.mark.parametrize(
    ("attempt", "headers", "jitter", "seconds"),
    [
        (1, {}, 0.999, 0.1),
        (3, {}, 0.0, 0.2),
        (20, {}, 0.999, 5.0),
        (1, {"Retry-After": "7"}, 0.0, 7.0),
        (1, {"Retry-After": "\u00b2"}, 0.999, 0.1),  # a digit, and no number
        (1, {"Retry-After": "9" * 5000}, 0.999, 0.1),
        (1, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.999, 0.1),
    ],
)
def test_the_delay_grows_and_the_servers_wish_is_honoured(
    attempt: int, headers: dict[str, str], jitter: float, seconds: float
) -> None:
    assert delay_before(attempt, headers, jitter=jitter) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize(
    ("status", "headers", "later"),
    [
        (429, {}, True),
        (503, {}, True),
        (500, {}, False),
        (500, {"Retry-After": "1"}, True),
        (409, {}, False),
        (200, {"Retry-After": "1"}, False),
    ],
)
def test_only_an_answer_that_says_later_is_asked_again(status: int, headers: dict[str, str], later: bool) -> None:
    assert says_later(status, headers, {}) is later


@pytest.mark.parametrize(
    ("message", "later"),
    [
        ("etcdserver: leader changed", True),
        ("rpc error: code = Unavailable desc = etcdserver: request timed out", True),
        ("etcdserver: mvcc: database space exceeded", False),
        ("failed to create typed patch object", False),
    ],
)
def test_a_500_while_etcd_elects_a_leader_passes(message: str, later: bool) -> None:
    assert says_later(500, {}, {"message": message}) is later


UNREACHED = {"kind": "Status", "message": "error trying to reach service: dial tcp 10.0.0.7:9090: i/o timeout"}


@pytest.mark.parametrize(
    ("path", "status", "body", "passes"),
    [
        ("/api/v1/namespaces/n/services/a:80/proxy/x", 503, UNREACHED, False),
        ("/api/v1/namespaces/n/pods/a:80/proxy/x", 502, UNREACHED, False),
        ("/api/v1/namespaces/n/services/a:80/proxy/x", 429, UNREACHED, True),  # the API server has too much to do
        ("/api/v1/namespaces/n/services/a:80/proxy/x", 503, {"error": "starting"}, True),  # what is behind it says so
        ("/api/v1/pods", 503, UNREACHED, True),
    ],
)
def test_what_the_api_server_cannot_reach_is_not_asked_for_again(
    path: str, status: int, body: dict[str, Any], passes: bool
) -> None:
    assert may_pass(Asked("GET", path, "*/*"), Answer(status, {}, json.dumps(body).encode())) is passes


RACE = {"reason": "Conflict", "message": "the object has been modified"}


@pytest.mark.parametrize(
    ("sent", "body", "passes"),
    [
        ({"metadata": {"name": "a"}}, RACE, True),
        ({"metadata": {"name": "a", "resourceVersion": "1"}}, RACE, False),
        ({"metadata": {"uid": "1"}}, RACE, False),
        ({"preconditions": {"uid": "1"}}, RACE, False),
        ({"metadata": {}}, {**RACE, "details": {"causes": [{"reason": "FieldManagerConflict"}]}}, False),
        ({"metadata": {}}, {"reason": "AlreadyExists"}, False),
        (None, RACE, False),
    ],
)
def test_a_conflict_about_no_version_that_was_named_passes(sent: Any, body: dict[str, Any], passes: bool) -> None:
    assert is_passing_conflict(409, sent, body) is passes


def test_discovery_reads_paths_scopes_and_the_preferred_version() -> None:
    document = {
        "items": [
            {
                "metadata": {"name": "apps"},
                "versions": [
                    {
                        "version": version,
                        "resources": [
                            {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced"},
                            {"resource": "nothing", "scope": "Cluster"},
                        ],
                    }
                    for version in ("v1", "v1beta1")
                ],
            }
        ]
    }
    first, second = parse_discovery(document)
    assert (first.api_version, first.group_kind, first.preferred) == ("apps/v1", "Deployment.apps", True)
    assert first.path("ns", "x") == "/apis/apps/v1/namespaces/ns/deployments/x"
    assert not second.preferred
    assert Resource("", "v1", "Node", "nodes", False, (), True).path("", "n") == "/api/v1/nodes/n"


def test_a_part_of_a_plan_deletes_nothing_and_forgets_no_place() -> None:
    kept, gone = Ref("ConfigMap", "", "ns", "x"), Ref("Secret", "", "ns", "y")
    changes = (
        change_for(kept, CONFIG_MAP, {}, None, live()),
        change_for(Ref("ConfigMap", "", "ns", "z"), CONFIG_MAP, {}, None, live()),
        Change(DELETE, gone, CONFIG_MAP, before=live()),
    )
    known, wanted = (
        Membership(frozenset({"Secret"}), frozenset({"ns"})),
        Membership(frozenset({"ConfigMap"}), frozenset()),
    )
    part = Plan(Ref("ConfigMap", "", "ns", "set"), None, {}, known, wanted, changes).part({kept, gone})
    assert [change.ref for change in part.changes] == [kept]
    assert part.wanted == known.union(wanted)


@pytest.mark.parametrize(("manager", "changes"), [("fireworks-byoc", True), ("somebody", False)])
def test_an_annotation_of_ours_that_is_said_no_more_is_a_change_and_one_of_others_is_not(
    manager: str, changes: bool
) -> None:
    plan = Plan(Ref("ConfigMap", "", "ns", "set"), None, {"release": "b"}, NOTHING, NOTHING, ())
    parent = plan.parent_after
    parent["metadata"]["annotations"]["unfinished"] = "c"
    owned = {"f:metadata": {"f:annotations": {"f:unfinished": {}}}}
    parent["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply", "fieldsV1": owned}]
    assert replace(plan, parent_before=parent).parent_changes is changes
