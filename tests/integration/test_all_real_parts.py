# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that scales a model, real and together on real nodes: Envoy, Prometheus, KEDA and its adapter, and what the
playbooks make of a contract. A model sleeps, wakes, grows and sleeps again by requests through the router alone.

Engines are stand-ins, and of KEDA's object the minutes are seconds (``autoscaled.hurried``); telemetry's are its own.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.timing import POLLING_SECONDS
from byoc_testbed import Testbed, parts
from byoc_testbed.errors import ApiError
from demo import keda
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.autoscaled import hurried
from tests.integration.journey import line, play
from tests.integration.loaded import STOCK, Load, failures, load_on, report
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.through_router import SYSTEM, Door, Said, engines, is_ready, pods
from tests.tools import environments

pytestmark = [pytest.mark.slow, ON_REAL_NODES]

MODEL, NAME = "llama-3-1-8b", "meta-llama/Llama-3.1-8B-Instruct"
DEPLOYMENT = f"/apis/apps/v1/namespaces/fireworks-models/deployments/{MODEL}"
SCALED = f"/apis/keda.sh/v1alpha1/namespaces/fireworks-models/scaledobjects/{MODEL}"
REQUESTS = f'byoc:model:requests:increase2m{{model="{MODEL}"}}'
LOAD_SECONDS = 10
TOKEN_MS = 50
RESTARTS = 30
COUNTS = (
    ("fireworks-system", "byoc.fireworks.ai/component=telemetry"),
    ("fireworks-system", "byoc.fireworks.ai/component=router"),
    ("keda", "app=keda-operator"),
    ("keda", "app=keda-metrics-apiserver"),
)
"""The namespaces of those who count requests and scale by them, and what selects their pods there."""
RATE = 25
"""Requests a second: a little more than one replica can answer (23), and less than two (47)."""
MERGE = "application/merge-patch+json"
FOUND = ROOT / "build" / "all_real_parts.md"


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    spec = serving_cluster(
        "acme",
        [h100(2, 4, "aws")],
        {},
        token_ms=TOKEN_MS,
        load_seconds=LOAD_SECONDS,
        telemetry=str(parts.program(parts.PROMETHEUS, "prometheus")),
        more=keda.images(),
        lease_seconds=120,
    )
    with Testbed.start([dataclasses.replace(spec, crds=keda.definitions())]) as bed:
        keda.install(bed["acme"])
        yield bed["acme"]


