# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.consolidate`` on a real scheduler, as the node medic under all guardrails.

The plan is approved, each replacement is Ready where it was proven before its replica leaves, and whatever surprises is
undone.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import empty_head
from ansible_collections.fireworks.byoc.plugins.module_utils._operations import consolidation_moves
from tests.integration.guarded import governed, until
from tests.integration.journey import line, play
from tests.integration.plays import connection_to, perform
from tests.integration.scattered import (
    APPROVER,
    LOAD,
    REPLICAS,
    WANTED,
    Served,
    clean,
    contract_of,
    marks,
    moved,
    on_nodes,
    ready,
    scatter,
    three_nodes,
)

ASKED = ("-e", json.dumps({"wanted": WANTED, "requested_by": "sre@fireworks.example"}))


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Any, dict[str, Any]]]:
    """The cluster with its prerequisites, and its contract, whose credential is the node medic's."""
    with three_nodes() as cluster, governed(cluster) as made:
        contract = contract_of(cluster)
        made.govern(contract)
        cluster.request("POST", "/api/v1/namespaces/fireworks-system/configmaps", empty_head())
        medic = cluster.kubeconfig_for_service_account("fireworks-system", "node-medic")
        contract["access"]["credential"] = {"kubeconfig_file": str(medic)}
        yield cluster, contract


@pytest.fixture
def scattered(site: tuple[Any, dict[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    cluster, contract = site
    scatter(cluster, contract)
    yield cluster, contract
    cluster.set_load_seconds(LOAD)
    clean(cluster)


def approval(digest: str) -> dict[str, str]:
    given = datetime.now(UTC).isoformat(timespec="seconds")
    return {"by": APPROVER, "digest": digest, "given_at": given, "source": "file"}


def performed(scattered: tuple[Any, dict[str, Any]], *approvals: dict[str, str], **more: Any) -> dict[str, Any]:
    cluster, contract = scattered
    connection = connection_to(cluster, kubeconfig_file=contract["access"]["credential"]["kubeconfig_file"])
    given = {"contract": contract, "wanted": WANTED, "requested_by": "sre@fireworks.example", **more}
    return perform(connection, "fireworks.byoc.consolidation", approvals=list(approvals), **given)


def approved(scattered: tuple[Any, dict[str, Any]]) -> dict[str, Any]:
    """Plan, approve, and carry out."""
    waits = performed(scattered)
    assert waits["turn"]["code"] == "approval", waits["turn"]
    return performed(scattered, approval(waits["turn"]["digest"]))


def test_a_plan_waits_is_approved_and_moves_with_no_replica_missing(
    scattered: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    cluster, contract = scattered
    checked = play("consolidate", tmp_path, [contract], "--check", *ASKED, clusters="acme-eu-1")
    assert checked.returncode == 0, checked.stdout
    assert line(checked, "acme-eu-1", " large ").split()[-3:] == ["0", "17", "2"]
    assert on_nodes(cluster).total() == REPLICAS and not marks(cluster)
    digest = line(checked, "acme-eu-1", "approval").split()[-1]
    result = tmp_path / "result.json"
    given = ("-e", json.dumps({"approvals": [approval(digest)]}), "-e", f"result_file={result}")
    with Served(cluster) as served:
        done = play("consolidate", tmp_path, [contract], *ASKED, *given, clusters="acme-eu-1")
    assert done.returncode == 0, done.stdout
    assert "moved" in done.stdout
    [outcome] = json.loads(result.read_text())["clusters"]
    assert outcome["result"] == "done"
    assert served.fewest == REPLICAS
    assert list(on_nodes(cluster).values()) == [REPLICAS]
    assert (moved(cluster), marks(cluster)) == (4, [])
    again = play("consolidate", tmp_path, [contract], *ASKED, clusters="acme-eu-1")
    assert again.returncode == 0, again.stdout
    assert "efficiency.cooldown is 24 h" in again.stdout
    assert moved(cluster) == 4


def test_a_contract_that_only_recommends_is_refused_and_nothing_moves(
    scattered: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    cluster, contract = scattered
    before = on_nodes(cluster)
    only = {**contract, "efficiency": {"mode": "recommend"}}
    refused = play("consolidate", tmp_path, [only], *ASKED, clusters="acme-eu-1")
    assert refused.returncode == 2, refused.stdout
    assert "efficiency.mode is not execute" in refused.stdout
    assert on_nodes(cluster) == before


@pytest.mark.soak
def test_loads_that_were_not_as_predicted_hold_it(scattered: tuple[Any, dict[str, Any]]) -> None:
    cluster, _contract = scattered
    cluster.set_load_seconds(9)
    victim = cluster.request("GET", "/api/v1/namespaces/fireworks-models/pods")["items"][0]["metadata"]["name"]
    cluster.request("DELETE", f"/api/v1/namespaces/fireworks-models/pods/{victim}")
    until(lambda: ready(cluster) == on_nodes(cluster).total() == REPLICAS, "the replicas do not come back", 40)
    turn = performed(scattered)["turn"]
    assert turn["decision"] == "wait"
    assert {one["code"] for one in turn["blockers"]} == {"approval", "not_calibrated"}
    assert "were predicted" in turn["reason"]


@pytest.mark.soak
def test_a_replacement_on_the_wrong_node_is_undone_when_it_is_bound(
    scattered: tuple[Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No node is closed for it here, and the scheduler takes the one that is emptiest."""
    cluster, _contract = scattered
    before, closed = on_nodes(cluster), consolidation_moves.NodeCloser.close
    monkeypatch.setattr(consolidation_moves.NodeCloser, "close", lambda *_args: None)
    began = time.monotonic()
    result = approved(scattered)
    assert (result["failed"], result["code"]) == (True, "surprise")
    assert "its replacement was placed on" in result["msg"]
    assert [one["failed"] for one in result["taken"]] == [True]
    assert time.monotonic() - began < 30
    assert on_nodes(cluster) == before
    assert (ready(cluster), moved(cluster), marks(cluster)) == (REPLICAS, 0, [])
    monkeypatch.setattr(consolidation_moves.NodeCloser, "close", closed)
    assert [one["result"] for one in approved(scattered)["taken"]] == ["moved"] * 4, "it is planned anew"


@pytest.mark.soak
def test_a_destination_that_falls_sick_while_a_replacement_loads_is_given_up(
    scattered: tuple[Any, dict[str, Any]],
) -> None:
    cluster, _contract = scattered
    before = on_nodes(cluster)
    waits = performed(scattered)
    destination = waits["plan"]["moves"][0]["to"]
    cluster.set_load_seconds(60)

    def fall_sick() -> None:
        until(lambda: on_nodes(cluster).total() > REPLICAS, "no replacement was placed", 60)
        cluster.break_node(destination, "not-ready", status="False")

    breaking = threading.Thread(target=fall_sick)
    breaking.start()
    try:
        result = performed(scattered, approval(waits["turn"]["digest"]))
    finally:
        breaking.join()
        cluster.repair_node(destination)
    assert result["code"] == "surprise", result
    assert f"{destination} falls out: it is not ready" in result["msg"]
    cluster.set_load_seconds(LOAD)
    until(lambda: ready(cluster) == REPLICAS, "the replicas do not come back", 60)
    assert (on_nodes(cluster), marks(cluster)) == (before, [])
