# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server's audit log, held against records and a contract: each call that neither accounts for is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.audit_log import check_audit_log
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.user_agent import VERSION, run_in, user_agent
from tests.unit.domain.agreed import contract

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SYSTEM, MODELS, SETUP = "fireworks-system", "fireworks-models", "fireworks-setup"
GRANT = f"system:serviceaccount:{SETUP}:setup-alice-1"
RUN = "0a1b2c3d"

Event = dict[str, Any]
_IDS = map("audit-{}".format, count())


def at(seconds: float) -> str:
    return f"{NOON + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def account(name: str) -> str:
    return f"system:serviceaccount:{SYSTEM}:{name}"


def event(verb: str, resource: str, name: str = "", namespace: str = MODELS, **more: Any) -> Event:
    """One line, by default of the deployer within the run and its time."""
    given = {"user": account("deployer"), "run": RUN, "seconds": 30.0, "code": 200, "group": "", "uri": "/x", **more}
    plural, _slash, sub = resource.partition("/")
    about = {"resource": plural, "subresource": sub, "namespace": namespace, "name": name, "apiGroup": given["group"]}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": next(_IDS),
        "stage": given.get("stage", "ResponseComplete"),
        "requestURI": given["uri"],
        "verb": verb,
        "user": {"username": given["user"]},
        "userAgent": given.get("agent", user_agent(given["run"])),
        "objectRef": {key: value for key, value in about.items() if value},
        "responseStatus": {"code": given["code"]},
        "requestReceivedTimestamp": at(given["seconds"]),
        **given.get("extra", {}),
    }


def deployment(verb: str = "patch", name: str = "llama", **more: Any) -> Event:
    return event(verb, "deployments", name, **{"group": "apps", **more})


HEAD = event("patch", "configmaps", "operation-records", SYSTEM, seconds=61.0)
#: What the API server always has to say, so that the log covers the time of the run.
OTHERS = [
    event("update", "leases", "x", "kube-system", user="system:kube-scheduler", agent="kube", seconds=second)
    for second in (-600.0, 600.0)
]


def record(**changes: Any) -> dict[str, Any]:
    """Sixty seconds of deploying."""
    body = {"run": RUN, "operation": "deploy_models", "clause": "models: llama", "contract": "d1"}
    objects = [
        {"object": "Deployment fireworks-models/llama", "action": "updated"},
        {"object": "Service fireworks-models/llama", "action": "created"},
        {"object": "PodDisruptionBudget fireworks-models/llama", "action": "deleted"},
    ]
    return {**body, "objects": objects, "started": at(0)[:19] + "Z", "ended": at(60)[:19] + "Z", **changes}


CLEAN = [
    deployment(),
    event("patch", "services", "llama", code=201),
    event("delete", "poddisruptionbudgets", "llama", group="policy"),
    HEAD,
]


