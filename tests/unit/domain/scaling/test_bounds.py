# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import BoundsError, bounds_of
from tests.unit.domain.agreed import contract, model
from tests.unit.domain.raw import H100, L40S


def asking(name: str, fewest: int, most: int, each: int = 1, **more: Any) -> dict[str, Any]:
    gpu = {"product": more.pop("product", H100), "per_replica": each}
    return model(name, gpu=gpu, replicas={"min": fewest, "max": most}, **more)


def ceilings(gpus: int, *models: dict[str, Any], **scaling: Any) -> dict[str, int]:
    limits = {"max_replicas_per_model": 100, "max_gpus_per_model": 100, **scaling}
    agreed = contract(capacity={"gpus": [{"product": H100, "count": gpus}]}, scaling=limits, models=list(models))
    return {name: one.ceiling for name, one in bounds_of(agreed).items()}


@pytest.mark.parametrize(
    ("gpus", "models", "expected"),
    [
        (16, [asking("a", 1, 4), asking("b", 1, 4)], {"a": 4, "b": 4}),
        (6, [asking("a", 1, 4), asking("b", 1, 4)], {"a": 3, "b": 3}),
        (7, [asking("a", 1, 4), asking("b", 1, 4)], {"a": 4, "b": 3}),
        (6, [asking("b", 1, 4, priority="critical"), asking("a", 1, 4)], {"a": 2, "b": 4}),
        (6, [asking("a", 2, 4, priority="batch"), asking("b", 1, 4, priority="critical")], {"a": 2, "b": 4}),
        (7, [asking("a", 1, 4, 4), asking("b", 1, 4, 1, priority="batch")], {"a": 1, "b": 3}),
        (12, [asking("a", 0, 8, 4), asking("b", 1, 8, 2)], {"a": 2, "b": 2}),
        (9, [asking("a", 1, 9), asking("b", 1, 2)], {"a": 7, "b": 2}),
    ],
)
def test_what_floors_leave_goes_to_priorities_in_turn_and_evenly_inside_each(
    gpus: int, models: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    assert ceilings(gpus, *models) == expected


@pytest.mark.parametrize(
    ("scaling", "ceiling", "clause"),
    [
        ({}, 9, "replicas.max is 9"),
        ({"max_replicas_per_model": 5}, 5, "scaling.max_replicas_per_model is 5"),
        ({"max_gpus_per_model": 7}, 3, "scaling.max_gpus_per_model is 7: 3 x 2 GPUs"),
    ],
)
def test_the_tightest_clause_limits_a_model_and_is_named(scaling: dict[str, int], ceiling: int, clause: str) -> None:
    agreed = contract(
        capacity={"gpus": [{"product": H100, "count": 64}]},
        scaling={"max_replicas_per_model": 100, "max_gpus_per_model": 100, **scaling},
        models=[asking("a", 1, 9, 2)],
    )
    [one] = bounds_of(agreed).values()
    assert one.ceiling == ceiling
    assert f"{one.limit.clause} {one.limit.says}" == clause


def test_products_do_not_compete() -> None:
    agreed = contract(
        capacity={"gpus": [{"product": H100, "count": 4}, {"product": L40S, "count": 2}]},
        models=[asking("a", 1, 8, priority="batch"), asking("b", 1, 8, product=L40S, priority="critical")],
    )
    assert {name: one.ceiling for name, one in bounds_of(agreed).items()} == {"a": 4, "b": 2}


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (
            [asking("a", 4, 4, 4), asking("b", 0, 2, 1)],
            "acme-eu-1: the models' floors need 4 x 4 (a) + 1 x 1 (b) = 17 GPUs of NVIDIA-H100-80GB-HBM3, and 16 are",
        ),
        ([asking("a", 1, 1, product=L40S)], "1 x 1 (a) = 1 GPU of NVIDIA-L40S, and 0 are approved"),
        ([asking("a", 9, 9)], "a: replicas.min is 9, and scaling.max_replicas_per_model is 8"),
        ([asking("a", 3, 8, 8)], "a: replicas.min is 3, and scaling.max_gpus_per_model is 16: 2 x 8 GPUs"),
        ([asking("a", 3, 2)], "a: replicas.min is 3, and replicas.max is 2"),
    ],
)
def test_floors_that_do_not_fit_are_refused_with_the_arithmetic(models: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(BoundsError) as refused:
        bounds_of(contract(models=models))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("zero", "fewest", "idle", "sleeps"),
    [
        (True, 0, "1h", True),
        (True, 0, None, False),
        (True, 1, "1h", False),
        (False, 0, "1h", False),
    ],
)
def test_a_model_sleeps_only_where_the_contract_and_the_model_say_so(
    zero: bool, fewest: int, idle: str | None, sleeps: bool
) -> None:
    agreed = contract(scaling={"scale_to_zero": zero}, models=[asking("a", fewest, 2, scaling={"idle_to_zero": idle})])
    [one] = bounds_of(agreed).values()
    assert (one.sleeps, one.floor) == (sleeps, 1)
