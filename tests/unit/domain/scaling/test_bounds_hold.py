# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the bounds, over generated contracts."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.capacity import approved, gpus_per_replica
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import Bounds, BoundsError, bounds_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.schedule import asked_at
from tests.unit.domain.scaling.generated import PRIORITIES, PRODUCTS, contracts, moments


def bounds(agreed: dict[str, Any], moment: datetime | None) -> dict[str, Bounds]:
    """The bounds of a contract that has them; one whose floors do not fit is no example."""
    try:
        return bounds_of(agreed, moment)
    except BoundsError:
        assume(False)
        raise AssertionError from None


def by_product(found: dict[str, Bounds], product: str) -> list[Bounds]:
    return [one for one in found.values() if one.product == product]


@given(contracts(), moments)
def test_all_ceilings_together_never_exceed_the_approved_gpus_of_a_product(agreed: Any, moment: datetime) -> None:
    found = bounds(agreed, moment)
    event(f"{len(found)} models")
    for product in PRODUCTS:
        assert sum(one.gpus for one in by_product(found, product)) <= approved(agreed)[product]


@given(contracts(), moments)
def test_every_floor_is_what_was_asked_for_and_never_above_its_ceiling(agreed: Any, moment: datetime) -> None:
    found = bounds(agreed, moment)
    for model in agreed["models"]:
        one = found[model["name"]]
        assert 1 <= one.floor <= one.ceiling
        assert one.floor == max(1, asked_at(model, moment).fewest)


@given(contracts(), moments)
def test_no_ceiling_exceeds_what_one_model_may_have(agreed: Any, moment: datetime) -> None:
    limits, found = agreed["scaling"], bounds(agreed, moment)
    for model in agreed["models"]:
        one = found[model["name"]]
        assert one.ceiling <= limits["max_replicas_per_model"]
        assert one.gpus <= limits["max_gpus_per_model"]
        assert one.ceiling <= asked_at(model, moment).most


@given(contracts(), moments)
def test_floors_that_fit_are_never_refused_and_others_always_are(agreed: Any, moment: datetime) -> None:
    limits, needed, alone = agreed["scaling"], dict.fromkeys(PRODUCTS, 0), True
    for model in agreed["models"]:
        floor, each = max(1, asked_at(model, moment).fewest), gpus_per_replica(model)
        needed[model["gpu"]["product"]] += floor * each
        alone = alone and floor <= limits["max_replicas_per_model"] and floor * each <= limits["max_gpus_per_model"]
    fits = alone and all(needed[product] <= approved(agreed)[product] for product in PRODUCTS)
    try:
        bounds_of(agreed, moment)
    except BoundsError:
        refused = True
    else:
        refused = False
    event("refused" if refused else "given")
    assert refused is not fits


@given(contracts(), moments)
def test_no_model_gets_what_one_of_higher_priority_could_still_use(agreed: Any, moment: datetime) -> None:
    found = bounds(agreed, moment)
    for one in found.values():
        if one.ceiling == one.limit.replicas:
            continue
        same = by_product(found, one.product)
        rank = PRIORITIES.index(one.priority)
        below = sum((x.ceiling - x.floor) * x.each for x in same if PRIORITIES.index(x.priority) > rank)
        left = approved(agreed)[one.product] - sum(x.gpus for x in same)
        assert below + left < one.each


@given(contracts(), moments)
def test_models_of_one_priority_share_by_whole_replicas(agreed: Any, moment: datetime) -> None:
    found = bounds(agreed, moment)
    for one in found.values():
        for other in by_product(found, one.product):
            # A model that is short has at most one replica less than an equal one, unless its replica no longer fitted.
            if one.priority == other.priority and one.ceiling < one.limit.replicas and one.each <= other.each:
                assert other.ceiling - other.floor <= one.ceiling - one.floor + 1


@given(contracts(), moments, st.randoms())
def test_the_order_of_models_and_the_run_do_not_matter(agreed: Any, moment: datetime, random: Any) -> None:
    found = bounds(agreed, moment)
    again = copy.deepcopy(agreed)
    assert bounds_of(again, moment) == found
    random.shuffle(again["models"])
    random.shuffle(again["capacity"]["gpus"])
    assert bounds_of(again, moment) == found


@given(contracts(), moments)
def test_only_a_model_that_was_allowed_to_goes_to_zero(agreed: Any, moment: datetime) -> None:
    found = bounds(agreed, moment)
    for model in agreed["models"]:
        one = found[model["name"]]
        if one.sleeps:
            assert agreed["scaling"]["scale_to_zero"]
            assert asked_at(model, moment).fewest == 0
            assert "idle_to_zero" in model["scaling"]
