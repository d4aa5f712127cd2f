# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model sleeps, wakes, grows and shrinks by the objects that its role renders, with KEDA and Prometheus for real.

Nodes and pods are simulated, and so is what routers and engines count; minutes are seconds (autoscaled.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applyset import as_member, set_of
from byoc_testbed import ClusterSpec, NodePool, Testbed, parts
from tests.integration.ansible_runs import ROOT
from tests.integration.autoscaled import Autoscaled, apply, autoscaled, hurried
from tests.integration.governed import apply_presetup, in_full
from tests.integration.journey import agreed
from tests.integration.models import LLAMA, RELEASE

DEPLOYMENTS = "/apis/apps/v1/namespaces/fireworks-models/deployments"
SCALED = "/apis/keda.sh/v1alpha1/namespaces/fireworks-models/scaledobjects"
HPAS = "/apis/autoscaling/v2/namespaces/fireworks-models/horizontalpodautoscalers"
OTHER = "another"
LOAD_SECONDS = 8
SEEN = {"apis": {"keda.sh/v1alpha1": ["ScaledObject"]}}
FOUND = ROOT / "build" / "autoscaling.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Autoscaled, dict[str, Any]]]:
    """Two models that may sleep, and have slept long enough."""
    crds = [str(path) for path in parts.definitions(parts.KEDA)]
    spec = ClusterSpec("acme", pools=[NodePool("h100", count=2)], crds=crds, load_seconds=LOAD_SECONDS)
    with Testbed.start([spec]) as bed:
        cluster = bed["acme"]
        contract = agreed(cluster)
        contract["scaling"] = {"max_replicas_per_model": 6, "max_gpus_per_model": 6, "scale_to_zero": True}
        [model] = contract["models"]
        model |= {"replicas": {"min": 0, "max": 3}, "scaling": {"idle_to_zero": "10m"}}
        contract["models"].append({**model, "name": OTHER, "served_name": OTHER})
        contract = in_full(cluster, contract)
        apply_presetup(cluster, contract)
        with autoscaled(cluster, tmp_path_factory.mktemp("keda") / "run", (LLAMA, OTHER)) as made:
            for one in contract["models"]:
                made_of = model_objects(contract, one, RELEASE, SEEN)
                apply(cluster, [as_member(hurried(each), f"set-{one['name']}") for each in made_of])
            yield made, contract


def replicas(made: Autoscaled, name: str = LLAMA) -> int:
    return int(made.cluster.request("GET", f"{DEPLOYMENTS}/{name}")["spec"]["replicas"])


def within(made: Autoscaled, what: str, check: Callable[[], Any], seconds: float = 90) -> float:
    """How long it took; no pod that still loads may go meanwhile."""
    started, loading = time.monotonic(), set[str]()
    while not check():
        loading = _still_loading(made, loading)
        if time.monotonic() - started > seconds:
            told = made.cluster.kubectl("-n", "fireworks-models", "get", "deploy,hpa,scaledobject,pods", "-o", "wide")
            told += "".join(f"\n{each}" for query in ("up", "envoy_server_uptime") for each in made.asked(query))
            pytest.fail(f"{what} not within {seconds:g} s\n{told}\n{made.tail('operator')}\n{made.tail('adapter', 5)}")
        time.sleep(0.3)
    return time.monotonic() - started


def _still_loading(made: Autoscaled, before: set[str]) -> set[str]:
    pods = made.traffic.pods(LLAMA)
    leaving = {pod["metadata"]["uid"] for pod in pods if pod["metadata"].get("deletionTimestamp")}
    ready = set(made.traffic.ready(LLAMA))
    there = {pod["metadata"]["uid"] for pod in pods}
    now = {pod["metadata"]["uid"] for pod in pods if pod["metadata"]["name"] not in ready} - leaving
    assert not before & leaving, "a pod was taken away while it was loading"
    assert not before - there, "a pod was taken away while it was loading"
    return now


def stays(made: Autoscaled, number: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert replicas(made) == number, made.tail("operator")
        assert replicas(made, OTHER) == 0
        time.sleep(0.3)


def asleep(made: Autoscaled) -> None:
    made.traffic.waiting[LLAMA] = 0
    within(made, "zero", lambda: replicas(made) == 0 and replicas(made, OTHER) == 0, 240)
    within(made, "no pods", lambda: not made.traffic.pods(LLAMA))


@pytest.mark.soak
def test_a_model_sleeps_wakes_grows_and_shrinks(place: Any) -> None:
    made, _contract = place
    told: list[tuple[str, float]] = []

    def step(what: str, check: Callable[[], Any], seconds: float = 90) -> None:
        told.append((what, within(made, what, check, seconds)))

    step("1 → 0, nobody asks", lambda: replicas(made) == 0 and replicas(made, OTHER) == 0, 180)
    asleep(made)
    assert made.traffic.ask(LLAMA) is False
    step("0 → 1, after one request", lambda: replicas(made) == 1)
    step("its replica is ready", lambda: made.traffic.ready(LLAMA))
    assert made.traffic.ask(LLAMA) is True
    made.traffic.waiting[LLAMA] = 8
    step("1 → 2, 8 requests wait and 5 may", lambda: replicas(made) == 2, 120)
    made.traffic.waiting[LLAMA] = 1000
    step("2 → 3, its ceiling, 1000 wait", lambda: replicas(made) == 3, 120)
    step("all are ready", lambda: len(made.traffic.ready(LLAMA)) == 3)
    stays(made, 3, 10)

    # Whoever scales is away, then whoever tells it what to scale by: the replicas stay, though nothing waits any more.
    made.stop("operator")
    made.stop("adapter")
    made.traffic.waiting[LLAMA] = 0
    stays(made, 3, 45)
    assert "ScalerSilent" in made.alerts()
    made.stop("prometheus")
    made.start("operator")
    made.start("adapter")
    stays(made, 3, 45)
    made.start("prometheus")
    made.traffic.waiting[LLAMA] = 4
    step("3 → 1, 4 requests wait", lambda: replicas(made) == 1, 240)
    assert not {"ScalerSilent", "ModelNotWoken"} & made.alerts()
    made.traffic.waiting[LLAMA] = 0
    step("1 → 0, nobody asks", lambda: replicas(made) == 0, 180)
    assert replicas(made, OTHER) == 0
    write("by the objects of the model's role, minutes as seconds", told)


@pytest.mark.soak
def test_a_model_that_nobody_wakes_is_told_of_and_wakes_once_keda_is_back(place: Any) -> None:
    made, _contract = place
    asleep(made)
    made.stop("operator")

    def told() -> bool:
        made.traffic.ask(LLAMA)
        return "ModelNotWoken" in made.alerts()

    within(made, "an alert", told, 60)
    assert replicas(made) == 0
    made.start("operator")
    made.traffic.ask(LLAMA)
    within(made, "woken", lambda: replicas(made) == 1)
    within(made, "no alert", lambda: "ModelNotWoken" not in made.alerts())


@pytest.mark.soak
def test_the_hpa_that_keda_makes_has_the_sets_labels_and_is_no_member(place: Any) -> None:
    made, _contract = place
    of = made.cluster.request("GET", f"{SCALED}/{LLAMA}")
    named = f"keda-hpa-{LLAMA}"

    def found() -> list[Any]:
        return [one for one in made.cluster.request("GET", HPAS)["items"] if one["metadata"]["name"] == named]

    within(made, "an HPA", found)
    [hpa] = found()
    assert of["metadata"]["labels"].items() <= hpa["metadata"]["labels"].items()
    assert (set_of(of), set_of(hpa)) == (f"set-{LLAMA}", "")


@pytest.mark.soak
def test_nobody_is_woken_by_a_restart(place: Any) -> None:
    made, _contract = place
    # It has been asked for: what was counted then are no requests of now.
    made.traffic.ask(LLAMA)
    within(made, "woken", lambda: replicas(made) == 1)
    within(made, "ready", lambda: made.traffic.ready(LLAMA))
    for _ in range(5):
        made.traffic.ask(LLAMA)
    asleep(made)
    asked = f'byoc:model:requests:increase2m{{model="{LLAMA}"}}'
    for number in range(30):
        # The routers last: with them goes what they counted.
        made.restart(("telemetry", "keda", "router")[number // 10])
        stays(made, 0, 4)
        within(made, "counted again", lambda: made.asked(asked), 60)
        stays(made, 0, 3)
    made.traffic.ask(LLAMA)
    woken = within(made, "woken after all", lambda: replicas(made) == 1)
    write(
        "restarts of telemetry, router and KEDA without a request: 30, models woken: 0", [("then woken by one", woken)]
    )


@pytest.mark.soak
def test_bounds_of_a_schedule_hold_at_once(place: Any) -> None:
    made, contract = place
    asleep(made)
    model = {**contract["models"][0], "replicas": {"min": 2, "max": 4}}
    apply(made.cluster, [
        as_member(hurried(each), f"set-{LLAMA}")
        for each in model_objects(contract, model, RELEASE, SEEN)
        if each["kind"] == "ScaledObject"
    ])  # fmt: skip
    within(made, "the floor of the schedule", lambda: replicas(made) == 2)
    made.traffic.waiting[LLAMA] = 1000
    within(made, "the ceiling of the schedule", lambda: replicas(made) == 4, 180)
    stays(made, 4, 10)
    apply(made.cluster, [
        as_member(hurried(each), f"set-{LLAMA}")
        for each in model_objects(contract, contract["models"][0], RELEASE, SEEN)
        if each["kind"] == "ScaledObject"
    ])  # fmt: skip
    within(made, "the ceiling of before", lambda: replicas(made) == 3, 180)
    asleep(made)


def write(title: str, rows: list[tuple[str, float]]) -> None:
    FOUND.parent.mkdir(exist_ok=True)
    with FOUND.open("a") as report:
        report.write(f"# {title}\n\n| step | seconds |\n|---|---|\n")
        report.writelines(f"| {what} | {seconds:.1f} |\n" for what, seconds in rows)
        report.write("\n")
