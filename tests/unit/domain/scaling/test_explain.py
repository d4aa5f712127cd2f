# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import BoundsError, bounds_of, explain
from tests.unit.domain.agreed import APIS, contract, facts, model
from tests.unit.domain.raw import H100
from tests.unit.domain.scaling.generated import contracts, moments

KEDA = facts(apis={**APIS, "keda.sh/v1alpha1": ["ScaledObject"]})
BARE = facts()


def rows(agreed: dict[str, Any], there: dict[str, Any] | None = KEDA, **more: Any) -> dict[tuple[str, str], Any]:
    found = explain(agreed, there, **more)
    assert {row["cluster"] for row in found} == {"acme-eu-1"}
    return {(row["model"], row["bound"]): (row["value"], row["because"], row["for_more"]) for row in found}


def asking(name: str, fewest: int, most: int, each: int = 1, **more: Any) -> dict[str, Any]:
    return model(name, gpu={"product": H100, "per_replica": each}, replicas={"min": fewest, "max": most}, **more)


def test_a_ceiling_names_the_clause_that_holds_it() -> None:
    found = rows(contract(models=[asking("a", 1, 2), asking("b", 1, 9)]))
    assert found["a", "ceiling"] == ("2 x 1 GPU", "replicas.max is 2", "a higher replicas.max")
    assert found["b", "ceiling"] == (
        "8 x 1 GPU",
        "scaling.max_replicas_per_model is 8",
        "a higher scaling.max_replicas_per_model",
    )


def test_a_ceiling_that_capacity_holds_names_who_has_the_gpus_and_how_many_are_missing() -> None:
    agreed = contract(models=[asking("a", 1, 8, 2, priority="critical"), asking("b", 1, 4, 2), asking("c", 1, 4)])
    found = rows(agreed)
    assert found["a", "ceiling"][:2] == (
        "6 x 2 GPUs",
        f"16 {H100} are approved: 2 b (standard), 2 c (standard) for others, 0 left, and a replica takes 2",
    )
    assert found["a", "ceiling"][2].startswith("3 more in capacity.gpus, for all that its priority")
    assert found["b", "ceiling"][2].endswith(", or a lower replicas.max of a or c")


def test_what_a_model_may_not_borrow_of_what_others_leave_idle_is_told_where_it_would() -> None:
    sleepy = asking("b", 0, 4, 2, scaling={"idle_to_zero": "15m"})
    agreed = contract(models=[asking("a", 1, 8, 2, priority="critical"), sleepy, asking("c", 1, 4)])
    found = rows(agreed)
    assert {key: value[0] for key, value in found.items() if key[1] in ("ceiling", "not borrowed")} == {
        ("a", "ceiling"): "6 x 2 GPUs",
        # Of b's one replica, which may sleep, both GPUs; of c's two one.
        ("a", "not borrowed"): "2 GPUs",
        ("b", "ceiling"): "1 x 2 GPUs",
        ("b", "not borrowed"): "6 GPUs",
        ("c", "ceiling"): "2 x 1 GPU",
        ("c", "not borrowed"): "2 GPUs",
    }
    assert found["a", "not borrowed"][1].startswith("others leave GPUs idle when nobody asks for them (2 b, 1 c), and")
    alone = rows(contract(models=[asking("a", 1, 9)]))
    assert ("a", "not borrowed") not in alone
    assert ("a", "not borrowed") not in rows(contract(models=[asking("a", 1, 2), asking("b", 1, 9)]))


def test_a_floor_names_the_key_that_asks_for_it() -> None:
    nightly = {
        "weekly": ["wed"],
        "start": "20:00",
        "duration": "8h",
        "time_zone": "Europe/Berlin",
        "min": 2,
        "max": 4,
    }
    agreed = contract(models=[asking("a", 0, 2, scaling={"schedules": [nightly]})])
    at_night = datetime.fromisoformat("2026-11-25T21:00:00+01:00")
    assert rows(agreed)["a", "floor"][:2] == ("1 x 1 GPU", "replicas.min")
    assert rows(agreed, moment=at_night)["a", "floor"][:2] == ("2 x 1 GPU", "scaling.schedules[0].min")
    assert rows(agreed, moment=at_night)["a", "to zero"][:2] == ("no", "scaling.schedules[0].min is 2")


def test_going_to_zero_is_explained() -> None:
    asleep, awake = asking("a", 0, 2, scaling={"idle_to_zero": "15m"}), asking("a", 1, 2)
    assert rows(contract(models=[asleep]))["a", "floor"][1] == "one replica is kept for it, to come back with"
    assert rows(contract(models=[asleep]))["a", "to zero"] == (
        "after 2460 s",
        "scaling.idle_to_zero is 900 s, and it may take 2400 s to come up",
        "-",
    )
    patient = asking("a", 0, 2, scaling={"idle_to_zero": "1h"})
    assert rows(contract(models=[patient]))["a", "to zero"][:2] == ("after 3600 s", "scaling.idle_to_zero")
    assert rows(contract(models=[asleep]), BARE)["a", "to zero"][::2] == ("no", "the customer installs KEDA")
    assert rows(contract(models=[asleep]), None)["a", "to zero"][1] == "the cluster was not read"
    assert rows(contract(models=[awake]))["a", "to zero"][1] == "replicas.min is 1"
    assert rows(contract(models=[asking("a", 0, 2)]))["a", "to zero"][1] == "it has no scaling.idle_to_zero"
    never = contract(models=[asleep], scaling={"scale_to_zero": False})
    assert rows(never)["a", "to zero"][1] == "scaling.scale_to_zero is false"


def test_what_scales_it_is_said_and_why_nothing_does() -> None:
    agreed = contract(models=[asking("a", 1, 2), asking("b", 2, 2)])
    assert rows(agreed)["a", "scaled by"][0] == "KEDA"
    assert rows(agreed)["b", "scaled by"] == ("nothing: stays at 2", "its floor is its ceiling, 2", "-")
    assert rows(agreed, BARE)["a", "scaled by"][::2] == ("nothing: stays at 1", "the customer installs KEDA")


def test_a_cluster_that_does_not_answer_still_has_its_bounds() -> None:
    agreed = contract(models=[asking("a", 0, 2)])
    found = rows(agreed, None, error="no route to host")
    assert found["a", "ceiling"][0] == "2 x 1 GPU"
    assert found["a", "scaled by"] == ("-", "no route to host", "-")
    assert rows(agreed, None)["a", "scaled by"][1] == "the cluster was not read"


def test_a_contract_without_models_or_with_floors_that_do_not_fit_is_one_row() -> None:
    assert [row["because"] for row in explain(contract())] == ["the contract has no models"]
    [row] = explain(contract(models=[asking("a", 8, 8, 2), asking("b", 1, 1)]))
    assert "8 x 2 (a) + 1 x 1 (b) = 17 GPUs" in row["because"]


@given(contracts(), moments)
def test_as_many_more_gpus_as_it_says_are_enough(agreed: Any, moment: datetime) -> None:
    try:
        before = bounds_of(agreed, moment)
    except BoundsError:
        return
    for row in explain(agreed, KEDA, moment):
        if " more in capacity.gpus" not in row["for_more"]:
            continue
        missing = int(row["for_more"].split()[0])
        product = before[row["model"]].product
        gpus = [
            {**entry, "count": entry["count"] + (missing if entry["product"] == product else 0)}
            for entry in agreed["capacity"]["gpus"]
        ]
        assert missing > 0
        after = bounds_of({**agreed, "capacity": {"gpus": gpus}}, moment)[row["model"]]
        assert after.ceiling == after.limit.replicas
