# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of actions on nodes holds, by the API server's own log.

Nothing is written where nothing may be, and nothing is held that may go. By ``fireworks.byoc.node_remediation``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Target, target_digest
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import UnreachableError
from ansible_collections.fireworks.byoc.plugins.module_utils._operations import node_remediation
from tests.integration.decisions import BOSS, GO, SRE, Cell, Table, cells, logged_cluster, writes
from tests.integration.guarded import until
from tests.integration.plays import connection_to, perform
from tests.integration.remediating import (
    ALLOWED,
    MODULE,
    NODE,
    OTHER,
    PODS,
    SAYS,
    TAINT,
    contract_of,
    finding,
    node,
    places,
    ready,
    restore,
    said,
    with_models,
    workload,
)

SESSION = "h100-0-20261128T090000Z"
BOUNDS = {"drain_deadline": "60s", "healthy_for": "3s"}


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Any, dict[str, Any], Table]]:
    """A cluster with one pod, on the node that is to be sick; the node as it was; and the table."""
    with logged_cluster() as cluster, with_models(cluster):
        workload(cluster, "Deployment", 1)
        yield cluster, node(cluster), Table("decisions-nodes")


def quarantined(cluster: Any) -> None:
    marks = {
        "state": "quarantined",
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "session": SESSION,
        "goal": "reboot",
        "faults": "xid_79",
        "drains": "true",
        "cordoned": "true",
    }
    taints = [*(node(cluster)["spec"].get("taints") or ()), {"key": TAINT, "value": "true", "effect": "NoSchedule"}]
    patch = {
        "metadata": {"annotations": {SAYS + key: value for key, value in marks.items()}},
        "spec": {"taints": taints, "unschedulable": True},
    }
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}", patch)


def bring_back(cluster: Any, before: dict[str, Any]) -> None:
    """The node as it was, with the pod on it."""
    restore(cluster, NODE, before)
    if places(cluster) != [NODE]:
        cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": True}})
        for pod in cluster.request("GET", PODS)["items"]:
            cluster.request("DELETE", f"{PODS}/{pod['metadata']['name']}?gracePeriodSeconds=0")
        until(lambda: len(ready(cluster)) == 1 and places(cluster) == [NODE], "the pod did not come back")
        cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", {"spec": {"unschedulable": None}})


def remediated(cluster: Any, cell: Cell, found: dict[str, Any]) -> tuple[dict[str, Any], list[str], str]:
    """The result, what was written, and the digest that a good approval names."""
    contract = contract_of(actions=ALLOWED, remediation=BOUNDS, models=[], change=cell.change)
    digest = target_digest(contract, Target(NODE, "reboot", SESSION))
    stale = target_digest(contract, Target(NODE, "reboot", "h100-0-20261101T090000Z"))
    given = cell.approvals(digest, {"digest": stale, "node": NODE, "goal": "reboot", "session": "an earlier one"})
    with writes(cluster) as made:
        asked = {"contract": contract, "findings": [found], "requested_by": SRE, "approvals": given}
        result = perform(connection_to(cluster), MODULE, **asked)
    assert not result["failed"], result
    return result, made, digest


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize("cell", cells("node_action"), ids=str)
@pytest.mark.parametrize("operation", ["drain", "quarantine"])
def test_an_action_on_a_node_goes_where_it_may_and_nothing_is_written_where_not(
    site: tuple[Any, dict[str, Any], Table], operation: str, cell: Cell
) -> None:
    cluster, before, table = site
    try:
        if operation == "quarantine":
            result, made, _digest = remediated(cluster, cell, finding("quarantine"))
            table.add(operation, cell, GO, made)
            assert said(cluster)["state"] == "handed-over", result
            assert set(made) == {"patch nodes"}
            assert places(cluster) == [NODE]
            return
        quarantined(cluster)
        result, made, digest = remediated(cluster, cell, finding())
        [step] = result["steps"]
        table.add(operation, cell, step["code"] or GO, made)
        assert (step["code"] or GO) == cell.decided(windows=False), step["why"]
        if step["code"]:
            assert made == []
            assert bool(step["next_at"]) == (cell.clock != "frozen")
            assert ("an earlier one" in step["why"]) == (cell.given == "stale" and cell.needed == "required")
            return
        assert set(made) == {"patch nodes", "create pods/eviction"}
        assert places(cluster) == [OTHER]
        approved = {"approved-by": BOSS, "approval": digest} if cell.needed == "required" else {}
        assert {key: said(cluster).get(key) for key in approved} == approved
        assert said(cluster)["state"] == "repairing"
    finally:
        bring_back(cluster, before)


def test_a_run_that_fails_later_says_what_it_did_and_wrote(
    site: tuple[Any, dict[str, Any], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, before, _table = site
    planned = [node_remediation.next_step]

    def plan_once(*known: Any) -> Any:
        if not planned:
            raise UnreachableError("no answer any more")
        return planned.pop()(*known)

    monkeypatch.setattr(node_remediation, "next_step", plan_once)
    contract = contract_of(actions=ALLOWED, remediation=BOUNDS, models=[])
    try:
        with writes(cluster) as made:
            asked = {"contract": contract, "findings": [finding("quarantine")]}
            result = perform(connection_to(cluster), MODULE, **asked)
        assert (result["failed"], result["changed"], result["code"]) == (True, True, "unreachable")
        assert [(one["do"], one["changed"]) for one in result["taken"]] == [("quarantine", True)]
        assert result["written"] == [{"kind": "Node", "namespace": "", "name": NODE, "action": "updated"}]
        assert made == ["patch nodes"]
    finally:
        bring_back(cluster, before)