class Course:
    """What became of the model, step by step, and how long each step took."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.steps: list[tuple[str, float]] = []

    def replicas(self) -> int:
        return int(self._cluster.request("GET", DEPLOYMENT)["spec"]["replicas"])

    def ready(self) -> int:
        return sum(map(is_ready, engines(self._cluster, MODEL)))

    def step(self, what: str, check: Callable[[], Any], seconds: float) -> None:
        self.steps.append((what, self.within(what, check, seconds)))

    def within(self, what: str, check: Callable[[], Any], seconds: float) -> float:
        started = time.monotonic()
        while not check():
            if time.monotonic() - started > seconds:
                pytest.fail(f"{what}: not within {seconds:g} s\n{self._told()}")
            time.sleep(0.5)
        return time.monotonic() - started

    def stays(self, number: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.replicas() == number, self._told()
            time.sleep(0.5)

    def asked(self, query: str) -> list[Any]:
        """What telemetry says, by the API server."""
        path = f"{SYSTEM}/services/telemetry:9090/proxy/api/v1/query?query={urllib.parse.quote(query)}"
        return list(json.loads(json.dumps(self._cluster.request("GET", path)))["data"]["result"])

    def _told(self) -> str:
        told = self._cluster.kubectl("get", "deploy,hpa,scaledobject,pods", "-A", "-o", "wide")
        told += "".join(f"\n{one}" for one in self.asked('{__name__=~"byoc:model:.*"}'))
        return told + self._cluster.kubectl("-n", "keda", "logs", "deployment/keda-operator", "--tail=20")


def nobody_wakes_it(cluster: Any, course: Course) -> None:
    """Whoever counts, and whoever asks what was counted, starts anew again and again; nobody asks for the model."""

    def counted() -> bool:
        with suppress(ApiError):
            return bool(course.asked(REQUESTS))
        return False

    started = time.monotonic()
    for number in range(RESTARTS):
        restart(cluster, *COUNTS[number % len(COUNTS)])
        course.stays(0, 6)
        course.within("counted again", counted, 90)
        # A scrape, a rule and a look of KEDA's later, whatever was counted has been acted on.
        course.stays(0, 12)
    course.steps.append((f"{RESTARTS} restarts of who counts and scales: never woken", time.monotonic() - started))


def restart(cluster: Any, namespace: str, selector: str) -> None:
    """Delete pods, and wait for those that come instead."""
    path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={urllib.parse.quote(selector)}"

    def staying() -> list[Any]:
        """A router that was replaced is there for two minutes yet, until its streams have ended."""
        return [one for one in cluster.request("GET", path)["items"] if not one["metadata"].get("deletionTimestamp")]

    before = {one["metadata"]["uid"] for one in staying()}
    cluster.request("DELETE", path)
    deadline = time.monotonic() + 180
    while True:
        now = staying()
        if len(now) >= len(before) and all(map(is_ready, now)) and not before & {o["metadata"]["uid"] for o in now}:
            return
        assert time.monotonic() < deadline, f"{selector} does not come back"
        time.sleep(0.5)


@pytest.mark.soak
def test_a_model_sleeps_wakes_grows_and_sleeps_by_requests_alone(acme: Any, tmp_path: Path) -> None:
    contract = served_by(acme)
    contract["scaling"] |= {"scale_to_zero": True}
    [model] = contract["models"]
    model |= {"replicas": {"min": 0, "max": 3}, "scaling": {"idle_to_zero": "10m"}}
    onboarded = play("onboard", tmp_path, [contract], "-e", "model_bake=1")
    assert onboarded.returncode == 0, onboarded.stdout
    for check in ("endpoint reachability", "routing and load balancing", "observability signals"):
        assert "passed" in line(onboarded, "acme-eu-1", check), onboarded.stdout

    course, door = Course(acme), Door(acme)
    assert {one.status for one in door.complete(NAME, 20)} == {200}, "what was asked before is no request of later"
    course.within("they are counted", lambda: course.asked(f"{REQUESTS} > 0"), 90)
    live = acme.request("GET", SCALED)
    acme.request("PATCH", SCALED, {"spec": hurried(live)["spec"]}, MERGE)
    course.step("idle → 0, nobody asks", lambda: course.replicas() == 0, 420)
    course.step("its pods are gone", lambda: not engines(acme, MODEL), 60)

    nobody_wakes_it(acme, course)

    [said] = door.complete(NAME)
    assert (said.status, said.error["code"], said.headers["retry-after"]) == (503, "model_not_ready", "60")
    course.step("0 → 1, after one request", lambda: course.replicas() == 1, 90)
    told = stock_client(said, course.steps[-1][1] + POLLING_SECONDS)
    course.step("its replica is ready", lambda: course.ready() == 1, 60)
    course.step("the router has found it", lambda: door.complete(NAME)[0].status == 200, 30)

    out = ROOT / "build" / "all_real_parts.requests"
    with load_on(acme, "fireworks-system/router", NAME, out, rate=RATE, most=20_000, patience=90) as load:
        requests = under_load(course, load)
    table = report(requests, load.phases)
    print(f"\n{table}")
    assert failures(requests, load.phases) == []

    course.step("n → 1, nothing waits any more", lambda: course.replicas() == 1, 300)
    course.step("1 → 0, nobody asks", lambda: course.replicas() == 0, 300)
    course.step("its pods are gone", lambda: not engines(acme, MODEL), 60)
    assert len(pods(acme)) == 2
    write(course, table, told)


def stock_client(said: Said, wakes: float) -> str:
    """What a stock client sees of a model at zero, by the time that its engine takes to load: by what the router
    answered, and the client's own waits on a clock that jumps.

    :param wakes: seconds until there is a pod, at the most.
    """
    environment = environments.openai()
    environment.ensure()
    asked = [(10, None), (60, None), (240, None), (240, 10)]
    given = {"status": said.status, "headers": {"content-type": "application/json"}, "body": said.text}
    given["headers"] |= {name: said.headers[name] for name in ("retry-after", "x-should-retry") if name in said.headers}
    given["cases"] = [(load + wakes, retries) for load, retries in asked]
    done = subprocess.run(
        [environment.bin / "python", STOCK, "waits"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(text) for text in done.stdout.splitlines()]
    assert [one["said"] for one in found] == ["ok", "ok", "InternalServerError", "ok"], found
    rows = "".join(
        f"| {load} | {'default (2)' if retries is None else retries} | {one['said']} | {one['asked_at'][-1]:.0f} |\n"
        for (load, retries), one in zip(asked, found, strict=True)
    )
    head = "| engine loads, s | retries | what it sees | after, s |\n|---|---|---|---|\n"
    return f"A model at zero, which takes {wakes:.0f} s until there is a pod:\n\n{head}{rows}"


def under_load(course: Course, load: Load) -> Any:
    with load.phase("one replica, more than it can answer"):
        course.step(f"1 → 2, {RATE} requests a second", lambda: course.replicas() >= 2, 120)
    with load.phase("replicas load"):
        course.step("they are ready", lambda: course.ready() == course.replicas(), 90)
    with load.phase("n replicas"):
        time.sleep(30)
        assert course.ready() >= 2
    return load.stop()


def write(course: Course, table: str, told: str) -> None:
    FOUND.parent.mkdir(exist_ok=True)
    rows = "".join(f"| {what} | {seconds:.1f} |\n" for what, seconds in course.steps)
    title = "# Envoy, Prometheus, KEDA and its adapter on real nodes; minutes of KEDA's object are seconds\n\n"
    FOUND.write_text(f"{title}| step | seconds |\n|---|---|\n{rows}\n{told}\n{table}", encoding="utf-8")
