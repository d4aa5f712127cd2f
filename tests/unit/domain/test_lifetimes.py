# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tokens live, and what is said of a contract that does not allow so long."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.lifetimes import (
    lifetime_doubts,
    token_lifetime,
)
from tests.unit.domain.agreed import contract


@pytest.mark.parametrize(("said", "seconds"), [(None, 28800), ("10m", 600), ("1h30m", 5400), ("24h", 86400)])
def test_a_token_lives_as_long_as_the_contract_says_or_eight_hours(said: str | None, seconds: int) -> None:
    assert token_lifetime(contract(access={"token_lifetime": said} if said else {})) == seconds


@pytest.mark.parametrize(
    ("asked", "named"),
    [("", []), (None, []), (3600, []), ("3600", []), (3601, ["acme-eu-1"]), ("28801", ["acme-eu-1", "birch-eu-1"])],
)
def test_each_contract_that_does_not_allow_it_is_named(asked: Any, named: list[str]) -> None:
    short = contract(access={"token_lifetime": "1h"})
    usual = contract(identity={"name": "birch-eu-1"})
    doubts = lifetime_doubts([short, usual], asked)
    assert [doubt.partition(" ")[0] for doubt in doubts] == named
    if named:
        assert doubts[0] == f"acme-eu-1 allows 3600 s (access.token_lifetime), and {asked} s are asked for"
