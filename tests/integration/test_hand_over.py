# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.hand_over_nodes`` on a real scheduler, as the node medic under all guardrails.

A pool of three nodes is handed over in turn, and no replica is missing at any time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import empty_head
from tests.integration.guarded import governed
from tests.integration.journey import as_admin, line, play
from tests.integration.plays import connection_to, perform
from tests.integration.scattered import (
    REPLICAS,
    Served,
    answer,
    clean,
    contract_of,
    label,
    marks,
    on_nodes,
    ready,
    scatter,
    three_nodes,
)
from tests.integration.upgrades import REQUESTED_BY


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Any, dict[str, Any]]]:
    """The cluster, and its contract, whose credential is the node medic's."""
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
    clean(cluster)


def handed(scattered: tuple[Any, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    cluster, contract = scattered
    connection = connection_to(cluster, kubeconfig_file=contract["access"]["credential"]["kubeconfig_file"])
    return perform(connection, "fireworks.byoc.node_handover", contract={**contract, **changes})


@pytest.mark.soak
def test_a_pool_is_handed_over_node_by_node_and_taken_back(
    scattered: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    cluster, contract = scattered
    first, *others = cluster.nodes
    label(cluster, first, "1")
    checked = play("hand_over_nodes", tmp_path, [contract], "--check", clusters="acme-eu-1")
    assert checked.returncode == 0, checked.stdout
    assert (answer(cluster, first), on_nodes(cluster)[first] > 0) == ("", True)
    with Served(cluster) as served:
        done = play("hand_over_nodes", tmp_path, [contract], clusters="acme-eu-1")
        assert done.returncode == 0, done.stdout
        assert "safe" in line(done, "acme-eu-1", first)
        assert answer(cluster, first).startswith("yes, since ")
        assert on_nodes(cluster)[first] == 0
        for name, after in ((others[0], first), (others[1], others[0])):
            label(cluster, after, None)
            label(cluster, name, "2")
            result = handed(scattered)
            assert [(one["node"], one["state"], one["changed"]) for one in result["nodes"]] == [
                (after, "back", True),
                (name, "safe", True),
            ]
            assert (answer(cluster, after), on_nodes(cluster)[name]) == ("", 0)
    assert served.fewest == REPLICAS
    label(cluster, others[1], "false")
    assert [one["state"] for one in handed(scattered)["nodes"]] == ["back"]
    assert (ready(cluster), marks(cluster), handed(scattered)["changed"]) == (REPLICAS, [], False)


def test_the_last_node_of_a_critical_model_is_kept_and_its_owner_is_told_why(
    scattered: tuple[Any, dict[str, Any]],
) -> None:
    cluster, contract = scattered
    models = [{**one, "priority": "critical"} if one["name"] == "small" else one for one in contract["models"]]
    for number, name in enumerate(cluster.nodes[:2]):
        label(cluster, name, str(number))
    first, second = handed(scattered, models=models)["nodes"]
    assert (first["state"], second["state"], second["changed"]) == ("safe", "asked", True)
    assert "no other node is proven to take it" in second["why"]
    assert answer(cluster, cluster.nodes[1]).startswith("no: fireworks-models/small-")
    assert handed(scattered, models=models)["changed"] is False


def test_a_node_that_is_back_without_a_gpu_takes_nothing(scattered: tuple[Any, dict[str, Any]]) -> None:
    cluster, _contract = scattered
    name = cluster.nodes[0]
    label(cluster, name, "true")
    handed(scattered)
    label(cluster, name, None)
    cluster.break_node(name, "allocatable", gpus=7)
    try:
        [back] = handed(scattered)["nodes"]
        assert (back["state"], back["changed"], back["why"]) == ("back", False, "it offers 7 of 8 GPUs")
        assert name in json.dumps(marks(cluster))
    finally:
        cluster.repair_node(name)


def test_where_drains_are_approved_a_handover_is_too(scattered: tuple[Any, dict[str, Any]]) -> None:
    cluster, contract = scattered
    before = on_nodes(cluster)
    label(cluster, cluster.nodes[0], "1")
    [held] = handed(scattered, change={**contract["change"], "approvals": {"node_action": "required"}})["nodes"]
    assert (held["state"], held["code"]) == ("asked", "approval")
    assert on_nodes(cluster) == before


@pytest.mark.soak
def test_a_handover_is_approved_in_the_cluster(scattered: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    cluster, contract = scattered
    first = cluster.nodes[0]
    label(cluster, first, "1")
    changed = {**contract, "change": {**contract["change"], "approvals": {"node_action": "required"}}}
    waits = play("hand_over_nodes", tmp_path, [changed], *REQUESTED_BY, clusters="acme-eu-1")
    assert waits.returncode == 0, waits.stdout
    assert "waiting" in line(waits, "HAND OVER NODES acme-eu-1"), waits.stdout
    [printed] = [each for each in waits.stdout.splitlines() if "fireworks.byoc.approve" in each]
    options = re.findall(r"-e (?:operation|digest|approved_by)=\S+", printed)
    given = [word for option in options for word in option.split(" ")]
    done = play("approve", tmp_path, [changed], *given, *as_admin(cluster), clusters="acme-eu-1")
    assert done.returncode == 0, done.stdout
    went = play("hand_over_nodes", tmp_path, [changed], *REQUESTED_BY, clusters="acme-eu-1")
    assert went.returncode == 0, went.stdout
    assert answer(cluster, first).startswith("yes, since "), went.stdout
