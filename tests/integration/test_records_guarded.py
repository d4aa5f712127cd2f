# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of the records on a real API server, under the guardrail that lets our accounts do no more than append."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import PRESETUP_SET, RECORDS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import empty_head
from byoc_testbed.api import APPLY, MERGE, Api
from tests.integration.guarded import MISBOUND, RBAC, SYSTEM, Governed, governed, layer_of, refusal
from tests.integration.plays import connection_to, perform, token_in
from tests.integration.troubled import RESET, by_status, troubled
from tests.unit.domain.agreed import contract

HEAD = f"/api/v1{SYSTEM}/configmaps/{RECORDS}"
#: Those that may write ConfigMaps there, and one that somebody bound to everything by mistake.
WRITERS = ("operator", "deployer", "upgrader", "node-medic", MISBOUND)
OTHERS = ("observer", "metrics-reader", "router")
OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64

Head = dict[str, Any]


@pytest.fixture(scope="module")
def birch(bed: Any) -> Iterator[Governed]:
    """A cluster with the prerequisites and the head as the presetup renders it: empty."""
    with governed(bed["birch"]) as made:
        made.govern(contract())
        bed["birch"].request("PATCH", f"{HEAD}?fieldManager=fireworks-byoc", empty_head(), APPLY)
        yield made
        bed["birch"].remove_namespaces("fireworks-setup")


@pytest.fixture
def granted(birch: Governed) -> Api:
    """The account of a setup grant that somebody bound to everything."""
    namespace, name = "fireworks-setup", "setup-alice"
    birch.cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    birch.cluster.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    bound = {"metadata": {"name": name, "namespace": "fireworks-system"}, "roleRef": role, "subjects": [subject]}
    birch.cluster.request("POST", f"{RBAC}{SYSTEM}/rolebindings", bound)
    token = token_in(birch.cluster.kubeconfig_for_service_account(namespace, name))
    return Api(birch.cluster.server, birch.cluster.ca_file, token)


@pytest.fixture
def head(birch: Governed) -> Head:
    """The head after some lines of three writers, as an administrator can put it there."""
    said = {
        "chain": "0123456789abcdef",
        "sequence": 12,
        "previous": OTHER,
        "hash": OLD,
        "writer": "ctl-2",
        "writers": {f"ctl-{each}": {"number": 3 + each, "hash": OLD if each == 2 else OTHER} for each in (1, 2, 3)},
    }
    put(birch, said)
    return said


def put(birch: Governed, said: Head | None) -> None:
    text = "" if said is None else json.dumps(said, sort_keys=True)
    birch.cluster.request("PATCH", HEAD, {"data": {"head": text}}, MERGE)


def appended(head: Head, writer: str, **changes: Any) -> Head:
    """The head after one more line of a writer."""
    after = {**copy.deepcopy(head), "previous": head["hash"], "hash": NEW, "writer": writer}
    number = after["writers"].get(writer, {"number": 0})["number"] + 1
    after["writers"][writer] = {"number": number, "hash": NEW}
    return {**after, "sequence": head["sequence"] + 1, **changes}


def why_not(birch: Governed, who: str, said: Head | str) -> str:
    text = said if isinstance(said, str) else json.dumps(said, sort_keys=True)
    return refusal(birch.acting_as(who), "PATCH", HEAD, {"data": {"head": text}}, MERGE)


def test_each_identity_that_writes_records_may_append(birch: Governed, head: Head) -> None:
    for who in WRITERS:
        for writer in (
            "ctl-1",
            "ctl-2",
            "ctl-3",
            "a first one",
            "zz-last",
            "ctl-2b",
            "h\u00f6st.example:1",
            "writers",
            "x" * 253,
        ):
            assert why_not(birch, who, appended(head, writer)) == "", (who, writer)
    lines_alone = appended(head, "ctl-1")
    lines_alone["writers"]["ctl-1"]["number"] = 4 + 1_000_000
    assert why_not(birch, "deployer", lines_alone) == ""
    older = {key: value for key, value in head.items() if key not in ("previous", "writer")}
    put(birch, older)  # as an older version of the collection writes it
    assert why_not(birch, "deployer", {**appended(older, "ctl-1"), "previous": OLD}) == ""
    put(birch, None)
    first = {**appended({"sequence": 0, "hash": "", "chain": "ab", "writers": {}}, "ctl-1")}
    assert why_not(birch, "deployer", first) == ""
    assert "sequence" in why_not(birch, "deployer", {**first, "sequence": 2})


def _entry(head: Head, writer: str, **changes: Any) -> Head:
    after = appended(head, "ctl-1")
    after["writers"][writer] = {**after["writers"].get(writer, {}), **changes}
    return after


def _ahead(head: Head, writer: str, number: int) -> Head:
    after = appended(head, writer)
    after["writers"][writer]["number"] = number
    return after


def _without(head: Head, writer: str) -> Head:
    after = appended(head, "ctl-1")
    del after["writers"][writer]
    return after