def checked(*planted: Event, records: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    lines = [json.dumps(each).encode() + b"\n" for each in (*OTHERS, *CLEAN, *planted)]
    return check_audit_log({"audit.log": lines}, records or [record()], contract(), **more)


def test_a_clean_day_has_no_call_outside_the_contract() -> None:
    found = checked(digest="d1")
    assert (found["ok"], found["outside"], found["missing"], found["unproven"]) == (True, [], [], [])
    assert (found["lines"], found["writes"], found["from"]) == (6, 4, "2026-11-29T11:50:00Z")
    assert found["allowed"] == [
        {"identity": "deployer", "operation": "deploy_models", "clause": "models: llama", "writes": 4}
    ]


@pytest.mark.parametrize(
    "harmless",
    [
        deployment("get", "other", agent="curl"),
        event("patch", "configmaps", "planted", user="alice@acme.example", agent="kubectl"),
        event("patch", "replicasets", "x", user="system:serviceaccount:kube-system:deployment-controller", agent="k"),
        event("create", "selfsubjectaccessreviews", group="authorization.k8s.io", namespace="", agent="curl"),
        deployment("create", "other", uri="/apis/apps/v1/x?fieldManager=x&dryRun=All", agent="curl"),
        deployment("delete", "other", uri="/apis/apps/v1/x?dryRun=All", agent="curl") | {"level": "Request"},
        deployment("create", "other", code=409, agent="curl"),
        event("list", "pods", agent="curl"),
        event("get", "", agent="curl", uri="/apis/apps/v1?timeout=32s", namespace=""),
        event("get", "services/proxy", "prometheus:9090", "monitoring", user=account("observer"), code=403),
        event("create", "leases", "operation-lock", SYSTEM, group="coordination.k8s.io", run="unrecorded"),
        event("delete", "leases", "operation-lock", SYSTEM, group="coordination.k8s.io", seconds=500),
        event("create", "pods/proxy", "llama-1:8000", run="unrecorded"),
    ],
    ids=lambda each: f"{each['verb']} {each['objectRef'].get('resource', '-')} {each['responseStatus']['code']}",
)
def test_what_wrote_nothing_or_only_keeps_operations_apart_is_accounted_for(harmless: Event) -> None:
    found = checked(harmless)
    assert (found["ok"], found["outside"]) == (True, [])


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (deployment(agent="curl/8.0"), "it names no run of ours"),
        (deployment(agent="curl", uri="/apis/apps/v1/x?fieldManager=dryRun=All"), "it names no run of ours"),
        (deployment(agent="curl", uri="/apis/apps/v1/x?notdryRun=All"), "it names no run of ours"),
        (deployment(agent="curl", uri="/apis/apps/v1/x?dryRun=All;"), "it names no run of ours"),
        (deployment("delete", "other", agent="curl", uri="/apis/apps/v1/x?dryRun=All"), "it names no run of ours"),
        (
            deployment("delete", "other", agent="curl", uri="/apis/apps/v1/x?dryRun=All")
            | {"level": "Request", "requestObject": {"kind": "DeleteOptions", "apiVersion": "v1"}},
            "it names no run of ours",
        ),
        (deployment(agent="fireworks-byoc"), "it names no run of ours"),
        (deployment(agent="fireworks-byoc-x/1 run/0a1b2c3d"), "it names no run of ours"),
        (deployment(agent="curl", code=504), "it names no run of ours (it was answered with no success and no refusal"),
        (
            event("create", "secrets", "x", "default", code=500),
            "no clause of the contract lets deployer create secrets",
        ),
        (deployment(agent="curl", stage="RequestReceived", code=0), "it names no run of ours (it was answered with"),
        (
            deployment("delete", agent="curl", uri="/x?dryRun=All", stage="RequestReceived", code=0)
            | {"level": "Request"},
            "it names no run of ours (it was answered with",
        ),
        (
            event(
                "create",
                "serviceaccounts/token",
                "observer",
                SYSTEM,
                user=account("operator"),
                code=201,
                uri="/x?dryRun=All",
            ),
            "run 0a1b2c3d used another identity, deployer",
        ),
        (
            event("create", "pods/exec", "llama-1", code=101, uri="/x?command=sh&dryRun=All"),
            "no clause of the contract lets deployer create pods/exec in fireworks-models",
        ),
        (
            event("create", "pods/exec", "llama-1", code=101, stage="ResponseStarted"),
            "no clause of the contract lets deployer create pods/exec in fireworks-models",
        ),
        (
            event("create", "secrets", "x", code=201, uri="/x?dryRun=All"),
            "no clause of the contract lets deployer create secrets in fireworks-models",
        ),
        (
            event("create", "tokenreviews", "", "", group="authentication.k8s.io", code=201),
            "no clause of the contract lets deployer create tokenreviews cluster-wide",
        ),
        (
            event("watch", "secrets", "", "default", stage="ResponseStarted"),
            "no clause of the contract lets deployer watch secrets in default",
        ),
        (event("get", "secrets", "x", "default"), "no clause of the contract lets deployer get secrets in default"),
        (
            event("get", "nodes/proxy", "n1", "", uri="/api/v1/nodes/n1/proxy/exec/a/b/c?command=id", code=101),
            "no clause of the contract lets deployer get nodes/proxy cluster-wide",
        ),
        (
            event("get", "", agent="curl", uri="/metrics", namespace=""),
            "no clause of the contract lets deployer get /m",
        ),
        (
            event("delete", "configmaps", "operation-records", SYSTEM),
            "the record of run 0a1b2c3d does not have this object",
        ),
        (
            event(
                "create",
                "selfsubjectaccessreviews",
                "",
                "",
                group="authorization.k8s.io",
                extra={"impersonatedUser": {"username": "root"}},
            ),
            "it acts as root",
        ),
        (deployment(run=""), "it names no run of ours"),
        (deployment(run="ffffffff"), "there is no record of run ffffffff"),
        (deployment(seconds=-70), "run 0a1b2c3d was from 2026-11-29T12:00:00Z to 2026-11-29T12:01:00Z, by its record"),
        (deployment(seconds=130), "run 0a1b2c3d was from 2026-11-29T12:00:00Z to 2026-11-29T12:01:00Z, by its record"),
        (deployment(name="other"), "the record of run 0a1b2c3d does not have this object"),
        (event("patch", "configmaps", "llama"), "the record of run 0a1b2c3d does not have this object"),
        (deployment("delete", seconds=40), "by the record of run 0a1b2c3d this object was updated"),
        (deployment(user=account("operator")), "run 0a1b2c3d used another identity, deployer"),
        (
            event("create", "configmaps", "llama", SYSTEM, user=account("node-medic")),
            "run 0a1b2c3d is deployer's, by its record (deploy_models)",
        ),
        (
            event("create", "secrets", "x", "default"),
            "no clause of the contract lets deployer create secrets in default",
        ),
        (event("patch", "nodes", "n1", ""), "no clause of the contract lets deployer patch nodes cluster-wide"),
        (
            deployment("deletecollection", ""),
            "no clause of the contract lets deployer deletecollection deployments in fireworks-models",
        ),
        (
            event("get", "pods/exec", "llama-1", code=101),
            "no clause of the contract lets deployer get pods/exec in fireworks-models",
        ),
        (
            event("create", "leases", "operation-lock", SYSTEM, group="coordination.k8s.io", agent="curl"),
            "it names no run of ours",
        ),
        (event("get", "nodes", "n1", "", extra={"impersonatedUser": {"username": "root"}}), "it acts as root"),
        (deployment(user=account("stranger")), "the contract has no such account"),
        (deployment(user=f"system:serviceaccount:{MODELS}:engine"), "no clause of the contract lets engine patch"),
        (
            event("patch", "configmaps", "operation-records", SYSTEM, seconds=400),
            "run 0a1b2c3d was from 2026-11-29T12:00:00Z",
        ),
        (
            event("create", "serviceaccounts/token", "observer", SYSTEM, user=account("operator"), code=201),
            "run 0a1b2c3d used another identity, deployer",
        ),
        (
            event("delete", "serviceaccounts", "setup-bob-1", SETUP, user=GRANT),
            "no clause of the contract lets setup grant delete serviceaccounts in fireworks-setup",
        ),
    ],
)
def test_each_call_that_nothing_accounts_for_is_named(planted: Event, why: str) -> None:
    found = checked(planted)
    [row] = found["outside"]
    assert not found["ok"]
    assert row["why"].startswith(why)
    assert (row["line"], row["user"], row["verb"]) == (
        "line 7 of audit.log", planted["user"]["username"], planted["verb"]
    )  # fmt: skip


