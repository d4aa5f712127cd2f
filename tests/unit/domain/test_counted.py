# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of each product are counted apart: by which classes, from which version, and what stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.counted import (
    PLAIN,
    class_for,
    counted_classes,
    is_counted_by_product,
    own_classes,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import drift, installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import setup_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects, pods_mark
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.room import room_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import priority_class_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import product_class, product_word
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import priority_of_canaries
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_change import Wanted, new_versions
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100, L40S

BOTH = {"gpus": [{"product": H100, "count": 16}, {"product": L40S, "count": 8}]}
OWN_H100 = [f"fireworks-{word}-nvidia-h100-80gb-hbm3-10b892bf" for word in ("critical", "standard", "batch")]
OWN_L40S = [f"fireworks-{word}-nvidia-l40s-985b44d2" for word in ("critical", "standard", "batch")]
KEY = "requests.nvidia.com/gpu"


def quotas(agreed: dict[str, Any], version: int | None = None) -> dict[str, dict[str, Any]]:
    made = presetup_objects(agreed, version=version)
    return {each["metadata"]["name"]: each for each in made if each["kind"] == "ResourceQuota"
            and each["metadata"]["namespace"] == "fireworks-models"}  # fmt: skip


@pytest.mark.parametrize("product", [H100, L40S, "A_b.C", "a-b-c", "x" * 63, "-".join("y" * 31), "A-", "GB200"])
def test_a_product_is_a_part_of_names_and_of_labels_values(product: str) -> None:
    assert re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?", product_class("standard", product))
    assert len(product_class("standard", product)) <= 63
    assert len(f"approved-gpus-{product_word(product)}") <= 63


def test_products_that_are_alike_but_for_case_and_dots_have_classes_of_their_own() -> None:
    alike = ["NVIDIA-L40S", "nvidia-l40s", "NVIDIA.L40S", "NVIDIA_L40S", "nvidia-l40s-985b44d2"]
    assert len({product_class(word, each) for each in alike for word in ("critical", "batch")}) == 2 * len(alike)


def test_the_first_product_keeps_the_plain_classes_and_each_has_its_own() -> None:
    assert counted_classes(contract(capacity=BOTH)) == {H100: [*PLAIN, *OWN_H100], L40S: OWN_L40S}
    assert own_classes(contract(capacity=BOTH)) == {**dict.fromkeys(OWN_H100, H100), **dict.fromkeys(OWN_L40S, L40S)}
    assert counted_classes(contract()) == {H100: [*PLAIN, *OWN_H100]}
    assert (is_counted_by_product(contract()), is_counted_by_product(contract(capacity=BOTH))) == (False, True)


@pytest.mark.parametrize(
    ("product", "version", "named"),
    [(H100, None, PLAIN[1]), (H100, 2, PLAIN[1]), (L40S, None, OWN_L40S[1]), (L40S, 2, OWN_L40S[1]),
     (L40S, 1, PLAIN[1]), ("another", 2, PLAIN[1])],
)  # fmt: skip
def test_the_class_of_a_pod_is_by_its_product_and_the_version_in_the_cluster(
    product: str, version: int | None, named: str
) -> None:
    assert class_for(contract(capacity=BOTH), product, "standard", version) == named


def test_each_product_has_a_quota_of_its_classes_beside_that_of_the_sum() -> None:
    made = quotas(contract(capacity=BOTH))
    del made["objects"]
    assert {name: each["spec"]["hard"] for name, each in made.items()} == {
        "approved-gpus": {KEY: "24"},
        "approved-gpus-nvidia-h100-80gb-hbm3-10b892bf": {KEY: "16"},
        "approved-gpus-nvidia-l40s-985b44d2": {KEY: "8"},
    }
    scopes = [made[name]["spec"]["scopeSelector"]["matchExpressions"] for name in sorted(made)[1:]]
    assert scopes == [[{"scopeName": "PriorityClass", "operator": "In", "values": values}]
                      for values in ([*PLAIN, *OWN_H100], OWN_L40S)]  # fmt: skip
    assert "scopeSelector" not in made["approved-gpus"]["spec"]


def test_with_one_product_or_the_first_version_the_sum_is_all_that_is_counted() -> None:
    assert set(quotas(contract())) == {"approved-gpus", "objects"}
    assert set(quotas(contract(capacity=BOTH), version=1)) == {"approved-gpus"}
    first = presetup_objects(contract(capacity=BOTH), version=1)
    assert [each["metadata"]["name"] for each in first if each["kind"] == "PriorityClass"] == list(PLAIN)
    assert "batch-" not in str(first)


def test_own_classes_are_worth_what_the_plain_ones_are() -> None:
    made = {each["metadata"]["name"]: each for each in presetup_objects(contract(capacity=BOTH))
            if each["kind"] == "PriorityClass"}  # fmt: skip
    assert list(made) == [*PLAIN, *OWN_H100, *OWN_L40S]
    for own in (OWN_H100, OWN_L40S):
        for name, plain in zip(own, PLAIN, strict=True):
            assert [made[name][key] for key in ("value", "preemptionPolicy")] == [
                made[plain][key] for key in ("value", "preemptionPolicy")
            ]


def on(product: str, nodes: int = 1, **more: Any) -> dict[str, Any]:
    return model("phi", gpu={"product": product, "per_replica": nodes, "nodes": nodes}, **more)