REWRITTEN = {
    "as it was before": lambda head: {**head, "sequence": 11, "hash": OTHER},
    "the same again": lambda head: head,
    "two lines at once": lambda head: appended(head, "ctl-1", sequence=14),
    "no line more": lambda head: appended(head, "ctl-1", sequence=12),
    "behind another line": lambda head: appended(head, "ctl-1", previous=OTHER),
    "behind none": lambda head: appended(head, "ctl-1", previous=""),
    "a new chain": lambda head: appended(head, "ctl-1", chain="fedcba9876543210"),
    "from the beginning": lambda _head: appended({"sequence": 0, "hash": "", "chain": "ab", "writers": {}}, "ctl-1"),
    "another writer's hash": lambda head: _entry(head, "ctl-3", hash=NEW),
    "another writer's number": lambda head: _entry(head, "ctl-3", number=1),
    "without another writer": lambda head: _without(head, "ctl-3"),
    "without its writer": lambda head: _without(head, "ctl-1"),
    "two writers at once": lambda head: _entry(head, "ctl-9", number=1, hash=NEW),
    "fewer lines of its own": lambda head: _entry(head, "ctl-1", number=2),
    "as many lines of its own": lambda head: _entry(head, "ctl-1", number=4),
    "another hash of its own": lambda head: _entry(head, "ctl-1", hash=OTHER),
    "by a writer with a quote": lambda head: appended(head, 'x": {'),
    "by a writer with a brace": lambda head: appended(head, ": 3}, "),
    "a number that nothing exceeds": lambda head: _entry(head, "ctl-1", number=2**63 - 1),
    "a million lines at once": lambda head: _entry(head, "ctl-1", number=4 + 1_000_001),
    "a first line far ahead": lambda head: _ahead(head, "ctl-9", 1_000_001),
    "by a writer of a long name": lambda head: appended(head, "x" * 254),
    "with more in it": lambda head: appended(head, "ctl-1", note="x"),
    "empty": lambda _head: "",
    "no JSON": lambda _head: "gone",
    "a key twice": lambda head: json.dumps(appended(head, "ctl-1"), sort_keys=True).replace(
        '"writers": {', '"writers": {"ctl-3": {"hash": "' + OTHER + '", "number": 1}, '
    ),
    "without a comma": lambda head: json.dumps(appended(head, "ctl-1"), sort_keys=True).replace("}, ", "}"),
    "with a comma before the first": lambda head: json.dumps(appended(head, "ctl-1"), sort_keys=True).replace(
        '"writers": {', '"writers": {, '
    ),
    "spaced otherwise": lambda head: json.dumps(appended(head, "ctl-1"), sort_keys=True, indent=1),
}


@pytest.mark.parametrize("change", REWRITTEN)
def test_no_identity_rewrites_the_head(birch: Governed, head: Head, change: str) -> None:
    for who in WRITERS:
        why = why_not(birch, who, REWRITTEN[change](head))
        assert "ValidatingAdmissionPolicy 'fireworks-records'" in why, (who, change, why)
    for who in OTHERS:
        assert layer_of(why_not(birch, who, appended(head, "ctl-1"))) == "RBAC"


@pytest.mark.parametrize(
    "more",
    [
        {"immutable": True},
        {"binaryData": {"x": "eA=="}},
        {"data": {"other": "x"}},
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": "x"}}},
        {"metadata": {"annotations": {"x": "y"}}},
        {"metadata": {"finalizers": ["x.example/y"]}},
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "gone"}]}},
    ],
    ids=lambda more: "-".join(next(iter(more.items()))[1]) if "metadata" in more else next(iter(more)),
)
def test_an_appending_write_changes_nothing_else(birch: Governed, head: Head, more: dict[str, Any]) -> None:
    text = json.dumps(appended(head, "ctl-1"), sort_keys=True)
    body = {**more, "data": {**more.get("data", {}), "head": text}}
    # Its marks are guarded with those of all objects, too: of both the API server names either.
    assert layer_of(refusal(birch.acting_as("deployer"), "PATCH", HEAD, body, MERGE)) == "admission policy"


def test_no_identity_makes_or_deletes_the_head(birch: Governed, head: Head) -> None:
    collection = HEAD.rpartition("/")[0]
    for who in WRITERS:
        assert refusal(birch.acting_as(who), "DELETE", HEAD), who
        assert refusal(birch.acting_as(who), "DELETE", collection), who
    assert "'fireworks-records'" in refusal(birch.acting_as("deployer"), "DELETE", HEAD)
    birch.cluster.request("DELETE", HEAD)
    try:
        for who in WRITERS:
            made = {**empty_head(), "data": {"head": json.dumps(appended(head, "ctl-1"), sort_keys=True)}}
            assert "'fireworks-records'" in refusal(birch.acting_as(who), "POST", collection, made), who
    finally:
        birch.cluster.request("PATCH", f"{HEAD}?fieldManager=fireworks-byoc", empty_head(), APPLY)