@pytest.mark.parametrize("action", ["recreated", "updated"])
def test_an_object_that_was_deleted_and_made_again_is_recorded_so(action: str) -> None:
    def again(*events: Event) -> list[str]:
        objects = [{**record()["objects"][0], "action": action}, *record()["objects"][1:]]
        return [row["verb"] for row in checked(*events, records=[record(objects=objects)])["outside"]]

    gone = deployment("delete", seconds=20)
    assert again(gone, deployment(seconds=25, code=201)) == []
    # Two API servers' clocks differ.
    assert again(gone, deployment(seconds=18, code=201)) == []
    assert again(gone, deployment(seconds=10, code=201)) == again(gone, deployment(seconds=25)) == ["delete"]


def test_one_request_is_one_however_often_and_in_whatever_order_its_stages_are_in_the_log() -> None:
    id_ = {"auditID": "chosen-by-the-client"}
    stages = [deployment(stage=each, code=code, extra=id_) for each, code in
              (("ResponseComplete", 200), ("RequestReceived", 0), ("ResponseComplete", 200))]  # fmt: skip
    found = checked(*stages)
    assert (found["ok"], found["outside"], found["unproven"], found["writes"]) == (True, [], [], 5)
    # Whoever gives two requests the same ID hides neither.
    hidden = checked(*stages, deployment(name="other", extra=id_, uri="/y"))
    assert [row["object"] for row in hidden["outside"]] == ["deployments.apps fireworks-models/other"]


