# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests through the router while replicas are moved, on real nodes: six models are consolidated so that a seventh
finds two nodes, and three nodes are handed over in turn. Every request is counted, and none may fail."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import Testbed
from tests.beds import H100, h100
from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import until
from tests.integration.journey import agreed, play
from tests.integration.loaded import Load, Phase, Request, failures, load_on, report
from tests.integration.scattered import answer, label, marks
from tests.integration.serving import ON_REAL_NODES, serving_cluster
from tests.integration.through_router import MODELS, counted, engines, is_ready, pods

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.timeout(2400), ON_REAL_NODES]

NODES, GPUS, REPLICAS, LEFT = 7, 8, 6, 2
"""Of each small model six replicas: as many loads have to be known before one is moved; later so many are left."""
SMALL = tuple(f"small-{number}" for number in range(1, 7))
LARGE, BLOCKS = "large", 2
LOAD_SECONDS = 6.0
"""Of an engine: beside it, what a container takes to start on a busy machine is little."""
RATE, MOST = 5, 20_000
"""Requests of each model: a second, and at most."""
SECONDS = 240.0
CLUSTER = "acme-eu-1"
DEPLOYMENTS = "/apis/apps/v1/namespaces/fireworks-models/deployments"
BY = ("-e", "requested_by=sre@fireworks.example")
TABLE = ROOT / "build" / "placement_on_real_nodes.md"


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    spec = serving_cluster("acme", [h100(NODES, GPUS, "aws")], {}, load_seconds=LOAD_SECONDS, lease_seconds=120)
    with Testbed.start([spec]) as bed:
        yield bed["acme"]


