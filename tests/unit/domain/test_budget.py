# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of the objectives' budgets, out of what telemetry answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.budget import budgets, spent, summary
from tests.unit.domain.agreed import contract, model

PROMISED = contract(models=[model(objectives={"availability": 0.99}), model("phi")])
DAYS_3 = 3 * 86400


def answer(**values: str | float) -> dict[str, Any]:
    """As Prometheus does: ``bad_rate3d=0.1`` stands for ``byoc:objective:bad:rate3d``."""
    labels = {"model": "llama", "objective": "availability"}
    names = {name: "byoc:objective:" + name.replace("_", ":") for name in values}
    series = [
        {"metric": {"__name__": names[name], **labels}, "value": [0, str(value)]} for name, value in values.items()
    ]
    return {"data": {"result": series}}


NOW = 1796000000.0


def begun(seconds: float) -> dict[str, Any]:
    """What ``SINCE`` is answered by a telemetry that has measured for so long."""
    labels = {"model": "llama", "objective": "availability"}
    return {"data": {"result": [{"metric": labels, "value": [NOW, str(NOW - seconds)]}]}}


LONG = begun(DAYS_3)


@pytest.mark.parametrize(
    ("recorded", "state", "left"),
    [
        (None, "not measured", "not measured"),
        (answer(), "not measured", "not measured"),
        (answer(budget=0.01), "not measured", "not measured"),
        (answer(bad_rate3d=1, ratio_rate3d=0.5), "not measured", "not measured"),
        (answer(budget=0.01, bad_rate3d=0, ratio_rate3d="NaN"), "not measured", "no requests in 3d"),
        (answer(budget=0.01, bad_rate3d=0), "not measured", "no requests in 3d"),
        (answer(budget=0.01, bad_rate3d=0, ratio_rate3d=0), "left", "100% left of 3d"),
        (answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.0025), "left", "75% left of 3d"),
        (answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.025), "spent", "spent, 2.5 times in 3d"),
        # Four events of which one failed: nothing is proved.
        (answer(budget=0.01, bad_rate3d=4 / DAYS_3, ratio_rate3d=0.25), "left", "0% left of 3d"),
        (answer(budget=0.01, bad_rate3d=5 / DAYS_3, ratio_rate3d=0.25), "spent", "spent, 25.0 times in 3d"),
        # The longest window that is recorded counts, not the one in which it looks worst.
        (
            answer(budget=0.01, bad_rate1h=1, ratio_rate1h=1, bad_rate6h=0.1, ratio_rate6h=0.001),
            "left",
            "90% left of 6h",
        ),
    ],
)
def test_a_budget_is_that_of_the_longest_window(recorded: Any, state: str, left: str) -> None:
    [row] = [one.to_dict() for one in budgets(PROMISED, recorded, LONG)]
    assert (row["model"], row["objective"], row["promised"]) == ("llama", "availability", 0.99)
    assert (row["state"], row["left"]) == (state, left)


FAILING = answer(
    budget=0.01, bad_rate6h=1, ratio_rate6h=1, bad_rate1d=1, ratio_rate1d=0.5, bad_rate3d=1, ratio_rate3d=0.25
)


@pytest.mark.parametrize(
    ("since", "state", "left"),
    [
        # It does not say, or cannot: that is no proof of three days.
        (None, "not measured", "not measured for 1d yet"),
        ({"data": {"result": []}}, "not measured", "not measured for 1d yet"),
        # A telemetry that has begun anew: whatever it saw in its first hours.
        (begun(600), "not measured", "not measured for 1d yet"),
        (begun(86400 - 1000), "not measured", "not measured for 1d yet"),
        (begun(86400 - 800), "spent", "spent, 50.0 times in 1d"),
        (begun(DAYS_3 - 1000), "spent", "spent, 50.0 times in 1d"),
        (begun(DAYS_3 - 600), "spent", "spent, 25.0 times in 3d"),
    ],
)
def test_what_needs_history_is_not_measured_until_there_is_enough(since: Any, state: str, left: str) -> None:
    rows = [one.to_dict() for one in budgets(PROMISED, FAILING, since)]
    assert [(row["state"], row["left"]) for row in rows] == [(state, left)]
    assert bool(spent(rows)) == (state == "spent"), "what is not measured gates nothing"


def test_it_is_told_since_when_it_is_measured() -> None:
    recorded = answer(budget=0.01, bad_rate3d=0, ratio_rate3d=0)
    assert budgets(PROMISED, recorded, LONG)[0].since == "2026-11-27T00:53:20Z"
    assert budgets(PROMISED, recorded, begun(60))[0].since == "2026-11-30T00:52:20Z"


def test_only_what_is_measured_and_spent_is_told_as_spent() -> None:
    assert spent(rows(None)) == {}
    assert spent(rows(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.0099))) == {}
    gone = rows(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.02))
    assert spent(gone) == {"llama": "availability: spent, 2.0 times in 3d"}


def rows(recorded: Any) -> list[dict[str, Any]]:
    return [one.to_dict() for one in budgets(PROMISED, recorded, LONG)]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, "-"),
        ([], "-"),
        (rows(None), "not measured"),
        (rows(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.0025)), "75% left of 3d"),
        (
            [*rows(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.0025)), *rows(None)],
            "75% left of 3d, 1 not measured",
        ),
        (rows(answer(budget=0.01, bad_rate3d=0.001, ratio_rate3d=0.02)), "spent: llama"),
    ],
)
def test_the_budgets_of_a_cluster_are_told_in_a_few_words(found: Any, told: str) -> None:
    assert summary(found) == told