def test_a_read_that_no_clause_allows_is_named_once() -> None:
    found = checked(*(event("list", "secrets", namespace="default", seconds=30.0 + each) for each in range(3)))
    [row] = found["outside"]
    assert (row["verb"], row["object"], found["writes"]) == ("list", "secrets default", 4)


def test_a_batch_as_a_webhook_is_sent_it_is_as_good_as_lines() -> None:
    planted = deployment(name="other")
    batch = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [*OTHERS, *CLEAN, planted]}
    found = check_audit_log(
        {"a": [json.dumps(batch).encode(), b'{"kind":"EventList","items":[7]}']}, [record()], contract()
    )
    assert [row["line"] for row in found["outside"]] == ["line 1 of a"]
    assert (found["writes"], found["unproven"]) == (5, ["line 2 of a is no event of an audit log"])


@pytest.mark.parametrize(
    "sent", [b'{"x":' * 20_000 + b"1" + b"}" * 20_000, b"[" * 20_000 + b'"]"' + b"]" * 20_000, b"1" * 5000,
             b"-" + b"1" * 5000, b"1e999999", b'"\xff\xfe"', b'"\\\""'],
)  # fmt: skip
def test_no_body_hides_a_call_from_whoever_reads_the_log(sent: bytes) -> None:
    """An API server passes over what it does not know in a patch, and logs it as it came."""
    line = json.dumps({**deployment(name="other"), "level": "Request", "requestObject": "HERE"}).encode()
    lines = [json.dumps(each).encode() for each in (*OTHERS, *CLEAN)]
    found = check_audit_log({"a": [*lines, line.replace(b'"HERE"', sent)]}, [record()], contract())
    assert [row["object"] for row in found["outside"]] == ["deployments.apps fireworks-models/other"]
    body = json.dumps({**deployment("delete", "other", agent="curl"), "level": "Request", "requestObject":
                       {"dryRun": ["All"], "x": "HERE"}}).encode()  # fmt: skip
    assert check_audit_log({"a": [*lines, body.replace(b'"HERE"', sent)]}, [record()], contract())["ok"]


def test_a_log_that_an_api_server_leaves_applies_out_of_is_told() -> None:
    with_bodies = [{**each, "level": "Request"} for each in CLEAN]
    received = {**deployment(stage="RequestReceived", code=0), "auditID": with_bodies[0]["auditID"]}
    for more, told in (([], 1), ([received], 0)):
        lines = [json.dumps(each).encode() for each in (*OTHERS, *with_bodies, *more)]
        found = check_audit_log({"a": lines}, [record()], contract())
        assert (found["ok"], len(found["unproven"])) == (True, told), found
        assert all("applied as YAML" in each for each in found["unproven"])


