# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Envoy on real nodes: each way in which the router before it failed, and what this one does then.

Engines are as bad as engines are: they hang, die with their pod Ready, and are slow to stop.
"""

from __future__ import annotations

import copy
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import Testbed
from byoc_testbed.errors import ApiError
from tests.beds import h100
from tests.integration.guarded import until
from tests.integration.journey import line, play
from tests.integration.loaded import load_on
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.through_router import (
    MODELS,
    SYSTEM,
    Asked,
    Door,
    answered,
    counted,
    engines,
    is_ready,
    pods,
    status_of,
)

pytestmark = [pytest.mark.slow, ON_REAL_NODES]

A, B = "llama-3-1-8b", "tiny"
A_NAME = "meta-llama/Llama-3.1-8B-Instruct"
SHORT_BAKE = ("-e", "model_bake=1")
SECONDS = 60.0
DEPLOYMENTS = "/apis/apps/v1/namespaces/fireworks-models/deployments"


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    with Testbed.start([serving_cluster("acme", [h100(3, 4, "aws")], {}, stop_seconds=5, lease_seconds=120)]) as bed:
        yield bed["acme"]


@pytest.fixture(scope="module")
def contract(acme: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two models: one of two replicas with an adapter, and one of one."""
    made = served_by(acme)
    made["models"][0]["adapters"] = [{"name": "llama-support", "source": "hf://acme/llama-support"}]
    made["models"].append({**copy.deepcopy(made["models"][0]), "name": B, "served_name": B, "adapters": []})
    made["models"][1]["replicas"] = {"min": 1, "max": 2}
    onboarded = play("onboard", tmp_path_factory.mktemp("onboard"), [made], *SHORT_BAKE)
    assert onboarded.returncode == 0, onboarded.stdout
    assert "passed" in line(onboarded, "acme-eu-1", "routing and load balancing")
    return made


@pytest.fixture(scope="module")
def door(acme: Any, contract: dict[str, Any]) -> Door:
    return Door(acme)


def scale(cluster: Any, model: str, replicas: int) -> None:
    cluster.request("PATCH", f"{DEPLOYMENTS}/{model}", {"spec": {"replicas": replicas}})


def settle(cluster: Any, model: str, replicas: int) -> None:
    """Wait for the replicas, and for the routers: they hear of one by the DNS, a second or two after it is ready."""

    def settled() -> bool:
        there = engines(cluster, model)
        ready = len(there) == replicas and all(map(is_ready, there))
        return ready and known(cluster, model) == replicas * len(pods(cluster))

    until(settled, f"{model} does not settle at {replicas} replicas", SECONDS)


def known(cluster: Any, model: str) -> int:
    """How many replicas of a model the routers know, added up."""
    return counted(cluster, "membership_total", model, pods(cluster))


def settle_routers(cluster: Any, number: int = 2) -> None:
    """Ready, and they answer: for a moment after one is killed, the API server knows it only as it was."""

    def answering() -> int:
        return sum(is_ready(one) and answers(cluster, one["metadata"]["name"]) for one in pods(cluster))

    until(lambda: answering() == number, "the routers do not settle", SECONDS)


def answers(cluster: Any, pod: str) -> bool:
    try:
        status_of(cluster, pod, "ready")
    except ApiError:
        return False
    return True


@contextmanager
def away(cluster: Any) -> Iterator[None]:
    """The API server is away."""
    cluster.stop_apiserver()
    try:
        yield
    finally:
        cluster.start_apiserver()


def on_its_node(cluster: Any, pod: dict[str, Any], program: str, signal: str = "KILL") -> None:
    """Send a signal to a program of a pod, from its node, behind the API server's back."""
    uid = pod["metadata"]["uid"]
    find = f"for p in /proc/[0-9]*; do grep -q {uid} $p/cgroup 2>/dev/null && echo ${{p#/proc/}}; done; true"
    node = pod["spec"]["nodeName"]
    found = subprocess.run(
        cluster.real.in_node(node, ["sh", "-c", find]), capture_output=True, text=True, check=True
    ).stdout.split()
    for process in found:
        name = subprocess.run(
            cluster.real.in_node(node, ["cat", f"/proc/{process}/comm"]), capture_output=True, text=True, check=False
        ).stdout.strip()
        if name == program:
            subprocess.run(cluster.real.in_node(node, ["kill", f"-{signal}", process]), check=True)


def statuses(said: Any) -> set[int]:
    return {one.status for one in said}


