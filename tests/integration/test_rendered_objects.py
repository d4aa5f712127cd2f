# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For drawn contracts: all that the product makes of their models gets past the guardrails that are compiled from them.

A real API server is asked with dry runs, as the identities that make these objects.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import front_door
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.revision import Revision, record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import with_candidate, workload
from tests.integration.definitions import keda, serving
from tests.integration.forbidden_objects import place_of
from tests.integration.guarded import DIGEST, Governed, governed, refusal
from tests.unit.domain.agreed import RELEASE, WITH_GATEWAY
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.agreed import model as described
from tests.unit.domain.raw import H100, L40S

Manifest = dict[str, Any]
BY_DIGEST = {**RELEASE, "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": DIGEST}}}}
AUTOSCALERS = ({}, {"apis": {"keda.sh/v1alpha1": ["ScaledObject"]}}, {"apis": {"custom.metrics.k8s.io/v1beta2": ["x"]}})


def drawn(number: int) -> Manifest:
    """A contract and its models."""
    chance = random.Random(number)  # noqa: S311
    products = {H100: chance.randint(8, 32), **({L40S: chance.randint(4, 16)} if chance.random() < 0.5 else {})}
    sleeps = chance.random() < 0.5
    most = chance.randint(2, 8)
    models = []
    for index in range(3):
        model = described(
            f"m{index}-{'x' * chance.randint(0, 30)}y",
            gpu={"product": chance.choice(list(products)), "per_replica": chance.choice((1, 2))},
            replicas={"min": chance.randint(0 if sleeps else 1, 1), "max": chance.randint(1, most)},
            priority=chance.choice(("critical", "standard", "batch")),
        )
        if sleeps:
            model["scaling"] = {"idle_to_zero": "15m"}
        models.append(model)
    return agreed(
        capacity={"gpus": [{"product": product, "count": count} for product, count in products.items()]},
        scaling={"max_replicas_per_model": most, "max_gpus_per_model": 2 * most, "scale_to_zero": sleeps},
        networking=WITH_GATEWAY if chance.random() < 0.7 else {},
        models=models,
    )


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[Governed]:
    cluster = bed["birch"]
    with serving(cluster, keda()), governed(cluster) as made:
        yield made


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("number", range(6))
def test_what_the_product_makes_of_a_contract_gets_past_its_guardrails(place: Governed, number: int) -> None:
    contract = drawn(number)
    place.govern(contract)
    rendered = [("upgrader", made) for made in front_door(contract)]
    for model in contract["models"]:
        for facts in AUTOSCALERS:
            unit = model_objects(contract, model, BY_DIGEST, facts)
            candidate = with_candidate(unit, unit, fewer=False)[-1]
            revision = record(Revision(str(model["name"]), 3, unit, "0f", "pending"))
            rendered += [("deployer", made) for made in (*unit, candidate, revision)]
        assert workload(unit), "a model that nothing runs proves nothing"
    wrong = [
        f"{made['kind']} {made['metadata']['name']} as {who}: {said}"
        for who, made in rendered
        if (said := refusal(place.acting_as(who), "POST", place_of(made), made))
    ]
    assert not wrong, "\n".join(wrong)
    assert len(rendered) >= 45
