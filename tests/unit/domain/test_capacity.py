# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.capacity import (
    approved,
    floor,
    may_sleep,
    most_replicas,
    replicas,
    unplaced,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import (
    UnknownReleaseError,
    component_images,
    engine_image,
    kubernetes_version,
    needed_images,
    release_version,
)
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100, L40S


def test_approved_gpus_are_summed_by_product() -> None:
    gpus = [{"product": H100, "count": 8}, {"product": L40S, "count": 4}, {"product": H100, "count": 8}]
    assert approved(contract(capacity={"gpus": gpus})) == {H100: 16, L40S: 4}


@pytest.mark.parametrize(("least", "most", "starts", "grows"), [(2, 4, 2, 4), (0, 4, 1, 4), (0, 0, 1, 1)])
def test_a_model_starts_with_its_least_but_with_one(least: int, most: int, starts: int, grows: int) -> None:
    served = model(replicas={"min": least, "max": most})
    assert (replicas(served), most_replicas(served)) == (starts, grows)


def test_the_floor_is_what_all_models_start_with() -> None:
    models = [
        model("a"),
        model("b", gpu={"product": H100, "per_replica": 4}),
        model("c", gpu={"product": L40S, "per_replica": 1}),
    ]
    assert floor(contract(models=models)) == {H100: 10, L40S: 2}
    assert floor(contract()) == {}


def nodes(*free: int) -> dict[str, Any]:
    return {"free_nodes": [{"gpus": gpus, "nodes": 1} for gpus in free]}


@pytest.mark.parametrize(
    ("sizes", "gpus", "short"),
    [
        ([1], nodes(8), []),
        ([1], nodes(), [("m0", 2)]),
        ([8], nodes(8, 8), []),
        ([8], nodes(4, 4, 8), [("m0", 1)]),
        # The large one first: the small one takes what is left, and the fullest nodes that fit.
        ([1, 8], nodes(8, 8, 2), []),
        ([2, 4], nodes(6, 6), []),
        ([2, 4], nodes(6, 5), [("m0", 1)]),
        ([8], {**nodes(8), "ours": {"m0": 8}}, []),
        ([8], {"free_nodes": [], "ours": {"m0": 16}}, []),
        ([8], {"free_nodes": [], "ours": {"other": 16}}, [("m0", 2)]),
        ([8], {}, [("m0", 2)]),
    ],
)
def test_a_replica_needs_its_gpus_on_one_node(sizes: list[int], gpus: dict[str, Any], short: list[Any]) -> None:
    models = [model(f"m{i}", gpu={"product": H100, "per_replica": size}) for i, size in enumerate(sizes)]
    models.append(model("elsewhere", gpu={"product": L40S, "per_replica": 1}))
    found = unplaced(contract(models=models), H100, gpus)
    assert [(each["model"], each["missing"]) for each in found] == short


def test_a_release_is_named_by_version_or_by_channel() -> None:
    channels, known = {"stable": "2026.11.0"}, ["2026.10.0", "2026.11.0"]
    assert release_version({"release": "2026.10.0"}, channels, known) == "2026.10.0"
    assert release_version({"channel": "stable"}, channels, known) == "2026.11.0"
    assert release_version({}, channels, known) == "2026.11.0"
    with pytest.raises(UnknownReleaseError, match="there is no channel 'fast'; there are stable"):
        release_version({"channel": "fast"}, channels, known)
    with pytest.raises(UnknownReleaseError, match=r"no stack release 2025.1.0; there are 2026.10.0, 2026.11.0"):
        release_version({"release": "2025.1.0"}, channels, known)


def test_images_come_by_digest_from_the_customers_first_registry() -> None:
    agreed = contract(models=[model()])
    assert component_images(agreed, RELEASE) == {
        "router": "registry.acme.example/fireworks/lmstack-router@sha256:aa",
        "telemetry": "registry.acme.example/fireworks/prometheus@sha256:bb",
    }
    assert "registry.acme.example/fireworks/vllm-openai@sha256:cc" in needed_images(agreed, RELEASE)
    nowhere = contract(compliance={"registries": []})
    assert component_images(nowhere, RELEASE)["router"] == "registry.fireworks.example/byoc/lmstack-router@sha256:aa"


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (
            {"name": "vllm", "version": "0.1.0"},
            "engine vllm 0.1.0 is not part of stack release 2026.11.0, .* vllm 0.11.0",
        ),
        ({"name": "sglang", "version": "1.0"}, "engine sglang 1.0 is not part of .* which has engines vllm"),
    ],
)
def test_only_tested_engines_are_served(engine: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownReleaseError, match=message):
        engine_image(contract(), RELEASE, engine)


@pytest.mark.parametrize(
    ("text", "version"), [("v1.36.2", (1, 36)), ("1.29", (1, 29)), ("v1.31.4-eks-1", (1, 31)), ("", (0, 0))]
)
def test_kubernetes_versions_are_read(text: str, version: tuple[int, int]) -> None:
    assert kubernetes_version(text) == version


@pytest.mark.parametrize(
    ("agreed", "fewest", "scaling", "may"),
    [
        (True, 0, {"idle_to_zero": "15m"}, True),
        (True, 1, {"idle_to_zero": "15m", "schedules": [{"min": 0}]}, True),
        (True, 1, {"idle_to_zero": "15m", "schedules": [{"min": 1}]}, False),
        (True, 0, {}, False),
        (False, 0, {"idle_to_zero": "15m"}, False),
    ],
)
def test_a_model_may_sleep_if_it_says_when_and_the_contract_lets_it(
    agreed: bool, fewest: int, scaling: dict[str, Any], may: bool
) -> None:
    served = model(replicas={"min": fewest, "max": 2}, scaling=scaling)
    assert may_sleep(contract(scaling={"scale_to_zero": agreed}), served) is may
