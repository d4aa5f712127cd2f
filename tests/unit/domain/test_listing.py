# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of the problems of one file at most twenty are shown, and how many more there are."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import errors
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import ContractErrors, Problem
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.policy import PolicyError
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import InvalidReleaseError, check_release
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.listing import MOST, amount, few


@pytest.mark.parametrize(
    ("count", "ending"), [(0, ""), (1, "p0"), (20, "p19"), (21, "p19; and 1 more"), (500, "p19; and 480 more")]
)
def test_a_list_is_shown_up_to_its_most(count: int, ending: str) -> None:
    assert few([f"p{number}" for number in range(count)]).endswith(ending)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 replicas"), (1, "1 replica"), (2, "2 replicas"), (1000, "1000 replicas")]
)
def test_one_of_a_thing_is_no_plural(number: int, said: str) -> None:
    assert amount(number, "replica") == said
    assert amount(number, "entry", "entries") == said.replace("replicas", "entries").replace("replica", "entry")


@pytest.mark.parametrize(("count", "lines"), [(1, 2), (20, 21), (21, 22), (5000, 22)])
def test_a_files_problems_fit_on_a_screen(count: int, lines: int) -> None:
    said = str(ContractErrors(Problem("a.yml", f"m[{number}]", None, "is wrong") for number in range(count)))
    assert said.startswith(f"a.yml: {count} problem")
    policy = str(PolicyError([f"row {number}" for number in range(count)]))
    for text in (said, policy):
        assert len(text.splitlines()) == lines
        assert text.endswith(f"  - and {count - MOST} more") is (count > MOST)
    assert errors.MOST == MOST


def test_a_release_with_many_wrong_values_is_refused_in_one_message() -> None:
    with pytest.raises(InvalidReleaseError) as refused:
        check_release({"version": "x"})
    assert len(str(refused.value).splitlines()) == 1