@pytest.fixture(scope="module")
def contract(acme: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Onboarded, with the node medic's credential."""
    made = contract_of(acme)
    onboarded = play("onboard", tmp_path_factory.mktemp("onboarded"), [made], "-e", "model_bake=1")
    assert onboarded.returncode == 0, onboarded.stdout
    settle(acme)
    medic = acme.kubeconfig_for_service_account("fireworks-system", "node-medic", seconds=7200)
    made["access"]["credential"] = {"kubeconfig_file": str(medic)}
    TABLE.unlink(missing_ok=True)
    return made


def contract_of(cluster: Any) -> dict[str, Any]:
    """Six models of one GPU, each with a replica for every node but one, which stays empty; plans need no approval."""
    made = agreed(cluster, gpus={H100: NODES * GPUS})
    made["actions"] = {"cordon": "auto", "drain": "auto"}
    made["health"] = {
        "sources": {"dcgm_exporter": False, "node_problem_detector": False},
        "observer_may_list": ["pods"],
    }
    made["scaling"] = {"max_replicas_per_model": REPLICAS, "max_gpus_per_model": BLOCKS * GPUS}
    made["change"] = {"approvals": {"stack_upgrade": "none", "model_change": "none", "consolidation": "none"}}
    made["efficiency"] = {"mode": "execute"}
    [like] = made["models"]
    made["models"] = [_named(like, name, REPLICAS) for name in SMALL]
    return made


def _named(like: dict[str, Any], name: str, replicas: int) -> dict[str, Any]:
    return {
        **copy.deepcopy(like),
        "name": name,
        "served_name": name,
        "replicas": {"min": replicas, "max": replicas},
    }


def with_large(contract: dict[str, Any]) -> dict[str, Any]:
    """The same, with another model of two replicas, each for a whole node, of which there is none yet."""
    made = copy.deepcopy(contract)
    large = _named(made["models"][0], LARGE, BLOCKS)
    large["gpu"]["per_replica"] = GPUS
    made["models"].append(large)
    return made


def replicas(cluster: Any) -> list[dict[str, Any]]:
    items = cluster.request("GET", f"{MODELS}/pods")["items"]
    return [pod for pod in items if "byoc.fireworks.ai/model" in pod["metadata"]["labels"]]


def on_nodes(cluster: Any) -> Counter[str]:
    """How many replicas each node has."""
    return Counter(pod["spec"]["nodeName"] for pod in replicas(cluster))


def settle(cluster: Any, each: int = REPLICAS) -> None:
    """Wait until every model has so many replicas and no more, all are Ready, and the routers know them."""

    def settled() -> bool:
        there = replicas(cluster)
        if Counter(map(_model, there)) != dict.fromkeys(SMALL, each) or not all(map(is_ready, there)):
            return False
        routers = pods(cluster)
        known = (counted(cluster, "membership_total", model, routers) for model in SMALL)
        return all(number == each * len(routers) for number in known)

    until(settled, "the replicas do not settle", SECONDS)


def load_anew(cluster: Any) -> None:
    """Replace the oldest replica of each model."""
    for model in SMALL:
        oldest = min(engines(cluster, model), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        cluster.request("DELETE", f"{MODELS}/pods/{oldest['metadata']['name']}")
    settle(cluster)


def calibrate(cluster: Any, folder: Path, contract: dict[str, Any]) -> None:
    """Replicas that all came at once took longer than one alone: replace them until loads are as predicted."""
    for _replica in range(REPLICAS):
        load_anew(cluster)
    for _more in range(REPLICAS):
        checked = play("consolidate", folder, [with_large(contract)], "--check", *BY, clusters=CLUSTER)
        assert checked.returncode == 0, checked.stdout
        if "were predicted" not in checked.stdout:
            return
        load_anew(cluster)
    raise AssertionError(f"no load is as predicted:\n{checked.stdout}")


class Loads:
    """A load on each model. A phase is one of all of them."""

    def __init__(self, loads: Sequence[Load]) -> None:
        self._loads = loads
        self.phases = loads[0].phases

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        with ExitStack() as stack:
            for load in self._loads:
                stack.enter_context(load.phase(name))
            yield

    def stop(self) -> list[Request]:
        return [request for load in self._loads for request in load.stop()]


@contextmanager
def loads_on(cluster: Any, folder: Path) -> Iterator[Loads]:
    with ExitStack() as stack:
        asked = [(cluster, "fireworks-system/router", model, folder / f"{model}.requests") for model in SMALL]
        yield Loads([stack.enter_context(load_on(*one, rate=RATE, most=MOST)) for one in asked])


def told(what: str, requests: Sequence[Request], phases: Sequence[Phase]) -> None:
    """Print and keep the table, and hold it to its promise."""
    table = f"{what}:\n\n{report(requests, phases)}"
    print(f"\n{table}")
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a", encoding="utf-8") as file:
        file.write(f"{table}\n")
    assert failures(requests, phases) == []
    assert Counter(request.outcome for request in requests).keys() == {"ok"}


def test_no_request_fails_while_six_models_are_consolidated(
    acme: Any, contract: dict[str, Any], tmp_path: Path
) -> None:
    calibrate(acme, tmp_path, contract)
    assert len(on_nodes(acme)) >= REPLICAS, "replicas of one model are apart"

    with loads_on(acme, tmp_path) as loads:
        with loads.phase("before"):
            time.sleep(10)
        with loads.phase("consolidated"):
            told_in = ("-e", f"result_file={tmp_path / 'result.json'}")
            done = play("consolidate", tmp_path, [with_large(contract)], *BY, *told_in, clusters=CLUSTER)
            assert done.returncode == 0, done.stdout
            [outcome] = json.loads((tmp_path / "result.json").read_text())["clusters"]
            assert outcome["result"] == "done", done.stdout
        with loads.phase("after"):
            settle(acme)
            time.sleep(10)
        requests = loads.stop()
    moved = Counter(_model(pod) for pod in replicas(acme) if _was_moved(pod))
    print(f"replicas that were moved: {dict(moved)}")
    assert moved, done.stdout
    assert (len(on_nodes(acme)), marks(acme)) == (NODES - BLOCKS, [])
    told("Six models are consolidated", requests, loads.phases)


def test_no_request_fails_while_three_nodes_are_handed_over(
    acme: Any, contract: dict[str, Any], tmp_path: Path
) -> None:
    for model in SMALL:
        acme.request("PATCH", f"{DEPLOYMENTS}/{model}", {"spec": {"replicas": LEFT}})
    fewer = [{**one, "replicas": {"min": LEFT, "max": REPLICAS}} for one in contract["models"]]
    contract = {**contract, "models": fewer}
    settle(acme, LEFT)
    names = [name for name, _count in on_nodes(acme).most_common(3)]
    with loads_on(acme, tmp_path) as loads:
        for number, name in enumerate(names):
            with loads.phase(f"node {number + 1} handed over"):
                label(acme, name, "1")
                done = play("hand_over_nodes", tmp_path, [contract], *BY, clusters=CLUSTER)
                assert done.returncode == 0, done.stdout
                assert (answer(acme, name)[:10], on_nodes(acme)[name]) == ("yes, since", 0), done.stdout
                settle(acme, LEFT)
                label(acme, name, None)
        with loads.phase("all are back"):
            done = play("hand_over_nodes", tmp_path, [contract], *BY, clusters=CLUSTER)
            assert done.returncode == 0, done.stdout
            time.sleep(10)
        requests = loads.stop()
    assert [answer(acme, name) for name in names] == [""] * 3
    assert (on_nodes(acme).total(), marks(acme)) == (LEFT * len(SMALL), [])
    told("Three nodes are handed over in turn", requests, loads.phases)


def _model(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["byoc.fireworks.ai/model"])


def _was_moved(pod: dict[str, Any]) -> bool:
    return "byoc.fireworks.ai/moved-at" in (pod["metadata"].get("annotations") or {})
