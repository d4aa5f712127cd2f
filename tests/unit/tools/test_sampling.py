# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No long test is forgotten: shards are all of it, samples rotate, and a function has as many cases as it asks for."""

from __future__ import annotations

import pytest

from tests.tools.sampling import (
    UNKNOWN,
    Seconds,
    file_of,
    function_of,
    longest_first,
    sample,
    shard,
    units,
)

SECONDS = Seconds({f"a.py::kill[{number}]": 10.0 for number in range(20)} | {"b.py::drill": 60.0, "b.py::grid": 30.0})
KILLS = [name for name in SECONDS.measured if "kill" in name]
CASES = {name: 2 if "kill" in name else 0 for name in SECONDS.measured}


def test_a_sample_has_what_each_function_asks_for_and_fills_its_time() -> None:
    for seed in map(str, range(50)):
        chosen = sample(CASES, SECONDS, seed, most=100.0)
        assert len([name for name in chosen if function_of(name) == "a.py::kill"]) >= 2
        assert 90 <= SECONDS.all_of(chosen) <= 100
        assert chosen == sample(dict(reversed(CASES.items())), SECONDS, seed, most=100.0), "the order decides"


def test_whatever_asks_for_no_place_has_its_turn_by_and_by() -> None:
    seen = set().union(*(sample(CASES, SECONDS, str(seed), most=100.0) for seed in range(100)))
    assert seen == set(CASES)


def test_what_nobody_measured_takes_as_long_as_what_is_most_like_it() -> None:
    seconds = Seconds({"a.py::kill[1]": 10.0, "a.py::kill[2]": 20.0, "a.py": 0.2})
    assert [seconds.of(name) for name in ("a.py::kill[1]", "a.py::kill[3]", "a.py::new", "b.py::new")] == [
        10.0, 15.0, 0.2, UNKNOWN
    ]  # fmt: skip


@pytest.mark.parametrize("of", [1, 2, 4, 7])
@pytest.mark.parametrize("together", [{}, dict.fromkeys(KILLS, 3)], ids=["whole files", "three kills in a row"])
def test_shards_are_all_of_it_and_no_case_twice(of: int, together: dict[str, int]) -> None:
    parts = [shard(units(CASES, together), SECONDS, number, of) for number in range(1, of + 1)]
    assert set().union(*parts) == set(CASES)
    assert sum(map(len, parts)) == len(CASES)


def test_shards_are_about_as_long_as_each_other() -> None:
    many = Seconds({f"c{number}.py::test": 10.0 + number for number in range(40)})
    took = [many.all_of(shard(units(many.measured, {}), many, number, 4)) for number in range(1, 5)]
    assert max(took) - min(took) <= 50


def test_the_tests_of_a_file_stay_together() -> None:
    homes = {number for number in (1, 2, 3) if any("kill" in name for name in _third(number, {}))}
    assert len(homes) == 1


def test_cases_that_share_nothing_fill_every_shard() -> None:
    took = [SECONDS.all_of(_third(number, dict.fromkeys(KILLS, 1))) for number in (1, 2, 3)]
    assert max(took) - min(took) <= 10


def test_of_cases_in_a_row_so_many_stay_together() -> None:
    found = units(CASES, dict.fromkeys(KILLS, 8))
    assert [len([one for one in KILLS if found[one] == f"a.py::kill#{number}"]) for number in range(3)] == [8, 8, 4]
    assert [found[name] for name in CASES if name not in KILLS] == ["b.py", "b.py"]


def _third(number: int, together: dict[str, int]) -> set[str]:
    return shard(units(CASES, together), SECONDS, number, 3)


def test_a_case_that_nobody_measured_takes_as_long_as_its_siblings() -> None:
    assert SECONDS.of("a.py::kill[new]") == 10.0


def test_files_come_by_what_all_of_their_tests_take() -> None:
    names = ["c.py::quick", "b.py::drill", "a.py::kill[1]", "b.py::grid", "a.py::kill[2]"]
    order = longest_first(units(names, {}), SECONDS)
    assert order[0] == "b.py"
    assert set(order) == set(map(file_of, names))
