# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the admission benchmark."""

from __future__ import annotations

import pytest

from tests.benchmarks.admission.figures import (
    BUDGET,
    HEAD,
    LARGE,
    MOST_LARGE,
    MOST_SMALL,
    SMALL,
    Cell,
    Cost,
    Counted,
    Spent,
    at,
    counted,
    left,
    noted,
    row,
    table,
)

METRICS = """\
# TYPE apiserver_cel_evaluation_duration_seconds histogram
apiserver_cel_evaluation_duration_seconds_count 0
# TYPE apiserver_validating_admission_policy_check_duration_seconds histogram
apiserver_validating_admission_policy_check_duration_seconds_count{policy="a",policy_binding="a"} 7
apiserver_validating_admission_policy_check_duration_seconds_count{policy="b",policy_binding="b"} 5
apiserver_admission_controller_admission_duration_seconds_bucket\
{name="ValidatingAdmissionPolicy",operation="CREATE",rejected="false",type="validate",le="0.1"} 99
apiserver_admission_controller_admission_duration_seconds_sum\
{name="ValidatingAdmissionPolicy",operation="CREATE",rejected="false",type="validate"} 1.5
apiserver_admission_controller_admission_duration_seconds_count\
{name="ValidatingAdmissionPolicy",operation="CREATE",rejected="false",type="validate"} 30
apiserver_admission_controller_admission_duration_seconds_sum\
{name="ValidatingAdmissionPolicy",operation="UPDATE",rejected="true",type="validate"} 2e-05
apiserver_admission_controller_admission_duration_seconds_count\
{name="ValidatingAdmissionPolicy",operation="UPDATE",rejected="true",type="validate"} 1
apiserver_admission_controller_admission_duration_seconds_sum\
{name="ValidatingAdmissionWebhook",operation="CREATE",rejected="false",type="validate"} 77
apiserver_admission_controller_admission_duration_seconds_count\
{name="ValidatingAdmissionWebhook",operation="CREATE",rejected="false",type="validate"} 77
"""


def test_only_the_plugin_that_asks_policies_is_counted_and_of_all_operations() -> None:
    now = counted(METRICS)
    assert now.times == 31
    assert now.seconds == pytest.approx(1.50002)
    assert now - Counted(0.5, 30) == Counted(now.seconds - 0.5, 1)
    assert counted("") == Counted()


def test_a_histogram_that_nothing_fed_is_another_thing_than_one_that_is_not_there() -> None:
    assert noted("apiserver_cel_evaluation_duration_seconds", METRICS) == 0
    assert noted("apiserver_validating_admission_policy_check_duration_seconds", METRICS) == 12
    assert noted("apiserver_cel_compilation_duration_seconds", METRICS) is None


@pytest.mark.parametrize(
    ("share", "count", "rank"),
    [(0.5, 1, 1), (0.99, 1, 1), (0.5, 2, 1), (0.5, 3, 2), (0.99, 40, 40), (0.99, 100, 99), (0.99, 101, 100),
     (0.5, 100, 50), (1.0, 10, 10)],
)  # fmt: skip
def test_a_share_of_the_writes_is_read_at_its_nearest_rank(share: float, count: int, rank: int) -> None:
    seconds = [number / 1000 for number in range(count, 0, -1)]
    assert at(share, seconds) == pytest.approx(rank)


def test_a_line_tells_the_difference_and_the_ratio_to_the_same_writes_without_guardrails() -> None:
    bare, held = Cell(), Cell()
    for _block in range(2):
        bare.add([0.004, 0.004], 0.008, Counted(0.0002, 2))
        held.add([0.006, 0.010], 0.014, Counted(0.0050, 2))
    line = dict(zip(HEAD, row("pod", "version 2", held, bare, "9"), strict=True))
    assert line == {
        "write": "pod", "guardrails": "version 2", "p50 ms": "6.0", "p99 ms": "10.0", "p50 more": "+2.0",
        "p50 ratio": "1.50", "p99 more": "+6.0", "processor ms": "7.0", "more": "+3.0", "policies ms": "2.50",
        "policies asked": "9",
    }  # fmt: skip
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_what_a_policy_costs_is_what_it_leaves_less_than_one_without_rules() -> None:
    overhead = 12_345

    def leaving(cost: int) -> int | None:
        return left(lambda spent: overhead + cost + spent.units <= BUDGET)

    nothing = leaving(0)
    assert nothing is not None
    assert 0 <= BUDGET - overhead - nothing < SMALL
    for units in (0, 1, 99, 100, 4130, LARGE - 1, LARGE, LARGE + 1, 123_456, 1_000_000, BUDGET - overhead):
        measured = Cost.of(nothing, leaving(units)).units
        assert measured is not None
        assert abs(measured - units) <= SMALL, units
    assert Cost.of(nothing, leaving(BUDGET)).units is None


def test_the_coins_reach_every_sum_up_to_the_budget() -> None:
    assert Spent(MOST_LARGE, MOST_SMALL).units > BUDGET
    assert SMALL * MOST_SMALL <= LARGE < SMALL * (MOST_SMALL + 1)


def test_a_cost_is_told_as_shares_of_what_a_policy_and_an_expression_may_cost() -> None:
    assert Cost(4100).words == ("4100", "0.04 %", "0.4 %")
    assert Cost(2_000_000).words == ("2000000", "20.00 %", "100.0 %")
    assert Cost(None).words == ("over 10000000", "over 100 %", "")
