# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed on one cluster is looked for on all, and held back where it is found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.immunity import (
    Exposure,
    Tried,
    exposures,
    held_by_signature,
    signature,
    tried,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.gate import gate, held_in_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.views import node_view
from tests.unit.domain.raw import H100, L40S, node
from tests.unit.domain.rollout.fleets import NOW, agreed, alive, request

X, Y = "570.86.15", "580.82.07"


def has(**values: str) -> dict[str, dict[str, int]]:
    return {kind: {value: 8} for kind, value in values.items()}


def driver(version: str) -> dict[str, str]:
    return {"nvidia.com/cuda.driver-version.full": version}


def test_the_signature_of_a_cluster_is_that_of_its_gpu_nodes() -> None:
    new, old = node("a", labels=driver(Y)), node("b", product=L40S, labels={"nvidia.com/cuda.driver.major": "570"})
    new["status"]["nodeInfo"] |= {"osImage": "Ubuntu 24.04", "kernelVersion": "6.8.0"}
    views = [node_view(each) for each in (new, old, node("c", labels=driver(Y)))]
    assert signature(views, kubernetes="v1.33.4", release="2026.11.0") == {
        "driver": {"570": 1, Y: 2},
        "image": {"Ubuntu 24.04, 6.8.0": 1},
        "product": {H100: 2, L40S: 1},
        "kubernetes": {"v1.33.4": 3},
        "release": {"2026.11.0": 3},
    }
    assert signature([], kubernetes="", release="") == {}


@pytest.mark.parametrize(
    ("before", "own", "shared"),
    [
        pytest.param([], has(driver=X), "", id="nothing failed"),
        pytest.param([("a", has(driver=X), True)], has(driver=X), f"driver {X} with a", id="the same driver"),
        pytest.param([("a", has(driver=X), True)], has(driver=Y), "", id="another driver"),
        pytest.param([("a", has(driver=X), True)], {}, "", id="of which nothing is known"),
        pytest.param([("a", {}, True)], has(driver=X), "", id="of the one that failed nothing is known"),
        pytest.param(
            [("a", has(driver=X, product=H100), True), ("b", has(driver=Y, product=H100), False)],
            has(driver=Y, product=H100),
            "",
            id="what did well elsewhere is not suspected",
        ),
        pytest.param(
            [("a", has(driver=X, product=H100), True), ("b", has(driver=Y, product=H100), False)],
            has(driver=X, product=L40S),
            f"driver {X} with a",
            id="the driver is, whatever the GPUs",
        ),
        pytest.param(
            [("a", has(driver=X), True), ("b", has(driver=X), False)], has(driver=X), "", id="it is not the driver"
        ),
        pytest.param(
            [("a", has(driver=X, image="u"), True), ("b", has(product=L40S), True)],
            {**has(driver=X), **has(image="u", product=L40S)},
            f"driver {X} and image u with a, product {L40S} with b",
            id="several",
        ),
    ],
)
def test_a_cluster_is_held_by_what_it_shares_with_a_failure(before: Any, own: Any, shared: str) -> None:
    found = held_by_signature(own, [Tried(*each) for each in before])
    assert found == (f"it shares {shared}, where this failed, and nothing has proved that harmless" if shared else "")


def test_only_clusters_that_were_tried_prove_something() -> None:
    outcomes = [
        {"cluster": name, "result": result, "code": code}
        for name, result, code in (
            ("failed", "failed", "not_passed"),
            ("silent", "failed", "unreachable"),
            ("waits", "waiting", "frozen"),
            ("done", "done", "go"),
            ("there", "unchanged", "already_there"),
        )
    ]
    found = tried(outcomes, {"failed": has(driver=X)})
    assert [(one.cluster, one.failed) for one in found] == [("failed", True), ("done", False), ("there", False)]
    assert found[0].signature == has(driver=X) and found[1].signature == {}


FLEET = {"a": X, "b": Y, "c": X, "d": Y, "e": X, "f": Y, "g": X, "h": Y}


def planned(**failed: Any) -> dict[str, Any]:
    clusters = [
        (
            {**agreed(), "identity": {**agreed()["identity"], "name": name, "customer": name}},
            alive(signature={**has(driver=version, product=H100), "release": {"2026.11.0": 8}}, **failed.get(name, {})),
        )
        for name, version in FLEET.items()
    ]
    return plan(clusters, request(policy=Policy(canaries=2, wave_percent=50, wave_failures=1, fleet_failures=1)), NOW)


def came(names: Iterable[str], wave: int) -> list[dict[str, Any]]:
    """The release fails wherever the driver is X."""
    return [
        {"cluster": name, "wave": wave, "result": "failed" if FLEET[name] == X else "done", "code": "go",
         "ended_at": NOW.isoformat()}
        for name in names
    ]  # fmt: skip


def test_a_release_that_fails_on_a_driver_in_wave_one_is_held_from_exactly_the_later_clusters_with_it() -> None:
    made = planned()
    first, *later = (wave["clusters"] for wave in made["waves"])
    assert {FLEET[name] for name in first} == {X, Y}, "wave one has one of each"
    results = came(first, 1)
    rest = [name for wave in later for name in wave]
    held = {name: why for name in rest if (why := held_in_plan(made, results, name))}
    assert set(held) == {name for name in rest if FLEET[name] == X} and len(held) == 3
    assert set(held.values()) == {
        f"it shares driver {X} with a, where this failed, and nothing has proved that harmless"
    }
    assert gate(results, 1, Policy(wave_failures=1, fleet_failures=1, soak=0), NOW).open, "the others may go on"


def test_what_earlier_runs_brought_counts_too() -> None:
    release = request().release
    broken = {"release": release["version"], "digest": release.get("digest", ""), "at": "then", "reason": "x"}
    made = planned(a={"failed": broken}, b={"release": release["version"]})
    codes = {row["cluster"]: row["code"] for row in made["clusters"]}
    assert (codes["a"], codes["b"]) == ("failed_before", "already_there")
    assert [name for name in "cdefgh" if held_in_plan(made, [], name)] == ["c", "e", "g"]


def test_the_signature_of_a_fault_is_looked_for_on_all_clusters() -> None:
    signatures = {
        "a": {"driver": {X: 8, Y: 2}, "product": {H100: 10}},
        "b": {"driver": {X: 4}, "product": {H100: 4}},
        "c": {"driver": {Y: 8}, "product": {H100: 8}},
        "silent": {},
    }
    traits = {"driver": X, "image": "", "product": H100}
    sick = [{"cluster": "a", "node": f"n{number}", "fault": "xid_79", "traits": traits} for number in range(3)]
    [found] = exposures(sick, signatures)
    assert found == Exposure("xid_79", ("driver", X), ("a",), ("b",), sick=3, nodes=12)
    assert exposures(sick[:1], signatures) == [], "one node has much that others have not"
    other = {"cluster": "c", "node": "n", "fault": "xid_79", "traits": {**traits, "driver": Y}}
    assert exposures([*sick, other], signatures) == [], "they have nothing in common that others have not"