def test_a_setup_grant_appends_and_does_nothing_else(birch: Governed, head: Head, granted: Api) -> None:
    def why(said: Head) -> str:
        text = json.dumps(said, sort_keys=True)
        return refusal(granted, "PATCH", HEAD, {"data": {"head": text}}, MERGE)

    assert why(appended(head, "ctl-1")) == ""
    assert "'fireworks-records'" in why(appended(head, "ctl-1", previous=OTHER))
    assert "'fireworks-records'" in refusal(granted, "DELETE", HEAD)


def test_a_thousand_writers_are_within_the_budget(birch: Governed, head: Head) -> None:
    head["writers"] |= {f"ci-runner-{each:05}": {"number": 7, "hash": OTHER} for each in range(1000)}
    put(birch, head)
    assert why_not(birch, "deployer", appended(head, "ci-runner-00500")) == ""
    assert why_not(birch, "deployer", appended(head, "another")) == ""
    assert "'fireworks-records'" in why_not(birch, "deployer", _entry(head, "ci-runner-00500", number=6))


def test_a_full_head_takes_no_other_writer_and_keeps_taking_lines_of_those_it_has(birch: Governed, head: Head) -> None:
    head["writers"] |= {f"{'x' * 240}-{each:05}": {"number": 7, "hash": OTHER} for each in range(400)}
    put(birch, head)
    assert "has no room for another writer" in why_not(birch, "deployer", appended(head, "another"))
    for writer in ("ctl-1", f"{'x' * 240}-00200"):
        assert why_not(birch, "deployer", appended(head, writer)) == ""


# -- the module, as one of our identities ------------------------------------------------------------------------------


def written(birch: Governed, folder: Path, run: str, **way: Any) -> dict[str, Any]:
    access = {"token": birch.acting_as("deployer")._pool.headers["Authorization"].removeprefix("Bearer ")}
    connection = connection_to(birch.cluster, server=birch.cluster.server, ca_file=str(birch.cluster.ca_file), **access)
    given = {"directory": str(folder), "writer": "ctl-1", "operation": "deploy_models", "run_id": run, "result": "done"}
    times = {"started": "2026-11-29T07:00:00Z", "ended": "2026-11-29T07:01:00Z"}
    return perform({**connection, **way}, "fireworks.byoc.operation_record", **given, **times)


def verified(birch: Governed, folder: Path) -> dict[str, Any]:
    return perform(connection_to(birch.cluster), "fireworks.byoc.records_info", directories=[str(folder)])


def remembered(birch: Governed) -> dict[str, Any]:
    metadata = {"name": PRESETUP_SET, "namespace": "fireworks-system", "annotations": presetup_annotations([])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_records_are_appended_by_an_identity_and_a_lost_answer_is_recognised(birch: Governed, tmp_path: Path) -> None:
    put(birch, None)
    lost: list[str] = []

    def lose(method: str, path: str) -> int | None:
        if method == "PATCH" and RECORDS in path and len(lost) < 2:
            lost.append(path)
            return RESET
        return None

    assert written(birch, tmp_path, "one")["in_cluster"]
    with troubled(birch.cluster, by_status(after=lose)) as server:
        assert written(birch, tmp_path, "two", server=server)["in_cluster"]
    assert len(lost) == 2
    assert written(birch, tmp_path, "three")["record"]["sequence"] == 3
    report = verified(birch, tmp_path)["report"]
    assert report == {"ok": True, "broken": "", "unproven": [], "lines": 3}
    assert json.loads(birch.cluster.request("GET", HEAD)["data"]["head"])["sequence"] == 3


def test_a_head_that_was_deleted_is_a_failure_and_no_new_chain(birch: Governed, tmp_path: Path) -> None:
    put(birch, None)
    assert written(birch, tmp_path, "one")["in_cluster"]
    birch.cluster.request("DELETE", HEAD)
    parent = HEAD.replace(RECORDS, PRESETUP_SET)
    birch.cluster.request("POST", parent.rpartition("/")[0], remembered(birch))
    try:
        alone = written(birch, tmp_path, "two")
        assert (alone["failed"], alone["in_cluster"], alone["record"]["chain"]) == (False, False, "")
        assert "neither makes nor deletes the head" in alone["why"]
        found = verified(birch, tmp_path)
        assert (found["failed"], found["code"], found["owner"]) == (True, "records_broken", "customer")
        assert "is missing, and the prerequisites had made it" in found["msg"]
        birch.cluster.request("PATCH", f"{HEAD}?fieldManager=fireworks-byoc", empty_head(), APPLY)
        [of_another, without] = verified(birch, tmp_path)["report"]["unproven"]
        assert "line 2" in of_another and "1 line of" in without and "its head was deleted" in without
        birch.cluster.request("PATCH", HEAD, {"data": {"head": "gone"}}, MERGE)
        assert "is no longer what was written" in verified(birch, tmp_path)["msg"]
    finally:
        birch.cluster.request("DELETE", parent)
        put(birch, None)
