# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admission benchmark on a real API server: what it reads there is so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.benchmarks.admission import run
from tests.benchmarks.admission.cost import costs, everywhere
from tests.benchmarks.admission.figures import SMALL
from tests.benchmarks.admission.site import CUSTOMERS, NEWEST, NONE, Site
from tests.benchmarks.admission.writes import Live, install, writes
from tests.integration.journey import ours, wipe

THEIRS = "ConfigMap of a customer's own account"
MODEL = "Deployment of a model"


def search(text: int, part: int) -> str:
    """True, at a tenth of both lengths, multiplied."""
    return f"!'{'a' * text}'.contains('{'b' * part}')"


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[tuple[Site, Live]]:
    cluster = bed["acme"]
    assert (left := ours(cluster)) == {}, f"left by another test: {sorted(left)}"
    site = Site(cluster)
    try:
        yield site, install(site, NONE)
    finally:
        site.put_in_force([])
        site.close()
        wipe(cluster)
        cluster.remove_namespaces(CUSTOMERS)


@pytest.mark.soak
def test_what_guardrails_take_is_seen_where_they_are_asked_and_only_there(place: tuple[Site, Live]) -> None:
    site, live = place
    measured = run.measure(site, live, rounds=1, block=3, kinds=(NONE, NEWEST))
    names = [write.what for write in writes(NEWEST, live)]
    assert {what for what, _guardrails in measured.cells} == set(names)
    assert all(len(cell.taken) == 3 and cell.plugin.times >= 3 for cell in measured.cells.values())
    bare, held = (measured.cells[MODEL, guardrails].policies_each for guardrails in (NONE, NEWEST))
    assert held > 2 * bare
    text = measured.text()
    assert all(f"| {name} | {guardrails} |" in text for name in names for guardrails in (NONE, NEWEST))


@pytest.mark.soak
def test_what_policies_cost_is_found_for_those_that_are_asked(place: tuple[Site, Live]) -> None:
    site, live = place
    found = costs(site, NEWEST.objects, [write for write in writes(NEWEST, live) if write.what in (MODEL, THEIRS)])
    assert found[THEIRS] == {}
    of = found[MODEL]
    assert {"fireworks-pods", "fireworks-pod-fields", "fireworks-products", "fireworks-workloads"} <= set(of)
    assert all(cost.units is not None and 0 < cost.units < 1_000_000 for cost in of.values()), of


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("expressions", "units"),
    [
        (["true"], 0),
        ([search(1000, 1000)], 10_000),
        ([search(10_000, 5000)], 500_000),
        ([search(9000, 10_000)] * 11, 9_900_000),
        ([search(9000, 10_000)] * 12, None),
    ],
    ids=["nothing", "little", "half of an expression", "nearly all", "too much"],
)
def test_a_policy_of_a_known_cost_is_found_to_cost_that(
    place: tuple[Site, Live], expressions: list[str], units: int | None
) -> None:
    site, live = place
    [theirs] = [write for write in writes(NEWEST, live) if write.what == THEIRS]
    found = costs(site, everywhere("known", *expressions), [theirs])[THEIRS]["known"].units
    assert (found is None) is (units is None)
    if found is not None and units is not None:  # the words of an expression cost a few units
        assert units - SMALL <= found <= units + 3 * SMALL
