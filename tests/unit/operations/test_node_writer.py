# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step is written on the node that it was planned for, and known again where the answer got lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.journey import (
    basis_of,
    journey_of,
    marked,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.step import MARK, Step
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_marks import remove_marks
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.remediation_nodes import NodeWriter


class Server:
    """An API server with one node. Of its first writes it loses the answers, and somebody else may write before it."""

    where = "acme-eu-1"

    def __init__(self, *, lost: int = 0, others: dict[str, str] | None = None) -> None:
        metadata = {"name": "gpu-0", "uid": "1", "resourceVersion": "7", "annotations": {}}
        self.node: dict[str, Any] = {"metadata": metadata, "spec": {}, "status": {}}
        self.lost, self.others = lost, others

    def get(self, _path: str) -> dict[str, Any]:
        return copy.deepcopy(self.node)

    def request(self, _verb: str, _path: str, *, body: dict[str, Any], **_more: Any) -> dict[str, Any]:
        if self.others:
            self._write(self.others)
            self.others = None
        if body["metadata"]["resourceVersion"] != self.node["metadata"]["resourceVersion"]:
            raise ConflictError("it changed", status=409)
        self._write(body["metadata"]["annotations"])
        if self.lost:
            self.lost -= 1
            # The session asks again, with the version that its first request has used up.
            return self.request("PATCH", "", body=body)
        return self.get("")

    def _write(self, annotations: dict[str, str]) -> None:
        self.node["metadata"]["annotations"].update(annotations)
        self.node["metadata"]["resourceVersion"] += "1"


def step(node: dict[str, Any]) -> Step:
    patch = marked(journey_of(node), 0.0, state="quarantined", goal="reboot")
    return Step("gpu-0", MARK, "xid_79", "suspect", patch=patch, basis=basis_of(node))


def written(server: Server) -> tuple[dict[str, Any], NodeWriter]:
    writer = NodeWriter(server, check=False)  # type: ignore[arg-type]
    seen = server.get("")
    return writer.write(step(seen), seen), writer


@pytest.mark.parametrize("lost", [0, 1])
def test_what_the_node_is_afterwards_is_known_whether_or_not_the_answer_came(lost: int) -> None:
    server = Server(lost=lost)
    result, writer = written(server)
    assert (result["changed"], result["failed"], result["result"]) == (True, False, "")
    # Or the next step would be planned for the node before this one.
    assert writer.answered["gpu-0"]["metadata"] == server.node["metadata"]


def test_a_heartbeat_in_between_is_written_over() -> None:
    assert written(Server(others={"heartbeat": "12:00"}))[0]["changed"] is True


def test_what_somebody_else_decided_meanwhile_is_left_alone() -> None:
    server = Server(others={"byoc.fireworks.ai/remediation-state": "maintenance"})
    result, writer = written(server)
    assert (result["changed"], writer.answered) == (False, {})
    assert "somebody else changed it meanwhile" in result["result"]


class Cluster:
    """API server of nodes; each write to a node is answered by its next error. A webhook keeps one as it is."""

    def __init__(self, **errors: list[Exception]) -> None:
        self.errors = errors
        self.asked: list[tuple[str, str]] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [self.get(f"/{name}") for name in (*self.errors, "well")]

    def get(self, path: str) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        if name == "left" and self.asked:
            raise NotFoundError("gone", status=404)
        notes = {} if name == "well" else {"byoc.fireworks.ai/remediation-released": "x"}
        return {"metadata": {"name": name, "uid": "1", "resourceVersion": "7", "annotations": notes}, "spec": {}}

    @staticmethod
    def in_parallel(work: Any, items: Any) -> list[Any]:
        return [work(each) for each in items]

    def request(self, _verb: str, path: str, *, query: dict[str, str], **_more: Any) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        self.asked.append((name, query.get("dryRun", "")))
        if self.errors[name]:
            raise self.errors[name].pop(0)
        return self.get("/kept" if name == "kept" else "/well")


def test_what_cannot_be_taken_off_a_node_is_told_and_nothing_is_written_where_nothing_is_ours() -> None:
    busy, refused = ConflictError("it changed", status=409), ForbiddenError("no", status=403)
    cluster = Cluster(fine=[], busy=[busy], never=[busy] * 9, theirs=[refused], kept=[], left=[busy])
    rows = remove_marks(cluster, cluster.nodes(), check=True)  # type: ignore[arg-type]
    assert {row["node"]: (row["removed"], row["why"]) for row in rows} == {
        "fine": (True, ""),
        "busy": (True, ""),
        "never": (False, "it changes all the time, or something puts them back"),
        "kept": (False, "it changes all the time, or something puts them back"),
        "theirs": (False, "no"),
        "left": (True, ""),
    }
    assert {dry for _name, dry in cluster.asked} == {"All"}