def test_each_name_leads_to_its_model_and_every_other_to_none(acme: Any, door: Door) -> None:
    listed, own, adapter, other, unknown, as_list, broken, path, admin = door.ask(
        Asked(path="/v1/models", method="GET"),
        Asked({"prompt": "Hi", "max_tokens": 1, "model": A_NAME}),
        Asked({"model": "llama-support", "prompt": "Hi"}),
        Asked(
            {"model": B, "prompt": "Hi", "max_tokens": 1}, headers={"Content-Type": "application/json; charset=utf-8"}
        ),
        Asked({"model": "nobody"}),
        Asked({"model": [B]}),
        Asked("no JSON"),
        Asked({"model": B, "lora_name": "x"}, path="/v1/load_lora_adapter"),
        Asked(path="/stats", method="GET"),
    )
    assert [listed.status, own.status, other.status] == [200, 200, 200]
    for name in (A_NAME, "llama-support", B):
        assert f'"id":"{name}"' in listed.text
    # The stand-in knows no adapters: that it says so shows that the request came to it.
    assert (adapter.status, "llama-support" in adapter.text) == (404, True)
    assert [each.error["code"] for each in (unknown, as_list, broken)] == ["model_not_found"] * 3
    assert {each.status for each in (unknown, as_list, broken)} == {404}
    assert [each.error["code"] for each in (path, admin)] == ["not_found"] * 2


def test_a_model_at_zero_is_503_even_to_a_new_router_and_the_request_is_counted(acme: Any, door: Door) -> None:
    scale(acme, B, 0)
    settle(acme, B, 0)
    until(lambda: statuses(door.complete(B)) == {503}, "the model is still there", SECONDS)
    [gone, *_others] = pods(acme)
    acme.request("DELETE", f"{SYSTEM}/pods/{gone['metadata']['name']}")
    settle_routers(acme)
    routers = pods(acme)
    assert gone["metadata"]["uid"] not in {one["metadata"]["uid"] for one in routers}

    before, failed = counted(acme, "upstream_cx_none_healthy", B, routers), answered(acme, "5", B, routers)
    said = door.complete(B, 20)
    assert statuses(said) == {503}, "a client tries 503 again, and 404 not"
    assert {(one.error["code"], one.headers["retry-after"]) for one in said} == {("model_not_ready", "60")}
    assert counted(acme, "upstream_cx_none_healthy", B, routers) == before + 20
    assert answered(acme, "5", B, routers) == failed + 20, "of a model that may not sleep, objectives count these"
    assert statuses(door.complete(A_NAME, 20)) == {200}

    scale(acme, B, 1)
    settle(acme, B, 1)
    until(lambda: statuses(door.complete(B, 8)) == {200}, "the replica that woke is not found", SECONDS)


def test_an_engine_that_died_with_its_pod_ready_costs_no_request(acme: Any, door: Door) -> None:
    door.complete(A_NAME, prompt="standin: die")
    said = door.complete(A_NAME, 60)
    assert statuses(said) == {200}
    # The pod is Ready until its probe has failed often enough, and is started anew later.
    until(lambda: sum(map(is_ready, engines(acme, A))) == 1, "the probe never fails", 120)
    assert statuses(door.complete(A_NAME, 20)) == {200}
    for one in engines(acme, A):
        if not is_ready(one):
            acme.request("DELETE", f"{MODELS}/pods/{one['metadata']['name']}")
    settle(acme, A, 2)


def test_a_pod_that_goes_while_the_api_server_is_away_leaves_no_ghost(acme: Any, door: Door) -> None:
    [first, _second] = engines(acme, A)
    with away(acme):
        on_its_node(acme, first, "vllm")
        assert statuses(door.complete(A_NAME, 40)) == {200}
        time.sleep(3)
    settle(acme, A, 2)
    assert statuses(door.complete(A_NAME, 60)) == {200}


def test_a_router_that_starts_beside_an_engine_that_hangs_serves_at_once(acme: Any, door: Door) -> None:
    door.complete(A_NAME, prompt="standin: hang")
    [gone, *_others] = pods(acme)
    acme.request("DELETE", f"{SYSTEM}/pods/{gone['metadata']['name']}")
    settle_routers(acme)
    for one in pods(acme):
        straight = Door(acme, one["status"]["podIP"])
        assert statuses(straight.complete(A_NAME, 10)) | statuses(straight.complete(B, 10)) == {200}


def test_a_router_that_starts_while_the_api_server_is_away_knows_every_model(acme: Any, door: Door) -> None:
    [one, *_others] = pods(acme)
    straight = Door(acme, one["status"]["podIP"])
    with away(acme):
        on_its_node(acme, one, "envoy")
        until(lambda: statuses(straight.complete(B)) == {200}, "the router does not come back", SECONDS)
        assert statuses(straight.complete(A_NAME, 20)) == {200}
    settle_routers(acme)


def test_a_router_ends_at_once_when_it_is_asked_to(acme: Any, door: Door) -> None:
    [one, *_others] = pods(acme)
    asked, started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", time.monotonic()
    on_its_node(acme, one, "envoy", "TERM")

    def ended() -> bool:
        now = acme.request("GET", f"{SYSTEM}/pods/{one['metadata']['name']}")["status"]["containerStatuses"][0]
        return bool(now["state"].get("running", {}).get("startedAt", "") > asked)

    until(ended, "it does not end", 30)
    assert time.monotonic() - started < 15
    settle_routers(acme)