def classes(served: dict[str, Any], version: int | None, capacity: dict[str, Any]) -> set[str]:
    found = model_objects(contract(capacity=capacity), served, RELEASE, {"presetup_version": version})[0]["spec"]
    group = found.get("leaderWorkerTemplate") or {"leaderTemplate": found.get("template")}
    return {each["spec"]["priorityClassName"] for key, each in group.items() if key.endswith("Template")}


@pytest.mark.parametrize("nodes", [1, 2])
def test_models_of_a_second_product_have_its_classes_once_the_prerequisites_do(nodes: int) -> None:
    assert classes(on(L40S, nodes), 2, BOTH) == classes(on(L40S, nodes), None, BOTH) == {OWN_L40S[1]}
    assert classes(on(L40S, nodes), 1, BOTH) == {PLAIN[1]}
    assert classes(on(L40S, nodes, priority="batch"), 2, BOTH) == {OWN_L40S[2]}


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_unit_says_by_which_class_its_pods_count(nodes: int) -> None:
    made = model_objects(contract(capacity=BOTH), on(L40S, nodes), RELEASE)
    assert priority_class_of(made) == OWN_L40S[1]
    assert priority_class_of([each for each in made if each["kind"] == "Service"]) == ""


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_second_product_changes_nothing_about_the_models_of_the_first(nodes: int) -> None:
    alone, beside = (
        model_objects(contract(capacity=each), on(H100, nodes), RELEASE) for each in ({"gpus": BOTH["gpus"][:1]}, BOTH)
    )
    assert alone == beside


def test_what_pods_are_marked_with_is_told_by_the_version_in_the_cluster() -> None:
    served = on(L40S)
    agreed = contract(capacity=BOTH, models=[served])
    by_version = {number: pods_mark(agreed, served, RELEASE, number) for number in (1, 2)}
    assert by_version[1] != by_version[2] == pods_mark(agreed, served, RELEASE)
    wanted = Wanted([{"name": "phi", "from": 0, "change": "new_revision"}], RELEASE, "sre@example.com")
    for number, mark in by_version.items():
        facts = {"stack": {"release": RELEASE["version"], "unfinished": ""}, "presetup_version": number, "bounds": None,
                 "models": [{"name": "phi", "revision": mark}]}  # fmt: skip
        assert drift(agreed, installed(facts), [RELEASE]) == []
        assert drift(agreed, {**installed(facts), "presetup_version": 3 - number}, [RELEASE]) != []
        assert new_versions(agreed, wanted, number) == [mark]


@pytest.mark.parametrize(
    ("capacity", "product", "version", "named"),
    [({}, H100, 2, ""), (BOTH, H100, 1, ""), (BOTH, H100, 2, PLAIN[2]), (BOTH, L40S, 2, OWN_L40S[2])],
)
def test_a_canary_has_the_class_that_counts_it_and_pushes_nobody_aside(
    capacity: Any, product: str, version: int, named: str
) -> None:
    assert priority_of_canaries(contract(capacity=capacity), product, version) == named


def test_an_administrator_may_make_and_remove_every_class() -> None:
    names = {name for need in setup_needs(contract(capacity=BOTH)) for name in need.names
             if need.resources == ("priorityclasses",) and "create" in need.verbs}  # fmt: skip
    assert names == {*PLAIN, *OWN_H100, *OWN_L40S}


def limit(hard: int, used: int, *scopes: dict[str, Any], **spec: Any) -> dict[str, Any]:
    scoped = {"scopeSelector": {"matchExpressions": list(scopes)}} if scopes else {}
    return {"spec": {"hard": {KEY: str(hard)}, **scoped, **spec}, "status": {"used": {KEY: str(used)}}}


def by(operator: str, *values: str) -> dict[str, Any]:
    return {"scopeName": "PriorityClass", "operator": operator, **({"values": list(values)} if values else {})}


ALL = limit(24, 16)


@pytest.mark.parametrize(
    ("found", "left", "own"),
    [
        ([ALL], 8, None),
        ([ALL, limit(16, 16, by("In", *PLAIN))], 8, None),
        ([ALL, limit(8, 4, by("In", *OWN_L40S))], 8, 4),
        ([ALL, limit(8, 4, by("NotIn", *PLAIN))], 8, 4),
        ([ALL, limit(8, 4, by("NotIn", *OWN_L40S))], 8, None),
        ([ALL, limit(8, 3, by("Exists"))], 8, 5),
        ([ALL, limit(8, 3, by("DoesNotExist"))], 8, None),
        ([ALL, limit(8, 2, scopes=["NotTerminating"])], 8, 6),
        ([ALL, limit(8, 2, scopes=["BestEffort"])], 8, None),
        ([ALL, limit(8, 2, by("Exists"), {"scopeName": "Terminating", "operator": "Exists"})], 8, None),
    ],
)
def test_a_quota_leaves_room_for_the_pods_that_it_counts(found: Any, left: int, own: int | None) -> None:
    room = room_of("phi", L40S, [], [], found, priority=OWN_L40S[1])
    assert (room.quota, room.own) == (left, own)
    assert room.left == min(left, own or left)
    taken = room.without(2, 1), room.without(2, 1, same_product=False)
    assert [each.quota for each in taken] == [left - 2, left - 2]
    assert [each.own for each in taken] == [None if own is None else own - 2, own]