def test_a_refused_attempt_is_told_apart_from_a_call() -> None:
    found = checked(event("create", "secrets", "x", "default", code=403), deployment(code=403))
    assert (found["ok"], found["failed"], len(found["attempts"])) == (True, 2, 1)


def test_a_grant_ends_itself_after_its_onboarding() -> None:
    end = event("delete", "serviceaccounts", "setup-alice-1", SETUP, user=GRANT, seconds=200)
    mine = [{**each, "user": {"username": GRANT}} for each in CLEAN]
    lines = [json.dumps(each).encode() for each in (*OTHERS, *mine, end)]
    found = check_audit_log({"audit.log": lines}, [record(operation="onboard")], contract())
    assert (found["ok"], found["outside"]) == (True, [])


def test_a_recorded_object_that_is_not_in_the_log_is_named() -> None:
    more = [*record()["objects"], {"object": "Node h100-0", "action": "updated"}]
    found = checked(records=[record(objects=more)])
    assert not found["ok"]
    assert [each["object"] for each in found["missing"]] == ["Node h100-0"]


def test_a_record_of_the_customers_administrator_is_found_in_the_log_too() -> None:
    approved = event("patch", "namespaces", SYSTEM, SYSTEM, user="root@acme", run="b1", seconds=200)
    by_admin = record(
        run="b1", operation="approve", objects=[{"object": f"Namespace {SYSTEM}", "action": "updated"}],
        started=at(190)[:19] + "Z", ended=at(210)[:19] + "Z",
    )  # fmt: skip
    assert checked(approved, records=[record(), by_admin])["ok"]
    assert not checked(records=[record(), by_admin])["ok"]
    ours = event("patch", "configmaps", "x", SYSTEM, run="b1", seconds=200)
    [row] = checked(approved, ours, records=[record(), by_admin])["outside"]
    assert row["why"].startswith("run b1 is the customer's administrator's")


def test_what_the_log_cannot_tell_is_unproven() -> None:
    early = record(run="early", started="2026-11-28T12:00:00Z", ended="2026-11-28T12:01:00Z")
    found = checked(deployment(code=504), records=[record(), early], digest="d2")
    assert found["ok"]
    assert found["unproven"] == [
        "run early (deploy_models) from 2026-11-28T12:00:00Z to 2026-11-28T12:01:00Z: the log does not cover it",
        (
            "1 call was answered with 504, so whether that was done is not known: "
            f"line 7 of audit.log: patch deployments.apps fireworks-models/llama by {account('deployer')}"
        ),
        "2 operations were recorded under another contract than the one by which they were judged",
    ]
    assert check_audit_log({"audit.log": []}, [], contract())["unproven"] == ["the log has no event of an audit log"]


def test_calls_that_were_answered_alike_are_told_in_one_sentence() -> None:
    codes = [*(503 for _ in range(22)), 504, 503, 504]
    found = checked(*(deployment(code=code) for code in codes))["unproven"]
    many, two = [each for each in found if "answered with" in each]
    assert many.startswith("23 calls were answered with 503, so whether that was done is not known: line 7 of")
    assert many.endswith("; and 3 more") and many.count("patch deployments.apps") == 20
    assert two.startswith("2 calls were answered with 504") and two.count("patch deployments.apps") == 2