def test_names_that_clients_invent_make_no_series(acme: Any, door: Door) -> None:
    [one, *_others] = pods(acme)
    straight = Door(acme, one["status"]["podIP"])
    straight.complete(B)
    before = len(status_of(acme, one["metadata"]["name"], "metrics").splitlines())
    said = straight.ask(*[Asked({"model": f"invented-{number}", "prompt": "Hi"}) for number in range(200)])
    assert statuses(said) == {404}
    after = status_of(acme, one["metadata"]["name"], "metrics")
    assert "invented" not in after
    assert abs(len(after.splitlines()) - before) <= 2


def test_an_address_that_is_another_models_never_answers_for_it(acme: Any, door: Door) -> None:
    """What a reused address would be for a second, for as long as it takes to see it."""
    path = f"{MODELS}/services/{B}"
    label = "byoc.fireworks.ai/model"
    acme.request("PATCH", path, {"spec": {"selector": {label: A}}})
    try:
        until(lambda: statuses(door.complete(B, 20)) == {404}, "the addresses do not change", SECONDS)
        said = door.complete(B, 40)
        assert statuses(said) == {404}, "the engine of another model refuses the name"
        assert all("does not exist" in one.text for one in said)
        assert statuses(door.complete(A_NAME, 20)) == {200}
    finally:
        acme.request("PATCH", path, {"spec": {"selector": {label: B}}})
    until(lambda: statuses(door.complete(B, 10)) == {200}, "the addresses do not come back", SECONDS)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("how", ["silent", "refuses"])
def test_a_dns_that_is_away_stops_nobody(acme: Any, door: Door, how: str) -> None:
    dns = acme.real.dns
    try:
        for _try in range(3):
            settle(acme, A, 2)
            settle(acme, B, 1)
            if how == "silent":
                dns.stop()
            else:
                dns.start(refuses=True)
            # What they do not know when it goes, as a replica that was just then not ready, they do not hear of.
            if known(acme, A) == 4 and known(acme, B) == 2:
                break
            dns.start()
        time.sleep(8)
        said = [*door.complete(A_NAME, 20), *door.complete(B, 20)]
        told = {"A": known(acme, A), "B": known(acme, B), "failed": [one.text for one in said if one.status != 200]}
        assert statuses(said) == {200}, told
    finally:
        dns.start()
    until(lambda: statuses(door.complete(B, 5)) == {200}, "the DNS does not come back", SECONDS)


def test_a_router_shows_its_state_and_nothing_lets_others_in(acme: Any, door: Door) -> None:
    address = pods(acme)[0]["status"]["podIP"]
    status, closed = Door(acme, address, 8002), Door(acme, address, 9901)
    ready, metrics, configuration = status.ask(
        *[Asked(path=path, method="GET") for path in ("/ready", "/metrics", "/configuration")]
    )
    assert (ready.status, metrics.status, configuration.status) == (200, 200, 200)
    refused = status.ask(
        *[Asked(path=path, method=method) for method in ("GET", "POST") for path in ("/quitquitquit", "/config_dump")],
        *[Asked(path=path) for path in ("/ready", "/metrics", "/configuration", "/ready/../quitquitquit")],
    )
    assert statuses(refused) == {404}
    assert statuses(closed.ask(Asked(path="/", method="GET"))) == {0}, "the admin port is on the loopback alone"
    [too_large] = door.ask(Asked({"model": B, "prompt": "x" * (17 << 20)}))
    assert (too_large.status, too_large.error["code"]) == (413, "request_too_large")


def test_a_model_that_comes_and_goes_reaches_each_router_and_disturbs_no_other(
    acme: Any, contract: dict[str, Any], door: Door, tmp_path: Path
) -> None:
    more = copy.deepcopy(contract)
    more["models"].append({**more["models"][1], "name": "late", "served_name": "late"})
    more["models"][2]["replicas"] = {"min": 1, "max": 1}
    with load_on(acme, "fireworks-system/router", A_NAME, tmp_path / "requests", rate=30, most=9000) as load:
        added = play("deploy_models", tmp_path, [more], *SHORT_BAKE)
        assert added.returncode == 0, added.stdout
        for one in pods(acme):
            assert statuses(Door(acme, one["status"]["podIP"]).complete("late", 10)) == {200}, "no router is behind"
        gone = play("retire_model", tmp_path, [contract], "-e", "model=late")
        assert gone.returncode == 0, gone.stdout
        for one in pods(acme):
            assert statuses(Door(acme, one["status"]["podIP"]).complete("late", 3)) == {404}
        requests = load.stop()
    assert len(requests) > 100
    assert {one.outcome for one in requests} == {"ok"}
