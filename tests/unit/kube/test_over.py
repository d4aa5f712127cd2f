# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes over what was read: what the API server refuses is sent again only where the decision still holds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import ConflictError, NotFoundError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.over import (
    ChangedError,
    apply_over,
    delete_over,
    patch_over,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import FIELD_MANAGER

PATH = "/api/v1/namespaces/a/configmaps/b"
QUERY = {"fieldManager": FIELD_MANAGER}
APPLIED = {"f:data": {"f:edition": {}}, "f:metadata": {"f:annotations": {"f:note": {}}}}


def config(version: str, **changes: Any) -> dict[str, Any]:
    """A ConfigMap as it is in the cluster, in which the edition and a note are ours."""
    managed = [{"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsV1": APPLIED}]
    metadata = {
        "name": "b",
        "namespace": "a",
        "uid": changes.pop("uid", "1"),
        "resourceVersion": version,
        "annotations": {"note": changes.pop("note", "old")},
        "managedFields": managed,
    }
    if changes.pop("leaving", False):
        metadata["deletionTimestamp"] = "2026-11-28T00:00:00Z"
    data = {"edition": changes.pop("edition", "1"), **changes}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class Server:
    """An API server with one object, whose state each read moves to the next one."""

    where = "a cluster"

    def __init__(self, *states: Mapping[str, Any] | None) -> None:
        self._states = list(states)
        self.written: list[Mapping[str, Any]] = []

    @property
    def now(self) -> Mapping[str, Any] | None:
        return self._states[0]

    def get(self, path: str) -> dict[str, Any]:
        if self.now is None:
            raise NotFoundError("no", status=404)
        return copy.deepcopy(dict(self.now))

    def request(self, method: str, path: str, *, body: Any, **_how: Any) -> dict[str, Any]:
        named = body["preconditions"] if method == "DELETE" else body["metadata"]
        live = self.now
        if live is None and method == "DELETE":
            raise NotFoundError("no", status=404)
        if live is None or any(named[key] != live["metadata"][key] for key in ("uid", "resourceVersion")):
            raise ConflictError("changed", status=409)
        if len(self._states) > 1:  # it moves just before the write
            self._states.pop(0)
            raise ConflictError("changed", status=409)
        self.written.append(body)
        return dict(live)


SEEN = config("1")
WANTED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "b", "namespace": "a"},
    "data": {"edition": "2"},
}
MOVED_BY_ITSELF = [[config("2")], [config("2", more="a controller's")], [config("2"), config("3"), config("4")]]


@pytest.mark.parametrize("states", MOVED_BY_ITSELF)
def test_what_the_cluster_has_moved_by_itself_is_written_over(states: list[Any]) -> None:
    for write in (
        lambda server: apply_over(server, PATH, WANTED, SEEN, QUERY),
        lambda server: patch_over(server, PATH, {"metadata": {"annotations": {"note": "new"}}}, SEEN),
        lambda server: delete_over(server, PATH, SEEN),
    ):
        server = Server(SEEN, *states)
        write(server)
        [body] = server.written
        named = body.get("preconditions") or body["metadata"]
        assert named["resourceVersion"] == states[-1]["metadata"]["resourceVersion"]
        assert named["uid"] == "1"


def test_what_did_not_move_is_written_over_although_the_first_answer_was_a_conflict() -> None:
    """Of some objects only the name and the version are kept: that is enough."""
    named = {key: SEEN["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    seen = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named}
    for write in (
        lambda server: apply_over(server, PATH, WANTED, seen, QUERY),
        lambda server: patch_over(server, PATH, {"metadata": {"annotations": {"note": "new"}}}, seen),
        lambda server: delete_over(server, PATH, seen),
    ):
        server = Server(SEEN, SEEN)
        write(server)
        assert len(server.written) == 1


@pytest.mark.parametrize("now", [config("2", edition="3"), config("2", note="theirs"), config("2", uid="2"), None])
def test_what_another_run_has_written_is_left_as_it_is(now: Any) -> None:
    for write in (
        lambda server: apply_over(server, PATH, WANTED, SEEN, QUERY),
        lambda server: patch_over(server, PATH, {"metadata": {"annotations": {"note": "new"}}}, SEEN),
    ):
        server = Server(now)
        with pytest.raises(ChangedError, match=r"ConfigMap a/b (is gone|was written by another run) since this run"):
            write(server)
        assert server.written == []


def test_what_another_run_has_applied_since_is_not_deleted() -> None:
    server = Server(config("2", edition="3"))
    with pytest.raises(ChangedError):
        delete_over(server, PATH, SEEN)
    assert server.written == []


@pytest.mark.parametrize("now", [config("2", uid="2"), config("2", leaving=True), None])
def test_what_is_gone_or_going_or_a_newer_one_of_its_name_is_deleted_already(now: Any) -> None:
    server = Server(now)
    delete_over(server, PATH, SEEN)
    assert server.written == []


def test_a_write_whose_answer_was_lost_is_recognised() -> None:
    written = config("2", edition="2")
    assert apply_over(Server(written), PATH, WANTED, SEEN, QUERY) == written
    decided = config("2", note="new")
    assert patch_over(Server(decided), PATH, {"metadata": {"annotations": {"note": "new"}}}, SEEN) == decided


def test_values_that_are_right_by_chance_are_applied_all_the_same() -> None:
    """Another manager holds the value still, or the manifest leaves out what we had set."""
    for wanted in ({**WANTED, "data": {"edition": "1"}}, {**WANTED, "data": {}}):
        server = Server(SEEN, config("2"))
        apply_over(server, PATH, wanted, SEEN, QUERY)
        assert [body["data"] for body in server.written] == [wanted["data"]]


def test_fields_of_another_manager_are_told_as_such() -> None:
    class Owned(Server):
        def request(self, *_asked: Any, **_how: Any) -> dict[str, Any]:
            body = {"details": {"causes": [{"reason": "FieldManagerConflict"}]}}
            raise ConflictError("conflict with kubectl", status=409, body=body)

    with pytest.raises(ConflictError, match="kubectl"):
        apply_over(Owned(SEEN), PATH, WANTED, SEEN, QUERY)


def test_what_moves_all_the_time_is_not_tried_without_end() -> None:
    class Restless(Server):
        tries = 0

        def get(self, path: str) -> dict[str, Any]:
            Restless.tries += 1
            return config(str(Restless.tries + 1))

        def request(self, *_asked: Any, **_how: Any) -> dict[str, Any]:
            raise ConflictError("changed", status=409)

    with pytest.raises(ConflictError):
        apply_over(Restless(SEEN), PATH, WANTED, SEEN, QUERY)
    assert 5 < Restless.tries < 50