def test_a_call_that_was_refused_with_401_is_an_event_of_nobody() -> None:
    refused = [
        deployment(code=401, stage=stage, extra={"user": {}}) for stage in ("ResponseStarted", "ResponseComplete")
    ]
    lines = [json.dumps(each).encode() for each in (*OTHERS, *CLEAN, *refused)]
    assert check_audit_log({"a": lines}, [record()], contract())["unproven"] == []
    nobody = json.dumps(deployment(extra={"user": {}})).encode()
    found = check_audit_log({"a": [*lines, nobody]}, [record()], contract())
    assert found["unproven"] == [f"line {len(lines) + 1} of a is no event of an audit log"]


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"{}", b'"x"', b"\xff\xfe", json.dumps({**deployment(), "user": None}).encode(),
             json.dumps({**deployment(), "requestReceivedTimestamp": "noon"}).encode()],
)  # fmt: skip
def test_a_line_that_is_no_event_is_named_and_not_passed_by(line: bytes) -> None:
    lines = [json.dumps(each).encode() for each in (*OTHERS, *CLEAN)]
    found = check_audit_log({"a": lines, "b": [b"\n", line]}, [record()], contract())
    assert found["unproven"] == ["line 2 of b is no event of an audit log"]


def test_files_may_come_in_any_order() -> None:
    lines = [json.dumps(each).encode() for each in (*CLEAN, *OTHERS)]
    found = check_audit_log({"new": lines[3:], "old": lines[:3]}, [record()], contract())
    assert (found["ok"], found["unproven"], found["lines"]) == (True, [], 6)


WHICH_CLUSTER = event("get", "namespaces", "kube-system", "")


def unused(*planted: Event, identity: str = "deployer") -> dict[tuple[str, str], dict[str, str]]:
    rows = checked(WHICH_CLUSTER, *planted)["unused_rights"]
    return {(row["where"], row["right"]): row for row in rows if row["identity"] == identity}


def test_rights_that_were_never_used_are_listed_with_the_playbooks_that_need_them_on_other_days() -> None:
    mine = unused(event("list", "pods"))
    assert mine[MODELS, "get, watch pods"]["needed_by"] == ""
    assert json.loads(mine[MODELS, "get, watch pods"]["drop"]) == {
        "identity": "deployer", "resource": "pods", "verbs": ["get", "watch"], "namespace": MODELS,
    }  # fmt: skip
    workloads = mine[MODELS, "get, list, watch, create, delete deployments.apps"]
    assert workloads["needed_by"] == "deploy_models, rollback_model, retire_model, plan_models"
    assert workloads["drop"] == ""
    scaled = mine[MODELS, "get, list, watch, create, patch, delete scaledobjects.keda.sh"]
    assert scaled["needed_by"].endswith("retire_model, plan_models (for models that KEDA scales)")
    seen = event("get", "namespaces", "kube-system", "", user=account("upgrader"))
    assert unused(seen, identity="upgrader")[SYSTEM, "get, create services/proxy"]["only"].startswith("router:")


def test_of_an_identity_without_a_read_in_the_log_nothing_is_concluded() -> None:
    for found in (unused(identity="upgrader"), {("", row["right"]): row for row in checked()["unused_rights"]}):
        assert {(right, row["drop"]) for (_where, right), row in found.items()} == {
            ("not known: this log has no read of it", "")
        }


def test_an_apply_that_made_the_object_has_used_the_right_to_create_it() -> None:
    def never(code: int) -> set[str]:
        return {right for where, right in unused(event("patch", "configmaps", "x", code=code)) if where == MODELS}

    assert "get, list, watch, delete configmaps" in never(201)
    assert "get, list, watch, create, delete configmaps" in never(200)


@pytest.mark.parametrize(
    ("run", "read"),
    [("0a1b2c3d", "0a1b2c3d"), ("4711", "4711"), ("", ""), ("a b", ""), ("x\r\nEvil: 1", ""), ("x" * 65, "")],
)
def test_the_run_goes_into_the_header_and_comes_out_of_it(run: str, read: str) -> None:
    agent = user_agent(run)
    assert agent.isprintable() and agent.startswith(f"fireworks-byoc/{VERSION} run/")
    assert run_in(agent) == run_in(f"{agent} (by way of trouble)") == read
    assert run_in(f"curl {agent}") == ""


def test_the_version_in_the_header_is_the_collections() -> None:
    assert f"\nversion: {VERSION}\n" in (Path(__file__).parents[3] / "galaxy.yml").read_text(encoding="utf-8")
